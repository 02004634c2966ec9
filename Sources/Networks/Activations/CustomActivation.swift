import CovarianceEngine
import Tensors

/// An activation of your own, given by its function alone; its duals are computed.
///
/// ```swift
/// let network = Serial {
///   Dense(512)
///   CustomActivation { x in x * x / (1 + exp(-x)) }
///   Dense(1)
/// }
/// let leaky = CustomActivation(kinks: [-1, 0]) { x in maximum(x, 0) + 0.1 * minimum(x + 1, 0) }
/// ```
///
/// Functions that are smooth between the kinks you declare have duals exact to 1e-10 of √(κ(q11) κ(q22)), as long as
/// they change on a scale of at least 1/20 standard deviations and grow no faster than a polynomial. A jump or kink that
/// is not declared costs most of the digits. `Elementwise` takes duals of your own, `ElementwiseNumerical` a
/// function by its name, which network files can hold, unlike this.
///
/// Time: a few times that of `Erf` where the Hermite series converges, which it does for functions that are smooth but for
/// a kink at 0 up to variances of some ten, and at every correlation for functions that are straight between at most five
/// kinks; some ten thousand evaluations of φ for each entry where it does not: near correlation ±1 for functions that bend at
/// other kinks and for variances far above that. A function that jumps, or whose `derivative` is another function's, has no
/// series that serves κ and κ̇: its kernels take such time for many entries.
public struct CustomActivation: Activation {
  public static let nodeName = "customActivation"

  private let phi: @Sendable (Tensor) -> Tensor
  private let slope: (@Sendable (Tensor) -> Tensor)?
  /// Where φ, φ' or φ'' jumps.
  public let kinks: [Double]
  private let series: VectorDual?

  /// The closures must be made of tensor operations, element by element.
  ///
  /// - Parameters:
  ///   - kinks: where φ, φ' or φ'' jumps.
  ///   - derivative: φ'; nil for the derivative of `function`, which is right where `function` is differentiable.
  ///   - function: φ.
  /// - Precondition: the kinks are finite.
  public init(
    kinks: [Double] = [], derivative: (@Sendable (Tensor) -> Tensor)? = nil,
    function: @escaping @Sendable (Tensor) -> Tensor
  ) {
    precondition(kinks.allSatisfy { $0.isFinite }, "kinks \(kinks) are not all finite")
    phi = function
    slope = derivative
    let kinks = Array(Set(kinks.map { $0 + 0 })).sorted()
    self.kinks = kinks
    let slope: @Sendable (Tensor) throws(NetworkError) -> Tensor = { (x) throws(NetworkError) in
      try Self.derivative(of: function, slope: derivative, at: x)
    }
    let source = SeriesSource(
      function, derivative: slope, kinks: kinks, symmetry: SeriesSource.symmetry(of: function, kinks: kinks),
      slopeJumps: SeriesSource.slopeJumps(of: slope, kinks: kinks), mayBeSteep: true)
    series = Self.hasSeries(source) ? VectorDual(source) : nil
  }

  /// Whether κ̇ is ∂κ/∂q12, which one series for both assumes: not for a function that jumps or whose derivative is
  /// another function's. At a few deviations, whose panels are where the tables' are.
  private static func hasSeries(_ source: SeriesSource) -> Bool {
    // A closure may hold tensors that are being traced, which must not outlive it.
    guard !source.function(Tensor([0.5])).isTraced,
      let moments = Interruption.carriedOut(under: nil, { try? SampledMoments.of(source, deviations: [0.3, 1, 3]) })
    else { return false }
    return moments.allSatisfy { $0.isConsistent }
  }

  /// The vector kernel of the function's series; nil for a function that jumps, whose duals are computed entry by entry.
  public var vectorDual: VectorDual? { series }

  /// A function with its derivative, such as `NumericalFunction.tanh`.
  ///
  /// - Parameters:
  ///   - function: with the kinks that it states.
  ///   - kinks: more of them.
  /// - Precondition: the kinks are finite.
  public init(_ function: NumericalFunction, kinks: [Double] = []) {
    self.init(kinks: function.kinks + kinks, derivative: function.derivative, function: function.function)
  }

  public func function(_ x: Tensor) -> Tensor { phi(x) }

  public func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try value(q12, q11, q22)
  }

  public func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try GaussianExpectation(derivative, kinks: kinks)(q12, q11, q22)
  }

  public func varianceDual(_ q: Tensor) throws(NetworkError) -> Tensor {
    try value.meanSquare(q)
  }

  private var value: GaussianExpectation {
    GaussianExpectation({ (x: Tensor) throws(NetworkError) in phi(x) }, kinks: kinks)
  }

  private func derivative(_ x: Tensor) throws(NetworkError) -> Tensor {
    try Self.derivative(of: phi, slope: slope, at: x)
  }

  private static func derivative(
    of phi: @Sendable (Tensor) -> Tensor, slope: (@Sendable (Tensor) -> Tensor)?, at x: Tensor
  ) throws(NetworkError) -> Tensor {
    if let slope { return slope(x) }
    do {
      // φ works element by element, so that its tangent along ones is the derivative of each element.
      return try jvp(phi, at: x, along: .ones(x.shape, dtype: x.dtype)).tangent
    } catch {
      throw NetworkError(
        path: [.name("function")], expected: "a closure that can be differentiated", found: "\(error)")
    }
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    throw Self.noFile
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    throw Self.noFile
  }

  private static var noFile: NetworkError {
    NetworkError(
      expected: "a layer that network files can hold: \(ElementwiseNumerical.nodeName) takes functions by name",
      found: "\(nodeName), which is made of closures")
  }
}
