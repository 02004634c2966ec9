import CovarianceEngine
import Networks
import Tensors

/// Features of a network's kernel with exact entries: a partial Cholesky factorisation, whose products are the kernel itself wherever
/// one of both inputs is a pivot.
///
/// With pivots p among some inputs and L Lᵀ = K(p, p) the features of an input x are L⁻¹ K(p, x), a number for every pivot. F Fᵀ ≼ K,
/// so that a regression with them has a bound of the evidence of the whole kernel: its own less `remainder`/(2 s²) (Titsias). Where
/// spectra decay, as they mostly do, they are far more accurate than random features of the same number; every input costs
/// as many entries of the kernel.
///
/// ```swift
/// let pivoted = try PivotedCholesky(network, x, rank: 500)
/// var regression = try FeatureRegression(pivoted.map, noiseVariance: 0.1)
/// try regression.add(x, y)
/// ```
///
/// *Sources:* Fine and Scheinberg, Efficient SVM training using low-rank kernel representations (JMLR 2, 2001) for greedy pivots; Chen,
/// Epperly, Tropp and Webber, Randomly pivoted Cholesky (arXiv 2207.06503) for random ones; Titsias, Variational learning of inducing
/// variables in sparse Gaussian processes (2009).
public struct PivotedCholesky: Sendable {
  /// How pivots are chosen among the inputs.
  public enum Selection: Sendable, Hashable {
    /// The input with the largest part of the diagonal that is not explained: it goes after outliers.
    case greedy
    /// An input with the probability of that part.
    case random(seed: Int)
  }

  /// The features; of the NNGP with the exact diagonal, so that variances are the prior's far from the data.
  public let map: FeatureMap
  /// Which of the inputs, in the order in which they were chosen.
  public let pivots: [Int]
  /// tr K of the inputs.
  public let trace: Double
  /// tr (K − F Fᵀ) of the inputs.
  public let remainder: Double

  /// - Parameters:
  ///   - network: a network with one input and one output, without positions in it.
  ///   - x: inputs that pivots are chosen among, shape (N, …).
  ///   - rank: pivots, at most.
  ///   - tolerance: no more pivots are taken when so small a part of tr K is left.
  ///   - kernel: which of the network's.
  ///   - selection: how pivots are chosen.
  ///   - options: how kernels are computed.
  /// - Throws: `NetworkError` when the network does not fit the inputs, `PredictionError` for numbers that make no sense.
  /// - Complexity: N · rank entries of the kernel and N · rank² operations; for the diagonal of the NTK some hundred entries for each
  ///   input.
  public init(
    _ network: any Layer, _ x: Tensor, rank: Int, tolerance: Double = 0, kernel: FeatureRegression.Kernel = .nngp,
    selection: Selection = .random(seed: 0), options: KernelOptions = KernelOptions()
  ) throws {
    guard rank >= 1 else {
      throw PredictionError.invalidValue(argument: "rank", expected: "at least 1", found: "\(rank)")
    }
    guard tolerance >= 0, tolerance < 1 else {
      throw PredictionError.invalidValue(argument: "tolerance", expected: "from 0 to 1", found: "\(tolerance)")
    }
    var (options, kernels) = (options, kernel == .nngp ? KernelSet.nngp : .ntk)
    options.tileSize = options.tileSize ?? 64
    let matrix = KernelColumns(
      try ComputedMatrix(network, x, kernel: kernels, options: options),
      // Kernels with a single column have the diagonal of the NNGP besides.
      diagonal: kernel == .nngp
        ? try network.kernel(x, x[0..<1], kernels: .nngp, options: options).cov1.asType(.float64) : nil)
    trace = try matrix.diagonal().sum().scalar(as: Double.self)
    let partial: PartialCholesky
    switch selection {
    case .greedy: partial = try PartialCholesky(greedy: matrix, rank: rank, enough: tolerance * trace)
    case .random(let seed):
      partial = try PartialCholesky(
        matrix, rank: rank, enough: tolerance * trace, block: 100, key: RandomKey(seed: seed))
    }
    guard !partial.pivots.isEmpty else {
      throw PredictionError.invalidValue(argument: "x", expected: "inputs whose kernel is not zero", found: "zeros")
    }
    (pivots, remainder) = (partial.pivots, partial.remainder)
    let chosen = x.taking(partial.pivots, axis: 0)
    let lower = partial.factor.taking(partial.pivots, axis: 1).transposed()
    if kernels == .ntk { kernels = .all }
    let (computed, own) = (kernels, options)
    map = FeatureMap(description: "\(partial.pivots.count) pivots of the \(kernel.rawValue)") {
      (inputs, maskConstant) throws(NetworkError) in
      var options = own
      options.tileSize = nil
      let found = try network.kernel(
        inputs, chosen.asType(inputs.dtype), maskConstant: maskConstant, kernels: computed, options: options)
      let columns = kernel == .nngp ? found.nngp : found.ntk ?? found.nngp
      let features: Tensor
      do throws(TensorError) {
        features = try triangularSolve(lower, columns.asType(.float64).transposed()).transposed()
      } catch {
        throw NetworkError(expected: "pivots whose kernel can be inverted", found: error.description)
      }
      return kernel == .nngp
        ? Features(nngp: features, ntk: nil, nngpVariances: found.cov1) : Features(nngp: nil, ntk: features)
    }
  }

  /// What the evidence of the whole kernel is at least, per output: that of a regression with these features, which has seen the
  /// inputs and no others, less what they miss.
  ///
  /// *Source:* Titsias 2009, equation 9.
  public func leastLogMarginalLikelihood(_ regression: FeatureRegression) throws -> Double {
    let (perOutput, total) = try regression.logMarginalLikelihood()
    return total - Double(perOutput.count) * remainder / (2 * regression.noiseVariance)
  }
}

/// A computed kernel whose diagonal may be known.
private struct KernelColumns: SymmetricOperator {
  private let matrix: GramOperator
  private let known: Tensor?

  init(_ matrix: ComputedMatrix, diagonal: Tensor?) {
    (self.matrix, known) = (GramOperator(matrix), diagonal)
  }

  var count: Int { matrix.count }
  func diagonal() throws -> Tensor { try known ?? matrix.diagonal() }
  func rows(_ indices: [Int]) throws -> Tensor { try matrix.rows(indices) }
  func multiply(_ vectors: Tensor) throws -> Tensor { try matrix.multiply(vectors) }
}
