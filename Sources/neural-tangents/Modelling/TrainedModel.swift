import Foundation
import NeuralTangents
import Tensors

/// A recipe fitted to a training set.
struct TrainedModel: Sendable {
  let recipe: Recipe
  let calibration: Calibration
  private let x: Tensor
  private let ensemble: KernelEnsemble

  /// - Parameters:
  ///   - x: features, shape (N, features).
  ///   - y: targets of mean about zero, shape (N, outputs).
  ///   - key: which rows to calibrate with where there are too many.
  init(_ recipe: Recipe, x: Tensor, y: Tensor, key: RandomKey, progress: ProgressReporter) throws {
    self.recipe = recipe
    self.x = x.asType(recipe.precision)
    let size = "\(x.shape[0])x\(x.shape[0])"
    progress.begin("kernel of the training rows, \(size)")
    let kernel = try recipe.job(self.x, progress: progress).run()
    let pair = KernelPair(nngp: kernel.nngp, ntk: recipe.method == .ntk ? kernel.ntk : nil)
    progress.begin("calibrating on training rows")
    do {
      calibration = try Calibration(recipe, trainTrain: pair, y: y, groups: EqualRows.groups(of: x), key: key)
    } catch TensorError.notPositiveDefinite(let pivot, let size) {
      throw CommandError.badData(
        "the kernel of \(size) training rows is not positive definite at row \(pivot + 1): equal rows, or more "
          + "rows than the network can tell apart, need noise; raise --diag-reg")
    }
    progress.begin("solving with the \(size) kernel")
    ensemble = try KernelEnsemble(
      trainTrain: pair, yTrain: y, learningRate: recipe.learningRate, diagonalRegularizer: calibration.regularizer,
      precision: .float64)
  }

  /// Predictions in the units of the training targets.
  struct Outputs: Sendable {
    /// Shape (N_t, outputs), float64.
    var mean: Tensor
    /// Of a new measurement, noise included; shape (N_t, outputs), float64.
    var standardDeviation: Tensor
  }

  func predict(_ x: Tensor, progress: ProgressReporter) throws -> Outputs {
    progress.begin("predicting \(x.shape[0]) rows from their kernel with the training rows")
    var (means, variances) = ([Tensor](), [Tensor]())
    try recipe.job(x.asType(recipe.precision), self.x, progress: progress).forEachStrip { _, kernel in
      let prediction = try ensemble.predict(
        testTrain: KernelPair(nngp: kernel.nngp, ntk: recipe.method == .ntk ? kernel.ntk : nil),
        testTestDiagonal: KernelPair(nngp: kernel.cov1), kernel: recipe.method.kind, time: TrainingTime(recipe.time))
      means.append(prediction.mean)
      variances.append(prediction.variance ?? kernel.cov1)
    }
    let (mean, variance) = (concatenate(means), concatenate(variances).reshaped([-1, 1]))
    return Outputs(mean: mean, standardDeviation: calibration.standardDeviation(ofVariance: variance))
  }
}
