import CovarianceEngine
import Networks
import Platform
import Tensors

/// Gaussian process regression with features, for data sets that no kernel matrix of would fit: the exact posterior of the kernel F Fᵀ,
/// from any number of inputs that come in blocks, in memory for features² numbers.
///
/// With A = s² I + Fᵀ F and β = A⁻¹ Fᵀ y the mean at f is fᵀ β. Its variance is s² fᵀ A⁻¹ f, to which the part of the kernel's
/// diagonal that features miss is added where that diagonal is known (deterministic training conditional): far from the data it is the
/// prior's.
///
/// ```swift
/// let map = try network.featureMap(inputShape: [100], width: 2048, key: RandomKey(seed: 0))
/// var regression = try FeatureRegression(map, kernel: .ntk, noiseVariance: 0.1)
/// for block in blocks { try regression.add(block.x, block.y) }
/// let prediction = try regression.predict(test)
/// ```
///
/// *Source:* Quiñonero-Candela, Rasmussen 2005 (JMLR 6).
public struct FeatureRegression: Sendable {
  /// Which of a network's kernels the prior covariance is.
  public enum Kernel: String, Sendable, Hashable, CaseIterable {
    case nngp
    case ntk
  }

  private let map: FeatureMap
  private let kernel: Kernel
  /// s², the variance of the targets' noise; another one is tried without looking at the data again. One that is not positive
  /// makes answers throw.
  public var noiseVariance: Double {
    didSet { fitted = FittedWeights() }
  }
  private var sums: Sums?
  /// Inputs that wait until there are as many as are always taken together, so that sums do not depend on the blocks that come.
  private var pending: (x: Tensor, y: Tensor)?
  /// The sums with the inputs that wait, until there are others.
  private var totals = Lazily<Sums>()
  private var fitted = FittedWeights()

  /// What is kept of the data.
  private struct Sums: Sendable {
    /// Fᵀ F, float64, shape (features, features).
    var gram: Tensor
    /// Fᵀ y, float64, shape (features, outputs).
    var products: Tensor
    /// yᵀ y of each output, float64.
    var squares: Tensor
    var count: Int
    var inputShape: [Int]
    /// Sizes of the targets behind the axis of inputs.
    var targetSizes: [Int]
  }

  private final class FittedWeights: Sendable {
    let value = Lazily<(factor: Tensor, weights: Tensor)>()
  }

  /// Inputs that are taken together.
  private static let block = 512

  /// - Parameters:
  ///   - map: the features.
  ///   - kernel: which of the map's.
  ///   - noiseVariance: that of the targets; positive. In float32 it should be above 10⁻⁵ of the mean squared length of features.
  /// - Throws: `PredictionError` for a variance that is not positive.
  public init(_ map: FeatureMap, kernel: Kernel = .nngp, noiseVariance: Double) throws(PredictionError) {
    try requirePositive(noiseVariance, "noiseVariance")
    (self.map, self.kernel, self.noiseVariance) = (map, kernel, noiseVariance)
  }

  /// Inputs so far.
  public var count: Int { (sums?.count ?? 0) + (pending?.x.shape[0] ?? 0) }

  // MARK: - Data

