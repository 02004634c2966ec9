import CovarianceEngine
import CVectorKernels
import Tensors

/// Polynomial: φ(x) = Σₖ cₖ xᵏ.
///
/// κ = Σₗ sₗ(q11) sₗ(q22) q12ˡ and κ̇ = Σₗ l sₗ(q11) sₗ(q22) q12ˡ⁻¹, where
/// sₗ(q) = Σᵢ c₂ᵢ₊ₗ (2i + l)! / (2ⁱ i! √l!) qⁱ comes from the Hermite expansion of φ(√q z): no division, so that zero
/// variances need no care.
///
/// *Source:* Daniely et al., Toward deeper understanding of neural networks, NIPS 2016 (arXiv 1602.05897), Hermite
/// expansion of duals.
public struct Polynomial: Activation {
  public static let nodeName = "polynomial"

  /// From the constant term upwards; none at all is the zero function.
  public var coefficients: [Double]

  public init(_ coefficients: [Double]) {
    self.coefficients = coefficients
  }

  public func function(_ x: Tensor) -> Tensor { powerSeries(coefficients, at: x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    series(from: 0, { _ in 1 }, q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor {
    series(from: 1, { Double($0) }, q12, q11, q22)
  }

  /// Σₗ weight(l) sₗ(q11) sₗ(q22) q12^(l − lowest) over l ≥ lowest, by Horner's rule.
  private func series(
    from lowest: Int, _ weight: (Int) -> Double, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor
  ) -> Tensor {
    var total = Tensor.zeros(q12.shape, dtype: q12.dtype)
    for order in stride(from: coefficients.count - 1, through: lowest, by: -1) {
      if order < coefficients.count - 1 { total = total * q12 }
      let expansion = hermiteExpansion(order)
      if expansion.contains(where: { $0 != 0 }) {
        total = total + weight(order) * powerSeries(expansion, at: q11) * powerSeries(expansion, at: q22)
      }
    }
    return total
  }

  /// The coefficients of sₗ, from the constant term upwards.
  private func hermiteExpansion(_ order: Int) -> [Double] {
    var factor = (1..<max(order + 1, 1)).reduce(1) { $0 * Double($1).squareRoot() }
    var result: [Double] = []
    for (i, k) in stride(from: order, to: coefficients.count, by: 2).enumerated() {
      if i > 0 { factor *= Double(k) * Double(k - 1) / Double(2 * i) }
      result.append(factor * coefficients[k])
    }
    return result
  }

  public var vectorDual: VectorDual? { VectorDual(nt_dual_polynomial, coefficients: coefficients) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    coefficients = try arguments.numbers("coefficients")
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("coefficients", coefficients)
  }
}

/// Σₖ cₖ xᵏ by Horner's rule, `coefficients` from the constant term upwards; zero when there are none.
func powerSeries(_ coefficients: [Double], at x: Tensor) -> Tensor {
  guard let highest = coefficients.last else { return .zeros(x.shape, dtype: x.dtype) }
  var total = Tensor(repeating: highest, shape: x.shape, dtype: x.dtype)
  for coefficient in coefficients.dropLast().reversed() {
    total = total * x
    if coefficient != 0 { total = total + coefficient }
  }
  return total
}

extension LayerArguments {
  /// The argument `degree`, from 0 to `largest`.
  mutating func degree(atMost largest: Int) throws(NetworkError) -> Int {
    let degree = try integer("degree", atLeast: 0)
    guard degree <= largest else {
      throw NetworkError(path: [.name("degree")], expected: "an integer from 0 to \(largest)", found: "\(degree)")
    }
    return degree
  }
}
