extension Tensor {
  /// The same numbers with another element type.
  ///
  /// To int32: towards zero, the nearest representable number for what does not fit, 0 for NaN. To bool: whether not 0.
  public consuming func asType(_ dtype: DType) -> Tensor {
    if self.dtype == dtype { return self }
    return apply(.convert(dtype), [self])
  }

  /// An operand's element type raised to at least `least`.
  consuming func raised(to least: DType) -> Tensor {
    let dtype = self.dtype.promoted(with: least)
    return asType(dtype)
  }
}

/// `function` of two tensors in the element type that both and `least` promote to.
func elementwise(
  _ function: BinaryFunction, _ x: consuming Tensor, _ y: consuming Tensor, least: DType = .int32
) -> Tensor {
  let dtype = x.dtype.promoted(with: y.dtype).promoted(with: least)
  return apply(.binary(function), [x.asType(dtype), y.asType(dtype)])
}

/// `function` of a tensor and a number, which takes the tensor's element type.
func elementwise(
  _ function: BinaryFunction, _ x: consuming Tensor, _ y: Double, least: DType = .int32
) -> Tensor {
  let dtype = x.dtype.promoted(with: least)
  return apply(.binary(function), [x.asType(dtype), .constant(y, dtype: dtype)])
}

/// `function` of a number, which takes the tensor's element type, and a tensor.
func elementwise(
  _ function: BinaryFunction, _ x: Double, _ y: consuming Tensor, least: DType = .int32
) -> Tensor {
  let dtype = y.dtype.promoted(with: least)
  return apply(.binary(function), [.constant(x, dtype: dtype), y.asType(dtype)])
}