  /// Takes some more inputs with their targets. The sums are the same to the last bit in whatever blocks the same inputs come.
  ///
  /// - Parameters:
  ///   - x: inputs, shape (N, …).
  ///   - y: targets, shape (N) or (N, outputs…).
  /// - Throws: `PredictionError` for shapes that do not fit each other or those before, and numbers that are not finite;
  ///   `NetworkError` of the map.
  /// - Complexity: the features, and N · features² multiplications and additions.
  public mutating func add(_ x: Tensor, _ y: Tensor) throws {
    guard x.rank >= 1, y.rank >= 1, x.shape[0] == y.shape[0] else {
      throw PredictionError.shapeMismatch(
        argument: "y", expected: "one target for each of the inputs of shape \(x.shape)", found: "shape \(y.shape)")
    }
    try requireFinite(x, "x")
    try requireFinite(y, "y")
    let known =
      sums.map { ($0.inputShape, $0.targetSizes) }
      ?? pending.map { (Array($0.x.shape.dropFirst()), Array($0.y.shape.dropFirst())) }
    if let (input, targets) = known {
      for (name, found, expected) in [("x", x, input), ("y", y, targets)]
      where Array(found.shape.dropFirst()) != expected {
        throw PredictionError.shapeMismatch(
          argument: name, expected: "shape [inputs] + \(expected), as before", found: "\(found.shape)")
      }
    }
    var (waitingX, waitingY) = (x, y.asType(.float64))
    if let pending {
      guard pending.x.dtype == x.dtype else {
        throw PredictionError.shapeMismatch(
          argument: "x", expected: "elements of type \(pending.x.dtype), as before", found: "\(x.dtype)")
      }
      (waitingX, waitingY) = (concatenate([pending.x, x], axis: 0), concatenate([pending.y, waitingY], axis: 0))
    }
    var (next, start) = (sums, 0)
    while start + Self.block <= waitingX.shape[0] {
      let rows = start..<start + Self.block
      next = try summed(
        next, waitingX.sliced(axis: 0, from: rows.lowerBound, to: rows.upperBound),
        waitingY.sliced(axis: 0, from: rows.lowerBound, to: rows.upperBound))
      start += Self.block
    }
    let left = waitingX.shape[0]
    pending =
      start == left
      ? nil
      : (
        waitingX.sliced(axis: 0, from: start, to: left),
        waitingY.sliced(axis: 0, from: start, to: left)
      )
    sums = next
    (totals, fitted) = (Lazily(), FittedWeights())
  }

  private func features(_ x: Tensor) throws -> (rows: Tensor, variances: Tensor?) {
    let features = try map(x)
    let chosen = kernel == .nngp ? (features.nngp, features.nngpVariances) : (features.ntk, features.ntkVariances)
    guard let rows = chosen.0 else {
      throw PredictionError.missing(
        argument: "features of the \(kernel.rawValue)", neededFor: "a regression with that kernel")
    }
    guard rows.rank == 2, rows.shape[0] == x.shape[0] else {
      throw PredictionError.shapeMismatch(
        argument: "features",
        expected: "a row for each of \(x.shape[0]) inputs (a network that ends without positions)",
        found: "shape \(rows.shape)")
    }
    return (rows, chosen.1)
  }

  private func summed(_ sums: Sums?, _ x: Tensor, _ y: Tensor) throws -> Sums {
    let rows = try features(x).rows
    let targets = y.reshaped([y.shape[0], -1])
    var result =
      sums
      ?? Sums(
        gram: .zeros([rows.shape[1], rows.shape[1]], dtype: .float64),
        products: .zeros([rows.shape[1], targets.shape[1]], dtype: .float64),
        squares: .zeros([targets.shape[1]], dtype: .float64), count: 0, inputShape: Array(x.shape.dropFirst()),
        targetSizes: Array(y.shape.dropFirst()))
    guard result.gram.shape[0] == rows.shape[1] else {
      throw PredictionError.shapeMismatch(
        argument: "features", expected: "\(result.gram.shape[0]) numbers, as before", found: "\(rows.shape[1])")
    }
    result.gram = result.gram + dotGeneral(rows, rows, contracting: ([0], [0])).asType(.float64)
    result.products = result.products + dotGeneral(rows.asType(.float64), targets, contracting: ([0], [0]))
    result.squares = result.squares + square(targets).sum(axis: 0)
    result.count += x.shape[0]
    return result
  }

  /// The sums with the inputs that wait.
  private func total() throws -> Sums {
    if let pending { return try totals { () throws(any Error) in try summed(sums, pending.x, pending.y) } }
    guard let sums else {
      throw PredictionError.missing(argument: "inputs with targets (add)", neededFor: "a regression")
    }
    return sums
  }

  // MARK: - Answers

