extension UnaryFunction {
  /// The derivative at `x`, where the function is `y`; nil where it is zero almost everywhere.
  ///
  /// At corners: |x| has derivative 0 at 0, and √x and ∛x, whose derivative is infinite at 0, are given 0 there, so that a
  /// tangent of 0 stays 0.
  func derivative(_ x: Tensor, _ y: Tensor) -> Tensor? {
    switch self {
    case .negate: return -Tensor(repeating: 1, shape: [], dtype: x.dtype)
    case .absolute: return Tensors.sign(x)
    case .sign, .not, .floor, .ceil, .round: return nil
    case .square: return 2 * x
    case .sqrt: return Self.zeroAtZero(y) { 0.5 / $0 }
    case .rsqrt: return -0.5 * y * (y * y)
    case .reciprocal: return -(y * y)
    case .cbrt: return Self.zeroAtZero(y) { (1 / 3.0) / ($0 * $0) }
    case .exp: return y
    case .expm1: return y + 1
    case .log: return Tensors.reciprocal(x)
    case .log1p: return Tensors.reciprocal(1 + x)
    case .sin: return Tensors.cos(x)
    case .cos: return -Tensors.sin(x)
    case .tan: return 1 + y * y
    case .asin: return Tensors.rsqrt((1 - x) * (1 + x))
    case .acos: return -Tensors.rsqrt((1 - x) * (1 + x))
    case .atan: return Tensors.reciprocal(1 + x * x)
    case .sinh: return Tensors.cosh(x)
    case .cosh: return Tensors.sinh(x)
    case .tanh: return (1 - y) * (1 + y)
    case .asinh: return Tensors.rsqrt(1 + x * x)
    case .acosh: return Tensors.rsqrt((x - 1) * (x + 1))
    case .atanh: return Tensors.reciprocal((1 - x) * (1 + x))
    case .erf: return 2 / Double.pi.squareRoot() * Tensors.exp(-(x * x))
    case .erfc: return -2 / Double.pi.squareRoot() * Tensors.exp(-(x * x))
    case .erfInverse: return 0.5 * Double.pi.squareRoot() * Tensors.exp(y * y)
    }
  }

  private static func zeroAtZero(_ y: Tensor, _ derivative: (Tensor) -> Tensor) -> Tensor {
    let isZero = y .== 0
    return Tensors.select(isZero, 0, derivative(Tensors.select(isZero, 1, y)))
  }
}

extension BinaryFunction {
  /// The tangent of the result `z` of `x` and `y`, in its shape; nil is zero.
  func jvp(_ x: Tensor, _ y: Tensor, _ z: Tensor, _ dx: Tensor?, _ dy: Tensor?) -> Tensor? {
    Primitive.sum([dx.flatMap { partX($0, x, y, z) }, dy.flatMap { partY($0, x, y, z) }])
      .map { $0.broadcast(to: z.shape) }
  }

  private func partX(_ t: Tensor, _ x: Tensor, _ y: Tensor, _ z: Tensor) -> Tensor? {
    switch self {
    case .add, .subtract: t
    case .multiply: t * y
    case .divide: t / y
    case .minimum, .maximum: t * Self.share(x, y, isFirst: self == .maximum ? x .> y : x .< y)
    // The factor y is exactly 0 where y is; only at the origin its other factor must not be the infinite 1 / x.
    case .power: t * (y * pow(x, select((x .== 0) .& (y .== 0), 1, y - 1)))
    case .atan2: t * (y / Self.squaredRadius(x, y))
    case .and, .or, .xor: nil
    }
  }

  private func partY(_ t: Tensor, _ x: Tensor, _ y: Tensor, _ z: Tensor) -> Tensor? {
    switch self {
    case .add: t
    case .subtract: -t
    case .multiply: t * x
    case .divide: t * (-z / y)
    case .minimum, .maximum: t * Self.share(x, y, isFirst: self == .maximum ? y .> x : y .< x)
    // 0 to a positive power is 0 for all powers nearby.
    case .power: t * (log(select(x .== 0, 1, x)) * z)
    case .atan2: t * (-x / Self.squaredRadius(x, y))
    case .and, .or, .xor: nil
    }
  }

  /// 1 where the argument decides the result, 1/2 where both are equal, else 0.
  static func share(_ x: Tensor, _ y: Tensor, isFirst: Tensor) -> Tensor {
    select(isFirst, 1, select(x .== y, Tensor(repeating: 0.5, shape: [], dtype: x.dtype), 0))
  }

  /// x² + y², or 1 at the origin, where the angle has no derivative and is given 0.
  private static func squaredRadius(_ x: Tensor, _ y: Tensor) -> Tensor {
    let sum = x * x + y * y
    return select(sum .== 0, 1, sum)
  }
}
