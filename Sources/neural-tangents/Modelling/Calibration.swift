import Foundation
import NeuralTangents
import Tensors

/// What makes a network's uncertainty that of the data at hand: the level of noise and the scale of variances, both
/// judged on training rows that the prediction of them did not use.
///
/// The variance of a new measurement of output c is s_c (v + n): v the closed-form variance, n the noise that the
/// regularizer stands for, in units of the NNGP. Means do not depend on s_c, which makes the squared standardised
/// residuals of left-out rows one on average.
struct Calibration: Sendable {
  let regularizer: DiagonalRegularizer
  /// s_c, one per output.
  let scales: [Double]
  /// n.
  let noise: Double

  /// The levels of noise to choose from, relative to the kernel's mean diagonal.
  static let candidates = stride(from: -6.0, through: 1.0, by: 0.5).map { pow(10, $0) }
  /// More rows would take longer and change little: both quantities are averages.
  private static let rowLimit = 1000
  /// For training times that have no closed form for left-out rows.
  private static let foldCount = 5

  /// - Parameter groups: a number for each row; rows with equal inputs have the same one and are left out together, since each
  ///   would give the others away.
  init(_ recipe: Recipe, trainTrain: KernelPair, y: Tensor, groups: [Int], key: RandomKey) throws {
    let keys = key.split()
    var (kernels, y, groups) = (trainTrain, y, groups)
    let count = y.shape[0]
    if count > Self.rowLimit {
      let rows = Array(keys[0].permutation(count).prefix(Self.rowLimit))
      kernels = KernelPair(nngp: trainTrain.nngp?.submatrix(rows), ntk: trainTrain.ntk?.submatrix(rows))
      y = y.taking(rows, axis: 0)
      groups = rows.map { groups[$0] }
    }
    let system = CalibrationSystem(recipe, kernels: kernels, y: y, groups: groups)
    switch recipe.regularizer {
    case .fixed(let fixed): regularizer = fixed
    case .automatic:
      regularizer = try system.bestRegularizer(of: Self.candidates.map { .relative($0) })
    }
    noise = system.noise(of: regularizer)
    let residuals =
      recipe.time == .infinity || Set(groups).count < 2 * Self.foldCount
      ? try system.leaveOneOut(regularizer)
      : try system.crossValidated(
        regularizer,
        splits: Split.folds(
          Self.foldCount, count: y.shape[0], groups: system.repeats.isEmpty ? nil : groups, key: keys[1]), noise: noise)
    scales = residuals.scales
  }

  /// Standard deviations of new measurements, shape (rows, outputs), from closed-form variances, shape (rows, 1).
  func standardDeviation(ofVariance variance: Tensor) -> Tensor {
    sqrt(maximum(variance + noise, 0) * Tensor(scales).reshaped([1, -1]))
  }
}

/// How far left-out rows were from their predictions.
private struct Residuals {
  /// Shape (rows, outputs), float64.
  var errors: Tensor
  /// Of new measurements before scaling, shape (rows, 1), float64.
  var variances: Tensor

  /// Mean squared error in units of the variance, for each output.
  var scales: [Double] {
    // A target that is predicted exactly still needs an interval of some width.
    maximum((square(errors) / variances).mean(axis: 0), 1e-12).scalars(as: Double.self)
  }

  /// Mean negative log density of the left-out targets, up to a constant, with the best scales.
  var negativeLogDensity: Double {
    let logVariance = log(variances).mean().scalar(as: Double.self)
    return scales.reduce(0) { $0 + 0.5 * (log($1) + logVariance) }
  }
}

private struct CalibrationSystem {
  let recipe: Recipe
  let kernels: KernelPair
  let nngp: Tensor
  /// The kernel that is regularized and inverted.
  let matrix: Tensor
  let y: Tensor
  /// The rows of every group that has more than one.
  let repeats: [[Int]]

  init(_ recipe: Recipe, kernels: KernelPair, y: Tensor, groups: [Int]) {
    self.recipe = recipe
    self.kernels = kernels
    self.y = y.asType(.float64)
    nngp = (kernels.nngp ?? Tensor.zeros([y.shape[0], y.shape[0]])).asType(.float64)
    matrix = (kernels.ntk ?? kernels.nngp).map { $0.asType(.float64) } ?? nngp
    repeats = Dictionary(grouping: groups.indices) { groups[$0] }.values.filter { $0.count > 1 }
      .sorted { $0[0] < $1[0] }
  }

  func shift(of regularizer: DiagonalRegularizer) -> Double {
    switch regularizer {
    case .absolute(let value): value
    case .relative(let value): value * meanDiagonal(matrix)
    }
  }

  /// The regularizer as a variance of the NNGP: the same part of the mean diagonal.
  func noise(of regularizer: DiagonalRegularizer) -> Double {
    let scale = meanDiagonal(matrix)
    return scale > 0 ? shift(of: regularizer) * meanDiagonal(nngp) / scale : 0
  }

