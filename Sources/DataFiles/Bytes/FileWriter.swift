import Foundation
import Tensors

/// Writes a file so that it is there in full or not at all, and an older one stays until then.
///
/// What has no contents to replace, such as a pipe, a device or a program's own standard output (`-`, `/dev/stdout`), is
/// written as it comes.
final class FileWriter {
  private enum Destination {
    case file(TemporaryFile)
    case stream(descriptor: Int32)
  }

  let path: String
  private let destination: Destination

  /// - Throws: `TensorError.file` when nothing can be written there.
  init(to path: String) throws(TensorError) {
    self.path = path
    if FileStatus.isStandardOutput(path) {
      destination = .stream(descriptor: try Self.opened(path) { fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) })
    } else if FileStatus(at: path)?.kind == .other {
      destination = .stream(descriptor: try Self.opened(path) { open(path, O_WRONLY | O_CLOEXEC) })
    } else {
      destination = .file(try TemporaryFile(for: path))
    }
  }

  private static func opened(_ path: String, _ open: () -> Int32) throws(TensorError) -> Int32 {
    while true {
      let descriptor = open()
      if descriptor >= 0 { return descriptor }
      guard errno == EINTR else { throw .cannotWrite(path, errno) }
    }
  }

  deinit {
    if case .stream(let descriptor) = destination { close(descriptor) }
  }

  /// Writes memory that stays valid during the call.
  func write(_ bytes: UnsafeRawBufferPointer) throws(TensorError) {
    switch destination {
    case .file(let file): try file.write(bytes)
    case .stream(let descriptor): try writeAll(bytes, to: descriptor, path: path)
    }
  }

  func write(_ bytes: Data) throws(TensorError) {
    try bytes.withRawBytes { (bytes) throws(TensorError) in try write(bytes) }
  }

  /// Gives the finished file its name, replacing an older one.
  func finish() throws(TensorError) {
    if case .file(let file) = destination { try file.finish() }
  }
}

/// Writes a file whose contents are at hand, in full or not at all.
///
/// - Throws: `TensorError.file` when it cannot be written.
package func writeFile(_ bytes: Data, to path: String) throws(TensorError) {
  let writer = try FileWriter(to: path)
  try writer.write(bytes)
  try writer.finish()
}
