import CovarianceEngine
import Platform
import Networks
import Tensors

/// A network whose standard deviations were fitted to data by maximum marginal likelihood, with the level of noise.
public struct EvidenceFit: Sendable {
  /// The logarithm of the density of the targets, summed over outputs, before and after.
  public struct LogLikelihood: Sendable, Hashable {
    /// In nats, with the constants of the network as given.
    public let before: Double
    /// In nats, with the fitted ones.
    public let after: Double
  }

  /// The network that was given, with other standard deviations.
  public let network: any Layer
  /// What the inputs are multiplied by before they come to the network, per number of `EvidenceFitOptions.inputGroups`;
  /// empty without those.
  public let inputScales: [Double]
  /// Variance of the noise of targets, in units of the kernel: `DiagonalRegularizer.absolute`.
  public let noiseVariance: Double
  /// The noise that the fit began with.
  public let initialNoiseVariance: Double
  /// The log marginal likelihood of the targets.
  public let logMarginalLikelihood: LogLikelihood
  /// Steps of the optimizer.
  public let iterations: Int
  /// False when iterations ran out.
  public let isConverged: Bool
}

/// How to fit a network.
public struct EvidenceFitOptions: Sendable {
  /// The covariance of the Gaussian process: the NNGP, or the NTK taken as one.
  public var kernel: KernelSet
  /// Whether all weights share one factor and all biases another, instead of every layer having its own.
  public var isTied: Bool
  /// For each channel of the inputs the number of the scale that it is multiplied by, from 0 without gaps: automatic
  /// relevance determination. Nil for inputs that stay as they are.
  public var inputGroups: [Int]?
  /// Where the noise begins; nil for a tenth of the targets' mean square.
  public var initialNoiseVariance: Double?
  /// Steps of the optimizer at most.
  public var maximumIterations: Int
  /// Standard deviation of a log-normal prior on the factors that the fit puts on standard deviations and inputs, which keeps what
  /// the data do not determine near the network's own numbers; nil for none. By default a factor of 20 is one of it.
  public var priorWidth: Double?
  /// Further fits from random places near the first one's; the best of all counts. At most `largestRestarts`.
  public var restarts: Int
  /// More fits than anybody waits for.
  public static let largestRestarts = 65536
  /// Randomness of the restarts.
  public var key: RandomKey
  /// Told the share of iterations done.
  public var progress: (@Sendable (Double) -> Void)?

  /// What makes no sense is an error of `fit`.
  public init(
    kernel: KernelSet = .nngp, isTied: Bool = false, inputGroups: [Int]? = nil, initialNoiseVariance: Double? = nil,
    maximumIterations: Int = 100, priorWidth: Double? = 3, restarts: Int = 0, key: RandomKey = RandomKey(seed: 0),
    progress: (@Sendable (Double) -> Void)? = nil
  ) {
    self.kernel = kernel
    self.isTied = isTied
    self.inputGroups = inputGroups
    self.initialNoiseVariance = initialNoiseVariance
    self.maximumIterations = maximumIterations
    self.priorWidth = priorWidth
    self.restarts = restarts
    self.key = key
    self.progress = progress
  }

  fileprivate func check() throws(PredictionError) {
    func require(_ name: String, _ isValid: Bool, _ expected: String, _ found: Any) throws(PredictionError) {
      guard isValid else { throw .invalidValue(argument: name, expected: expected, found: "\(found)") }
    }
    try require("kernel", kernel == .nngp || kernel == .ntk, "one kernel", kernel)
    try require("maximumIterations", maximumIterations >= 0, "an integer of at least 0", maximumIterations)
    try require(
      "restarts", (0...Self.largestRestarts).contains(restarts),
      "an integer of at least 0 and at most \(Self.largestRestarts)", restarts)
    if let noise = initialNoiseVariance {
      try require("initialNoiseVariance", noise > 0 && noise.isFinite, "a positive number", noise)
    }
    if let groups = inputGroups {
      let count = (groups.max() ?? -1) + 1
      try require(
        "inputGroups", !groups.isEmpty && Set(groups) == Set(0..<max(0, count)), "numbers from 0 without gaps", groups)
    }
    if let width = priorWidth { try require("priorWidth", width > 0, "a positive number", width) }
  }
}

