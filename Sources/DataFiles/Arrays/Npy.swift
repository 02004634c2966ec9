import Foundation
import Tensors

extension Tensor {
  /// Reads an NPY file as `numpy.save` writes it, plain or compressed.
  ///
  /// Booleans become bool; float16 and float32 float32; float64 float64; integers of any width int32 when all of them fit,
  /// else float64. Any byte order, C or Fortran order, format versions 1 to 3.
  ///
  /// - Throws: `TensorError.file` when the file cannot be read, `TensorError.format` when it is damaged, holds anything
  ///   but numbers, or an integer that float64 would round; `DataFile` reads that, with a note.
  public init(npyAt path: String) throws(TensorError) {
    self = try Tensor(exactNpy: FileBytes(at: path).inflated())
  }

  /// Without rounding: what would be a note is an error.
  init(exactNpy file: FileBytes) throws(TensorError) {
    var notes: [ReadingNote] = []
    self = try Tensor(npy: file, notes: &notes)
    if let note = notes.first {
      throw .format(
        path: note.path, place: note.place, expected: "integers that float64 holds exactly", found: note.message)
    }
  }

  init(npy file: FileBytes, notes: inout [ReadingNote]) throws(TensorError) {
    let (header, dataOffset) = try NpyHeader.read(file)
    let element = try ElementFormat(npyType: header.type, in: file)
    let byteCount = try file.byteCount(of: header.shape, elementSize: element.byteCount)
    let found = file.count - dataOffset
    guard byteCount <= found else {
      throw file.wrong(
        at: dataOffset, expected: "\(byteCount) bytes for shape \(header.shape) of \(header.type)",
        found: "\(found); the file is cut off")
    }
    guard byteCount == found else {
      throw file.wrong(
        at: dataOffset + byteCount, expected: "the end of the file after shape \(header.shape) of \(header.type)",
        found: "\(found - byteCount) more bytes")
    }
    // Column-major is row-major with the axes reversed.
    let isReversed = header.isFortranOrder && header.shape.count > 1
    let stored = try element.tensor(
      of: file, at: dataOffset, shape: isReversed ? header.shape.reversed() : header.shape,
      isBigEndian: header.isBigEndian, notes: &notes)
    self = isReversed ? stored.withAxesReversed() : stored
  }

  /// Writes an NPY file (version 1.0, little endian, row-major), which `numpy.load` reads.
  ///
  /// - Throws: `TensorError.file` when it cannot be written.
  public func writeNpy(to path: String) throws(TensorError) {
    let writer = try FileWriter(to: path)
    try writer.write(npyHeader.encoded())
    try withRawBytes { (bytes) throws(TensorError) in try writer.write(bytes) }
    try writer.finish()
  }

  var npyHeader: NpyHeader {
    let type =
      switch dtype {
      case .float32: "f4"
      case .float64: "f8"
      case .int32: "i4"
      case .bool: "b1"
      }
    return NpyHeader(type: type, isBigEndian: UInt16(1).bigEndian == 1, isFortranOrder: false, shape: shape)
  }

  /// Calls `body` with the tensor's memory, in the machine's byte order.
  func withRawBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(TensorError) -> Result
  ) throws(TensorError) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.bytes, count: byteCount))
  }

  /// The transpose that reverses all axes.
  private func withAxesReversed() -> Tensor {
    let result = Tensor(uninitialized: shape.reversed(), dtype: dtype)
    guard count > 0 else { return result }
    let size = dtype.byteCount
    // Strides, in elements, of the result's axes in `self`.
    let strides = Array(shape.rowMajorStrides.reversed())
    var index = [Int](repeating: 0, count: rank)
    var source = 0
    for position in 0..<count {
      (result.storage.bytes + position * size).copyMemory(from: storage.bytes + source * size, byteCount: size)
      for axis in index.indices.reversed() {
        index[axis] += 1
        source += strides[axis]
        if index[axis] < result.shape[axis] { break }
        source -= strides[axis] * index[axis]
        index[axis] = 0
      }
    }
    return result
  }
}

extension FileBytes {
  /// The bytes that a shape takes, when that is a number that memory can have at all.
  func byteCount(of shape: [Int], elementSize: Int) throws(TensorError) -> Int {
    // An array without elements may have sizes whose product is nothing; the product of the others counts all the same,
    // because strides are made of it.
    var total = elementSize
    for size in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product <= 1 << 48 else { throw tooLarge(shape) }
      total = product
    }
    return shape.contains(0) ? 0 : total
  }

  private func tooLarge(_ shape: [Int]) -> TensorError {
    wrong("header", expected: "a shape that fits the \(count) bytes of the file", found: "\(shape)")
  }
}
