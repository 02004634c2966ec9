import CVectorKernels

/// A copy of an n-dimensional region between two layouts; all that moves elements without changing them is one.
struct StridedCopy: Sendable {
  private struct Axis {
    var size: Int
    var source: Int
    var target: Int
  }

  private let dtype: DType
  private var outer: [Axis] = []
  private var rows = Axis(size: 1, source: 0, target: 0)
  private var columns = Axis(size: 1, source: 0, target: 0)

  /// - Parameters:
  ///   - shape: of the region, axes in the order of the target, which is not walked twice.
  ///   - source: strides in elements; 0 repeats, negative reverses.
  ///   - target: strides in elements.
  init(_ dtype: DType, shape: [Int], source: [Int], target: [Int]) {
    self.dtype = dtype
    var axes: [Axis] = []
    for k in shape.indices where shape[k] != 1 {
      if let last = axes.last, last.source == source[k] * shape[k], last.target == target[k] * shape[k] {
        axes[axes.count - 1] = Axis(size: last.size * shape[k], source: source[k], target: target[k])
      } else {
        axes.append(Axis(size: shape[k], source: source[k], target: target[k]))
      }
    }
    if let last = axes.popLast() { columns = last }
    // The rows are the axis along which the source is contiguous, so that a transposition is one of matrices.
    if let contiguous = axes.lastIndex(where: { $0.source == 1 }) ?? axes.indices.last {
      rows = axes.remove(at: contiguous)
    }
    outer = axes
  }

  /// Copies on all threads. The regions do not overlap.
  func callAsFunction(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    // Blocks of about 64 Ki elements, as square as the matrix allows.
    let rowBlock = min(rows.size, 64)
    let columnBlock = min(columns.size, (1 << 16) / max(1, rowBlock))
    guard rowBlock > 0, columnBlock > 0, outer.allSatisfy({ $0.size > 0 }) else { return }
    let rowBlocks = (rows.size + rowBlock - 1) / rowBlock
    let columnBlocks = (columns.size + columnBlock - 1) / columnBlock
    let blocks = outer.reduce(rowBlocks * columnBlocks) { $0 * $1.size }
    nonisolated(unsafe) let (source, target) = (source, target)
    Threads.forEachRange(blocks, grain: max(1, (1 << 16) / (rowBlock * columnBlock))) { range in
      for block in range {
        let (rest, columnPiece) = block.quotientAndRemainder(dividingBy: columnBlocks)
        let (outerIndex, rowPiece) = rest.quotientAndRemainder(dividingBy: rowBlocks)
        let (row, column) = (rowPiece * rowBlock, columnPiece * columnBlock)
        var from = row * rows.source + column * columns.source
        var to = row * rows.target + column * columns.target
        var index = outerIndex
        for axis in outer.reversed() where index > 0 {
          let (quotient, position) = index.quotientAndRemainder(dividingBy: axis.size)
          from += position * axis.source
          to += position * axis.target
          index = quotient
        }
        nt_copy(
          dtype.kernelType, target + to * dtype.byteCount, rows.target, columns.target,
          source + from * dtype.byteCount, rows.source, columns.source,
          min(rowBlock, rows.size - row), min(columnBlock, columns.size - column))
      }
    }
  }
}
