import CovarianceEngine
import Tensors

/// An activation without a closed dual, given by its function and derivative.
///
/// Its duals are exact to 1e-11 of √(κ(q11) κ(q22)) for variances from 1e-12 to 1e12 and every correlation, symmetric in the
/// inputs, and cost a hundred operations per entry where `GaussianExpectation` can use a series. Kernels take them from the
/// vector kernel of the series instead, where a few blocks of its terms do.
protocol NumericalActivation: Activation {
  /// φ and φ'.
  var numericalFunction: NumericalFunction { get }
  /// Where φ, φ' or φ'' jumps.
  var kinks: [Double] { get }
  /// What its series is made of.
  static var series: SeriesSource { get }
}

extension NumericalActivation {
  public func function(_ x: Tensor) throws(NetworkError) -> Tensor { numericalFunction.function(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try expectation(numericalFunction.function)(q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try expectation(numericalFunction.derivative)(q12, q11, q22)
  }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor {
    try expectation(numericalFunction.function).meanSquare(q)
  }

  public var vectorDual: VectorDual? { VectorDual(Self.series) }

  private func expectation(_ f: @escaping @Sendable (Tensor) -> Tensor) -> GaussianExpectation {
    GaussianExpectation({ (x: Tensor) throws(NetworkError) in f(x) }, kinks: kinks)
  }
}
