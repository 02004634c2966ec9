import Foundation
import Tensors

/// The bytes of a file, or of a part of one, with reads that end in an error and not in a trap when they are too few.
struct FileBytes {
  let path: String
  /// What `bytes` is within the file, for messages: empty for all of it.
  var part = ""
  let bytes: Data

  /// Maps the file into memory; reads what cannot be mapped, such as a pipe, to its end.
  ///
  /// - Parameter path: of the file; `-` and `/dev/stdin` are the program's standard input.
  /// - Throws: `TensorError.file` when it cannot be read.
  init(at path: String) throws(TensorError) {
    self.path = path
    guard !FileReference.isStandardInput(path) else {
      bytes = try Self.read(STDIN_FILENO, path)
      return
    }
    var descriptor = open(path, O_RDONLY | O_CLOEXEC)
    while descriptor < 0, errno == EINTR { descriptor = open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw .cannotRead(path, errno) }
    defer { close(descriptor) }
    if let mapped = try Self.mapped(descriptor, path) {
      bytes = mapped
    } else {
      bytes = try Self.read(descriptor, path)
    }
  }

  /// nil for what has no contents of a known size: a pipe, a device, a file that the system makes up as it is read.
  private static func mapped(_ descriptor: Int32, _ path: String) throws(TensorError) -> Data? {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .cannotRead(path, errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw .cannotRead(path, EISDIR) }
    let size = Int(status.st_size)
    guard status.st_mode & S_IFMT == S_IFREG, size > 0,
      let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED
    else { return nil }
    return Data(bytesNoCopy: memory, count: size, deallocator: .custom { _ = munmap($0, $1) })
  }

  private static func read(_ descriptor: Int32, _ path: String) throws(TensorError) -> Data {
    var result = Data()
    let size = 1 << 20
    let chunk = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    defer { chunk.deallocate() }
    while true {
      let count = Foundation.read(descriptor, chunk, size)
      if count == 0 { return result }
      if count > 0 {
        result.append(chunk.assumingMemoryBound(to: UInt8.self), count: count)
      } else if errno != EINTR {
        throw .cannotRead(path, errno)
      }
    }
  }

  init(path: String, part: String, bytes: Data) {
    self.path = path
    self.part = part
    self.bytes = bytes
  }

  var count: Int { bytes.count }

  /// The integer of little-endian bytes at `offset`.
  func integer<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, at offset: Int, _ meaning: String
  ) throws(TensorError) -> Integer {
    let width = Integer.bitWidth / 8
    try require(width, at: offset, meaning)
    var value: Integer = 0
    for index in 0..<width { value |= Integer(bytes[bytes.startIndex + offset + index]) << (8 * index) }
    return value
  }

  /// The big-endian integer at `offset`.
  func bigEndianInteger<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, at offset: Int, _ meaning: String
  ) throws(TensorError) -> Integer {
    try integer(type, at: offset, meaning).byteSwapped
  }

  /// `count` bytes from `offset` on.
  func slice(_ count: Int, at offset: Int, _ meaning: String) throws(TensorError) -> Data {
    try require(count, at: offset, meaning)
    return bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + count)]
  }

  /// Throws unless `count` bytes follow from `offset`.
  func require(_ count: Int, at offset: Int, _ meaning: String) throws(TensorError) {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      throw wrong(
        at: offset, expected: "\(count) bytes of \(meaning)", found: "\(max(0, self.count - max(0, offset)))")
    }
  }

  /// The error that says what stands at byte `offset`.
  func wrong(at offset: Int, expected: String, found: String) -> TensorError {
    wrong("byte \(offset)", expected: expected, found: found)
  }

  func wrong(_ place: String, expected: String, found: String) -> TensorError {
    .format(path: path, place: self.place(place), expected: expected, found: found)
  }

  /// A place within the part, for messages.
  func place(_ place: String) -> String { part.isEmpty ? place : "\(part), \(place)" }

  /// The bytes inflated if they are compressed, with gzip or zlib.
  func inflated(limit: Int = Compression.largestSize) throws(TensorError) -> FileBytes {
    guard let container = Compression.container(of: self) else { return self }
    let bytes = try Compression.inflate(self, container, limit: limit)
    return FileBytes(path: path, part: part.isEmpty ? "inflated" : "\(part), inflated", bytes: bytes)
  }
}

extension TensorError {
  /// - Parameter code: that of the system call that failed.
  fileprivate static func cannotRead(_ path: String, _ code: Int32) -> TensorError {
    let problem =
      switch code {
      case ENOENT: "no such file"
      case EISDIR: "is a directory, expected a file"
      case EACCES, EPERM: "no permission to read it"
      default: "cannot be read: \(String(cString: strerror(code)))"
      }
    return .file(path: path, problem: problem)
  }
}

extension Data {
  /// `withUnsafeBytes` that keeps the type of the error.
  func withRawBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(TensorError) -> Result
  ) throws(TensorError) -> Result {
    let result = withUnsafeBytes { (raw) -> Swift.Result<Result, TensorError> in
      do throws(TensorError) {
        return .success(try body(raw))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
