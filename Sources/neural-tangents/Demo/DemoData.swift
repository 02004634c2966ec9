import Foundation
import DataFiles
import Tensors

/// One of the data sets that come with the program: numbers, and in the last column what to predict.
struct DemoData: Sendable {
  enum Name: String, CaseIterable, Sendable {
    case diabetes
    case wine
    case breastCancer = "breast-cancer"
    case digits
  }

  let name: Name
  let table: Table
  let target: TargetEncoder
  /// Of the digits, with one row per image, from 0 to 1: pixels are alike, so they keep one scale.
  private let allPixels: Tensor?

  init(_ name: Name) throws {
    self.name = name
    table = try Table(csvAt: Self.path(of: name))
    target = try TargetEncoder(table, names: [table.names[table.names.count - 1]])
    allPixels = name == .digits ? try Self.pixels(of: table) : nil
  }

  private static func path(of name: Name) throws -> String {
    // Beside the program first: a program that was copied with its data has no other place to look.
    let beside = Bundle.main.bundleURL.appending(path: "swift-neural-tangents_neural-tangents.resources")
    let bundle = Bundle(path: beside.path) ?? Bundle.module
    guard let url = bundle.url(forResource: name.rawValue, withExtension: "csv", subdirectory: "Data") else {
      throw CommandError(.missingInput, "\(name.rawValue).csv is missing from \(bundle.bundlePath)")
    }
    return url.path
  }

  var count: Int { table.rowCount }

  /// The name of what is predicted.
  var targetName: String { target.names[0] }

  func encoder(over rows: [Int]) throws -> FeatureEncoder {
    try FeatureEncoder(table.selecting(rows: rows), targets: target.names)
  }

  /// Inputs of the training and the test rows, encoded by the training rows.
  func inputs(_ split: Split) throws -> (train: Tensor, test: Tensor) {
    if let allPixels { return (allPixels.taking(split.train, axis: 0), allPixels.taking(split.test, axis: 0)) }
    let encoder = try encoder(over: split.train)
    return (
      try encoder.features(of: table.selecting(rows: split.train)),
      try encoder.features(of: table.selecting(rows: split.test))
    )
  }

  private static func pixels(of table: Table) throws -> Tensor {
    let columns = try table.names.dropLast().map { try TableColumn(table, $0).numbers() }
    return Tensor(
      (0..<table.rowCount).flatMap { row in columns.map { $0[row] / 16 } }, shape: [table.rowCount, columns.count])
  }
}