/// Fits every weightStd and biasStd of a network, and the noise, to training data by maximum marginal likelihood:
/// L-BFGS over their logarithms, with the exact gradient.
///
/// Some combinations of standard deviations are not determined by data: a ReLU network without biases depends on the
/// product of its weightStd only, and a saturated erf network hardly on their size. A weak prior decides these
/// (`EvidenceFitOptions.priorWidth`); the likelihoods that are returned do not include it.
///
/// A layer without a bias stays without one. Standard deviations that the likelihood does not depend on stay as they are.
///
/// - Parameters:
///   - x: inputs, shape (N, channels).
///   - y: targets of mean about zero, shape (N) or (N, outputs).
///   - network: its constants are where the search begins.
///   - options: how long and how widely to search.
/// - Throws: `NetworkError` when network and data do not fit, `PredictionError` for targets that do not and for a kernel
///   that is not positive definite with the noise that the fit begins with.
/// - Complexity: about N³ multiplications and additions per iteration, and memory for some N×N matrices per layer.
public func fit(
  _ network: any Layer, _ x: Tensor, _ y: Tensor, options: EvidenceFitOptions = EvidenceFitOptions()
) throws -> EvidenceFit {
  try options.check()
  try requireFinite(y.asType(.float64), "y")
  let evidence = try Evidence(network, x.asType(.float64), y.asType(.float64), options)
  let method = LBFGS(maximumIterations: options.maximumIterations, gradientTolerance: 1e-5, valueTolerance: 1e-10)
  let total = Double(options.restarts + 1) * Double(max(1, options.maximumIterations))
  var best: LBFGS.Minimum?
  let initial = try evidence.logLikelihood(evidence.start)
  let keys = options.key.split(into: options.restarts + 1)
  for run in 0...options.restarts {
    let start =
      run == 0
      ? evidence.start
      : keys[run].normal([evidence.start.count], dtype: .float64).scalars(as: Double.self)
    let minimum = try method.minimize(
      from: start,
      progress: { iteration, _ in
        options.progress?((Double(run) * Double(options.maximumIterations) + Double(iteration)) / total)
      }
    ) { point in
      do {
        return try evidence.sample(point)
      } catch TensorError.notPositiveDefinite, TensorError.notFinite {
        return nil
      }
    }
    if let minimum, minimum.value < best?.value ?? .infinity { best = minimum }
  }
  // The start has a value, so there is a best.
  let found = best?.point ?? evidence.start
  let final = try evidence.logLikelihood(found)
  return EvidenceFit(
    network: try network.replacing(evidence.constants(Tensor(found))),
    inputScales: evidence.inputScales(found),
    noiseVariance: evidence.noise(Tensor(found)).scalar(as: Double.self),
    initialNoiseVariance: evidence.initialNoise,
    logMarginalLikelihood: EvidenceFit.LogLikelihood(before: initial, after: final),
    iterations: best?.iterations ?? 0, isConverged: best?.isConverged ?? false)
}

/// The negative log marginal likelihood and log prior per target number, as a function of the logarithms of factors on the standard
/// deviations and the noise variance.
private struct Evidence {
  let start: [Double]
  let initialNoise: Double
  /// The number of target numbers.
  let scale: Double
  private let priorWidth: Double?
  private let initial: HyperParameters
  /// Per constant which factor it has; nil for those that stay.
  private let factors: [Int?]
  /// Where the logarithms of input scales are in a point.
  private let scalePlaces: Range<Int>
  private let function: CompiledFunction<Tensor, ValueAndGradient<Tensor>>

