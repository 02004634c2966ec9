import ArgumentParser
import Foundation
import NeuralTangents
import Tensors

/// Reads what the options name, telling a missing file from a wrong one.
enum InputFiles {
  /// - Throws: `CommandError` when there is no such file or it may not be read.
  static func requireReadable(_ path: String) throws(CommandError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CommandError(.missingInput, "\(path): no such file")
    }
    guard !isDirectory.boolValue else {
      throw CommandError(.missingInput, "\(path): expected a file, found a directory")
    }
    guard FileManager.default.isReadableFile(atPath: path) else {
      throw CommandError(.missingInput, "\(path): not permitted to read it")
    }
  }

  /// For the argument that `network(at:)` reads.
  static let networkHelp = ArgumentHelp(
    "The network: a JSON file, YAML with a name ending in .yaml, or a ready-made one such as myrtle10.")

  /// The network in a file or, where there is no such file, the ready-made one of that name.
  static func network(at path: String) throws -> any Layer {
    if !FileManager.default.fileExists(atPath: path), let network = try readyMadeNetwork(path) { return network }
    try requireReadable(path)
    return try NetworkFile(contentsOf: path).network
  }

  private static func readyMadeNetwork(_ name: String) throws -> (any Layer)? {
    guard !name.contains("/"), !name.contains(".") else { return nil }
    do {
      if let network = try ReadyMadeNetworks.named(name) { return network }
    } catch {
      throw CommandError.usage("\(name): \(error)")
    }
    let names = ReadyMadeNetworks.names.joined(separator: ", ")
    throw CommandError(
      .missingInput, "\(name): no such file, and no ready-made network (one of \(names), with a depth: myrtle10)")
  }

  /// - Throws: `CommandError` also for a table without rows.
  static func table(at path: String) throws -> CsvTable {
    try requireReadable(path)
    let table = try CsvTable(at: path)
    guard !table.rows.isEmpty else {
      throw CommandError.badData("\(path): line 2: expected at least one row, found none")
    }
    return table
  }

  /// One row per input, from an NPY file or a CSV file whose columns are all numbers.
  static func tensor(at path: String, allowsNaN: Bool = false) throws -> Tensor {
    try requireReadable(path)
    let tensor: Tensor
    switch URL(filePath: path).pathExtension.lowercased() {
    case "npy": tensor = try Tensor(npyAt: path)
    case "csv": tensor = try numbers(csvAt: path)
    case let other:
      throw CommandError.usage(
        "\(path): expected a file ending in .npy or .csv, found \(other.isEmpty ? "none" : other)")
    }
    guard tensor.rank >= 1, tensor.shape[0] > 0 else {
      throw CommandError.badData("\(path): expected at least one row, found shape \(tensor.shape)")
    }
    if !allowsNaN { try tensor.requireFinite(context: path) }
    return tensor
  }

  private static func numbers(csvAt path: String) throws -> Tensor {
    let table = try CsvTable(at: path)
    var numbers: [Double] = []
    numbers.reserveCapacity(table.rows.count * table.header.count)
    for (row, line) in zip(table.rows, table.lines) {
      for (cell, column) in zip(row, table.header) {
        guard let number = Double(cell.trimmingCharacters(in: .whitespaces)), number.isFinite else {
          throw TensorError.format(
            path: path, place: "line \(line), column \"\(column)\"", expected: "a finite number",
            found: cell.isEmpty ? "an empty cell" : "\"\(cell)\"")
        }
        numbers.append(number)
      }
    }
    return Tensor(numbers, shape: [table.rows.count, table.header.count])
  }
}