  /// The factor of A and β.
  private func weights(_ sums: Sums) throws(PredictionError) -> (factor: Tensor, weights: Tensor) {
    try fitted.value { () throws(PredictionError) in
      try requirePositive(noiseVariance, "noiseVariance")
      do throws(TensorError) {
        let factor = try cholesky(addingToDiagonal(sums.gram, noiseVariance))
        return (factor, try choleskySolve(factor, sums.products))
      } catch {
        guard case .notPositiveDefinite(let pivot, let size) = error else {
          throw .linearAlgebra(argument: "features", error)
        }
        throw .notPositiveDefinite(
          argument: "features", pivot: pivot, size: size, regularizer: .absolute(noiseVariance))
      }
    }
  }

  /// The posterior at test points with its variances, those of the targets' noise not included.
  ///
  /// - Parameter x: shape (N_t, …).
  public func predict(_ x: Tensor) throws -> Prediction {
    let points = try points(x)
    var variance = points.leverage * noiseVariance
    if let missing = points.missing { variance = variance + missing }
    return Prediction(mean: points.mean, covariance: nil, variance: variance)
  }

  /// At some points the mean, fᵀ A⁻¹ f, and what the features miss of the kernel's diagonal, nil where that is not known.
  private func points(_ x: Tensor) throws -> (mean: Tensor, leverage: Tensor, missing: Tensor?) {
    guard x.rank >= 1, x.shape[0] > 0 else {
      throw PredictionError.shapeMismatch(argument: "x", expected: "at least one input", found: "shape \(x.shape)")
    }
    let sums = try total()
    let (factor, weights) = try weights(sums)
    var (means, leverages, missing): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
    for start in stride(from: 0, to: x.shape[0], by: Self.block) {
      let (features, exact) = try features(x.sliced(axis: 0, from: start, to: min(start + Self.block, x.shape[0])))
      let rows = features.asType(.float64)
      let whitened = try onBehalf(of: "features") { () throws(TensorError) in
        try triangularSolve(factor, rows.transposed())
      }
      means.append(matmul(rows, weights))
      leverages.append(square(whitened).sum(axis: 0))
      if let exact { missing.append(maximum(exact.asType(.float64) - square(rows).sum(axis: 1), 0)) }
    }
    return (
      concatenate(means, axis: 0).reshaped([x.shape[0]] + sums.targetSizes), concatenate(leverages, axis: 0),
      missing.count == means.count ? concatenate(missing, axis: 0) : nil
    )
  }

  /// The logarithm of the density of the targets under the prior F Fᵀ + s² I.
  ///
  /// Per output: −½ [(yᵀy − yᵀF β)/s² + log det A + (N − features) log s² + N log 2π].
  ///
  /// - Returns: one value per output, and their sum.
  public func logMarginalLikelihood() throws -> (perOutput: Tensor, total: Double) {
    let sums = try total()
    let (factor, weights) = try weights(sums)
    let fit = (sums.squares - (sums.products * weights).sum(axis: 0)) / noiseVariance
    let determinant =
      logDeterminant(cholesky: factor).scalar(as: Double.self)
      + Double(sums.count - sums.gram.shape[0]) * log(noiseVariance)
    let perOutput = gaussianLogDensities(logDeterminant: Tensor(determinant), size: sums.count, fit: fit)
    return (perOutput.reshaped(sums.targetSizes), perOutput.sum().scalar(as: Double.self))
  }

  /// Each of some training targets predicted from all others, by the leverage h = fᵀ A⁻¹ f: a second pass over the data.
  ///
  /// The mean is y − (y − fᵀ β)/(1 − h), the variance of the left-out target s²/(1 − h).
  ///
  /// - Parameters:
  ///   - x: inputs that were added.
  ///   - y: their targets.
  public func leaveOneOut(_ x: Tensor, _ y: Tensor) throws -> GaussianProcess.LeaveOneOut {
    let prediction = try points(x)
    guard y.shape == prediction.mean.shape else {
      throw PredictionError.shapeMismatch(
        argument: "y", expected: "shape \(prediction.mean.shape)", found: "\(y.shape)")
    }
    let rest = 1 - prediction.leverage
    let targets = y.asType(.float64)
    let divisor = rest.reshaped([rest.count] + [Int](repeating: 1, count: y.rank - 1))
    return GaussianProcess.LeaveOneOut(
      mean: targets - (targets - prediction.mean) / divisor, variance: noiseVariance / rest)
  }
}
