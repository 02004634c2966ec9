/// Convolution of images with a filter, as XLA defines it: the filter is not flipped.
///
/// - Parameters:
///   - x: shape (N, spatial…, C), any number of spatial axes.
///   - filter: shape (window…, C / groups, O).
///   - geometry: strides, padding, dilations and groups; its `inputSize` and `window` are those of the operands.
/// - Returns: shape (N, spatial…, O).
public func convolution(_ x: Tensor, _ filter: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
  let dtype = x.dtype.promoted(with: filter.dtype).promoted(with: .int32)
  return apply(.convolution(geometry, .output), [x.asType(dtype), filter.asType(dtype)])
}

/// Sums over a window that moves along all axes.
///
/// - Parameters:
///   - geometry: one entry per axis of `x`; what lies outside of the tensor counts as zero.
///   - x: numbers of any shape.
public func windowSum(_ x: Tensor, _ geometry: WindowGeometry) -> Tensor {
  apply(.windowSum(geometry), [x.raised(to: .int32)])
}
