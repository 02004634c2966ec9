import Foundation
import NeuralTangents
import Tensors

/// One network fitted to a training set.
struct TrainedModel: Sendable {
  let recipe: Recipe
  let network: any Layer
  let calibration: Calibration
  private let targets: Targets
  private let x: Tensor
  private let ensemble: KernelEnsemble
  /// The solver, where it is not the usual one, and why.
  let solverNote: String?
  /// How far means may be off; nil where that is rounding.
  let certificate: SolverCertificate?
  private let isWhole: Bool

  /// More rows would take longer and change little: what is calibrated are averages.
  private static let rowLimit = 1000
  /// For training times that have no closed form for left-out rows.
  private static let foldCount = 5

  /// - Parameters:
  ///   - x: inputs, shape (N, …).
  ///   - targets: what they have to learn, with one way to transform each number.
  ///   - known: a calibration that all rows were left out for in turn.
  ///   - key: which rows to calibrate with where there are too many.
  init(
    _ recipe: Recipe, network: any Layer, x: Tensor, targets: Targets, known: Calibration? = nil, key: RandomKey,
    progress: ProgressReporter
  ) throws {
    (self.recipe, self.network, self.x, self.targets) = (recipe, network, x, targets)
    let need = SolverNeed(recipe, rows: x.shape[0], networks: 1)
    isWhole = need.isWhole && recipe.stored == nil
    guard isWhole else {
      let count = x.shape[0]
      let sample =
        count <= Self.rowLimit
        ? Array(0..<count) : Array(key.split()[0].permutation(count).prefix(Self.rowLimit))
      let rows = x.taking(sample, axis: 0)
      progress.begin("calibrating on training rows")
      calibration = try Self.checked {
        try known
          ?? Self.calibration(
            recipe, recipe.kernels(network, rows, places: sample, progress: progress), targets.selecting(rows: sample),
            groups: EqualRows.groups(of: rows), key: key)
      }
      ensemble = try Self.ensemble(recipe, need, network, x, targets, calibration, progress)
      certificate = try ensemble.certificate(recipe.method.kind)
      let name = ensemble.solverDescription(recipe.method.kind) ?? need.choice.rawValue
      solverNote = name + (need.reason.map { " (\($0))" } ?? "")
      return
    }
    let size = "\(x.shape[0])x\(x.shape[0])"
    progress.begin("kernel of the training rows, \(size)")
    let kernels = try recipe.kernels(network, x, places: Array(0..<x.shape[0]), progress: progress)
    progress.begin("calibrating on training rows")
    calibration = try Self.checked {
      if let known, recipe.time == .infinity { return known }
      return try Self.calibration(recipe, kernels, targets, groups: EqualRows.groups(of: x), key: key)
    }
    progress.begin("solving with the \(size) kernel")
    ensemble = try KernelEnsemble(
      trainTrain: kernels, yTrain: targets.outputs, learningRate: recipe.learningRate,
      diagonalRegularizer: calibration.regularizer, precision: .float64, solver: need.choice)
    (solverNote, certificate) = (nil, nil)
  }

  /// An ensemble over kernels in a store, or over kernels of which half is kept, as it is computed.
  private static func ensemble(
    _ recipe: Recipe, _ need: SolverNeed, _ network: any Layer, _ x: Tensor, _ targets: Targets,
    _ calibration: Calibration, _ progress: ProgressReporter
  ) throws -> KernelEnsemble {
    // Variances of trained networks take both kernels.
    let wantsVariances = if case .numbers = targets { true } else { false }
    let kernels: KernelSet = recipe.method == .nngp ? .nngp : wantsVariances ? .all : .ntk
    let nngp: (any TiledMatrix)?
    let ntk: (any TiledMatrix)?
    if let stored = recipe.stored {
      nngp = kernels.contains(.nngp) ? try stored.matrix(.nngp) : nil
      ntk = kernels.contains(.ntk) ? try stored.matrix(.ntk) : nil
    } else {
      progress.begin("kernel of the training rows, half of \(x.shape[0])x\(x.shape[0])")
      (nngp, ntk) = try PackedMatrix.kernels(recipe.packedJob(network, x, progress: progress), kernels)
    }
    progress.begin("solving with \(counted(x.shape[0], "row"))")
    var options = recipe.solverOptions
    options.returnsAtLimit = true
    options.progress = { [weak progress] step, fraction in progress?.update(step, fraction) }
    return try KernelEnsemble(
      nngp: nngp, ntk: ntk, yTrain: targets.outputs, learningRate: recipe.learningRate,
      diagonalRegularizer: calibration.regularizer, solver: need.choice, solverOptions: options)
  }

