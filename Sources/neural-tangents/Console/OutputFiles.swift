import Foundation
import DataFiles
import Tensors

/// Writes results: under a temporary name first, so that a file is there in full or not at all.
enum OutputFiles {
  /// Checks before any long work that the result will have a place.
  ///
  /// - Throws: `CommandError` when `path` is a directory, or its directory is missing or may not be written to.
  static func requireWritable(_ path: String) throws(CommandError) {
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
      try CsvTable.write(header: header, rows: rows, to: path)
    } catch {
      throw CommandError(.cannotWrite, error.description)
    }
  }
}
