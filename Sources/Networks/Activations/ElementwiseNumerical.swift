import CovarianceEngine
import Tensors

/// Any elementwise function, its duals by Gauss–Hermite quadrature of a fixed degree, as in the Python library.
///
/// Prefer `Tanh` and the other layers named after their function, or `CustomActivation` for one of your own: they are
/// accurate at every variance and near kinks, symmetric in the inputs and mostly faster.
///
/// With nodes xᵢ and weights wᵢ of the given degree:
/// κ ≈ (1/π) Σᵢⱼ wᵢ wⱼ φ(√(2q11) xᵢ) φ(√2 (q12/√q11) xᵢ + √2 √(q22 − q12²/q11) xⱼ), and κ̇ likewise with φ'. Accurate
/// for functions that are smooth on the scale √q of their input: tanh at q = 1 to 2e-5 with degree 25. Functions with
/// kinks converge slowly; use their own layers. The two variances do not enter symmetrically, so that swapping the
/// inputs changes the result by the quadrature error.
///
/// Time: `degree`² evaluations of φ per entry; memory: a few tensors of the size of the kernel.
///
/// *Source:* Abramowitz and Stegun 25.4.46, for both integrals in turn.
public struct ElementwiseNumerical: Activation {
  public static let nodeName = "numerical"

  /// The default number of nodes.
  public static let defaultDegree = 25

  /// φ and φ'.
  public let numericalFunction: NumericalFunction
  /// The number of nodes.
  public let degree: Int
  private let rule: GaussHermite

  /// - Precondition: `degree` is at least 1.
  public init(_ function: NumericalFunction, degree: Int = defaultDegree) {
    numericalFunction = function
    self.degree = degree
    rule = GaussHermite(degree: degree)
  }

  /// φ and φ' of your own, made of tensor operations, element by element.
  ///
  /// - Precondition: `degree` is at least 1.
  public init(
    function: @escaping @Sendable (Tensor) -> Tensor, derivative: @escaping @Sendable (Tensor) -> Tensor,
    degree: Int = defaultDegree
  ) {
    self.init(NumericalFunction(function: function, derivative: derivative), degree: degree)
  }

  public func function(_ x: Tensor) -> Tensor { numericalFunction.function(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    expectation(numericalFunction.function, q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    expectation(numericalFunction.derivative, q12, q11, q22)
  }

  /// E[f(u) f(v)].
  private func expectation(
    _ f: (Tensor) -> Tensor, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
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
    self.init(function, degree: try arguments.integer("degree", default: Self.defaultDegree, atLeast: 1, atMost: 200))
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    guard let name = numericalFunction.name else {
      throw NetworkError(
        path: [.name("function")], expected: "a named function: files cannot hold closures", found: "an unnamed one")
    }
    arguments.set("function", name)
    arguments.set("degree", degree, default: Self.defaultDegree)
  }
}
