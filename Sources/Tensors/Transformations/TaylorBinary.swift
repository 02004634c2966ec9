// Series of functions of two arguments.

extension BinaryFunction {
  /// The series of the function, whose value is `z`, of two series; coefficients in the shapes they come in, which
  /// broadcast to that of `z`.
  ///
  /// Corners are as in the derivative: arguments of a minimum or maximum that are equal at t = 0 share it.
  func taylor(_ a: TaylorSeries, _ b: TaylorSeries, _ z: Tensor) -> TaylorSeries {
    switch self {
    case .add: return (a + b).replacingValue(z)
    case .subtract: return (a - b).replacingValue(z)
    case .multiply: return (a * b).replacingValue(z)
    case .divide:
      if b.isConstant { return a.mapped { $0 / b.value }.replacingValue(z) }
      return a.divided(by: b, value: z)
    case .minimum, .maximum:
      let (x, y) = (a.value, b.value)
      let aShare = Self.share(x, y, isFirst: self == .maximum ? x .> y : x .< y)
      let bShare = Self.share(x, y, isFirst: self == .maximum ? y .> x : y .< x)
      return (a.mapped { $0 * aShare } + b.mapped { $0 * bShare }).replacingValue(z)
    case .power: return Self.power(a, b, z)
    case .atan2: return Self.angle(a, b, z)
    case .and, .or, .xor: return TaylorSeries(z, order: a.order)
    }
  }

  /// θ' = (b a' − a b') / (a² + b²), and 0 at the origin, where the angle has no derivative.
  private static func angle(_ a: TaylorSeries, _ b: TaylorSeries, _ z: Tensor) -> TaylorSeries {
    let radius = a.squared() + b.squared()
    let isOrigin = radius.value .== 0
    let safe = radius.replacingValue(select(isOrigin, 1, radius.value))
    let inverse = UnaryFunction.reciprocal.taylor(safe, reciprocal(safe.value))
    return (a.integral(of: b * inverse, value: z) - b.integral(of: a * inverse, value: z))
      .mapped { select(isOrigin, 0, $0) }.replacingValue(z)
  }

  private static func power(_ base: TaylorSeries, _ exponent: TaylorSeries, _ z: Tensor) -> TaylorSeries {
    if !exponent.value.isTraced, exponent.isConstant, let number = exponent.value.repeatedElement {
      let p = number.asType(.float64).scalar(as: Double.self)
      if p.rounded() == p, (0...64).contains(p) { return base.integerPower(Int(p)).replacingValue(z) }
    }
    // 0 to a positive power is 0 for all powers nearby, so that the logarithm of 0 counts for nothing.
    let isZero = base.value .== 0
    let safe = base.replacingValue(select(isZero, 1, base.value))
    let withConstantExponent = powerAtConstantExponent(base, safe, isZero, exponent.value, z)
    if exponent.isConstant { return withConstantExponent }
    let logarithm = safe.logarithm(value: log(safe.value))
    let general = (exponent * logarithm).exponential(value: z)
    return TaylorSeries(
      zip(general.coefficients, withConstantExponent.coefficients).map { general, constant in
        guard !base.isConstant else { return general }
        return Primitive.sum([
          general.map { select(isZero, 0, $0) }, constant.map { select(isZero, $0, 0) },
        ])
      }
    ).replacingValue(z)
  }

  /// xᵖ for a p that does not move: a recurrence that divides by x, and where x is 0 the power itself, when p is a
  /// natural number, or else zero up to order p and from there on infinite where x moves.
  private static func powerAtConstantExponent(
    _ base: TaylorSeries, _ safe: TaylorSeries, _ isZero: Tensor, _ p: Tensor, _ z: Tensor
  ) -> TaylorSeries {
    let order = base.order
    let recurrence = safe.power(value: z) { $0 * p }
    let isNatural = (p .== round(p)) .& (p .>= 0)
    let natural = base.elementwisePower(select(isNatural, clip(p, 0, Double(order + 1)), 0))
    return TaylorSeries(
      (0...order).map { k in
        guard k > 0 else { return z }
        let isInfinite = (.!isNatural) .& (p .< Double(k))
        var atZero = natural[k].map { select(isNatural, $0, 0) }
        if let slope = base[1] {
          let moves = isInfinite .& (slope .!= 0)
          atZero = select(moves, .infinity, atZero ?? .zero(of: slope))
        }
        return Primitive.sum([
          recurrence[k].map { select(isZero, 0, $0) }, atZero.map { select(isZero, $0, 0) },
        ])
      })
  }
}

extension TaylorSeries {
  private var one: TaylorSeries {
    TaylorSeries(Tensor(repeating: 1, shape: value.shape, dtype: value.dtype), order: order)
  }

  /// A power by repeated squaring, exact where the value is 0.
  fileprivate func integerPower(_ exponent: Int) -> TaylorSeries {
    var (result, square, rest) = (nil as TaylorSeries?, self, exponent)
    while rest > 0 {
      if rest % 2 == 1 { result = result.map { $0 * square } ?? square }
      rest /= 2
      if rest > 0 { square = square.squared() }
    }
    return result ?? one
  }

  /// The powers to natural numbers up to order + 1, one for every element, by repeated squaring.
  fileprivate func elementwisePower(_ exponent: Tensor) -> TaylorSeries {
    var (result, square, rest, bit) = (one, self, exponent, 1)
    while bit <= order + 1 {
      let half = floor(rest / 2)
      let isSet = (rest - 2 * half) .== 1
      let (kept, multiplied) = (result, result * square)
      result = TaylorSeries(
        zip(kept.coefficients, multiplied.coefficients).map { kept, multiplied in
          guard let example = kept ?? multiplied else { return nil }
          return select(isSet, multiplied ?? .zero(of: example), kept ?? .zero(of: example))
        })
      (rest, bit) = (half, bit * 2)
      if bit <= order + 1 { square = square.squared() }
    }
    return result
  }
}
