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
  let view = AxisView(x.shape, axis: axis)
  var shape = x.shape
  shape[axis] = length
  let result = Tensor(uninitialized: shape, dtype: x.dtype)
  let size = x.dtype.byteCount
  // Pieces of a row of positions that stay in the cache while the window passes, and many short rows at once.
  let pieceLength = max(1, min(length, 4096 / max(1, view.inner)))
  let pieces = (length + pieceLength - 1) / pieceLength
  let grain = max(1, (1 << 15) / (pieceLength * view.inner * geometry.window[axis]))
  nonisolated(unsafe) let (source, target) = (x.bytes, result.bytes)
  Threads.forEachRange(view.outer * pieces, grain: grain) { range in
    var window = nt_window(
      outer: 1, length: view.length, inner: view.inner, out_length: length, window: geometry.window[axis],
      stride: geometry.strides[axis], dilation: geometry.windowDilation[axis], low: geometry.paddingLow[axis])
    if pieces == 1 { window.outer = range.count }
    for index in pieces == 1 ? range.prefix(1) : range {
      let (outer, piece) = index.quotientAndRemainder(dividingBy: pieces)
      let positions = (0..<length).part(piece, of: pieces)
      nt_window_sum(
        x.dtype.kernelType, window, positions.lowerBound, positions.upperBound,
        source + outer * view.length * view.inner * size, target + outer * length * view.inner * size)
    }
  }
  return result
}
