import CZlib
import Foundation
import Tensors

/// zlib, with limits that keep a small hostile file from filling the memory.
enum Compression {
  enum Container {
    /// Deflate data alone, as in a zip archive.
    case raw
    /// Deflate data with the header and checksum of a gzip file; several members in a row are one stream.
    case gzip
    /// Deflate data with the two bytes in front and the checksum behind of RFC 1950.
    case zlib

    var windowBits: Int32 {
      switch self {
      case .raw: -MAX_WBITS
      case .gzip: MAX_WBITS + 16
      case .zlib: MAX_WBITS
      }
    }
  }

  /// What a file may inflate to where nothing says how much it should be: 16 GiB.
  static let largestSize = 1 << 34

  /// The container that a file's first bytes begin; nil for what is not compressed.
  ///
  /// A zlib stream has no magic number: its first two bytes are a multiple of 31, as `x^` is, with which a table may begin.
  /// So what they begin must also inflate.
  static func container(of file: FileBytes) -> Container? {
    let start = [UInt8](file.bytes.prefix(2))
    guard start.count == 2 else { return nil }
    if start == [0x1F, 0x8B] { return .gzip }
    guard start[0] & 0x0F == 8, start[0] >> 4 <= 7, start[1] & 0x20 == 0,
      (Int(start[0]) << 8 | Int(start[1])) % 31 == 0,
      let beginning = try? inflate(file, .zlib, limit: 16, isPrefixEnough: true), !beginning.isEmpty
    else { return nil }
    return .zlib
  }

  static func checksum(_ bytes: UnsafeRawBufferPointer, after checksum: UInt32 = 0) -> UInt32 {
    var result = uLong(checksum)
    var start = 0
    while start < bytes.count {
      let count = min(bytes.count - start, 1 << 30)
      let base = bytes.baseAddress.map { ($0 + start).assumingMemoryBound(to: Bytef.self) }
      result = crc32(result, base, uInt(count))
      start += count
    }
    return UInt32(truncatingIfNeeded: result)
  }

  /// Inflates the bytes of `file`.
  ///
  /// Memory grows with what is actually inflated, not with what a header promises. With `isPrefixEnough`, inflating
  /// stops after `limit` bytes; without, there being more is an error.
  static func inflate(
    _ file: FileBytes, _ container: Container, limit: Int, isPrefixEnough: Bool = false
  ) throws(TensorError) -> Data {
    try file.bytes.withRawBytes { (input) throws(TensorError) in
      var stream = z_stream()
      guard
        inflateInit2_(&stream, container.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
      else { throw .file(path: file.path, problem: "cannot be inflated: zlib does not start") }
      defer { inflateEnd(&stream) }

      var output = Data()
      // One byte past the limit shows that there is more.
      let chunk = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 18)
      defer { chunk.deallocate() }
      var consumed = 0
      while true {
        if stream.avail_in == 0, consumed < input.count, let base = input.baseAddress {
          let count = min(input.count - consumed, 1 << 30)
          stream.next_in = UnsafeMutablePointer(
            mutating: (base + consumed).assumingMemoryBound(to: Bytef.self))
          stream.avail_in = uInt(count)
          consumed += count
        }
        let room = min((1 << 18) - 1, limit - output.count) + 1
        stream.next_out = chunk
        stream.avail_out = uInt(room)
        let status = CZlib.inflate(&stream, Z_NO_FLUSH)
        output.append(chunk, count: room - Int(stream.avail_out))
        if output.count > limit {
          if isPrefixEnough { return output.prefix(limit) }
          throw file.wrong("compressed data", expected: "\(limit) bytes when inflated", found: "more")
        }
        let position = consumed - Int(stream.avail_in)
        switch status {
        case Z_OK: continue
        case Z_STREAM_END:
          if container == .gzip, position < input.count {
            guard inflateReset(&stream) == Z_OK else { break }
            continue
          }
          guard position == input.count else {
            throw file.wrong(
              at: position, expected: "the end of the compressed data", found: "\(input.count - position) more bytes")
          }
          return output
        case Z_BUF_ERROR where stream.avail_out > 0 || stream.avail_in == 0:
          throw file.wrong(at: position, expected: "more compressed data", found: "its end; the file is cut off")
        case Z_BUF_ERROR: continue
        default:
          let problem = stream.msg.map { String(cString: $0) } ?? "zlib's error \(status)"
          throw file.wrong(at: position, expected: "deflate data", found: problem)
        }
      }
    }
  }

  /// Deflates the concatenation of `parts`, without any header.
  static func deflate(_ parts: [UnsafeRawBufferPointer], path: String) throws(TensorError) -> Data {
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .file(path: path, problem: "cannot be deflated: zlib does not start") }
    defer { deflateEnd(&stream) }

    var output = Data()
    let chunk = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 18)
    defer { chunk.deallocate() }
    func drain(_ flush: Int32) -> Int32 {
      var status = Z_OK
      repeat {
        stream.next_out = chunk
        stream.avail_out = 1 << 18
        status = CZlib.deflate(&stream, flush)
        output.append(chunk, count: (1 << 18) - Int(stream.avail_out))
      } while stream.avail_out == 0
      return status
    }
    for part in parts {
      var start = 0
      while start < part.count, let base = part.baseAddress {
        let count = min(part.count - start, 1 << 30)
        stream.next_in = UnsafeMutablePointer(mutating: (base + start).assumingMemoryBound(to: Bytef.self))
        stream.avail_in = uInt(count)
        guard drain(Z_NO_FLUSH) != Z_STREAM_ERROR else {
          throw .file(path: path, problem: "cannot be deflated: zlib fails")
        }
        start += count
      }
    }
    guard drain(Z_FINISH) == Z_STREAM_END else {
      throw .file(path: path, problem: "cannot be deflated: zlib fails")
    }
    return output
  }
}
