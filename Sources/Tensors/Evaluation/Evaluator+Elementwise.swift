import CVectorKernels

extension Evaluator {
  /// Elements per thread below which another thread costs more than it gains.
  private static let arithmeticGrain = 1 << 16
  private static let functionGrain = 1 << 13

  static func unary(_ function: UnaryFunction, _ type: TensorType, _ inputs: inout [Tensor]) -> Tensor {
    let result = output(type, reusing: &inputs)
    nonisolated(unsafe) let (x, y) = (inputs[0].bytes, result.bytes)
    let (kernel, kernelType, size) = (function.kernel, type.dtype.kernelType, type.dtype.byteCount)
    Threads.forEachRange(type.count, grain: function.isCheap ? arithmeticGrain : functionGrain) { range in
      let offset = range.lowerBound * size
      nt_unary(kernel, kernelType, x + offset, y + offset, range.count)
    }
    withExtendedLifetime(inputs) {}
    return result
  }

  static func binary(_ function: BinaryFunction, _ type: TensorType, _ inputs: inout [Tensor]) -> Tensor {
    let result = output(type, reusing: &inputs)
    nonisolated(unsafe) let (a, b, out) = (inputs[0].bytes, inputs[1].bytes, result.bytes)
    let (kernel, dtype) = (function.kernel, type.dtype)
    let grain = function.isCheap ? arithmeticGrain : functionGrain
    forEachRun(inputs, type, grain: grain) { run in
      nt_binary(
        kernel, dtype.kernelType, run.operand(0, of: a, dtype), run.operand(1, of: b, dtype),
        out + run.element * dtype.byteCount, run.rows, run.columns)
    }
    return result
  }

  static func compare(_ comparison: Comparison, _ type: TensorType, _ inputs: [Tensor]) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: .bool)
    nonisolated(unsafe) let (a, b, out) = (inputs[0].bytes, inputs[1].bytes, result.bytes)
    let (kernel, dtype) = (comparison.kernel, inputs[0].dtype)
    forEachRun(inputs, type, grain: arithmeticGrain) { run in
      nt_compare(
        kernel, dtype.kernelType, run.operand(0, of: a, dtype), run.operand(1, of: b, dtype),
        (out + run.element).assumingMemoryBound(to: Bool.self), run.rows, run.columns)
    }
    return result
  }

  static func multiplyAdd(_ type: TensorType, _ inputs: inout [Tensor]) -> Tensor {
    let result = output(type, reusing: &inputs)
    nonisolated(unsafe) let (a, b, c, out) = (inputs[0].bytes, inputs[1].bytes, inputs[2].bytes, result.bytes)
    let dtype = type.dtype
    forEachRun(inputs, type, grain: arithmeticGrain) { run in
      nt_multiply_add(
        dtype.kernelType, run.operand(0, of: a, dtype), run.operand(1, of: b, dtype), run.operand(2, of: c, dtype),
        out + run.element * dtype.byteCount, run.rows, run.columns)
    }
    return result
  }

  static func select(_ type: TensorType, _ inputs: inout [Tensor]) -> Tensor {
    let result = output(type, reusing: &inputs)
    nonisolated(unsafe) let (mask, a, b, out) = (inputs[0].bytes, inputs[1].bytes, inputs[2].bytes, result.bytes)
    let dtype = type.dtype
    forEachRun(inputs, type, grain: arithmeticGrain) { run in
      nt_select(
        dtype.kernelType, run.operand(0, of: mask, .bool), run.operand(1, of: a, dtype), run.operand(2, of: b, dtype),
        out + run.element * dtype.byteCount, run.rows, run.columns)
    }
    return result
  }

  static func convert(_ type: TensorType, _ x: Tensor) -> Tensor {
    if x.dtype == type.dtype { return x }
    let result = Tensor(uninitialized: type.shape, dtype: type.dtype)
    nonisolated(unsafe) let (source, target) = (x.bytes, result.bytes)
    let (from, to) = (x.dtype, type.dtype)
    Threads.forEachRange(type.count, grain: arithmeticGrain) { range in
      nt_convert(
        from.kernelType, to.kernelType, source + range.lowerBound * from.byteCount,
        target + range.lowerBound * to.byteCount, range.count)
    }
    withExtendedLifetime(x) {}
    return result
  }

  private static func forEachRun(
    _ inputs: [Tensor], _ type: TensorType, grain: Int, _ body: @Sendable (BroadcastPlan.Run) -> Void
  ) {
    let plan = BroadcastPlan(inputs.map { $0.shape }, to: type.shape)
    Threads.forEachRange(type.count, grain: grain) { range in plan.forEachRun(in: range, body) }
    withExtendedLifetime(inputs) {}
  }
}

extension UnaryFunction {
  /// Whether its time per element is about that of an addition.
  var isCheap: Bool {
    switch self {
    case .negate, .absolute, .sign, .square, .not, .floor, .ceil, .round, .sqrt, .rsqrt, .reciprocal: true
    default: false
    }
  }

  var kernel: nt_unary_function {
    switch self {
    case .negate: nt_negate
    case .absolute: nt_absolute
    case .sign: nt_sign
    case .square: nt_square
    case .not: nt_not
    case .floor: nt_floor
    case .ceil: nt_ceil
    case .round: nt_round
    case .sqrt: nt_sqrt
    case .rsqrt: nt_rsqrt
    case .reciprocal: nt_reciprocal
    case .cbrt: nt_cbrt
    case .exp: nt_exp
    case .expm1: nt_expm1
    case .log: nt_log
    case .log1p: nt_log1p
    case .sin: nt_sin
    case .cos: nt_cos
    case .tan: nt_tan
    case .asin: nt_asin
    case .acos: nt_acos
    case .atan: nt_atan
    case .sinh: nt_sinh
    case .cosh: nt_cosh
    case .tanh: nt_tanh
    case .asinh: nt_asinh
    case .acosh: nt_acosh
    case .atanh: nt_atanh
    case .erf: nt_erf
    case .erfc: nt_erfc
    case .erfInverse: nt_erf_inverse
    }
  }
}

extension BinaryFunction {
  var isCheap: Bool { self != .power && self != .atan2 }

  var kernel: nt_binary_function {
    switch self {
    case .add: nt_add
    case .subtract: nt_subtract
    case .multiply: nt_multiply
    case .divide: nt_divide
    case .minimum: nt_minimum
    case .maximum: nt_maximum
    case .power: nt_power
    case .atan2: nt_atan2
    case .and: nt_and
    case .or: nt_or
    case .xor: nt_xor
    }
  }
}

extension Comparison {
  var kernel: nt_comparison {
    switch self {
    case .less: nt_less
    case .lessOrEqual: nt_less_equal
    case .equal: nt_equal
    case .notEqual: nt_not_equal
    case .greaterOrEqual: nt_greater_equal
    case .greater: nt_greater
    }
  }
}
