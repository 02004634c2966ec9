import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

/// Files that NumPy wrote, and a folder to write into.
enum FileFixtures {
  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Fixtures/files/\(name)", withExtension: nil)).path
  }

  static func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path(name)))
  }

  /// Calls `body` with the path of a file of these bytes.
  @discardableResult
  static func withFile<Result>(_ bytes: Data, named name: String = "data", _ body: (String) throws -> Result) throws
    -> Result
  {
    try withFolder { folder in
      let path = "\(folder)/\(name)"
      try bytes.write(to: URL(fileURLWithPath: path))
      return try body(path)
    }
  }

  /// Calls `body` with an empty folder, which is removed afterwards.
  static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tensors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  /// The error that `body` throws, as a sentence; nil when it throws none.
  static func message(_ body: () throws -> some Any) -> String? {
    do {
      _ = try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// Reading `bytes` cut off anywhere throws a `TensorError`; with any one byte changed it throws one or gives numbers. It
  /// must not trap.
  static func damage(_ bytes: Data, _ read: (FileBytes) throws -> some Any) throws {
    func tryReading(_ damaged: Data, mustThrow: Bool, _ what: String) {
      do {
        _ = try read(FileBytes(path: "damaged", part: "", bytes: damaged))
        if mustThrow { Issue.record("\(what) went unnoticed") }
      } catch is TensorError {
      } catch {
        Issue.record("\(what): \(error)")
      }
    }
    for count in 0..<bytes.count {
      tryReading(bytes.prefix(count), mustThrow: true, "cutting off at \(count)")
    }
    for index in bytes.indices {
      for flip: UInt8 in [0xFF, 0x01, 0x80] {
        var damaged = bytes
        damaged[index] ^= flip
        tryReading(damaged, mustThrow: false, "changing byte \(index)")
      }
    }
  }
}