  /// - Throws: `CommandError` for a kernel that needs noise.
  private static func checked(_ calibrate: () throws -> Calibration) throws -> Calibration {
    do {
      return try calibrate()
    } catch TensorError.notPositiveDefinite(let pivot, let size) {
      throw CommandError.badData(
        "the kernel of \(counted(size, "training row")) is not positive definite at row \(pivot + 1): equal rows, or more "
          + "rows than the network can tell apart, need noise; raise --diag-reg")
    }
  }

  /// - Parameter groups: a number for each row; rows with equal inputs have the same one and are left out together, since each
  ///   would give the others away.
  private static func calibration(
    _ recipe: Recipe, _ kernels: KernelPair, _ targets: Targets, groups: [Int], key: RandomKey
  ) throws -> Calibration {
    let keys = key.split()
    var (kernels, targets, groups) = (kernels, targets, groups)
    if groups.count > rowLimit {
      let rows = Array(keys[0].permutation(groups.count).prefix(rowLimit))
      kernels = KernelPair(nngp: kernels.nngp?.submatrix(rows), ntk: kernels.ntk?.submatrix(rows))
      targets = targets.selecting(rows: rows)
      groups = rows.map { groups[$0] }
    }
    let leftOut = try LeftOut(kernels, method: recipe.method, groups: groups)
    let atInfinity = try Calibration(leftOut, targets, recipe)
    guard recipe.time < .infinity, Set(groups).count >= 2 * foldCount else { return atInfinity }
    let splits = Split.folds(
      foldCount, count: groups.count, groups: leftOut.repeats.isEmpty ? nil : groups, key: keys[1])
    let residuals = try crossValidated(
      recipe, kernels, targets.outputs, shift: leftOut.shift(of: atInfinity.regularizer), noise: atInfinity.noise,
      splits: splits)
    return Calibration(
      residuals, targets, recipe, regularizer: atInfinity.regularizer, noise: atInfinity.noise)
  }

  /// Every row predicted from the other folds, at the recipe's training time.
  private static func crossValidated(
    _ recipe: Recipe, _ kernels: KernelPair, _ y: Tensor, shift: Double, noise: Double, splits: [Split]
  ) throws -> LeftOut.Residuals {
    guard let diagonal = kernels.nngp?.diagonal() else { preconditionFailure("a kernel that was not computed") }
    var errors = [[Double]](repeating: Array(repeating: 0, count: y.shape[0]), count: y.shape[1])
    var variances = [Double](repeating: 0, count: y.shape[0])
    for split in splits {
      func part(_ tensor: Tensor?, _ rows: [Int]) -> Tensor? {
        tensor.map { $0.taking(rows, axis: 0).taking(split.train, axis: 1) }
      }
      // Time counts in steps of a rate that is shared by all target numbers, so fewer rows need less of it.
      let share = Double(split.train.count) / Double(y.shape[0])
      let ensemble = try KernelEnsemble(
        trainTrain: KernelPair(nngp: part(kernels.nngp, split.train), ntk: part(kernels.ntk, split.train)),
        yTrain: y.taking(split.train, axis: 0), learningRate: recipe.learningRate,
        diagonalRegularizer: .absolute(shift), precision: .float64)
      let prior = diagonal.taking(split.test, axis: 0)
      let prediction = try ensemble.predict(
        testTrain: KernelPair(nngp: part(kernels.nngp, split.test), ntk: part(kernels.ntk, split.test)),
        testTestDiagonal: KernelPair(nngp: prior), kernel: recipe.method.kind,
        time: TrainingTime(recipe.time * share))
      let error = (y.taking(split.test, axis: 0) - prediction.mean).scalars(as: Double.self)
      let variance = (prediction.variance ?? prior).scalars(as: Double.self)
      for (place, row) in split.test.enumerated() {
        for output in errors.indices { errors[output][row] = error[place * errors.count + output] }
        variances[row] = max(variance[place] + noise, 1e-300)
      }
    }
    return LeftOut.Residuals(errors: errors, variances: variances)
  }

