import CovarianceEngine
import Tensors

/// How weights and biases are scaled.
public enum Parameterization: String, Sendable, CaseIterable { case ntk, standard }

/// The weights and the bias of a layer: their standard deviations, parameterization and infinite-width rule.
///
/// NTK parameterization: y = σw/√fanIn · x W + σb b with all entries of W and b standard normal. Standard
/// parameterization: y = x W / √s₀ + b with W ~ N(0, σw² s₀/fanIn), b ~ N(0, σb²), where the real widths are s₀ and s₁
/// times the nominal ones.
struct AffineWeights: Sendable {
  @HyperParameter var weightStd: Double
  var bias: HyperParameter?
  let parameterization: Parameterization
  /// Factors of the input's and the output's width; only for standard parameterization.
  let widthScales: [Double]

  init(
    _ weightStd: Double, _ biasStd: Double?, _ parameterization: Parameterization,
    _ widthScales: (input: Double, output: Double)
  ) {
    precondition(weightStd.isFinite && (biasStd ?? 0).isFinite, "expected finite standard deviations")
    precondition(widthScales.input > 0 && widthScales.output > 0, "expected positive width scales")
    self.weightStd = weightStd
    bias = biasStd.map { HyperParameter($0) }
    self.parameterization = parameterization
    self.widthScales = [widthScales.input, widthScales.output]
  }

  var biasStd: Double? { bias?.wrappedValue }

  /// Output channels of the finite network for a nominal number.
  func realWidth(_ width: Int) -> Int {
    parameterization == .standard ? max(1, Int((widthScales[1] * Double(width)).rounded())) : width
  }

  /// Weights, and a bias if there is one.
  func draw(
    _ key: RandomKey, weights: [Int], bias: [Int], fanIn: Int, dtype: DType
  ) throws(NetworkError) -> Parameters {
    let keys = key.split()
    var drawn = try keys[0].normalParameters(weights, dtype: dtype)
    var biases = biasStd == nil ? nil : try keys[1].normalParameters(bias, dtype: dtype)
    if parameterization == .standard {
      drawn = drawn * (weightStd / (Double(fanIn) / widthScales[0]).squareRoot())
      biases = biases.map { $0 * (biasStd ?? 0) }
    }
    return .tensors(biases.map { [drawn, $0] } ?? [drawn])
  }

  /// The outputs, given the product of inputs and weights.
  func scaled(_ product: Tensor, bias drawn: Tensor?, fanIn: Int) -> Tensor {
    switch parameterization {
    case .ntk:
      let output = product * ($weightStd / Double(fanIn).squareRoot())
      guard let bias, let drawn else { return output }
      return output + drawn * bias
    case .standard:
      let output = product * (1 / widthScales[0].squareRoot())
      return drawn.map { output + $0 } ?? output
    }
  }

  /// K ← σw² K + σb². Θ ← σw² Θ + K in NTK parameterization, Θ ← σw² Θ + (fanIn/s₀) K + 1 in standard parameterization (K
  /// before the layer; the 1 only with a bias).
  func operation(fanIn: Int) -> AffineOperation {
    var operation = AffineOperation(
      weightVariance: $weightStd * $weightStd, biasVariance: bias.map { $0 * $0 } ?? HyperParameter(0), inputScale: 0,
      outputScale: 1, constant: 0)
    if parameterization == .standard {
      operation.inputScale = Double(fanIn) / widthScales[0]
      operation.outputScale = 0
      operation.constant = bias == nil ? 0 : 1
    }
    return operation
  }

  mutating func visit(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("weightStd", &$weightStd, kind: .standardDeviation)
    visitor.visit("biasStd", &bias, kind: .standardDeviation)
  }

  /// Throws unless a layer can have this nominal width and these scales.
  func check(_ name: String, _ width: Int) throws(NetworkError) {
    try requireSize(name, width)
    try checkScales()
  }

  private func checkScales() throws(NetworkError) {
    let largest = Double(LayerArguments.largestSize)
    if let index = widthScales.firstIndex(where: { !($0 > 0 && $0 <= largest) }) {
      throw NetworkError(
        path: [.name("widthScales"), .index(index)],
        expected: widthScales[index] <= 0 ? "a positive number" : "a number of at most \(Int(largest))",
        found: "\(widthScales[index])")
    }
  }

  init(from arguments: inout LayerArguments) throws(NetworkError) {
    weightStd = try arguments.number("weightStd", default: 1)
    bias = try arguments.optionalNumber("biasStd").map { HyperParameter($0) }
    parameterization = try arguments.choice("parameterization", default: .ntk)
    widthScales = try arguments.numbers("widthScales", default: [1, 1], count: 2)
    try checkScales()
  }

  func write(to arguments: inout LayerArguments) {
    arguments.set("weightStd", weightStd, default: 1)
    arguments.set("biasStd", biasStd)
    arguments.set("parameterization", parameterization.rawValue, default: Parameterization.ntk.rawValue)
    arguments.set("widthScales", widthScales, default: [1, 1])
  }
}
