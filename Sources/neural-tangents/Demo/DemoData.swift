import Foundation
import Tensors

/// One of the data sets that come with the program: numbers, and in the last column what to predict.
struct DemoData: Sendable {
  enum Name: String, CaseIterable, Sendable {
    case diabetes
    case wine
    case breastCancer = "breast-cancer"
    case digits
  }

  /// Shape (rows, features).
  let x: Tensor
  /// The last column.
  let labels: [String]

  init(_ name: Name) throws {
    let path = try Self.path(of: name)
    let table = try CsvTable(at: path)
    let featureCount = table.header.count - 1
    var numbers: [Double] = []
    for (row, line) in zip(table.rows, table.lines) {
      for cell in row.dropLast() {
        guard let number = Double(cell) else {
          throw CommandError.internalFailure("\(path): line \(line): expected numbers, found \"\(cell)\"")
        }
        numbers.append(number)
      }
    }
    x = Tensor(numbers, shape: [table.rows.count, featureCount])
    labels = table.rows.map { $0[featureCount] }
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

  var count: Int { labels.count }

  /// The last column as numbers, shape (rows, 1).
  var targets: Tensor { Tensor(labels.map { Double($0) ?? .nan }, shape: [count, 1]) }

  /// The different labels in order.
  var classes: [String] { Set(labels).sorted() }

  /// The position of each row's label among the classes.
  var classIndices: [Int] {
    let positions = Dictionary(uniqueKeysWithValues: zip(classes, 0...))
    return labels.map { positions[$0] ?? 0 }
  }

  /// Features of mean zero and variance one over `rows`; those that do not vary there become zero.
  func standardized(over rows: [Int]) -> Tensor {
    let part = x.taking(rows, axis: 0)
    let deviation = part.standardDeviation(axes: [0], keepDims: true)
    let scale = select(deviation .> 0, 1 / maximum(deviation, 1e-300), deviation)
    return (x - part.mean(axes: [0], keepDims: true)) * scale
  }
}
