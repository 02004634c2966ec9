import CVectorKernels

/// Elementwise equations of one shape that run together, a strip of elements at a time: what one makes and another reads
/// stays in the cache, and what nothing outside reads is never written to memory.
final class FusedLoop: Sendable {
  /// An operand that comes from outside.
  struct Input: Sendable {
    let value: Int
    let byteCount: Int
    /// Elements from one position to the next along each of the loop's axes.
    let strides: [Int]
  }

  /// A result that something outside reads.
  struct Output: Sendable {
    let value: Int
    let byteCount: Int
    /// Inputs whose memory can take the result, if nothing else refers to it.
    let reusable: [Int]
  }

  /// Registers hold the strip of an input, an output, or of what only this loop reads, in this order.
  struct Operation: Sendable {
    enum Kind: Sendable {
      case unary(nt_unary_function, nt_dtype)
      case binary(nt_binary_function, nt_dtype)
      case compare(nt_comparison, nt_dtype)
      case multiplyAdd(nt_dtype)
      case select(nt_dtype)
      case convert(from: nt_dtype, to: nt_dtype)
      /// Writes a repeated operand out.
      case copy(nt_dtype)
    }

    let kind: Kind
    let operands: SIMD4<Int32>
    let target: Int32
    /// Whether rows can be taken as one long row, because every operand has them all or one element.
    let isFlat: Bool
  }

  let inputs: [Input]
  let outputs: [Output]
  let operations: [Operation]
  /// Bytes of the elements of the registers that are neither inputs nor outputs.
  let scratchByteCounts: [Int]
  /// Sizes of the merged axes; the last two are the rows and columns of strips.
  let sizes: [Int]
  let count: Int
  /// Whole rows in a strip, or elements of a part of one row.
  let stripRows: Int
  let stripColumns: Int
  let strips: Int
  /// Strips that are worth another thread.
  let grain: Int
  private let scratchBytes: Int
  private let inputStrides: [Int]
  private let rowStrides: [Int]
  private let steps: [Int]

  /// Elements of a strip: a few registers of them fit the first-level cache.
  private static let stripCount = 2048

  init(
    inputs: [Input], outputs: [Output], operations: [Operation], scratchByteCounts: [Int], sizes: [Int], work: Int
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.operations = operations
    self.scratchByteCounts = scratchByteCounts
    self.sizes = sizes
    count = sizes.product
    let (rows, columns) = (sizes[sizes.count - 2], sizes[sizes.count - 1])
    if columns >= Self.stripCount {
      // Parts of equal length, in whole cache lines.
      let parts = (columns + Self.stripCount - 1) / Self.stripCount
      stripColumns = ((columns + parts - 1) / parts + 15) / 16 * 16
      stripRows = 1
    } else {
      stripColumns = max(1, columns)
      stripRows = max(1, min(rows, Self.stripCount / max(1, columns)))
    }
    let pieces = (rows + stripRows - 1) / stripRows * ((columns + stripColumns - 1) / stripColumns)
    strips = count == 0 ? 0 : pieces * sizes.dropLast(2).reduce(1, *)
    grain = max(1, (1 << 16) / max(1, work * stripRows * stripColumns))
    let strip = stripRows * stripColumns
    scratchBytes = scratchByteCounts.reduce(0) { $0 + (strip * $1 + 63) / 64 * 64 }
    inputStrides = inputs.flatMap(\.strides)
    let scratch = outputs.count + scratchByteCounts.count
    rowStrides = inputs.map { $0.strides[sizes.count - 2] } + [Int](repeating: columns, count: scratch)
    steps = inputs.map { $0.strides[sizes.count - 1] } + [Int](repeating: 1, count: scratch)
  }

  /// Computes the outputs; `addresses` are those of the inputs, then of the outputs.
  func run(_ addresses: UnsafeMutablePointer<UnsafeMutableRawPointer>) {
    nonisolated(unsafe) let addresses = addresses
    if strips <= grain || Threads.count == 1 {
      run(addresses, strips: 0..<strips)
      return
    }
    // More pieces than threads, because a thread may be held up.
    let pieces = min(strips / grain, 4 * Threads.count)
    guard pieces > 1 else { return run(addresses, strips: 0..<strips) }
    Threads.forEach(pieces) { piece in
      run(addresses, strips: strips * piece / pieces..<strips * (piece + 1) / pieces)
    }
  }

