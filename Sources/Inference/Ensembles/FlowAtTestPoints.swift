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
  /// A at infinite time.
  private var solved: Tensor?

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
    let a: Tensor
    if let solved { a = solved } else { a = try system.solvedFromRight(testTrain) }
    solved = a
    let b = matmul(a, try ensemble.trainCovariance(kind)) * 0.5 - initial
    return (matmul(testTrain, try system.weights()), prior.addingSymmetric(b, a))
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
