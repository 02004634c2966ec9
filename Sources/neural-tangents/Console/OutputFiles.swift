import Foundation
import DataFiles
import Tensors

/// Writes results: under a temporary name first, so that a file is there in full or not at all.
enum OutputFiles {
  /// Checks before any long work that the result will have a place, that its name says a format in which it can be
  /// written, and that it is not what the work reads.
  ///
  /// - Parameters:
  ///   - path: of the file to write; `-` is standard output.
  ///   - formats: the endings of names that the command can write; pipes, devices and standard output need none.
  ///   - inputs: what the command reads.
  /// - Throws: `CommandError` when `path` is a directory, its directory is missing or may not be written to, its ending is
  ///   none of `formats`, or it is one of `inputs`.
  static func requireWritable(_ path: String, formats: [String], inputs: [String?] = []) throws(CommandError) {
    if FileStatus.isStandardOutput(path) {
      // A file that is read and written at once is neither.
      try requireNoInput(path, status: FileStatus(ofOutput: path), inputs)
      return
    }
    let existing = FileStatus(at: path)
    if let existing {
      guard existing.kind != .directory else { throw .cannotWrite(path, reason: "it is a directory") }
      guard access(path, W_OK) == 0 else { throw .cannotWrite(path, reason: "not permitted") }
      // Pipes and devices are written as they are.
      guard existing.kind == .regular else { return }
    }
    let directory = URL(filePath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
    guard FileStatus(at: directory)?.kind == .directory else {
      throw .cannotWrite(path, reason: "there is no directory \(directory)")
    }
    guard access(directory, W_OK) == 0 else {
      throw .cannotWrite(path, reason: "not permitted to write in \(directory)")
    }
    let ending = URL(filePath: path).pathExtension.lowercased()
    guard formats.contains(ending) else {
      let known = formats.map { ".\($0)" }
      let list =
        known.count == 1 ? known[0] : known.dropLast().joined(separator: ", ") + " or " + known[known.count - 1]
      throw .usage("--output: expected a name ending in \(list), found \(path)")
    }
    try requireNoInput(path, status: existing, inputs)
  }

  private static func requireNoInput(_ path: String, status: FileStatus?, _ inputs: [String?]) throws(CommandError) {
    guard let status, status.kind == .regular else { return }
    for case let input? in inputs {
      let file = FileReference(input).path
      guard let found = FileStatus(ofInput: file), found.isSameFile(as: status) else { continue }
      throw .usage("\(path): expected an output that is not also an input, found the file of \(input)")
    }
  }

  /// Makes a directory unless it is there.
  static func makeDirectory(_ path: String) throws(CommandError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path, reason: "the directory cannot be made")
    }
    guard access(path, W_OK) == 0 else { throw .cannotWrite(path, reason: "not permitted") }
  }

  static func writeArchive(_ arrays: [(name: String, tensor: Tensor)], to path: String) throws(CommandError) {
    do {
      try NpzArchive.write(arrays, to: path)
    } catch {
      throw CommandError(.cannotWrite, error.description)
    }
  }

  static func writeText(_ text: String, to path: String) throws(CommandError) {
    do {
      try writeFile(Data(text.utf8), to: path)
    } catch {
      throw CommandError(.cannotWrite, error.description)
    }
  }

  static func writeTable(header: [String], rows: [[String]], to path: String) throws(CommandError) {
    do {
      try Table.writeCsv(header: header, rows: rows, to: path)
    } catch {
      throw CommandError(.cannotWrite, error.description)
    }
  }
}
