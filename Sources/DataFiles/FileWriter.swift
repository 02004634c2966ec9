import Foundation
import Tensors

/// Writes a file under a temporary name and gives it its own name at the end, so that nobody ever sees half of it.
final class FileWriter {
  let path: String
  private let temporaryPath: String
  private var handle: FileHandle?
  /// Guards what follows.
  private static let lock = NSLock()
  /// Temporary files that are being written.
  nonisolated(unsafe) private static var unfinished: Set<String> = []

  /// Removes what is being written, for a program that is about to end in the middle of it.
  static func removeUnfinished() {
    lock.withLock {
      for path in unfinished { unlink(path) }
    }
  }

  private static func note(_ path: String) { lock.withLock { _ = unfinished.insert(path) } }
  private static func forget(_ path: String) { lock.withLock { _ = unfinished.remove(path) } }

  /// - Throws: `TensorError.file` when nothing can be written there.
  init(to path: String) throws(TensorError) {
    self.path = path
    temporaryPath = "\(path).\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max)).partial"
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      throw .file(path: path, problem: "is a directory, expected the name of a file to write")
    }
    Self.note(temporaryPath)
    guard FileManager.default.createFile(atPath: temporaryPath, contents: nil),
      let handle = FileHandle(forWritingAtPath: temporaryPath)
    else {
      Self.forget(temporaryPath)
      throw .file(path: path, problem: "cannot be written: check that its directory exists and may be written to")
    }
    self.handle = handle
  }

  deinit {
    if handle != nil {
      try? handle?.close()
      try? FileManager.default.removeItem(atPath: temporaryPath)
      Self.forget(temporaryPath)
    }
  }

  func write(_ bytes: Data) throws(TensorError) {
    do {
      try handle?.write(contentsOf: bytes)
    } catch {
      throw .file(path: path, problem: "cannot be written: \(error.localizedDescription)")
    }
  }

  /// Writes memory that stays valid during the call, without copying all of it at once.
  func write(_ bytes: UnsafeRawBufferPointer) throws(TensorError) {
    let step = 1 << 24
    for start in stride(from: 0, to: bytes.count, by: step) {
      try write(Data(bytes[start..<min(start + step, bytes.count)]))
    }
  }

  /// Gives the finished file its name, replacing an older one.
  func finish() throws(TensorError) {
    do {
      try handle?.close()
      handle = nil
    } catch {
      throw .file(path: path, problem: "cannot be written: \(error.localizedDescription)")
    }
    defer { Self.forget(temporaryPath) }
    guard rename(temporaryPath, path) == 0 else {
      let reason = String(cString: strerror(errno))
      try? FileManager.default.removeItem(atPath: temporaryPath)
      throw .file(path: path, problem: "cannot be written: \(reason)")
    }
  }
}

/// Removes the files that some thread is writing under temporary names, for a program that is about to end.
package func removeUnfinishedFiles() { FileWriter.removeUnfinished() }
