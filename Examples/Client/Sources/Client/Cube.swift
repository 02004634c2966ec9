// An activation with a dual of its own.

import NeuralTangents

/// φ(x) = x³ with κ = 9 q12 q11 q22 + 6 q12³ and κ̇ = 9 q11 q22 + 18 q12².
struct Cube: Activation {
  static let nodeName = "cube"

  func function(_ x: Tensor) -> Tensor { x * x * x }

  func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor { q12 * (9 * (q11 * q22) + 6 * (q12 * q12)) }

  func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) -> Tensor { 9 * (q11 * q22) + 18 * (q12 * q12) }

  init() {}
  init(from arguments: inout LayerArguments) {}
  func write(to arguments: inout LayerArguments) {}
}
