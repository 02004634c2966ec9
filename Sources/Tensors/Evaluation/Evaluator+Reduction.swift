import CVectorKernels

extension Evaluator {
  /// Elements of a row that one task reduces, and rows of a block of columns: fixed, so that the order of the additions
  /// and with it the result do not depend on the number of threads.
  private static let rowPiece = 1 << 16
  private static let columnPieceRows = 512
  private static let columnPieceWidth = 1024
  private static let grain = 1 << 16

  static func reduce(_ reduction: Reduction, _ x: Tensor, _ axes: [Int], _ type: TensorType) -> Tensor {
    // Neighbouring axes of the same kind are one; those of size 1 are none.
    var groups: [(size: Int, isReduced: Bool)] = []
    for axis in x.shape.indices where x.shape[axis] != 1 {
      let isReduced = axes.contains(axis)
      if let last = groups.last, last.isReduced == isReduced {
        groups[groups.count - 1].size *= x.shape[axis]
      } else {
        groups.append((x.shape[axis], isReduced))
      }
    }
    var result = x
    while let axis = groups.lastIndex(where: { $0.isReduced }) {
      let view = AxisView(groups.map(\.size), axis: axis)
      result = reduced(reduction, result, view)
      groups.remove(at: axis)
      if axis > 0 && axis < groups.count {
        groups[axis - 1].size *= groups[axis].size
        groups.remove(at: axis)
      }
    }
    return Tensor(shape: type.shape, dtype: type.dtype, storage: result.storage)
  }

  private static func reduced(_ reduction: Reduction, _ x: Tensor, _ view: AxisView) -> Tensor {
    let result = Tensor(uninitialized: [view.outer * view.inner], dtype: x.dtype)
    if result.count == 0 { return result }
    let task = ReductionTask(
      reduction: reduction.kernel, dtype: x.dtype, view: view, source: x.bytes, target: result.bytes)
    if view.inner == 1 || view.length == 0 { task.reduceRows() } else { task.reduceColumns() }
    withExtendedLifetime(x) {}
    return result
  }

  private struct ReductionTask: @unchecked Sendable {
    let reduction: nt_reduction
    let dtype: DType
    let view: AxisView
    let source: UnsafeMutableRawPointer
    let target: UnsafeMutableRawPointer

    func input(_ element: Int) -> UnsafeMutableRawPointer { source + element * dtype.byteCount }
    func output(_ element: Int) -> UnsafeMutableRawPointer { target + element * dtype.byteCount }

    func reduceRows() {
      let rows = view.length == 0 ? view.outer * view.inner : view.outer
      let length = view.length
      let pieces = (length + rowPiece - 1) / rowPiece
      guard pieces > 1 else {
        Threads.forEachRange(rows, grain: max(1, grain / max(1, length))) { range in
          withUnsafeTemporaryAllocation(of: nt_partial.self, capacity: min(256, range.count)) { partials in
            for first in stride(from: range.lowerBound, to: range.upperBound, by: 256) {
              let count = min(256, range.upperBound - first)
              nt_reduce_rows(
                reduction, dtype.kernelType, input(first * length), count, length, length, partials.baseAddress)
              nt_reduce_partials(reduction, dtype.kernelType, partials.baseAddress, 1, count, output(first))
            }
          }
        }
        return
      }
      withPartials(rows * pieces) { partials in
        nonisolated(unsafe) let partials = partials
        Threads.forEach(rows * pieces) { index in
          let (row, piece) = index.quotientAndRemainder(dividingBy: pieces)
          let first = piece * rowPiece
          nt_reduce_rows(
            reduction, dtype.kernelType, input(row * length + first), 1, min(rowPiece, length - first), 0,
            partials + index)
        }
        for row in 0..<rows {
          nt_reduce_partials(reduction, dtype.kernelType, partials + row * pieces, pieces, 1, output(row))
        }
      }
    }

