// Series of elementary functions of a series x(t), from the differential equations that the functions solve. In
// comments k y_k = Σ means the sum over j from 1 to k, with nothing else said.

extension UnaryFunction {
  /// The series of the function, whose value is `y`, of the series `x`.
  ///
  /// Corners are as in `derivative`: |x| has slope 0 at 0, and √x and ∛x stay 0 at 0.
  func taylor(_ x: TaylorSeries, _ y: Tensor) -> TaylorSeries {
    let order = x.order
    switch self {
    case .negate: return (-x).replacingValue(y)
    case .absolute:
      let sign = Tensors.sign(x.value)
      return x.mapped { $0 * sign }.replacingValue(y)
    case .sign, .not, .floor, .ceil, .round: return TaylorSeries(y, order: order)
    case .square: return x.squared().replacingValue(y)
    case .sqrt: return Self.squareRoot(x, y)
    case .rsqrt: return x.power(-0.5, value: y)
    case .cbrt:
      let isZero = y .== 0
      return x.replacingValue(select(isZero, 1, x.value)).power(1 / 3.0, value: y)
        .mapped { select(isZero, 0, $0) }.replacingValue(y)
    case .reciprocal:
      return TaylorSeries(y, order: order) { k, before in
        TaylorSeries.products(x, before, k, 1..<k + 1).map { -($0 * y) }
      }
    case .exp: return x.exponential(value: y)
    // Not y + 1, whose digits are lost where y is near −1.
    case .expm1: return x.exponential(value: Tensors.exp(x.value)).replacingValue(y)
    case .log: return x.logarithm(value: y)
    case .log1p: return (1 + x).logarithm(value: y)
    case .sin: return Self.sineAndCosine(x, y, Tensors.cos(x.value), sign: -1).sine
    case .cos: return Self.sineAndCosine(x, Tensors.sin(x.value), y, sign: -1).cosine
    case .sinh: return Self.sineAndCosine(x, y, Tensors.cosh(x.value), sign: 1).sine
    case .cosh: return Self.sineAndCosine(x, Tensors.sinh(x.value), y, sign: 1).cosine
    case .tan: return Self.tangent(x, y, slope: 1 + y * y, sign: 1)
    case .tanh: return Self.tangent(x, y, slope: (1 - y) * (1 + y), sign: -1)
    case .asin: return x.integral(of: Self.rsqrt((1 - x) * (1 + x)), value: y)
    case .acos: return x.integral(of: -Self.rsqrt((1 - x) * (1 + x)), value: y)
    case .asinh: return x.integral(of: Self.rsqrt(1 + x.squared()), value: y)
    case .acosh: return x.integral(of: Self.rsqrt((x - 1) * (1 + x)), value: y)
    case .atan: return x.integral(of: Self.reciprocal(1 + x.squared()), value: y)
    case .atanh: return x.integral(of: Self.reciprocal((1 - x) * (1 + x)), value: y)
    case .erf: return x.integral(of: Self.gaussian(x, 2 / Double.pi.squareRoot()), value: y)
    case .erfc: return x.integral(of: Self.gaussian(x, -2 / Double.pi.squareRoot()), value: y)
    case .erfInverse: return Self.inverseErrorFunction(x, y)
    }
  }

  /// y² = x: 2 y_0 y_k = x_k − Σ y_j y_{k−j} over 0 < j < k.
  private static func squareRoot(_ x: TaylorSeries, _ y: Tensor) -> TaylorSeries {
    let isZero = y .== 0
    let denominator = 2 * select(isZero, 1, y)
    return TaylorSeries(y, order: x.order) { k, before in
      TaylorSeries.difference(x[k], TaylorSeries.squares(before, k, from: 1))
        .map { select(isZero, 0, $0 / denominator) }
    }
  }

