import CVectorKernels

/// How to walk several operands that broadcast to one contiguous result: axes that all operands step through alike are
/// merged, so that what remains are loops around rows that each operand holds contiguously or as a single element.
struct BroadcastPlan: Sendable {
  /// Sizes of the merged axes; at least one.
  private let sizes: [Int]
  /// For each merged axis the operands' strides in elements; 0 where an operand is repeated.
  private let strides: [SIMD4<Int>]

  /// - Parameter shapes: of at most four operands, each broadcasting to `output`.
  init(_ shapes: [[Int]], to output: [Int]) {
    let count = output.product
    if shapes.allSatisfy({ $0 == output || $0.product == 1 }) {
      var step = SIMD4<Int>(repeating: 0)
      for (k, shape) in shapes.enumerated() { step[k] = shape.product == count ? 1 : 0 }
      sizes = [count]
      strides = [step]
      return
    }
    var sizes: [Int] = []
    var strides: [SIMD4<Int>] = []
    let operandStrides = shapes.map(\.rowMajorStrides)
    for axis in output.indices where output[axis] != 1 {
      var stride = SIMD4<Int>(repeating: 0)
      for (k, shape) in shapes.enumerated() {
        let own = axis - (output.count - shape.count)
        if own >= 0 && shape[own] != 1 { stride[k] = operandStrides[k][own] }
      }
      if let last = strides.last, last == stride &* SIMD4(repeating: output[axis]) {
        sizes[sizes.count - 1] *= output[axis]
        strides[strides.count - 1] = stride
      } else {
        sizes.append(output[axis])
        strides.append(stride)
      }
    }
    self.sizes = sizes.isEmpty ? [1] : sizes
    self.strides = strides.isEmpty ? [SIMD4(repeating: 0)] : strides
  }

  /// Rows of `columns` elements of the result, and where each operand's first element is.
  struct Run {
    let element: Int
    let offsets: SIMD4<Int>
    let rowStrides: SIMD4<Int>
    let steps: SIMD4<Int>
    let rows: Int
    let columns: Int

    func operand(_ index: Int, of tensor: UnsafeRawPointer, _ dtype: DType) -> nt_operand {
      nt_operand(start: tensor + offsets[index] * dtype.byteCount, row: rowStrides[index], step: steps[index])
    }
  }

  /// Calls `body` with runs that together make up the elements of the result in `range`.
  func forEachRun(in range: Range<Int>, _ body: (Run) -> Void) {
    let last = sizes.count - 1
    let columns = sizes[last]
    let rowStrides = last > 0 ? strides[last - 1] : SIMD4(repeating: 0)
    var element = range.lowerBound
    while element < range.upperBound {
      let (row, column) = last > 0 ? element.quotientAndRemainder(dividingBy: columns) : (0, element)
      let left = range.upperBound - element
      var rows = 1
      var width = min(columns - column, left)
      if column == 0 && left >= columns && last > 0 {
        rows = min(left / columns, sizes[last - 1] - row % sizes[last - 1])
        width = columns
      }
      body(
        Run(
          element: element, offsets: offsets(ofRow: row) &+ strides[last] &* SIMD4(repeating: column),
          rowStrides: rowStrides, steps: strides[last], rows: rows, columns: width))
      element += rows * width
    }
  }

  private func offsets(ofRow row: Int) -> SIMD4<Int> {
    var offsets = SIMD4<Int>(repeating: 0)
    var rest = row
    for axis in sizes.indices.dropLast().reversed() where rest > 0 {
      let (quotient, position) = rest.quotientAndRemainder(dividingBy: sizes[axis])
      offsets &+= strides[axis] &* SIMD4(repeating: position)
      rest = quotient
    }
    return offsets
  }
}