    func reduceColumns() {
      // Narrow rows are taken several at a time as one wide row, whose result is several partial results.
      let (length, inner) = (view.length, view.inner)
      let fold = inner < 64 && length >= 2 * (128 / inner) ? 128 / inner : 1
      let (wideRows, width) = (length / fold, fold * inner)
      let remainder = length % fold
      let pieces = (wideRows + columnPieceRows - 1) / columnPieceRows
      let tiles = (width + columnPieceWidth - 1) / columnPieceWidth
      let block = length * inner
      let taskSize = min(wideRows, columnPieceRows) * min(width, columnPieceWidth)
      let taskGrain = max(1, grain / taskSize)
      guard pieces > 1 || fold > 1 else {
        Threads.forEachRange(view.outer * tiles, grain: taskGrain) { range in
          withUnsafeTemporaryAllocation(of: nt_partial.self, capacity: min(width, columnPieceWidth)) { partials in
            for index in range {
              let (outer, tile) = index.quotientAndRemainder(dividingBy: tiles)
              let column = tile * columnPieceWidth
              let columns = min(columnPieceWidth, width - column)
              nt_reduce_columns(
                reduction, dtype.kernelType, input(outer * block + column), length, columns, inner,
                partials.baseAddress)
              nt_reduce_partials(
                reduction, dtype.kernelType, partials.baseAddress, 1, columns, output(outer * inner + column))
            }
          }
        }
        return
      }
      let partialRows = pieces * fold + (remainder > 0 ? 1 : 0)
      withPartials(view.outer * partialRows * inner) { partials in
        nonisolated(unsafe) let partials = partials
        Threads.forEachRange(view.outer * pieces * tiles, grain: taskGrain) { range in
          for index in range {
            let (rest, tile) = index.quotientAndRemainder(dividingBy: tiles)
            let (outer, piece) = rest.quotientAndRemainder(dividingBy: pieces)
            let (row, column) = (piece * columnPieceRows, tile * columnPieceWidth)
            nt_reduce_columns(
              reduction, dtype.kernelType, input(outer * block + row * width + column),
              min(columnPieceRows, wideRows - row), min(columnPieceWidth, width - column), width,
              partials + outer * partialRows * inner + piece * width + column)
          }
        }
        for outer in 0..<view.outer {
          let own = partials + outer * partialRows * inner
          if remainder > 0 {
            nt_reduce_columns(
              reduction, dtype.kernelType, input(outer * block + wideRows * width), remainder, inner, inner,
              own + (partialRows - 1) * inner)
          }
          nt_reduce_partials(reduction, dtype.kernelType, own, partialRows, inner, output(outer * inner))
        }
      }
    }

    private func withPartials(_ count: Int, _ body: (UnsafeMutablePointer<nt_partial>) -> Void) {
      let partials = UnsafeMutablePointer<nt_partial>.allocate(capacity: count)
      defer { partials.deallocate() }
      body(partials)
    }
  }

  static func argReduce(_ extreme: Extreme, _ x: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: .int32)
    let view = AxisView(x.shape, axis: axis)
    let (dtype, isLargest) = (x.dtype, extreme == .max)
    nonisolated(unsafe) let source = x.bytes
    nonisolated(unsafe) let target = result.bytes.bindMemory(to: Int32.self, capacity: type.count)
    if view.inner == 1 {
      Threads.forEachRange(view.outer, grain: max(1, grain / view.length)) { range in
        nt_arg_reduce_rows(
          isLargest, dtype.kernelType, source + range.lowerBound * view.length * dtype.byteCount, range.count,
          view.length, view.length, target + range.lowerBound)
      }
    } else {
      forEachColumnTile(view) { outer, column, columns in
        nt_arg_reduce_columns(
          isLargest, dtype.kernelType, source + (outer * view.length * view.inner + column) * dtype.byteCount,
          view.length, columns, view.inner, target + outer * view.inner + column)
      }
    }
    withExtendedLifetime(x) {}
    return result
  }

  static func cumulativeSum(_ x: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: type.dtype)
    let view = AxisView(x.shape, axis: axis)
    let dtype = type.dtype
    nonisolated(unsafe) let (source, target) = (x.bytes, result.bytes)
    forEachColumnTile(view) { outer, column, columns in
      let offset = (outer * view.length * view.inner + column) * dtype.byteCount
      nt_cumulative_sum(dtype.kernelType, source + offset, target + offset, view.length, columns, view.inner)
    }
    withExtendedLifetime(x) {}
    return result
  }

  private static func forEachColumnTile(
    _ view: AxisView, _ body: @Sendable (_ outer: Int, _ column: Int, _ columns: Int) -> Void
  ) {
    let width = 256
    let tiles = (view.inner + width - 1) / width
    let size = max(1, view.length * min(width, view.inner))
    Threads.forEachRange(view.outer * tiles, grain: max(1, grain / size)) { range in
      for index in range {
        let (outer, tile) = index.quotientAndRemainder(dividingBy: tiles)
        body(outer, tile * width, min(width, view.inner - tile * width))
      }
    }
  }
}

extension Reduction {
  fileprivate var kernel: nt_reduction {
    switch self {
    case .sum: nt_sum
    case .product: nt_product
    case .min: nt_reduce_min
    case .max: nt_reduce_max
    }
  }
}
