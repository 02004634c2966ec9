import CovarianceEngine
import Tensors

/// A loss of the outputs at all training points with its first two derivatives, for outputs as a matrix of shape (rows, outputs
/// along trace axes).
///
/// The loss is traced once for its value and gradient, and once more where curvature is asked for.
final class OutputLoss: Sendable {
  private let layout: OutputLayout
  private let loss: LossFlow.Loss
  private let first: Executable
  private let second = Lazily<Executable>()

  /// - Throws: what `loss` throws, and `PredictionError` where it is no scalar.
  init(layout: OutputLayout, loss: @escaping LossFlow.Loss) throws {
    (self.layout, self.loss) = (layout, loss)
    let shape = Self.matrixShape(layout)
    first = Executable(
      try trace(
        { (outputs: Tensor) throws -> [Tensor] in
          let found = try Tensors.valueAndGradient(of: { try Self.scalar(loss, layout, $0) }, at: outputs)
          return [found.value, found.gradient]
        }, at: Tensor.zeros(shape, dtype: .float64)))
  }

  static func matrixShape(_ layout: OutputLayout) -> [Int] { [layout.trainSizes.product, layout.traceSizes.product] }

  private static func scalar(_ loss: LossFlow.Loss, _ layout: OutputLayout, _ outputs: Tensor) throws -> Tensor {
    let value = try loss(layout.outputs(outputs, rowSizes: layout.trainSizes))
    guard value.count == 1 else {
      throw PredictionError.shapeMismatch(argument: "loss", expected: "a scalar", found: "shape \(value.shape)")
    }
    return value.reshaped([])
  }

  func value(_ outputs: Tensor) throws -> Double {
    try first.run([outputs])[0].asType(.float64).scalar(as: Double.self)
  }

  func gradient(_ outputs: Tensor) throws -> Tensor { try first.run([outputs])[1] }

  func valueAndGradient(_ outputs: Tensor) throws -> (value: Double, gradient: Tensor) {
    let found = try first.run([outputs])
    return (found[0].asType(.float64).scalar(as: Double.self), found[1])
  }

  /// ∇²L(outputs) · direction.
  func curvature(_ outputs: Tensor, along direction: Tensor) throws -> Tensor {
    let (loss, layout) = (loss, layout)
    let program = try second { () throws -> Executable in
      let zeros = Tensor.zeros(Self.matrixShape(layout), dtype: .float64)
      return Executable(
        try trace(
          { (outputs: Tensor, direction: Tensor) throws -> Tensor in
            let slope = Tensors.gradient(of: { (outputs: Tensor) in try Self.scalar(loss, layout, outputs) })
            return try jvp(slope, at: outputs, along: direction).tangent
          }, at: zeros, zeros))
    }
    return try program.run([outputs, direction])[0]
  }
}
