import Foundation
import NeuralTangents
import Tensors
import Testing

/// Expects the kernels of the infinite network to be those of random finite networks.
///
/// *The criterion.* An entry of the infinite kernel may differ from the mean of S networks by
///
///     max(t · standard error, floor) + bias · scale / width.
///
/// - t is the quantile of Student's distribution with S − 1 degrees of freedom at which one entry or another of m is
///   beyond by chance with probability `falseAlarms` at most (Bonferroni: falseAlarms / 2m a side). It is 5 to 13 for 8
///   to 32 networks: a standard error of few samples may well be too small, and t is large enough for that as long as
///   each network's entry is roughly normal. It is where it is a mean over many channels or hidden units: a tangent
///   kernel of any number of channels after a dense layer, a covariance of some 64 channels or more.
/// - With fewer channels the entries of a covariance are skewed: networks whose outputs happen to be small have small
///   standard errors too, and t alone raises false alarms. Outputs of a last dense layer are Gaussian, and a mean of
///   n = S · channels products of Gaussians with variances v, v′ is beyond
///   √(v v′) (√(2x (1 + ρ²) / n) + (1 + |ρ|) x / n) with probability 2e⁻ˣ at most: the floor, for x = ln(2m / falseAlarms).
/// - Finite networks have another expectation than the infinite one by a term of the order 1/width. `bias` states what is
///   allowed, relative to √(v v′) or for tangent kernels to that times max|Θ| / max|K|.
///
/// *Source:* Laurent & Massart, "Adaptive estimation of a quadratic functional by model selection" (2000), lemma 1, for
/// uv = ((1 + ρ) χ² − (1 − ρ) χ′²) / 2.
///
/// - Parameters:
///   - expected: the infinite kernels, if they are not those of `network.kernel(x1, x2)`.
///   - width: the smallest width of hidden layers.
func expectAgreement(
  _ network: any Layer, _ x1: Tensor, _ x2: Tensor? = nil, samples: Int = 16, key: RandomKey, width: Int = 1024,
  bias: Double = 10, expected: Kernel? = nil, patterns: GraphPatterns? = nil, maskConstant: Double? = nil,
  kernels: KernelSet = .all, options: EmpiricalKernelOptions = EmpiricalKernelOptions(), falseAlarms: Double = 1e-4,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let estimate = try network.monteCarloKernel(
    x1, x2, samples: samples, key: key, patterns: patterns, maskConstant: maskConstant, kernels: kernels,
    options: options)
  let infinite =
    try expected
    ?? network.kernel(
      x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels,
      options: KernelOptions(positions: options.positions))
  let comparison = try MonteCarloComparison(
    estimate, infinite, options: options, bias: bias / Double(width), falseAlarms: falseAlarms)
  #expect(comparison.worst.ratio <= 1, "\(comparison.worst.description)", sourceLocation: sourceLocation)
}

/// An estimate and infinite kernels, entry by entry.
struct MonteCarloComparison {
  struct Entry: CustomStringConvertible {
    var ratio: Double
    var description: String
  }

  /// The entry whose difference is the largest part of what is allowed.
  private(set) var worst = Entry(ratio: -.infinity, description: "no entries")

