import CovarianceEngine
import Tensors

/// Natural gradient descent on the mean squared error in the wide limit, as the kernel that plain gradient descent would need to
/// do the same.
///
/// The Fisher information of a wide network on ½ · mean over all |y| entries of (f − y)² is JᵀJ/|y|. With damping ρ its inverse
/// makes of Θ the kernel |y| Θ (Θ + |y| ρ)⁻¹, in whose eigenbasis every mode is learned at the rate 1 when ρ is zero, whatever
/// the spectrum of Θ. Fisher information by blocks, one per layer, makes |y| Σ_l Θ_l (Θ_l + |y| ρ)⁻¹ of the shares Θ_l of the
/// layers: as fast, but with other predictions between the training points.
///
/// ```swift
/// let natural = try NaturalGradientKernel(
///   trainTrain: network.ntkByLayer(xTrain), outputShape: yTrain.shape, damping: 1e-3)
/// let flow = try GradientFlow(kTrainTrain: natural.trainTrain, yTrain: yTrain)
/// let outputs = try flow.testOutputs(
///   at: 3, kTestTrain: natural.testTrain(network.ntkByLayer(xTest, xTrain)))
/// ```
///
/// *Source:* Zhang et al. 2019 (arXiv 1905.10961); Karakida and Osawa 2020 (arXiv 2010.00879).
public struct NaturalGradientKernel: Sendable {
  /// |y| Σ_l Θ_l (Θ_l + |y| ρ)⁻¹, in the shape of each Θ_l.
  public let trainTrain: Tensor

  private let layout: OutputLayout
  /// |y| (Θ_l + |y| ρ)⁻¹, shape (rows, rows).
  private let inverses: [Tensor]

  /// - Parameters:
  ///   - trainTrain: Θ_l of every block of the Fisher information: the shares of the layers, or the NTK alone for all of it.
  ///     Shape (N, N); with output axes that are not trace axes, a pair of axes for each behind those.
  ///   - outputShape: that of the targets: (N, outputs…) or (N).
  ///   - damping: ρ. With zero a singular kernel has the inverse on its range, and learns nothing beyond it.
  ///   - traceAxes: output axes that the kernel has not, as they are independent under it.
  public init(
    trainTrain kernels: [Tensor], outputShape: [Int], damping: Double = 0, traceAxes: [Int] = [-1]
  ) throws(PredictionError) {
    guard damping >= 0, damping.isFinite else {
      throw .invalidValue(argument: "damping", expected: "zero or a positive number", found: "\(damping)")
    }
    guard !kernels.isEmpty else {
      throw .missing(argument: "trainTrain", neededFor: "a natural gradient: it has no kernels")
    }
    layout = try OutputLayout(targetShape: outputShape, traceAxes: traceAxes)
    let count = Double(outputShape.product)
    var (inverses, total) = ([Tensor](), Tensor?.none)
    for (index, kernel) in kernels.enumerated() {
      let argument = kernels.count == 1 ? "trainTrain" : "trainTrain[\(index)]"
      try requireFinite(kernel, argument)
      let matrix = try layout.trainMatrix(kernel, argument).asType(.float64)
      let (values, rows) = try onBehalf(of: argument) { () throws(TensorError) in try eigenvectorRows(matrix) }
      let eigenvalues = values.scalars(as: Double.self)
      let least = (eigenvalues.last ?? 0) * 0x1p-52 * Double(max(1, eigenvalues.count))
      func spread(_ function: (Double) -> Double) -> Tensor {
        let factors = Tensor(eigenvalues.map { $0 > least ? count * function($0) : 0 }, shape: [eigenvalues.count, 1])
        return dotGeneral(rows, factors * rows, contracting: ([0], [0]))
      }
      inverses.append(spread { 1 / ($0 + count * damping) })
      let part = spread { $0 / ($0 + count * damping) }
      total = total.map { $0 + part } ?? part
    }
    self.inverses = inverses
    self.trainTrain = layout.covariance(total ?? inverses[0], rowSizes: layout.trainSizes)
  }

  /// |y| Σ_l Θ_l (Θ_l + |y| ρ)⁻¹ with the Θ_l between test and train points in front.
  ///
  /// - Parameter kernels: in the order of the initialiser, shape (N_t, N).
  public func testTrain(_ kernels: [Tensor]) throws(PredictionError) -> Tensor {
    guard kernels.count == inverses.count else {
      throw .shapeMismatch(
        argument: "testTrain", expected: "\(inverses.count) kernels, as between the train points",
        found: "\(kernels.count)")
    }
    var (total, sizes) = (Tensor?.none, [Int]())
    for (index, (kernel, inverse)) in zip(kernels, inverses).enumerated() {
      let argument = kernels.count == 1 ? "testTrain" : "testTrain[\(index)]"
      try requireFinite(kernel, argument)
      let (matrix, rowSizes) = try layout.testTrainMatrix(kernel, argument)
      guard index == 0 || rowSizes == sizes else {
        throw .shapeMismatch(argument: argument, expected: "shape \(kernels[0].shape)", found: "\(kernel.shape)")
      }
      sizes = rowSizes
      let part = matmul(matrix.asType(.float64), inverse)
      total = total.map { $0 + part } ?? part
    }
    let matrix = total ?? inverses[0]
    if sizes.count == 1 { return matrix }
    let pairs = sizes.indices.flatMap { [$0, sizes.count + $0] }
    return matrix.reshaped(sizes + layout.trainSizes).transposed(pairs)
  }
}
