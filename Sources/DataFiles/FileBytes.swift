import Foundation
import Tensors

/// The bytes of a file, or of a part of one, with reads that end in an error and not in a trap when they are too few.
struct FileBytes {
  let path: String
  /// What `bytes` is within the file, for messages: empty for all of it.
  var part = ""
  let bytes: Data

  /// Maps the file into memory.
  ///
  /// - Throws: `TensorError.file` when it cannot be read.
  init(at path: String) throws(TensorError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw .file(path: path, problem: "no such file")
    }
    guard !isDirectory.boolValue else { throw .file(path: path, problem: "is a directory, expected a file") }
    guard FileManager.default.isReadableFile(atPath: path) else {
      throw .file(path: path, problem: "no permission to read it")
    }
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .file(path: path, problem: "cannot be read: \(error.localizedDescription)")
    }
    self.path = path
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
    .format(path: path, place: part.isEmpty ? place : "\(part), \(place)", expected: expected, found: found)
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
