import CVectorKernels

/// Computes primitives on concrete tensors, in native code on all threads.
enum Evaluator {
  /// Results of any primitive.
  static func evaluateAll(_ primitive: Primitive, _ inputs: consuming [Tensor]) throws(TensorError) -> [Tensor] {
    guard primitive.canFail else { return [evaluate(primitive, inputs)] }
    var inputs = inputs
    _ = primitive.outputTypes(for: inputs.map { $0.type })
    switch primitive {
    case .cholesky:
      let a = inputs[0].take()
      inputs = []
      return [try evaluateCholesky(a)]
    case .triangularSolve(let options): return [try evaluateTriangularSolve(inputs[0], inputs[1], options)]
    case .solve: return [try evaluateSolve(inputs[0], inputs[1])]
    case .eigh(let vectors):
      let result = try evaluateEigen(inputs[0], vectors: vectors)
      return [result.values] + (result.vectors.map { [$0] } ?? [])
    case .call(let subprogram): return try subprogram.executable.run(inputs)
    default: preconditionFailure("\(primitive) cannot fail")
    }
  }

  /// The result of a primitive that cannot fail.
  static func evaluate(_ primitive: Primitive, _ inputs: consuming [Tensor]) -> Tensor {
    var inputs = inputs
    let type = primitive.outputType(for: inputs.map { $0.type })
    return evaluate(primitive, &inputs, type)
  }

  /// The result, of the given type, of a primitive that cannot fail; its inputs are known to fit.
  static func evaluate(_ primitive: Primitive, _ inputs: inout [Tensor], _ type: TensorType) -> Tensor {
    switch primitive {
    case .unary(let function): return unary(function, type, &inputs)
    case .binary(let function): return binary(function, type, &inputs)
    case .compare(let comparison): return compare(comparison, type, inputs)
    case .multiplyAdd: return multiplyAdd(type, &inputs)
    case .select: return select(type, &inputs)
    case .convert: return convert(type, inputs[0])
    case .reshape: return Tensor(shape: type.shape, dtype: type.dtype, storage: inputs[0].storage)
    case .transpose(let permutation): return transpose(inputs[0], permutation, type)
    case .broadcast: return broadcast(inputs[0], type)
    case .reverse(let axes): return reverse(inputs[0], axes, type)
    case .slice(let starts, _, let strides): return slice(inputs[0], starts, strides, type)
    case .assign(let starts, _, let strides): return assign(&inputs, starts, strides)
    case .pad(let low, _, let interior): return pad(inputs[0], inputs[1], low, interior, type)
    case .concatenate(let axis): return concatenate(inputs, axis, type)
    case .reduce(let reduction, let axes): return reduce(reduction, inputs[0], axes, type)
    case .argReduce(let extreme, let axis): return argReduce(extreme, inputs[0], axis, type)
    case .cumulativeSum(let axis): return cumulativeSum(inputs[0], axis, type)
    case .iota(_, _, let axis): return iota(axis, type)
    case .take(let axis): return take(inputs[0], inputs[1], axis, type)
    case .scatterAdd(let axis, _): return scatterAdd(inputs[0], inputs[1], axis, type)
    case .takeAlong(let axis): return takeAlong(inputs[0], inputs[1], axis, type)
    case .scatterAddAlong(let axis, _): return scatterAddAlong(inputs[0], inputs[1], axis, type)
    case .sort(let axis): return sort(inputs[0], axis, type)
    case .argSort(let axis): return argSort(inputs[0], axis, type)
    case .dynamicSlice(let sizes):
      return slice(inputs[0], blockStarts(inputs[1], sizes, in: inputs[0].shape), sizes.map { _ in 1 }, type)
    case .dynamicUpdateSlice:
      let starts = blockStarts(inputs[2], inputs[1].shape, in: type.shape)
      inputs.removeLast()
      return assign(&inputs, starts, starts.map { _ in 1 })
    case .dotGeneral(let dimensions): return evaluateDotGeneral(inputs[0], inputs[1], dimensions)
    case .convolution(let geometry, let role): return evaluateConvolution(geometry, role, inputs[0], inputs[1])
    case .windowSum(let geometry): return evaluateWindowSum(geometry, inputs[0])
    case .stopGradient: return inputs[0]
    case .cholesky, .triangularSolve, .solve, .eigh, .call: preconditionFailure("\(primitive) can fail")
    }
  }

  /// Where a block of the given sizes starts, moved inside of `shape`.
  private static func blockStarts(_ starts: Tensor, _ sizes: [Int], in shape: [Int]) -> [Int] {
    let wanted = starts.scalars(as: Int32.self)
    return shape.indices.map { min(max(0, Int(wanted[$0])), shape[$0] - sizes[$0]) }
  }

  /// A result to write to: the memory of the first input of the same size and type that nothing else refers to, or new.
  static func output(_ type: TensorType, reusing inputs: inout [Tensor]) -> Tensor {
    let count = type.count
    for index in inputs.indices where inputs[index].dtype == type.dtype && inputs[index].count == count {
      if isKnownUniquelyReferenced(&inputs[index].storage) {
        return Tensor(shape: type.shape, dtype: type.dtype, storage: inputs[index].storage)
      }
    }
    return Tensor(uninitialized: type.shape, dtype: type.dtype)
  }
}

extension Tensor {
  /// Where the elements are. Whoever uses it keeps the tensor alive, and writes only to a tensor just made.
  var bytes: UnsafeMutableRawPointer { storage.bytes }
}

extension DType {
  var kernelType: nt_dtype {
    switch self {
    case .float32: nt_float32
    case .float64: nt_float64
    case .int32: nt_int32
    case .bool: nt_bool
    }
  }
}

/// A tensor's shape seen from one axis: `outer` blocks of `length` rows of `inner` elements.
struct AxisView {
  let outer: Int
  let length: Int
  let inner: Int

  init(_ shape: [Int], axis: Int) {
    outer = Array(shape[..<axis]).product
    length = shape[axis]
    inner = Array(shape[(axis + 1)...]).product
  }
}