  /// Predictions in units of the outputs.
  struct Outputs: Sendable {
    /// Shape (rows, outputs), float64.
    var mean: Tensor
    /// Of the closed form with the noise, before scaling; one for each row.
    var variances: [Double]
  }

  func predict(_ x: Tensor, progress: ProgressReporter) throws -> Outputs {
    progress.begin("predicting \(x.shape[0]) rows from their kernel with the training rows")
    var (means, variances) = ([Tensor](), [Double]())
    let needsVariances = if case .numbers = targets { true } else { isWhole }
    try forEachStrip(x, progress: progress) { kernels, priors in
      guard needsVariances else {
        // Probabilities of classes are made of means.
        let prediction = try ensemble.predict(
          testTrain: kernels, kernel: recipe.method.kind, time: TrainingTime(recipe.time))
        means.append(prediction.mean)
        variances += [Double](repeating: 0, count: prediction.mean.shape[0])
        return
      }
      let prediction = try ensemble.predict(
        testTrain: kernels, testTestDiagonal: KernelPair(nngp: priors), kernel: recipe.method.kind,
        time: TrainingTime(recipe.time))
      means.append(prediction.mean)
      variances += (prediction.variance ?? priors).asType(.float64).scalars(as: Double.self)
    }
    return Outputs(mean: concatenate(means), variances: variances.map { max(0, $0 + calibration.noise) })
  }

  /// Calls `body` with kernels of some rows to predict with all rows to learn from, and the NNGP of each of these with itself.
  private func forEachStrip(
    _ x: Tensor, progress: ProgressReporter, _ body: (KernelPair, _ priors: Tensor) throws -> Void
  ) throws {
    if let stored = recipe.stored {
      return try stored.forEachStrip(x, method: recipe.method, progress: progress, body)
    }
    let job =
      isWhole
      ? try recipe.job(network, x, self.x, progress: progress)
      : try recipe.packedJob(network, x, self.x, progress: progress)
    try job.forEachStrip { _, kernel in
      try body(KernelPair(nngp: kernel.nngp, ntk: recipe.method == .ntk ? kernel.ntk : nil), kernel.cov1)
    }
  }

  /// What is predicted for each row: per number to predict a component of its distribution, in units of the transformed
  /// targets.
  func components(_ outputs: Outputs, weight: Double) -> [[PredictiveDistribution.Component]] {
    guard case .numbers(let numbers) = calibration.kind, case .numbers(let columns) = targets else { return [] }
    let means = outputs.mean.scalars(as: Double.self)
    let parts = zip(numbers, columns).map { number, candidates in
      (candidates[number.choice], number.tails.scale, number.tails.shape)
    }
    return outputs.variances.enumerated().map { row, variance in
      parts.enumerated().map { output, part in
        part.0.component(
          // A row that is known exactly still needs an interval of some width.
          mean: means[row * parts.count + output], scale: max(1e-12, (variance * part.1).squareRoot()), shape: part.2,
          weight: weight)
      }
    }
  }

  /// Class probabilities, one list for each row.
  func probabilities(_ outputs: Outputs) -> [[Double]] {
    guard case .classes(let scores) = calibration.kind else { return [] }
    let means = outputs.mean.scalars(as: Double.self)
    let classes = outputs.mean.shape[1]
    return outputs.variances.indices.map { scores.probabilities(Array(means[$0 * classes..<($0 + 1) * classes])) }
  }
}
