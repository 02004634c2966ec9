import NeuralTangents
import Tensors

/// How predictions are made: everything but the data.
struct Recipe: Sendable {
  enum Method: String, Sendable, CaseIterable {
    /// The Bayesian network: the posterior of its prior at initialisation.
    case nngp
    /// The infinite ensemble of networks trained by gradient descent.
    case ntk

    var kind: EnsembleKind { self == .nngp ? .nngp : .ntk }
  }

  enum Regularizer: Sendable {
    /// The one that predicts left-out training rows best.
    case automatic
    case fixed(DiagonalRegularizer)
  }

  /// Nil for a mixture of those in `NetworkCandidate`.
  var network: (any Layer)?
  var method = Method.nngp
  var regularizer = Regularizer.automatic
  /// Infinity for training to the end.
  var time = Double.infinity
  var learningRate = 1.0
  /// Of kernels; linear algebra is done in float64, as rounding in the kernel is noise but rounding in solving is not.
  var precision = DType.float64
  /// Of kernels that are not put together as a whole: half of the memory in float32.
  var packedPrecision = DType.float32
  /// Rows and columns of a kernel that are computed at once; nil for a good number.
  var tileSize: Int?
  /// Where kernels are computed; nil for the processors.
  var device: (any KernelDevice)?
  /// How systems with kernels are solved.
  var solver = SolverChoice.automatic
  var solverOptions = SolverOptions()
  /// What becomes of targets, and of the shape of errors: as they are unless something is to be chosen.
  var targetTransform = TargetColumn.TransformChoice.none
  var tails = Tails.Choice.normal
  /// Kernels that need not be computed; nil for none.
  var stored: StoredKernels?
  /// Whether every column may get a scale of its own.
  var fitsColumnScales = false

  /// The computation of a kernel of two data sets, or of one with itself, put together in float64.
  func job(
    _ network: any Layer, _ x1: Tensor, _ x2: Tensor? = nil, progress: ProgressReporter
  ) throws -> GramJob {
    try GramJob(
      network, x1.asType(precision), x2?.asType(precision), kernels: method == .ntk ? .all : .nngp,
      options: KernelOptions(
        precision: precision, accumulation: .float64, tileSize: tileSize, device: device,
        progress: progress.kernelProgress))
  }

  /// The same in the precision of kernels that are not put together.
  func packedJob(
    _ network: any Layer, _ x1: Tensor, _ x2: Tensor? = nil, progress: ProgressReporter
  ) throws -> GramJob {
    try GramJob(
      network, x1.asType(packedPrecision), x2?.asType(packedPrecision), kernels: method == .ntk ? .all : .nngp,
      options: KernelOptions(
        precision: packedPrecision, tileSize: tileSize ?? 1024, device: device, progress: progress.kernelProgress))
  }

  /// The kernels of rows with themselves that predictions need.
  ///
  /// - Parameter places: which of all rows to learn from they are.
  func kernels(
    _ network: any Layer, _ x: Tensor, places: @autoclosure () -> [Int], progress: ProgressReporter
  ) throws -> KernelPair {
    if let stored { return try stored.kernels(places(), method: method) }
    let kernel = try job(network, x, progress: progress).run()
    guard kernel.nngp.rank == 2 else {
      throw CommandError.badData(
        "expected a network whose outputs have no positions, as after flatten or globalAveragePool, found outputs with "
          + "\(kernel.layout.positions.map(String.init).joined(separator: "x")) positions")
    }
    return KernelPair(nngp: kernel.nngp, ntk: method == .ntk ? kernel.ntk : nil)
  }
}
