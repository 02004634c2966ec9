import Tensors

/// A loss as a function of the parameters z of the linear model f = f₀ + R z whose kernel is Θ = R Rᵀ: its gradient, its
/// curvature, and implicit equations with them.
struct ParameterFlow: Sendable {
  let root: KernelRoot
  let loss: OutputLoss
  /// f₀, shape (rows, outputs).
  let initial: Tensor

  func outputs(_ z: Tensor) -> Tensor { initial + root.outputs(z) }

  /// Rᵀ ∇L.
  func gradient(_ z: Tensor) throws -> Tensor { root.pulledBack(try loss.gradient(outputs(z))) }

  /// Rᵀ ∇²L R d, at outputs.
  func curvature(_ outputs: Tensor, along d: Tensor) throws -> Tensor {
    root.pulledBack(try loss.curvature(outputs, along: root.outputs(d)))
  }

  /// A typical second derivative of the loss in one output, by a product with ±1: it is the mean of them where the loss is a
  /// sum over outputs.
  func meanCurvature(_ outputs: Tensor) throws -> Double {
    guard outputs.count > 0 else { return 0 }
    // Signs without structure.
    let signs = (0..<outputs.count).map { index in
      ((UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15) >> 62 & 1 == 0 ? 1.0 : -1.0
    }
    let direction = Tensor(signs, shape: outputs.shape)
    let found = innerProduct(direction, try loss.curvature(outputs, along: direction)) / Double(outputs.count)
    return found.isFinite ? max(0, found) : 0
  }

  /// (μ I + Rᵀ ∇²L R)⁻¹ b; nil where the curvature is so negative that this is no minimum of anything.
  ///
  /// - Parameter rounding: of the loss's gradient in outputs, of which b is made.
  func solve(
    _ outputs: Tensor, shift: Double, meanCurvature: Double, _ b: Tensor, tolerance: Double, rounding: Double = 0
  ) throws -> Tensor? {
    let diagonal = root.values * meanCurvature + shift
    let inverse = 1 / maximum(diagonal, 1e-300)
    let outputCount = Double(b.shape[1])
    let noise =
      rounding == 0 ? 0 : rounding * rounding * outputCount * (root.values * inverse).sum().scalar(as: Double.self)
    return try conjugateGradients(b, preconditioner: inverse, tolerance: tolerance, noise: noise) { d in
      let curved = try curvature(outputs, along: d)
      return shift == 0 ? curved : curved + d * shift
    }
  }
}
