import CNeuralTangents
import CovarianceEngine
import Inference
import Networks
import Tensors

/// How to predict, checked.
private struct Ensemble: Sendable {
  let kind: EnsembleKind
  let covariance: CovarianceForm
  let learningRate: Double
  let regularizer: DiagonalRegularizer
  let time: TrainingTime

  init(_ pointer: UnsafePointer<nt_ensemble>?) throws {
    guard let ensemble = pointer?.pointee else {
      throw Failure.argument("ensemble", expected: "an ensemble", found: "a null pointer")
    }
    let kinds: [EnsembleKind] = [.nngp, .ntk, .ntkGaussianProcess]
    let forms: [CovarianceForm] = [.none, .diagonal, .full]
    guard kinds.indices.contains(Int(ensemble.kind)) else {
      throw Failure.argument("kind", expected: "NT_ENSEMBLE_NNGP, NTK or NTKGP", found: "\(ensemble.kind)")
    }
    guard forms.indices.contains(Int(ensemble.covariance)) else {
      throw Failure.argument(
        "covariance", expected: "NT_MEAN_ONLY, NT_VARIANCES or NT_COVARIANCE", found: "\(ensemble.covariance)")
    }
    (kind, covariance) = (kinds[Int(ensemble.kind)], forms[Int(ensemble.covariance)])
    learningRate = ensemble.learning_rate
    regularizer = ensemble.is_absolute != 0 ? .absolute(ensemble.regularizer) : .relative(ensemble.regularizer)
    guard let times = ensemble.times else {
      time = .infinity
      return
    }
    guard (1...1 << 24).contains(ensemble.time_count) else {
      throw Failure.argument("time_count", expected: "at least 1", found: "\(ensemble.time_count)")
    }
    time = TrainingTime((0..<Int(ensemble.time_count)).map { times[$0] })
  }
}

private func values(_ prediction: Prediction) -> ValuesObject {
  ValuesObject(
    present([("mean", prediction.mean), ("covariance", prediction.covariance), ("variance", prediction.variance)]))
}

@_cdecl("nt_prediction_job")
public func predictionJob(
  _ pointer: OpaquePointer?, _ xTrain: UnsafePointer<nt_array>?, _ yTrain: UnsafePointer<nt_array>?,
  _ xTest: UnsafePointer<nt_array>?, _ ensemblePointer: UnsafePointer<nt_ensemble>?,
  _ optionsPointer: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let network = try network(pointer)
    let options = try options(optionsPointer)
    let ensemble = try Ensemble(ensemblePointer)
    let (x, y, test) = (
      try floats(xTrain, "x_train"), try floats(yTrain, "y_train"), try floats(xTest, "x_test")
    )
    let control = JobObject.Control()
    let (_, kernelOptions) = try options.kernelOptions(control)
    return handle(
      JobObject(threads: try options.threadLimit, control: control) { _ in
        let flow = try GradientFlowEnsemble(
          network, x, y, kernels: ensemble.kind == .nngp ? .nngp : .all, learningRate: ensemble.learningRate,
          diagonalRegularizer: ensemble.regularizer, precision: .float64, options: kernelOptions)
        return values(
          try flow.predict(test, kernel: ensemble.kind, time: ensemble.time, covariance: ensemble.covariance))
      })
  }
}

