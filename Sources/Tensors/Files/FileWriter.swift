import Foundation

/// Writes a file under a temporary name and gives it its own name at the end, so that nobody ever sees half of it.
final class FileWriter {
  let path: String
  private let temporaryPath: String
  private var handle: FileHandle?

  /// - Throws: `TensorError.file` when nothing can be written there.
  init(to path: String) throws(TensorError) {
    self.path = path
    temporaryPath = "\(path).\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max)).partial"
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      throw .file(path: path, problem: "is a directory, expected the name of a file to write")
    }
    guard FileManager.default.createFile(atPath: temporaryPath, contents: nil),
      let handle = FileHandle(forWritingAtPath: temporaryPath)
    else {
      throw .file(path: path, problem: "cannot be written: check that its directory exists and may be written to")
    }
    self.handle = handle
  }

  deinit {
    if handle != nil {
      try? handle?.close()
      try? FileManager.default.removeItem(atPath: temporaryPath)
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
    guard rename(temporaryPath, path) == 0 else {
      let reason = String(cString: strerror(errno))
      try? FileManager.default.removeItem(atPath: temporaryPath)
      throw .file(path: path, problem: "cannot be written: \(reason)")
    }
  }
}
