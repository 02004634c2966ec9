import Foundation
import Tensors

/// How a file stores one number, and the type of tensor that it becomes.
enum ElementFormat: Hashable {
  case bool
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case float16, float32, float64

  /// The format of a NumPy type string without its byte order.
  init(npyType type: String, in file: FileBytes) throws(TensorError) {
    let formats: [String: ElementFormat] = [
      "?": .bool, "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16,
      "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]
    guard let format = formats[type] else {
      let kinds: [Character: String] = [
        "c": "complex numbers", "O": "Python objects", "S": "byte strings", "U": "text", "V": "records", "M": "dates",
        "m": "time differences", "f": "floats of another width", "g": "long doubles",
      ]
      let kind = type.first.flatMap { kinds[$0] } ?? "another type"
      throw file.wrong(
        "header", expected: "bool, integers of 1 to 8 bytes, or floats of 2 to 8 bytes", found: "\(kind) ('\(type)')")
    }
    self = format
  }

  var byteCount: Int {
    switch self {
    case .bool, .int8, .uint8: 1
    case .int16, .uint16, .float16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }

  /// The numbers from byte `offset` of `file` on, in row-major order.
  ///
  /// - Parameter notes: gets one when integers are rounded, which float64 holds exactly up to 2^53.
  /// - Throws: when bytes are missing.
  func tensor(
    of file: FileBytes, at offset: Int, shape: [Int], isBigEndian: Bool, notes: inout [ReadingNote]
  ) throws(TensorError) -> Tensor {
    let bytes = try file.slice(shape.product * byteCount, at: offset, "numbers")
    return bytes.withUnsafeBytes { raw in
      let reader = ElementReader(raw: raw, file: file, shape: shape, isBigEndian: isBigEndian)
      return switch self {
      case .bool: reader.map(UInt8.self) { $0 != 0 }
      case .int8: reader.map(UInt8.self) { Int32(Int8(bitPattern: $0)) }
      case .int16: reader.map(UInt16.self) { Int32(Int16(bitPattern: $0)) }
      case .int32: reader.map(UInt32.self) { Int32(bitPattern: $0) }
      case .int64: reader.integers(UInt64.self, notes: &notes) { Int64(bitPattern: $0) }
      case .uint8: reader.map(UInt8.self) { Int32($0) }
      case .uint16: reader.map(UInt16.self) { Int32($0) }
      case .uint32: reader.integers(UInt32.self, notes: &notes) { $0 }
      case .uint64: reader.integers(UInt64.self, notes: &notes) { $0 }
      case .float16: reader.map(UInt16.self, Float.init(halfPrecisionBits:))
      case .float32: reader.map(UInt32.self, Float.init(bitPattern:))
      case .float64: reader.map(UInt64.self, Double.init(bitPattern:))
      }
    }
  }
}

private struct ElementReader {
  let raw: UnsafeRawBufferPointer
  let file: FileBytes
  let shape: [Int]
  let isBigEndian: Bool

  @inline(__always)
  private func word<Word: FixedWidthInteger & BitwiseCopyable>(_ index: Int, _ type: Word.Type) -> Word {
    let word = raw.loadUnaligned(fromByteOffset: index * (Word.bitWidth / 8), as: Word.self)
    return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
  }

  @inline(__always)
  func map<Word: FixedWidthInteger & BitwiseCopyable, Scalar: TensorScalar>(
    _ type: Word.Type, _ convert: (Word) -> Scalar
  ) -> Tensor {
    Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Scalar>) in
      for index in buffer.indices { buffer[index] = convert(word(index, type)) }
    }
  }

  /// As int32 when all of them fit, else as float64.
  @inline(__always)
  func integers<Word: FixedWidthInteger & BitwiseCopyable, Integer: FixedWidthInteger>(
    _ type: Word.Type, notes: inout [ReadingNote], _ convert: (Word) -> Integer
  ) -> Tensor {
    var isNarrow = true
    let narrow = Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Int32>) in
      for index in buffer.indices {
        let integer = convert(word(index, type))
        buffer[index] = Int32(truncatingIfNeeded: integer)
        if Integer(truncatingIfNeeded: buffer[index]) != integer || (integer > 0) != (buffer[index] > 0) {
          isNarrow = false
        }
      }
    }
    if isNarrow { return narrow }
    var (first, count) = (0, 0)
    let wide = Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Double>) in
      for index in buffer.indices {
        let integer = convert(word(index, type))
        buffer[index] = Double(integer)
        if Integer(exactly: buffer[index]) != integer {
          if count == 0 { first = index }
          count += 1
        }
      }
    }
    if count > 0 {
      let integer = convert(word(first, type))
      notes.append(
        .init(
          path: file.path, place: file.place("element \(first)"),
          message: "\(integer) is rounded to float64, which is exact up to 2^53 only (\(count) of \(shape.product))"))
    }
    return wide
  }
}

extension Float {
  /// The value of an IEEE 754 half-precision number, which every Float can hold.
  init(halfPrecisionBits bits: UInt16) {
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    let magnitude: Float =
      switch exponent {
      case 0: Float(fraction) * 0x1p-24
      case 31: Float(bitPattern: 0x7F80_0000 | fraction << 13)
      default: Float(bitPattern: UInt32(exponent + 112) << 23 | fraction << 13)
      }
    self = bits >> 15 == 1 ? -magnitude : magnitude
  }
}
