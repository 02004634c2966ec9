import ArgumentParser
import DataFiles
import Foundation
import NeuralTangents
import Tensors

/// Reads what the options name, telling a missing file from a wrong one.
enum InputFiles {
  /// - Parameter name: of a file, `-` for standard input; an array of it may be named behind a colon.
  /// - Throws: `CommandError` when there is no such file or it may not be read.
  static func requireReadable(_ name: String) throws(CommandError) {
    let path = FileReference(name).path
    guard !FileReference.isStandardInput(path) else { return }
    guard let status = FileStatus(at: path) else { throw CommandError(.missingInput, "\(path): no such file") }
    guard status.kind != .directory else {
      throw CommandError(.missingInput, "\(path): expected a file, found a directory")
    }
    guard access(path, R_OK) == 0 else { throw CommandError(.missingInput, "\(path): not permitted to read it") }
  }

  /// Throws when two options read standard input, which has something for one only.
  static func requireOneStandardInput(_ names: [String?]) throws(CommandError) {
    let streams = names.compactMap { $0 }.filter { FileReference.isStandardInput(FileReference($0).path) }
    guard streams.count < 2 else {
      throw .usage("expected one input from standard input, found \(streams.joined(separator: " and "))")
    }
  }

  /// For the argument that `network(at:)` reads.
  static let networkHelp = ArgumentHelp(
    "The network: a JSON file, YAML with a name ending in .yaml, or a ready-made one such as myrtle10.")

  /// The network in a file or, where there is no such file, the ready-made one of that name.
  static func network(at path: String) throws -> any Layer {
    if !FileReference.isStandardInput(path), !FileManager.default.fileExists(atPath: path),
      let network = try readyMadeNetwork(path)
    {
      return network
    }
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

  /// A file of data in any format.
  ///
  /// - Parameter name: of the file, `-` for standard input; an array of it may be named behind a colon.
  static func dataFile(at name: String, options: ReadingOptions) throws -> DataFile {
    try requireReadable(name)
    let path = FileReference(name).path
    if let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int {
      // Cells of two characters become numbers of eight bytes.
      try MemoryCheck.require(4 * Double(size), for: "reading \(path)")
    }
    return try DataFile(at: name, options: options)
  }

  /// The table that a file holds. What is to be known about its reading goes to standard error.
  ///
  /// - Throws: `CommandError` also for a table without rows.
  static func table(of file: DataFile) throws -> Table {
    let table = try file.table()
    guard table.rowCount > 0 else {
      throw CommandError.badData("\(table.path): line 2: expected at least one row, found none")
    }
    say(table.notes)
    return table
  }

  /// One row per input, from any format; of a table, whose cells must all be numbers.
  ///
  /// - Parameters:
  ///   - options: afterwards those with which further tables are read like this one.
  ///   - allowsNaN: whether numbers may be missing.
  static func tensor(
    at name: String, options: inout ReadingOptions, allowsNaN: Bool = false
  ) throws -> Tensor {
    let file = try dataFile(at: name, options: options)
    let tensor: Tensor
    if file.format == .table {
      let table = try file.numericTable()
      options = options.matching(table)
      say(table.notes)
      tensor = try table.tensor(allowsMissing: allowsNaN)
    } else {
      let reading = try file.array()
      say(reading.notes)
      tensor = reading.tensor
    }
    guard tensor.rank >= 1, tensor.shape[0] > 0 else {
      throw CommandError.badData("\(name): expected at least one row, found shape \(tensor.shape)")
    }
    if !allowsNaN { try tensor.requireFinite(context: name) }
    return tensor
  }

  static func say(_ notes: [ReadingNote]) {
    for note in notes { StandardError.write("note: \(note)\n") }
  }
}