@_cdecl("nt_kernel_prediction_job")
public func kernelPredictionJob(
  _ kernels: UnsafePointer<nt_prediction_kernels>?, _ yTrain: UnsafePointer<nt_array>?,
  _ ensemblePointer: UnsafePointer<nt_ensemble>?, _ optionsPointer: UnsafePointer<nt_options>?,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    guard let kernels = kernels?.pointee else {
      throw Failure.argument("kernels", expected: "kernels", found: "a null pointer")
    }
    let options = try options(optionsPointer)
    let ensemble = try Ensemble(ensemblePointer)
    let y = try floats(yTrain, "y_train")
    func pair(_ nngp: nt_array, _ ntk: nt_array, _ name: String) throws -> KernelPair {
      let pair = KernelPair(
        nngp: try optionalTensor(nngp, "\(name) NNGP"), ntk: try optionalTensor(ntk, "\(name) NTK"))
      for tensor in [pair.nngp, pair.ntk].compactMap(\.self) where !tensor.dtype.isFloatingPoint {
        throw Failure.argument(name, expected: "floating-point numbers", found: "\(tensor.dtype)")
      }
      return pair
    }
    let trainTrain = try pair(kernels.train_train_nngp, kernels.train_train_ntk, "train-train")
    let testTrain = try pair(kernels.test_train_nngp, kernels.test_train_ntk, "test-train")
    let testTest = try pair(kernels.test_test_nngp, kernels.test_test_ntk, "test-test")
    return handle(
      JobObject(threads: try options.threadLimit) { _ in
        let flow = try KernelEnsemble(
          trainTrain: trainTrain, yTrain: y, learningRate: ensemble.learningRate,
          diagonalRegularizer: ensemble.regularizer)
        switch ensemble.covariance {
        case .none:
          return values(try flow.predict(testTrain: testTrain, kernel: ensemble.kind, time: ensemble.time))
        case .full:
          return values(
            try flow.predict(testTrain: testTrain, testTest: testTest, kernel: ensemble.kind, time: ensemble.time))
        case .diagonal:
          return values(
            try flow.predict(
              testTrain: testTrain, testTestDiagonal: testTest, kernel: ensemble.kind, time: ensemble.time))
        }
      })
  }
}

@_cdecl("nt_fit_job")
public func fitJob(
  _ pointer: OpaquePointer?, _ x: UnsafePointer<nt_array>?, _ y: UnsafePointer<nt_array>?,
  _ settings: UnsafePointer<nt_fit>?, _ optionsPointer: UnsafePointer<nt_options>?,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let network = try network(pointer)
    let options = try options(optionsPointer)
    guard let settings = settings?.pointee else {
      throw Failure.argument("fit", expected: "settings", found: "a null pointer")
    }
    let (inputs, targets) = (try floats(x, "x"), try floats(y, "y"))
    let control = JobObject.Control()
    let fitOptions = EvidenceFitOptions(
      kernel: settings.uses_ntk != 0 ? .ntk : .nngp, isTied: settings.is_tied != 0,
      initialNoiseVariance: settings.noise == 0 ? nil : settings.noise, maximumIterations: Int(settings.iterations),
      priorWidth: settings.prior_width == 0 ? nil : settings.prior_width, restarts: Int(settings.restarts),
      key: RandomKey(settings.key.0, settings.key.1), progress: { control.report(Int(1000 * $0), of: 1000) })
    return handle(
      JobObject(threads: try options.threadLimit, control: control) { _ in
        let result = try fit(network, inputs, targets, options: fitOptions)
        return ValuesObject(
          [],
          json: .object([
            "network": try LayerRegistry.node(of: result.network), "noiseVariance": .number(result.noiseVariance),
            "initialNoiseVariance": .number(result.initialNoiseVariance),
            "before": .number(result.logMarginalLikelihood.before),
            "after": .number(result.logMarginalLikelihood.after),
            "iterations": .integer(result.iterations), "isConverged": .boolean(result.isConverged),
          ]))
      })
  }
}

/// An array of floating-point numbers with at least one axis.
private func floats(_ array: UnsafePointer<nt_array>?, _ name: String) throws -> Tensor {
  let tensor = try requiredTensor(array, name)
  guard tensor.rank > 0, tensor.count > 0 else {
    throw Failure.argument(name, expected: "at least one row and one column", found: "shape \(tensor.shape)")
  }
  return tensor.dtype.isFloatingPoint ? tensor : tensor.asType(.float64)
}
