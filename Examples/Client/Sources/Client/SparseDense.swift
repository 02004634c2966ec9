// A layer with weights of its own: finite and infinite network, network files, hyper-parameters.

import NeuralTangents

/// A dense layer of which a random part of the weights is missing: y = σ / √(p n) · (w ∘ m) x with w standard normal and m
/// one with probability p, else zero.
///
/// Infinitely wide it is a dense layer: K ← σ² K, Θ ← σ² Θ + (new K).
struct SparseDense: SingleInputLayer {
  static let nodeName = "sparseDense"

  let width: Int
  /// p.
  let density: Double
  /// σ.
  @HyperParameter var weightStd: Double

  init(_ width: Int, density: Double, weightStd: Double = 1) {
    (self.width, self.density) = (width, density)
    self.weightStd = weightStd
  }

  func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    guard input.count == 2, input[1] > 0 else {
      throw NetworkError(expected: "inputs of shape (N, channels)", found: "\(input)")
    }
    return [input[0], width]
  }

  func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    _ = try outputShape(input)
    let keys = key.split()
    let shape = [input[1], width]
    let weights = keys[0].normal(shape, dtype: dtype)
    let mask = (keys[1].uniform(shape, dtype: dtype) .< density).asType(dtype)
    return .tensors([weights, mask])
  }

  func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let fanIn = input.shape[1]
    guard parameters.tensors.map(\.shape) == [[fanIn, width], [fanIn, width]] else {
      throw NetworkError(expected: "weights and mask of shape [\(fanIn), \(width)]", found: "other parameters")
    }
    let kept = parameters.tensors[0] * stopGradient(parameters.tensors[1])
    return $weightStd * (matmul(input, kept) * (1 / (density * Double(fanIn)).squareRoot()))
  }

  func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError) -> CovarianceValue {
    program.append(
      AffineOperation(weightVariance: $weightStd * $weightStd), input, shape: try outputShape(input.shape),
      isGaussian: true)
  }

  mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("weightStd", &$weightStd, kind: .standardDeviation)
  }

  init(from arguments: inout LayerArguments) throws(NetworkError) {
    width = try arguments.integer("width", atLeast: 1)
    density = try arguments.number("density", in: { $0 > 0 && $0 <= 1 }, expected: "a number above 0 and up to 1")
    weightStd = try arguments.number("weightStd", default: 1)
  }

  func write(to arguments: inout LayerArguments) {
    arguments.set("width", width)
    arguments.set("density", density)
    arguments.set("weightStd", weightStd, default: 1)
  }
}