  private func meanDiagonal(_ matrix: Tensor) -> Double { matrix.diagonal().mean().scalar(as: Double.self) }

  func bestRegularizer(of candidates: [DiagonalRegularizer]) throws -> DiagonalRegularizer {
    var best: (score: Double, regularizer: DiagonalRegularizer)?
    var failure: (any Error)?
    for candidate in candidates {
      do {
        let score = try leaveOneOut(candidate).negativeLogDensity
        if score.isFinite, score < best?.score ?? .infinity { best = (score, candidate) }
      } catch {
        // Too little noise for equal rows; another candidate will do.
        failure = error
      }
    }
    if let best { return best.regularizer }
    throw failure ?? CommandError.badData("no level of noise predicts the training rows; check the targets")
  }

  /// Every row predicted from all rows with other inputs, in closed form: with B = M̃⁻¹ and the rows G of a group the errors
  /// are B_GG⁻¹ (B y)_G and their covariance over f ~ N(0, K) is B_GG⁻¹ (B K B)_GG B_GG⁻¹, to which comes the noise; for
  /// M = K together that is B_GG⁻¹.
  func leaveOneOut(_ regularizer: DiagonalRegularizer) throws -> Residuals {
    let size = matrix.shape[0]
    let shifted = matrix + Tensor.eye(size, dtype: .float64) * shift(of: regularizer)
    let b = try inverse(cholesky: cholesky(shifted))
    let diagonal = b.diagonal().reshaped([-1, 1])
    let weighted = matmul(b, y)
    let isEnsemble = recipe.method == .ntk
    let half = isEnsemble ? matmul(b, nngp) : b
    let noise = isEnsemble ? self.noise(of: regularizer) : 0
    var errors = weighted / diagonal
    var variances =
      isEnsemble ? (half * b).sum(axis: 1).reshaped([-1, 1]) / square(diagonal) + noise : 1 / diagonal
    guard !repeats.isEmpty else { return Residuals(errors: errors, variances: variances) }
    let spread = isEnsemble ? matmul(half, b) : b
    var (errorRows, variance) = (errors.scalars(as: Double.self), variances.scalars(as: Double.self))
    let width = y.shape[1]
    for rows in repeats {
      let inner = try inverse(cholesky: cholesky(b.submatrix(rows)))
      let own = matmul(inner, weighted.taking(rows, axis: 0)).scalars(as: Double.self)
      let covariance = isEnsemble ? matmul(matmul(inner, spread.submatrix(rows)), inner) : inner
      for (place, (row, value)) in zip(rows, covariance.diagonal().scalars(as: Double.self)).enumerated() {
        for column in 0..<width { errorRows[row * width + column] = own[place * width + column] }
        variance[row] = value + noise
      }
    }
    errors = Tensor(errorRows, shape: errors.shape)
    variances = Tensor(variance, shape: variances.shape)
    return Residuals(errors: errors, variances: variances)
  }

  /// Every row predicted from the other folds, at the recipe's training time.
  func crossValidated(_ regularizer: DiagonalRegularizer, splits: [Split], noise: Double) throws -> Residuals {
    var (errors, variances) = ([Tensor](), [Tensor]())
    for split in splits {
      func part(_ tensor: Tensor?, _ rows: [Int]) -> Tensor? {
        tensor.map { $0.taking(rows, axis: 0).taking(split.train, axis: 1) }
      }
      // Time counts in steps of a rate that is shared by all target numbers, so fewer rows need less of it.
      let share = Double(split.train.count) / Double(y.shape[0])
      let ensemble = try KernelEnsemble(
        trainTrain: KernelPair(nngp: part(kernels.nngp, split.train), ntk: part(kernels.ntk, split.train)),
        yTrain: y.taking(split.train, axis: 0), learningRate: recipe.learningRate,
        diagonalRegularizer: .absolute(shift(of: regularizer)), precision: .float64)
      let prediction = try ensemble.predict(
        testTrain: KernelPair(nngp: part(kernels.nngp, split.test), ntk: part(kernels.ntk, split.test)),
        testTestDiagonal: KernelPair(nngp: nngp.diagonal().taking(split.test, axis: 0)), kernel: recipe.method.kind,
        time: TrainingTime(recipe.time * share))
      errors.append(y.taking(split.test, axis: 0) - prediction.mean)
      variances.append((prediction.variance ?? nngp.diagonal()).reshaped([-1, 1]) + noise)
    }
    return Residuals(errors: concatenate(errors), variances: maximum(concatenate(variances), 1e-300))
  }
}

extension Tensor {
  /// The rows and the columns at `positions` of a matrix.
  func submatrix(_ positions: [Int]) -> Tensor {
    taking(positions, axis: 0).taking(positions, axis: 1)
  }
}