  init(_ network: any Layer, _ x: Tensor, _ y: Tensor, _ options: EvidenceFitOptions) throws {
    let initial = network.hyperParameters
    var places: [String: Int] = [:]
    let factors: [Int?] = initial.entries.map { entry in
      guard entry.kind == .standardDeviation, entry.value.scalar(as: Double.self) != 0 else { return nil }
      let name = options.isTied ? entry.path.split(separator: ".").last.map(String.init) ?? entry.path : entry.path
      if let known = places[name] { return known }
      places[name] = places.count
      return places.count - 1
    }
    let meanSquare = square(y).mean().scalar(as: Double.self)
    let noise = options.initialNoiseVariance ?? (meanSquare > 0 ? 0.1 * meanSquare : 0.1)
    let scale = Double(max(1, y.count))
    (self.initial, self.factors, self.scale, initialNoise) = (initial, factors, scale, noise)
    let scaleCount = (options.inputGroups?.max() ?? -1) + 1
    scalePlaces = places.count..<places.count + scaleCount
    start = [Double](repeating: 0, count: places.count + scaleCount + 1)
    priorWidth = options.priorWidth
    // Errors of the network or the data come here, from numbers, with a place in the data.
    let membership = try Self.membership(options.inputGroups, x)
    let scalePlaces = scalePlaces
    let kernel = try network.kernel(x, kernels: options.kernel == .ntk ? .all : .nngp)
    let matrix = options.kernel == .ntk ? kernel.ntk ?? kernel.nngp : kernel.nngp
    _ = try logMarginalLikelihood(matrix, y, noiseVariance: Tensor(noise))
    function = compile(
      valueAndGradient(of: { (point: Tensor) in
        let constants = Self.constants(point, initial, factors)
        let inputs = membership.map { x * exp(matmul($0, point[scalePlaces.lowerBound..<scalePlaces.upperBound])) } ?? x
        let kernel = try network.kernel(
          inputs, hyperParameters: constants, kernels: options.kernel == .ntk ? .all : .nngp)
        let matrix = options.kernel == .ntk ? kernel.ntk ?? kernel.nngp : kernel.nngp
        let noise = Self.noise(point, noise)
        let likelihood = try logMarginalLikelihood(matrix, y, noiseVariance: noise)
        guard let width = options.priorWidth else { return likelihood * (-1 / scale) }
        let factors = point[0..<point.count - 1] / width
        return (0.5 * square(factors).sum() - likelihood) * (1 / scale)
      }))
  }

  /// Which channel has which scale, shape (channels, scales).
  private static func membership(_ groups: [Int]?, _ x: Tensor) throws(PredictionError) -> Tensor? {
    guard let groups else { return nil }
    guard x.shape.last == groups.count else {
      throw .shapeMismatch(
        argument: "inputGroups", expected: "one number for each of \(x.shape.last ?? 0) channels",
        found: "\(groups.count)")
    }
    let count = (groups.max() ?? 0) + 1
    var entries = [Double](repeating: 0, count: groups.count * count)
    for (channel, group) in groups.enumerated() { entries[channel * count + group] = 1 }
    return Tensor(entries, shape: [groups.count, count])
  }

  func inputScales(_ point: [Double]) -> [Double] { point[scalePlaces].map { Platform.exp($0) } }

  func sample(_ point: [Double]) throws -> LBFGS.Sample {
    let result = try function(Tensor(point))
    return (result.value.scalar(as: Double.self), result.gradient.scalars(as: Double.self))
  }

  func logLikelihood(_ point: [Double]) throws -> Double {
    let factors = priorWidth.map { width in point.dropLast().map { $0 / width } } ?? []
    return factors.reduce(0) { $0 + 0.5 * $1 * $1 } - scale * (try sample(point).value)
  }

  func constants(_ point: Tensor) -> HyperParameters { Self.constants(point, initial, factors) }

  func noise(_ point: Tensor) -> Tensor { Self.noise(point, initialNoise) }

  private static func constants(_ point: Tensor, _ initial: HyperParameters, _ factors: [Int?]) -> HyperParameters {
    initial.replacingLeaves(
      zip(initial.leaves, factors).map { value, factor in factor.map { value * exp(point[$0]) } ?? value })
  }

  private static func noise(_ point: Tensor, _ initial: Double) -> Tensor { initial * exp(point[point.count - 1]) }
}
