import CVectorKernels

/// Evaluates the sum over each position of a window, where the padding is zeros.
///
/// One axis after the other, each output as a sum of its own of the window's elements: a running sum would keep the
/// rounding errors of elements that have left the window. Booleans are summed as `int32`, which wraps around.
func evaluateWindowSum(_ geometry: WindowGeometry, _ x: Tensor) -> Tensor {
  let shape = geometry.outputShape(x.shape)
  let dtype = x.dtype == .bool ? .int32 : x.dtype
  guard shape.product > 0, x.count > 0, geometry.window.product > 0 else { return .zeros(shape, dtype: dtype) }
  var result = x.asType(dtype)
  let axes = shape.indices.filter { axis in
    geometry.window[axis] != 1 || geometry.strides[axis] != 1 || geometry.paddingLow[axis] != 0
      || geometry.paddingHigh[axis] != 0
  }
  // First the axes that leave the fewest elements to the others.
  for axis in axes.sorted(by: { shape[$0] * x.shape[$1] < shape[$1] * x.shape[$0] }) {
    result = windowSum(geometry, result, axis: axis, length: shape[axis])
  }
  return result
}

private func windowSum(_ geometry: WindowGeometry, _ x: Tensor, axis: Int, length: Int) -> Tensor {
  var shape = x.shape
  shape[axis] = length
  let result = Tensor(uninitialized: shape, dtype: x.dtype)
  let size = x.dtype.byteCount
  let view = AxisView(x.shape, axis: axis)
  var window = nt_window(
    outer: view.outer, length: view.length, inner: view.inner, out_length: length, window: geometry.window[axis],
    stride: geometry.strides[axis], dilation: geometry.windowDilation[axis], low: geometry.paddingLow[axis])
  if window.low == 0, window.length == length * window.stride, (window.window - 1) * window.dilation < window.stride {
    // Windows that divide the axis do not care where it ends: all rows are one.
    (window.length, window.out_length, window.outer) = (window.length * view.outer, length * view.outer, 1)
  }
  // Pieces of a row of positions that stay in the cache while the window passes, and many short rows at once.
  let positions = window.out_length
  let pieceLength = max(1, min(positions, 4096 / view.inner))
  let pieces = (positions + pieceLength - 1) / pieceLength
  let grain = max(1, (1 << 15) / (pieceLength * view.inner * window.window))
  let all = window
  nonisolated(unsafe) let (source, target) = (x.bytes, result.bytes)
  Threads.forEachRange(all.outer * pieces, grain: grain) { range in
    var window = all
    window.outer = pieces == 1 ? range.count : 1
    for index in pieces == 1 ? range.prefix(1) : range {
      let (outer, piece) = index.quotientAndRemainder(dividingBy: pieces)
      let part = (0..<positions).part(piece, of: pieces)
      nt_window_sum(
        x.dtype.kernelType, window, part.lowerBound, part.upperBound,
        source + outer * window.length * window.inner * size, target + outer * positions * window.inner * size)
    }
  }
  return result
}