  private func run(_ addresses: UnsafeMutablePointer<UnsafeMutableRawPointer>, strips range: Range<Int>) {
    let registers = inputs.count + outputs.count + scratchByteCounts.count
    withUnsafeTemporaryAllocation(byteCount: scratchBytes, alignment: 64) { scratch in
      withUnsafeTemporaryAllocation(of: nt_operand.self, capacity: registers) { operands in
        var offset = 0
        for index in scratchByteCounts.indices {
          let register = inputs.count + outputs.count + index
          operands[register] = nt_operand(
            start: scratch.baseAddress.map { $0 + offset }, row: rowStrides[register], step: 1)
          offset += (stripRows * stripColumns * scratchByteCounts[index] + 63) / 64 * 64
        }
        for strip in range { run(strip, addresses, operands) }
      }
    }
  }

  private func run(
    _ strip: Int, _ addresses: UnsafeMutablePointer<UnsafeMutableRawPointer>,
    _ operands: UnsafeMutableBufferPointer<nt_operand>
  ) {
    let axes = sizes.count
    let (allRows, allColumns) = (sizes[axes - 2], sizes[axes - 1])
    let columnPieces = (allColumns + stripColumns - 1) / stripColumns
    let rowPieces = (allRows + stripRows - 1) / stripRows
    let (rest, columnPiece) = strip.quotientAndRemainder(dividingBy: columnPieces)
    let (outer, rowPiece) = rest.quotientAndRemainder(dividingBy: rowPieces)
    let (row, column) = (rowPiece * stripRows, columnPiece * stripColumns)
    let rows = min(stripRows, allRows - row)
    let columns = min(stripColumns, allColumns - column)
    inputStrides.withUnsafeBufferPointer { strides in
      for index in inputs.indices {
        let own = strides.baseAddress! + index * axes
        var element = row * own[axes - 2] + column * own[axes - 1]
        var position = outer
        var axis = axes - 3
        while axis >= 0 && position > 0 {
          let (quotient, remainder) = position.quotientAndRemainder(dividingBy: sizes[axis])
          element += remainder * own[axis]
          position = quotient
          axis -= 1
        }
        operands[index] = nt_operand(
          start: addresses[index] + element * inputs[index].byteCount, row: own[axes - 2], step: own[axes - 1])
      }
    }
    let element = (outer * allRows + row) * allColumns + column
    for index in outputs.indices {
      let register = inputs.count + index
      operands[register] = nt_operand(
        start: addresses[register] + element * outputs[index].byteCount, row: allColumns, step: 1)
    }
    for operation in operations { Self.apply(operation, operands, rows, columns) }
  }

  @inline(__always)
  private static func apply(
    _ operation: Operation, _ registers: UnsafeMutableBufferPointer<nt_operand>, _ rows: Int, _ columns: Int
  ) {
    func operand(_ index: Int) -> nt_operand { registers[Int(operation.operands[index])] }
    let target = UnsafeMutableRawPointer(mutating: registers[Int(operation.target)].start!)
    let count = rows * columns
    let (lines, width) = operation.isFlat ? (1, count) : (rows, columns)
    switch operation.kind {
    case .unary(let function, let dtype): nt_unary(function, dtype, operand(0).start, target, count)
    case .binary(let function, let dtype): nt_binary(function, dtype, operand(0), operand(1), target, lines, width)
    case .compare(let comparison, let dtype):
      nt_compare(
        comparison, dtype, operand(0), operand(1), target.assumingMemoryBound(to: Bool.self), lines, width)
    case .multiplyAdd(let dtype): nt_multiply_add(dtype, operand(0), operand(1), operand(2), target, lines, width)
    case .select(let dtype): nt_select(dtype, operand(0), operand(1), operand(2), target, lines, width)
    case .convert(let from, let to): nt_convert(from, to, operand(0).start, target, count)
    case .copy(let dtype):
      let source = operand(0)
      nt_copy(dtype, target, columns, 1, source.start, source.row, source.step, rows, columns)
    }
  }
}
