import Tensors
import Foundation

/// A file that is written beside the one it will become, so that nobody ever sees half of it: whole on the disk, it takes
/// the other's name; or it is removed.
///
/// A program that is told to end while files are unfinished removes them with `removeUnfinishedFiles`.
package final class TemporaryFile {
  /// Where the file will be.
  package let path: String
  /// Where the file is until it is finished: in the same folder, because a file cannot be renamed onto another disk.
  package let temporaryPath: String
  /// The file that takes the new contents: `path`, or what it links to.
  private let target: String
  /// Open for writing; nil when the file is finished or discarded.
  private var descriptor: Int32?

  /// The files that are being written. The lock is held where one of them appears under a name or disappears.
  fileprivate static let unfinished = Guarded<Set<String>>([])

  /// - Throws: `TensorError.file` when nothing can be written there.
  package init(for path: String) throws(TensorError) {
    self.path = path
    let existing = FileStatus(at: path)
    guard existing?.kind != .directory else {
      throw .file(path: path, problem: "is a directory, expected the name of a file to write")
    }
    // A file that took the name of a device would put an end to the device.
    guard existing?.kind != .other else {
      throw .file(path: path, problem: "is a pipe or a device, expected the name of a file to write")
    }
    target = Self.followingLinks(path)
    let temporaryPath = Self.name(beside: target)
    self.temporaryPath = temporaryPath
    // A file that is replaced keeps its permissions.
    let mode = existing.map { $0.permissions } ?? 0o666
    let descriptor = Self.unfinished.withLock { unfinished in
      let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      if descriptor >= 0 { unfinished.insert(temporaryPath) }
      return descriptor
    }
    guard descriptor >= 0 else { throw .cannotWrite(path, errno) }
    if let existing {
      // Root replaces a file for its owner; anybody else may not, and is the owner as a rule.
      _ = fchown(descriptor, existing.owner, existing.group)
      fchmod(descriptor, mode)
    }
    self.descriptor = descriptor
  }

  /// The file that a name stands for, whether it is there already or not: links are followed, and stay.
  private static func followingLinks(_ path: String) -> String {
    var target = path
    // As many as the system follows.
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink(target, &buffer, buffer.count)
      guard count > 0 else { break }
      let link = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      let folder = target.lastIndex(of: "/").map { target[...$0] } ?? ""
      target = link.hasPrefix("/") ? link : folder + link
    }
    return target
  }

  deinit { discard() }

  /// A name in the folder of `target` that no other file has, no longer than file systems allow.
  private static func name(beside target: String) -> String {
    var name = target.split(separator: "/").last.map(String.init) ?? ""
    while name.utf8.count > 200 { name.removeLast() }
    let folder = target.lastIndex(of: "/").map { target[...$0] } ?? ""
    return "\(folder)\(name).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
  }

  /// Appends `bytes`.
  func write(_ bytes: UnsafeRawBufferPointer) throws(TensorError) {
    guard let descriptor else { preconditionFailure("\(path) is written after it was finished") }
    try writeAll(bytes, to: descriptor, path: path)
  }

  /// Gives the file its name when all of it is on the disk, replacing an older one, and sees to it that the name is there
  /// after a loss of power, too.
  ///
  /// - Throws: `TensorError.file`; the temporary file is gone then, and an older one unchanged.
  package func finish() throws(TensorError) {
    guard let descriptor else { preconditionFailure("\(path) is finished twice") }
    defer { discard() }
    while fsync(descriptor) != 0 {
      guard errno == EINTR else { throw .cannotWrite(path, errno) }
    }
    let code = Self.unfinished.withLock { unfinished in
      guard rename(temporaryPath, target) == 0 else { return errno }
      unfinished.remove(temporaryPath)
      return 0
    }
    guard code == 0 else { throw .cannotWrite(path, code) }
    self.descriptor = nil
    close(descriptor)
    let folder = open(URL(filePath: target).deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    // Not every file system can; the file is whole in any case.
    fsync(folder)
    close(folder)
  }

  /// Removes the file unless it is finished.
  package func discard() {
    guard let descriptor else { return }
    self.descriptor = nil
    close(descriptor)
    Self.unfinished.withLock { unfinished in
      unlink(temporaryPath)
      unfinished.remove(temporaryPath)
    }
  }
}

/// Removes the files that some thread is writing under temporary names, for a program that is about to end in the middle of
/// it. No file appears between that and the end.
package func removeUnfinishedFiles(andExit exit: () -> Never) -> Never {
  TemporaryFile.unfinished.withLock { paths in
    for path in paths { unlink(path) }
    exit()
  }
}

/// What `stat` says of a file.
package struct FileStatus: Sendable {
  package enum Kind: Sendable { case regular, directory, other }

  package let kind: Kind
  let permissions: mode_t
  let owner: uid_t
  let group: gid_t
  private let device: UInt64
  private let number: UInt64

  /// nil when there is no such file. Of a symbolic link, the file that it stands for.
  package init?(at path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// nil when nothing is open under that number.
  private init?(of descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .directory
    default: kind = .other
    }
    permissions = status.st_mode & 0o7777
    (owner, group) = (status.st_uid, status.st_gid)
    device = UInt64(truncatingIfNeeded: status.st_dev)
    number = UInt64(truncatingIfNeeded: status.st_ino)
  }

  /// Whether both are one file, under whatever names.
  package func isSameFile(as other: FileStatus) -> Bool { device == other.device && number == other.number }

  /// What a path stands for, `-` for standard input included; nil when there is no such file.
  package init?(ofInput path: String) {
    if FileReference.isStandardInput(path) { self.init(of: STDIN_FILENO) } else { self.init(at: path) }
  }

  /// What a path stands for, `-` for standard output included; nil when there is no such file.
  package init?(ofOutput path: String) {
    if path == "-" || path == "/dev/stdout" { self.init(of: STDOUT_FILENO) } else { self.init(at: path) }
  }

  /// Whether a path is what the program's standard output goes to: `-`, `/dev/stdout`, or the same file.
  package static func isStandardOutput(_ path: String) -> Bool {
    if path == "-" || path == "/dev/stdout" { return true }
    guard let file = FileStatus(at: path), let output = FileStatus(of: STDOUT_FILENO) else { return false }
    return file.isSameFile(as: output)
  }
}

extension TensorError {
  /// - Parameter code: that of the system call that failed.
  static func cannotWrite(_ path: String, _ code: Int32) -> TensorError {
    .file(path: path, problem: "cannot be written: \(String(cString: strerror(code)))")
  }
}

/// Writes all of `bytes`, in as many calls as the system needs.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(TensorError) {
  var rest = bytes[...]
  while !rest.isEmpty {
    let part = UnsafeRawBufferPointer(rebasing: rest)
    // Linux writes no more than 2 GiB at once.
    let written = write(descriptor, part.baseAddress, min(part.count, 1 << 30))
    if written < 0 {
      if errno == EINTR { continue }
      throw .cannotWrite(path, errno)
    }
    rest = rest.dropFirst(written)
  }
}