  /// s' = c x' and c' = ± s x'.
  private static func sineAndCosine(
    _ x: TaylorSeries, _ sine: Tensor, _ cosine: Tensor, sign: Double
  ) -> (sine: TaylorSeries, cosine: TaylorSeries) {
    let slopes = x.weighted
    let signed = sign < 0 ? -slopes : slopes
    var (s, c) = (TaylorSeries([sine]), TaylorSeries([cosine]))
    for k in 1..<x.order + 1 {
      let (next, nextCosine) = (slopes.integralCoefficient(k, of: c), signed.integralCoefficient(k, of: s))
      s.coefficients.append(next)
      c.coefficients.append(nextCosine)
    }
    return (s, c)
  }

  /// y' = w x' with w = 1 ± y².
  private static func tangent(_ x: TaylorSeries, _ y: Tensor, slope: Tensor, sign: Double) -> TaylorSeries {
    let slopes = x.weighted
    var w = TaylorSeries([slope])
    return TaylorSeries(y, order: x.order) { k, before in
      // w is one coefficient behind y, and y_k needs no more of it.
      if k > 1 {
        w.coefficients.append(TaylorSeries.squares(before, k - 1, from: 0).map { sign < 0 ? -$0 : $0 })
      }
      return slopes.integralCoefficient(k, of: w)
    }
  }

  /// y' = ½√π e^q x' with q = y².
  private static func inverseErrorFunction(_ x: TaylorSeries, _ y: Tensor) -> TaylorSeries {
    let slopes = x.weighted
    var weights = TaylorSeries([nil])
    var slope = TaylorSeries([0.5 * Double.pi.squareRoot() * Tensors.exp(y * y)])
    return TaylorSeries(y, order: x.order) { k, before in
      if k > 1 {
        let q = TaylorSeries.squares(before, k - 1, from: 0)
        weights.coefficients.append(q.map { $0 * Double(k - 1) })
        slope.coefficients.append(weights.integralCoefficient(k - 1, of: slope))
      }
      return slopes.integralCoefficient(k, of: slope)
    }
  }

  private static func rsqrt(_ x: TaylorSeries) -> TaylorSeries { x.power(-0.5, value: Tensors.rsqrt(x.value)) }

  private static func reciprocal(_ x: TaylorSeries) -> TaylorSeries {
    UnaryFunction.reciprocal.taylor(x, Tensors.reciprocal(x.value))
  }

  /// factor · exp(−x²).
  private static func gaussian(_ x: TaylorSeries, _ factor: Double) -> TaylorSeries {
    let exponent = -x.squared()
    return exponent.exponential(value: factor * Tensors.exp(exponent.value))
  }
}

extension TaylorSeries {
  /// y' = y x': k y_k = Σ j x_j y_{k−j}; any multiple of eˣ solves it.
  func exponential(value: Tensor) -> TaylorSeries {
    let slopes = weighted
    return TaylorSeries(value, order: order) { k, before in slopes.integralCoefficient(k, of: before) }
  }

  /// x y' = x': k x_0 y_k = k x_k − Σ_{j < k} j y_j x_{k−j}.
  func logarithm(value: Tensor) -> TaylorSeries {
    let inverse = reciprocal(self.value)
    return TaylorSeries(value, order: order) { k, before in
      let sum = Self.products(before.weighted, self, k, 1..<k).map { $0 / Double(k) }
      return Self.difference(self[k], sum).map { $0 * inverse }
    }
  }

  /// y = xᵖ from x y' = p y x': k x_0 y_k = p Σ j x_j y_{k−j} − Σ_{j < k} x_j (k−j) y_{k−j}.
  func power(_ p: Double, value: Tensor) -> TaylorSeries { power(value: value) { $0 * p } }

  /// `power` where `times` multiplies by the exponent.
  func power(value: Tensor, times: (Tensor) -> Tensor) -> TaylorSeries {
    let inverse = reciprocal(self.value)
    let slopes = weighted.mapped(times)
    return TaylorSeries(value, order: order) { k, before in
      let (gain, loss) = (Self.products(slopes, before, k, 1..<k + 1), Self.products(self, before.weighted, k, 1..<k))
      return Self.difference(gain, loss).map { $0 * (inverse / Double(k)) }
    }
  }
}
