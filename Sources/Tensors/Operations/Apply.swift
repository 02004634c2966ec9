/// The result of `primitive` on `inputs`. Every public operation comes down to this function.
///
/// Concrete tensors are computed with at once; if one of them is traced, its program records the primitive instead.
/// Inputs are consumed: memory that nothing else refers to is written to instead of fresh memory.
///
/// - Precondition: the primitive has one result and cannot fail.
func apply(_ primitive: Primitive, _ inputs: consuming [Tensor]) -> Tensor {
  if let trace = Trace.innermost(of: inputs) { return trace.record(primitive, inputs)[0] }
  return Evaluator.evaluate(primitive, inputs)
}

/// The results of any primitive on `inputs`.
///
/// - Throws: what the evaluation of a factorisation throws, and `TensorError.interrupted` before it.
func applyAll(_ primitive: Primitive, _ inputs: consuming [Tensor]) throws(TensorError) -> [Tensor] {
  // A factorisation that has begun is finished.
  try Interruption.check()
  if let trace = Trace.innermost(of: inputs) { return trace.record(primitive, inputs) }
  return try Evaluator.evaluateAll(primitive, inputs)
}

extension Tensor {
  /// What `take` leaves behind: no elements, shared by all.
  private static let empty = Tensor(uninitialized: [0], dtype: .bool)

  /// Moves the tensor out, so that an operation can write to its memory; the caller assigns the result back.
  mutating func take() -> Tensor {
    var result = Tensor.empty
    swap(&self, &result)
    return result
  }

  /// A tensor of rank 0.
  ///
  /// - Precondition: an integer tensor takes only integers in its range, so that no fraction is lost unseen.
  static func constant(_ value: Double, dtype: DType) -> Tensor {
    switch dtype {
    case .float32: return Tensor(Float(value))
    case .float64: return Tensor(value)
    case .int32:
      guard let integer = Int32(exactly: value) else {
        preconditionFailure("\(value) is not an int32: convert the tensor with asType first")
      }
      return Tensor(integer)
    case .bool: return Tensor(value != 0)
    }
  }
}
