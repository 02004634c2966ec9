import CovarianceEngine
import Tensors

/// Any elementwise function, its duals computed numerically.
///
/// With a degree, 25 by default, they are the Gauss–Hermite quadrature of the Python library, to the last digit of its error.
/// With the nodes xᵢ and weights wᵢ of that degree:
///
/// κ ≈ (1/π) Σᵢⱼ wᵢ wⱼ φ(√(2q11) xᵢ) φ(√2 (q12/√q11) xᵢ + √2 √(q22 − q12²/q11) xⱼ), and κ̇ likewise with φ'. Accurate
/// for functions that are smooth on the scale √q of their input: tanh at q = 1 to 2e-5 with degree 25. Functions with
/// kinks converge slowly. The two variances do not enter symmetrically, so that swapping the inputs changes the result by
/// the quadrature error. It takes `degree`² evaluations of φ per entry and a few tensors of the size of the kernel.
///
/// With `degree` nil the duals are exact, those of `CustomActivation`: accurate at every variance, symmetric in the inputs and
/// as fast as those of the layers named after their function, hundreds of times faster than the quadrature.
///
/// *Source:* Abramowitz and Stegun 25.4.46, for both integrals in turn.
public struct ElementwiseNumerical: Activation {
  public static let nodeName = "numerical"

  /// The default number of nodes.
  public static let defaultDegree = 25

  /// φ and φ'.
  public let numericalFunction: NumericalFunction
  /// The number of nodes in each variable; nil for exact duals.
  public let degree: Int?
  private let duals: Duals

  private enum Duals: Sendable {
    case exact(CustomActivation)
    case quadrature(GaussHermite)
  }

  /// The functions with a name, whose tables of series all layers share.
  private static let named = Dictionary(
    uniqueKeysWithValues: NumericalFunction.all.map { ($0.name ?? "", CustomActivation($0)) })

  /// - Parameter degree: nodes of the quadrature in each variable; nil for exact duals.
  /// - Precondition: `degree` is at least 1.
  public init(_ function: NumericalFunction, degree: Int? = defaultDegree) {
    numericalFunction = function
    self.degree = degree
    if let degree {
      duals = .quadrature(GaussHermite(degree: degree))
    } else {
      duals = .exact(function.name.flatMap { Self.named[$0] } ?? CustomActivation(function))
    }
  }

  /// φ and φ' of your own, made of tensor operations, element by element.
  ///
  /// - Parameters:
  ///   - kinks: where φ, φ' or φ'' jumps, for exact duals.
  ///   - degree: nodes of the quadrature in each variable; nil for exact duals.
  /// - Precondition: `degree` is at least 1, and the kinks are finite.
  public init(
    kinks: [Double] = [], function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) -> Tensor, degree: Int? = defaultDegree
  ) {
    self.init(NumericalFunction(kinks: kinks, function: function, derivative: derivative), degree: degree)
  }

  public func function(_ x: Tensor) -> Tensor { numericalFunction.function(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    switch duals {
    case .exact(let activation): try activation.dual(q12, q11, q22)
    case .quadrature(let rule): Self.expectation(numericalFunction.function, rule, q12, q11, q22)
    }
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    switch duals {
    case .exact(let activation): try activation.derivativeDual(q12, q11, q22)
    case .quadrature(let rule): Self.expectation(numericalFunction.derivative, rule, q12, q11, q22)
    }
  }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor {
    switch duals {
    case .exact(let activation): try activation.varianceDual(q)
    case .quadrature: try dual(q, q, q)
    }
  }

  public var vectorDual: VectorDual? {
    guard case .exact(let activation) = duals else { return nil }
    return activation.vectorDual
  }

  /// E[f(u) f(v)].
  private static func expectation(
    _ f: (Tensor) -> Tensor, _ rule: GaussHermite, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) -> Tensor {
    // v is taken given u; u given v where u is constant, which keeps ∂κ/∂q12 right there.
    let isConstant = q11 .<= 0
    let first = select(isConstant, q22, q11)
    let second = select(isConstant, q11, q22)
    let deviation = 2.0.squareRoot() * squareRoot(first)
    let divisor = squareRoot(select(first .<= 0, 1, first))
    let slope = 2.0.squareRoot() * (q12 / divisor)
    // A few roundings more than the exact variance: the square root has no derivative at 0, but the sum over nodes of
    // both signs has one, which its difference quotient at √rounding gives.
    let rounding = q12.dtype == .float32 ? Double(Float.ulpOfOne) : .ulpOfOne
    let remainder = Correlation(q12, q11, q22).gap(over: divisor) + (4 * rounding) * second
    let spread = 2.0.squareRoot() * squareRoot(remainder)

    var total = Tensor.zeros(q12.shape, dtype: q12.dtype)
    for (node, weight) in zip(rule.nodes, rule.weights) {
      let mean = node * slope
      var inner = Tensor.zeros(q12.shape, dtype: q12.dtype)
      for (innerNode, innerWeight) in zip(rule.nodes, rule.weights) {
        inner = inner + innerWeight * f(mean + innerNode * spread)
      }
      total = total + (weight / .pi) * f(node * deviation) * inner
    }
    return total
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    let name = try arguments.string("function")
    guard let function = NumericalFunction.named(name) else {
      throw NetworkError(
        path: [.name("function")], expected: "one of " + NumericalFunction.names.joined(separator: ", "),
        found: "\"\(name)\"")
    }
    self.init(function, degree: try Self.degree(from: &arguments))
  }

  /// What stands for no degree in a file.
  private static let exact = "exact"

  private static func degree(from arguments: inout LayerArguments) throws(NetworkError) -> Int? {
    switch arguments.take("degree") {
    case .string(exact): return nil
    case .string(let text):
      throw NetworkError(
        path: [.name("degree")], expected: "an integer of at least 1, or \"\(exact)\"", found: "\"\(text)\"")
    default: return try arguments.integer("degree", default: defaultDegree, atLeast: 1, atMost: 200)
    }
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    guard let name = numericalFunction.name else {
      throw NetworkError(
        path: [.name("function")], expected: "a named function: files cannot hold closures", found: "an unnamed one")
    }
    arguments.set("function", name)
    guard let degree else { return arguments.set("degree", Self.exact) }
    arguments.set("degree", degree, default: Self.defaultDegree)
  }
}
