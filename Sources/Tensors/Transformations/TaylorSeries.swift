/// The beginning x_0 … x_K of a power series Σ x_k tᵏ of tensors, and the arithmetic of such series.
///
/// Coefficients are normalised: x_k is the k-th derivative at t = 0 divided by k!. Then products are Cauchy products
/// without binomial coefficients, and functions that solve a differential equation follow from a recurrence in which
/// each coefficient takes one sum over those before: O(K²) operations in all.
///
/// *Source:* Griewank, Walther, "Evaluating Derivatives", 2nd edition (2008), chapter 13.
struct TaylorSeries {
  /// x_0, x_1, …; nil is zero.
  var coefficients: [Tensor?]

  init(_ coefficients: [Tensor?]) {
    self.coefficients = coefficients
  }

  /// A constant function.
  init(_ value: Tensor, order: Int) {
    coefficients = [value] + [Tensor?](repeating: nil, count: order)
  }

  /// The series whose coefficient k ≥ 1 `next` makes of those before it.
  init<Failure: Error>(
    _ value: Tensor, order: Int, recurrence next: (_ k: Int, _ before: TaylorSeries) throws(Failure) -> Tensor?
  ) throws(Failure) {
    self.init([value])
    for k in 1..<order + 1 { coefficients.append(try next(k, self)) }
  }

  var order: Int { coefficients.count - 1 }

  /// The function at t = 0.
  var value: Tensor {
    guard let value = coefficients[0] else { preconditionFailure("a series without a value") }
    return value
  }

  var isConstant: Bool { coefficients.dropFirst().allSatisfy { $0 == nil } }

  subscript(_ k: Int) -> Tensor? { coefficients[k] }

  /// A linear function of the series.
  func mapped(_ linear: (Tensor) -> Tensor) -> TaylorSeries { TaylorSeries(coefficients.map { $0.map(linear) }) }

  /// All coefficients in the shape of a value they were broadcast with.
  func broadcast(to shape: [Int]) -> TaylorSeries { mapped { $0.broadcast(to: shape) } }

  /// The same function with another value at 0: the same number computed more accurately.
  func replacingValue(_ value: Tensor) -> TaylorSeries {
    TaylorSeries([value] + coefficients.dropFirst())
  }

  func truncated(to order: Int) -> TaylorSeries { TaylorSeries(Array(coefficients[...order])) }

  /// k x_k: the coefficients of t x'(t). Most recurrences are written in them.
  var weighted: TaylorSeries {
    TaylorSeries(coefficients.enumerated().map { k, x in k == 0 ? nil : k == 1 ? x : x.map { $0 * Double(k) } })
  }

  /// x'(t), of an order less.
  var derivative: TaylorSeries {
    var result = TaylorSeries(Array(weighted.coefficients.dropFirst()))
    result.coefficients[0] = result[0] ?? .zero(of: value)
    return result
  }

  /// The value of the polynomial at t = 1.
  var sum: Tensor {
    // The smallest terms first, so that they do not vanish one by one.
    coefficients.dropFirst().reversed().reduce(nil as Tensor?) { sum, term in
      guard let sum, let term else { return sum ?? term }
      return sum + term
    }.map { value + $0 } ?? value
  }

  /// Σ a_j b_{k−j} over some j, elementwise; nil when all terms are zero.
  static func products(_ a: TaylorSeries, _ b: TaylorSeries, _ k: Int, _ range: Range<Int>) -> Tensor? {
    var result: Tensor?
    for j in range {
      guard let x = a[j], let y = b[k - j] else { continue }
      result = result.map { Tensors.multiplyAdd(x, y, $0) } ?? x * y
    }
    return result
  }

  /// Σ a_j b_{k−j} over some j for any product; nil when all terms are zero.
  static func products(
    _ a: TaylorSeries, _ b: TaylorSeries, _ k: Int, _ range: Range<Int>, _ multiply: (Tensor, Tensor) -> Tensor
  ) -> Tensor? {
    var result: Tensor?
    for j in range {
      guard let x = a[j], let y = b[k - j] else { continue }
      result = result.map { $0 + multiply(x, y) } ?? multiply(x, y)
    }
    return result
  }

  /// Σ a_j a_{k−j} for j and k − j from `first` on, each pair multiplied once.
  static func squares(_ a: TaylorSeries, _ k: Int, from first: Int) -> Tensor? {
    let pairs = first < (k + 1) / 2 ? products(a, a, k, first..<(k + 1) / 2).map { 2 * $0 } : nil
    guard k % 2 == 0, k / 2 >= first, let middle = a[k / 2] else { return pairs }
    return pairs.map { Tensors.multiplyAdd(middle, middle, $0) } ?? Tensors.square(middle)
  }

  static func * (a: TaylorSeries, b: TaylorSeries) -> TaylorSeries {
    TaylorSeries((0...a.order).map { products(a, b, $0, 0..<$0 + 1) })
  }

  static func + (a: TaylorSeries, b: TaylorSeries) -> TaylorSeries {
    TaylorSeries(zip(a.coefficients, b.coefficients).map { Primitive.sum([$0, $1]) })
  }

  static prefix func - (a: TaylorSeries) -> TaylorSeries { a.mapped { -$0 } }

  static func - (a: TaylorSeries, b: TaylorSeries) -> TaylorSeries {
    TaylorSeries(
      zip(a.coefficients, b.coefficients).map { x, y in
        guard let x, let y else { return x ?? y.map { -$0 } }
        return x - y
      })
  }

  static func + (a: Double, b: TaylorSeries) -> TaylorSeries { b.replacingValue(a + b.value) }
  static func - (a: TaylorSeries, b: Double) -> TaylorSeries { a.replacingValue(a.value - b) }
  static func - (a: Double, b: TaylorSeries) -> TaylorSeries { a + -b }

  func squared() -> TaylorSeries { TaylorSeries((0...order).map { Self.squares(self, $0, from: 0) }) }

  /// self / divisor.
  func divided(by divisor: TaylorSeries) -> TaylorSeries { divided(by: divisor, value: value / divisor.value) }

  /// z = x / y from y z = x.
  func divided(by divisor: TaylorSeries, value: Tensor) -> TaylorSeries {
    TaylorSeries(value, order: order) { k, before in
      Self.difference(self[k], Self.products(divisor, before, k, 1..<k + 1)).map { $0 / divisor.value }
    }
  }

  /// The series with this value and the derivative g(t) x'(t): k y_k = Σ_{j ≥ 1} j x_j g_{k−j}.
  ///
  /// - Parameter g: has to be known up to the order before, so that it may itself be made of y.
  func integral(of g: TaylorSeries, value: Tensor) -> TaylorSeries {
    let slopes = weighted
    return TaylorSeries(value, order: order) { k, _ in slopes.integralCoefficient(k, of: g) }
  }

  /// Coefficient k of ∫ g x' dt, where these are the weighted coefficients of x.
  func integralCoefficient(_ k: Int, of g: TaylorSeries) -> Tensor? {
    Self.products(self, g, k, 1..<k + 1).map { $0 / Double(k) }
  }

  static func difference(_ x: Tensor?, _ y: Tensor?) -> Tensor? {
    guard let x, let y else { return x ?? y.map { -$0 } }
    return x - y
  }
}
