import CovarianceEngine
import Tensors

/// Smooth rectifier: φ(x) = log(1 + e^(βx))/β.
///
/// With the duals κ₁, κ̇₁ of β = 1, Hermite series with an error bound: κ = κ₁(β²q12, β²q11, β²q22)/β² and
/// κ̇ = κ̇₁(β²q12, β²q11, β²q22), exact to 1e-11 for β²q from 1e-12 to 1e12.
///
/// *Source:* Mehler's formula for the series.
public struct Softplus: Activation {
  public static let nodeName = "softplus"

  /// β, positive: the larger, the nearer to `Relu`.
  @HyperParameter public var beta: Double

  /// - Precondition: `beta` is positive.
  public init(beta: Double = 1) {
    precondition(Self.isValid(beta), "beta \(beta) is not a positive number")
    self.beta = beta
  }

  private static let expected = "a positive number"
  private static func isValid(_ beta: Double) -> Bool { beta.isFinite && beta > 0 }

  /// The function of β = 1.
  private struct Standard: NumericalActivation {
    static let nodeName = Softplus.nodeName
    init() {}
    var numericalFunction: NumericalFunction { .softplus }
    var kinks: [Double] { [] }
    static let series = SeriesSource(.softplus, symmetry: .even)
    init(from arguments: inout LayerArguments) {}
    func write(to arguments: inout LayerArguments) {}
  }

  private var square: HyperParameter { $beta * $beta }

  public func function(_ x: Tensor) -> Tensor {
    if $beta.isExactly(1) { return NumericalFunction.softplus.function(x) }
    return NumericalFunction.softplus.function($beta * x) / $beta.asTensor.asType(x.dtype)
  }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try Standard().dual(square * q12, square * q11, square * q22) / square.asTensor.asType(q12.dtype)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try Standard().derivativeDual(square * q12, square * q11, square * q22)
  }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor {
    try Standard().varianceDual(square * q) / square.asTensor.asType(q.dtype)
  }

  public var vectorDual: VectorDual? {
    let beta = beta
    if beta == 1 { return Standard().vectorDual }
    let (function, derivative) = (NumericalFunction.softplus.function, NumericalFunction.softplus.derivative)
    let source = SeriesSources.shared.source(of: Self.nodeName, [beta]) {
      SeriesSource(
        { function(beta * $0) / beta }, derivative: { (x) throws(NetworkError) in derivative(beta * x) }, kinks: [],
        symmetry: .even
      ) { (q12, q11, q22) throws(NetworkError) in
        let square = beta * beta
        return try Standard.series.exact(square * q12, square * q11, square * q22) / square
      } exactDerivative: { (q12, q11, q22) throws(NetworkError) in
        let square = beta * beta
        return try Standard.series.exactDerivative(square * q12, square * q11, square * q22)
      }
    }
    return VectorDual(source)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("beta", &$beta, in: Self.isValid, expected: Self.expected)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    beta = try arguments.number("beta", default: 1, in: Self.isValid, expected: Self.expected)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("beta", beta, default: 1)
  }
}