  init(
    _ estimate: MonteCarloKernel, _ expected: Kernel, options: EmpiricalKernelOptions, bias: Double,
    falseAlarms: Double = 1e-4
  ) throws {
    let parts: [(name: String, mean: Tensor?, error: Tensor?, expected: Tensor?)] = [
      ("nngp", estimate.nngp, estimate.nngpStandardError, expected.nngp),
      ("cov1", estimate.cov1, estimate.cov1StandardError, expected.cov1),
      ("cov2", estimate.cov2, estimate.cov2StandardError, expected.cov2),
      ("ntk", estimate.ntk, estimate.ntkStandardError, expected.ntk),
    ]
    let count = parts.reduce(0) { $0 + ($1.mean?.count ?? 0) }
    let quantile = studentQuantile(
      upperTail: falseAlarms / Double(2 * count), degreesOfFreedom: estimate.sampleCount - 1)
    let x = log(Double(2 * count) / falseAlarms)
    let axis = expected.axes.channel
    let channels = expected.shape1[axis < 0 ? axis + expected.shape1.count : axis]
    let products = Double(estimate.sampleCount * channels)

    let variances1 = Self.variances(expected.cov1, options.positions)
    let variances2 = expected.cov2.map { Self.variances($0, options.positions) } ?? variances1
    let isAll = options.positions == .all
    func scale(_ first: Tensor, _ second: Tensor, _ equation: String) -> [Double] {
      einsum(equation, sqrt(first), sqrt(second)).scalars(as: Double.self)
    }
    let between = scale(variances1, variances2, isAll ? "np,mq->nmpq" : "np,mp->nmp")
    let within = isAll ? "np,nq->npq" : "np,np->np"
    let largest = Swift.max(expected.nngp.absoluteMaximum, 1e-300)
    let tangentScale = (expected.ntk?.absoluteMaximum ?? 0) / largest
    let scales = [
      between, scale(variances1, variances1, within), scale(variances2, variances2, within),
      between.map { $0 * tangentScale },
    ]
    for (part, scales) in zip(parts, scales) {
      guard let mean = part.mean, let error = part.error, let expected = part.expected else {
        #expect(
          (part.mean == nil) == (part.expected == nil), "\(part.name) is in one of estimate and expectation only")
        continue
      }
      try #require(mean.shape == expected.shape, "\(part.name)")
      let (means, errors, limits) = (mean.numbers, error.numbers, expected.numbers)
      for index in means.indices {
        let correlation = scales[index] > 0 ? limits[index] / scales[index] : 0
        let floor =
          part.name == "ntk"
          ? 0
          : scales[index]
            * (Foundation.sqrt(2 * x * (1 + correlation * correlation) / products)
              + (1 + Swift.abs(correlation)) * x / products)
        // Rounding of float32, which matters where there is no chance.
        let rounding = mean.dtype == .float32 ? 1e-5 : 1e-12
        let allowed =
          Swift.max(quantile * errors[index], floor) + (bias + rounding) * scales[index] + 1e-300
        let ratio = Swift.abs(means[index] - limits[index]) / allowed
        guard !(ratio <= worst.ratio) else { continue }
        let place = Self.place(index, mean.shape)
        worst = Entry(
          ratio: ratio.isNaN ? .infinity : ratio,
          description: "\(part.name)\(place): \(limits[index]) of the infinite network, \(means[index]) ± "
            + "\(errors[index]) of \(estimate.sampleCount) finite ones; allowed is \(allowed)")
      }
    }
  }

  /// Shape (inputs, positions) of self-covariances.
  private static func variances(_ covariance: Tensor, _ positions: KernelOptions.Extent) -> Tensor {
    let covariance = covariance.asType(.float64)
    let inputs = covariance.shape[0]
    guard positions == .all else { return covariance.reshaped([inputs, -1]) }
    let count = Int(Double(covariance.count / Swift.max(1, inputs)).squareRoot().rounded())
    return einsum("npp->np", covariance.reshaped([inputs, count, count]))
  }

  private static func place(_ index: Int, _ shape: [Int]) -> [Int] {
    var (rest, place) = (index, [Int]())
    for size in shape.reversed() {
      place.insert(rest % size, at: 0)
      rest /= size
    }
    return place
  }
}

extension Tensor {
  fileprivate var numbers: [Double] { asType(.float64).scalars(as: Double.self) }
  fileprivate var absoluteMaximum: Double { Tensors.abs(self).max().asType(.float64).scalar(as: Double.self) }
}

/// The t that Student's distribution exceeds with probability `upperTail` < ½.
///
/// With T = √ν tan θ the density is proportional to cos^(ν−1) θ: the tail is an integral of a smooth function, by
/// Simpson's rule, and bisection inverts it.
func studentQuantile(upperTail: Double, degreesOfFreedom: Int) -> Double {
  let power = Double(degreesOfFreedom - 1)
  func integral(from start: Double, to end: Double) -> Double {
    let pieces = 2000
    let step = (end - start) / Double(pieces)
    var sum = 0.0
    for index in 0...pieces {
      let weight = index == 0 || index == pieces ? 1.0 : index % 2 == 1 ? 4 : 2
      sum += weight * pow(Swift.max(0, cos(start + Double(index) * step)), power)
    }
    return sum * step / 3
  }
  let whole = 2 * integral(from: 0, to: .pi / 2)
  var (low, high) = (0.0, Double.pi / 2)
  for _ in 0..<100 {
    let middle = (low + high) / 2
    if integral(from: middle, to: .pi / 2) / whole > upperTail { low = middle } else { high = middle }
  }
  return Double(degreesOfFreedom).squareRoot() * tan(low)
}
