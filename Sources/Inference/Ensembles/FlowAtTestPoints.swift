import CovarianceEngine
import Tensors

/// The formulas of `KernelEnsemble` for test points on matrices, for all kinds that are trained with one kernel.
final class FlowAtTestPoints {
  private let system: TrainingSystem
  private let progress: TrainingProgress
  /// Rows of the kernel that is trained with.
  private let testTrain: Tensor
  let rowSizes: [Int]
  /// C_td of what members may be before training.
  var initial: [EnsembleKind.InitialCovariance: Tensor] = [:]

  private var initialInBasis: [EnsembleKind.InitialCovariance: Tensor] = [:]
  private var coordinates: (test: Tensor, targets: Tensor)?
  /// A at infinite time, and how far each row may be off.
  private var solved: RowSolution?

  /// Of a standard deviation, how far it may be off.
  private static let tolerance = 0.01

  init(system: TrainingSystem, progress: TrainingProgress, testTrain: Tensor, rowSizes: [Int]) {
    (self.system, self.progress, self.testTrain, self.rowSizes) = (system, progress, testTrain, rowSizes)
  }

  func at(
    _ time: Double, _ kind: EnsembleKind, ensemble: KernelEnsemble, prior: PriorCovariance
  ) throws(PredictionError) -> (mean: Tensor, covariance: PriorCovariance) {
    try time == .infinity
      ? atInfinity(kind, ensemble, prior) : afterFinite(time, kind, ensemble, prior)
  }

  private func atInfinity(
    _ kind: EnsembleKind, _ ensemble: KernelEnsemble, _ prior: PriorCovariance
  ) throws(PredictionError) -> (mean: Tensor, covariance: PriorCovariance) {
    guard !kind.isPosterior, !prior.isNone, let initial = initial[kind.initial] else {
      return try system.posterior(testTrain, prior: prior)
    }
    // A (C_dd + e² I) Aᵀ − A C_dt − (A C_dt)ᵀ = B Aᵀ + A Bᵀ with B = ½ A (C_dd + e² I) − C_td.
    func covariance(_ a: Tensor) throws(PredictionError) -> PriorCovariance {
      let b = try ensemble.multipliedByTrainCovariance(a, kind) * 0.5 - initial
      return prior.addingSymmetric(b, a)
    }
    let variances = (prior.matrix?.diagonal() ?? prior.diagonal ?? testTrain).asType(.float64)
    let priors = variances.scalars(as: Double.self).map { max(0, $0).squareRoot() }
    // √q(a) is a seminorm of a − a': where C_dd + e² I ≼ f M̃ it is off by at most √(f rᵀ M̃⁻¹ r) with a residual r.
    let factor = try ensemble.certifiedFactor(kind)
    let scale = factor ?? 1
    func solution(_ errors: [Double]) throws(PredictionError) -> RowSolution {
      var found: RowSolution
      if let solved, zip(solved.errors, errors).allSatisfy({ scale * $0 <= $1 }) {
        found = solved
      } else {
        found = try system.solver.solveRows(testTrain, errors: errors.map { $0 / scale }, from: solved?.solution)
        found.solution = found.solution.asType(system.dtype)
        solved = found
      }
      found.errors = found.errors.map { scale * $0 }
      return found
    }
    var found = try solution(priors.map { Self.tolerance * $0 })
    var result = try covariance(found.solution)
    guard found.errors.contains(where: { $0 > 0 }) else { return (matmul(testTrain, try system.weights()), result) }
    func deviations(_ covariance: PriorCovariance) -> [Double] {
      (covariance.matrix?.diagonal() ?? covariance.diagonal ?? variances).asType(.float64).scalars(as: Double.self)
        .map { max(0, $0).squareRoot() }
    }
    if zip(found.errors, deviations(result)).contains(where: { $0 > Self.tolerance * $1 }) {
      // Deviations themselves are off by the errors of now.
      let goals = zip(deviations(result), zip(found.errors, priors)).map { deviation, known in
        max(Self.tolerance * max(deviation - known.0, 0.1 * deviation), 1e-6 * known.1)
      }
      found = try solution(goals)
      result = try covariance(found.solution)
    }
    if case .diagonal = result, factor != nil {
      func squares(_ sign: Double) -> Tensor {
        let moved = zip(deviations(result), found.errors).map { max(0, $0 + sign * $1) }
        return square(Tensor(moved)).asType(system.dtype)
      }
      result = .bounded(lower: squares(-1), upper: squares(1))
    }
    return (matmul(testTrain, try system.weights()), result)
  }

  /// In the eigenbasis V of the regularized train-train kernel, where g is diagonal.
  private func afterFinite(
    _ time: Double, _ kind: EnsembleKind, _ ensemble: KernelEnsemble, _ prior: PriorCovariance
  ) throws(PredictionError) -> (mean: Tensor, covariance: PriorCovariance) {
    let basis = try system.solver.eigenbasis()
    let (test, targets) =
      coordinates ?? (basis.coordinates(ofRows: testTrain), basis.coordinates(ofColumns: system.targets))
    coordinates = (test, targets)
    let gain = basis.map(time, progress.gain)
    let mean = matmul(test, gain.reshaped([-1, 1]) * targets)
    guard !kind.isPosterior, let initial = initial[kind.initial] else {
      // M_td M̃⁻¹ (1 − p²) M_dt, p² = e^{−2 M̃ s} for the flow, as a Gram matrix.
      return (mean, try prior.subtractingGram { test * sqrt(maximum(basis.map(time, progress.doubleGain), 0)) })
    }
    let rotated = initialInBasis[kind.initial] ?? basis.coordinates(ofRows: initial)
    initialInBasis[kind.initial] = rotated
    let a = test * gain
    let b = matmul(a, try ensemble.trainCovarianceInBasis(kind)) * 0.5 - rotated
    return (mean, prior.addingSymmetric(b, a))
  }
}
