import CovarianceEngine
import Tensors

extension KernelEnsemble {
  /// The prediction at the train points: see `predictTrain(kinds:time:covariance:)`.
  public func predictTrain(
    kernel: EnsembleKind = .ntk, time: TrainingTime = .infinity, covariance form: CovarianceForm = .full
  ) throws(PredictionError) -> Prediction {
    try predictTrain(kinds: [kernel], time: time, covariance: form)[0]
  }

  /// The predictions of several ensembles at the train points, in their order.
  ///
  /// Mean (1 − e^{−M̃ s}) y with the kernel M that is trained with. Outputs of members count without the noise of their own
  /// targets, so that the covariance is e^{−M̃ s} (C_dd + e² I) e^{−M̃ s}; for a posterior M̃ e^{−2 M̃ s}. After infinite time the
  /// targets themselves, without uncertainty: for the effect of the regularizer at train points predict them as test points.
  ///
  /// - Throws: `PredictionError`, also when a kernel that is needed was not given.
  public func predictTrain(
    kinds: [EnsembleKind], time: TrainingTime = .infinity, covariance form: CovarianceForm = .full
  ) throws(PredictionError) -> [Prediction] {
    var predictions: [Prediction] = []
    for kind in kinds {
      try kind.check()
      let system = try system(kind)
      let results = try checked(time, system).map { (t) throws(PredictionError) -> [Tensor?] in
        if t == .infinity {
          let size = system.targets.shape[0]
          return [
            system.targets, form == .full ? Tensor.zeros([size, size], dtype: system.dtype) : nil,
            form == .diagonal ? Tensor.zeros([size], dtype: system.dtype) : nil,
          ]
        }
        let basis = try system.solver.eigenbasis()
        let done = basis.map(t, progress.progress).reshaped([-1, 1])
        let mean = dotGeneral(
          basis.rows, done * basis.coordinates(ofColumns: system.targets), contracting: ([0], [0]))
        let covariance =
          try kind.isPosterior ? posteriorCovariance(t, basis, form) : trainCovariance(t, kind, basis, form)
        return [mean, form == .full ? covariance : nil, form == .diagonal ? covariance : nil]
      }
      predictions.append(
        layout.prediction(
          mean: results[0] ?? system.targets, covariance: results[1], variance: results[2],
          rowSizes: layout.trainSizes))
    }
    return predictions
  }

  /// M̃ e^{−2 M̃ s} = (√M̃ e^{−M̃ s})².
  private func posteriorCovariance(_ time: Double, _ basis: Eigenbasis, _ form: CovarianceForm) -> Tensor? {
    let root = basis.map(time) { max($0, 0).squareRoot() * progress.decay($0, $1) }.reshaped([-1, 1]) * basis.rows
    return switch form {
    case .none: nil
    case .diagonal: square(root).sum(axis: 0)
    case .full: dotGeneral(root, root, contracting: ([0], [0]))
    }
  }

  private func trainCovariance(
    _ time: Double, _ kind: EnsembleKind, _ basis: Eigenbasis, _ form: CovarianceForm
  ) throws(PredictionError) -> Tensor? {
    if form == .none { return nil }
    let decayed = basis.map(time, progress.decay).reshaped([-1, 1]) * basis.rows
    let half = matmul(try trainCovarianceInBasis(kind), decayed)
    if form == .diagonal { return (decayed * half).sum(axis: 0) }
    let covariance = dotGeneral(decayed, half, contracting: ([0], [0]))
    // Equal to its transpose but for rounding.
    return (covariance + covariance.transposed()) * 0.5
  }
}
