import Tensors

/// A fully connected layer.
///
/// NTK parameterization: y = σw/√fanIn · x W + σb b with all entries of W and b standard normal. Standard
/// parameterization: y = x W / √s₀ + b with W ~ N(0, σw² s₀/fanIn), b ~ N(0, σb²), where the real widths are s₀ and s₁
/// times the nominal ones.
///
/// Infinite width: K ← σw² K + σb². Θ ← σw² Θ + K in NTK parameterization, Θ ← σw² Θ + (fanIn/s₀) K + 1 in standard
/// parameterization (K before the layer; the 1 only with a bias).
/// *Source:* Jacot et al. 2018 (arXiv 1806.07572); Sohl-Dickstein et al. 2020 (arXiv 2001.07301).
public struct Dense: SingleInputLayer {
  public static let nodeName = "dense"

  public enum Parameterization: String, Sendable, CaseIterable { case ntk, standard }

  /// Nominal number of output channels; of no importance to the infinite network in NTK parameterization.
  public let width: Int
  /// Standard deviation σw of the weights.
  @HyperParameter public private(set) var weightStd: Double
  /// Standard deviation σb of the bias; nil for a layer without one.
  public var biasStd: Double? { bias?.wrappedValue }
  private var bias: HyperParameter?
  public let parameterization: Parameterization
  /// Factors s of the input's and the output's width; only for standard parameterization.
  public let widthScales: [Double]
  public let axes: DataAxes

  /// - Precondition: the width is positive, standard deviations are finite, and the scales are two positive numbers.
  public init(
    _ width: Int, weightStd: Double = 1, biasStd: Double? = nil, parameterization: Parameterization = .ntk,
    widthScales: (input: Double, output: Double) = (1, 1), batchAxis: Int = 0, channelAxis: Int = -1
  ) {
    precondition(width > 0, "expected a positive width, found \(width)")
    precondition(weightStd.isFinite && (biasStd ?? 0).isFinite, "expected finite standard deviations")
    precondition(widthScales.input > 0 && widthScales.output > 0, "expected positive width scales")
    self.width = width
    self.weightStd = weightStd
    bias = biasStd.map { HyperParameter($0) }
    self.parameterization = parameterization
    self.widthScales = [widthScales.input, widthScales.output]
    axes = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  public var dataAxes: DataAxes? { axes }

  /// Output channels of the finite network.
  private var realWidth: Int {
    parameterization == .standard ? Int((widthScales[1] * Double(width)).rounded()) : width
  }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    let (axes, _) = try checked(input)
    var shape = input
    shape[axes.channel] = realWidth
    return shape
  }

  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    let (axes, fanIn) = try checked(input)
    let keys = key.split()
    var weights = keys[0].normal([fanIn, realWidth], dtype: dtype)
    var biases = biasStd.map { _ in keys[1].normal(biasShape(axes, rank: input.count), dtype: dtype) }
    if parameterization == .standard {
      weights = weights * (weightStd / (Double(fanIn) / widthScales[0]).squareRoot())
      biases = biases.map { $0 * (biasStd ?? 0) }
    }
    return .tensors(biases.map { [weights, $0] } ?? [weights])
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let (axes, fanIn) = try checked(input.shape)
    let weightShape = [fanIn, realWidth]
    let tensors = try parameters.leaf(
      shapes: biasStd == nil ? [weightShape] : [weightShape, biasShape(axes, rank: input.rank)])
    // The product has the channels last; move them back where they belong.
    var product = dotGeneral(input, tensors[0], contracting: ([axes.channel], [0]))
    var order = Array(0..<input.rank - 1)
    order.insert(input.rank - 1, at: axes.channel)
    product = product.transposed(order)
    switch parameterization {
    case .ntk:
      let output = product * ($weightStd / Double(fanIn).squareRoot())
      return bias.map { output + tensors[1] * $0 } ?? output
    case .standard:
      let output = product * (1 / widthScales[0].squareRoot())
      return biasStd == nil ? output : output + tensors[1]
    }
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let (axes, fanIn) = try checked(input.shape)
    guard axes.batch == input.batchAxis, axes.channel == input.channelAxis else {
      throw NetworkError(
        expected: "batchAxis \(input.batchAxis) and channelAxis \(input.channelAxis), as the layers before",
        found: "\(axes.batch) and \(axes.channel)")
    }
    var shape = input.shape
    shape[axes.channel] = realWidth
    var rule = AffineRule(
      weightVariance: $weightStd * $weightStd, biasVariance: bias.map { $0 * $0 } ?? HyperParameter(0), inputScale: 0,
      outputScale: 1, constant: 0)
    if parameterization == .standard {
      rule.inputScale = Double(fanIn) / widthScales[0]
      rule.outputScale = 0
      rule.constant = biasStd == nil ? 0 : 1
    }
    return program.append(.affine(rule), input, shape: shape, isGaussian: true)
  }

  /// The axes counted from the front, and the input's number of channels.
  private func checked(_ input: [Int]) throws(NetworkError) -> (DataAxes, Int) {
    guard input.count >= 2 else {
      throw NetworkError(expected: "an input with a batch and a channel axis", found: "shape \(input)")
    }
    let axes = try axes.resolved(rank: input.count)
    guard input[axes.channel] > 0 else {
      throw NetworkError(expected: "at least one input channel", found: "shape \(input)")
    }
    return (axes, input[axes.channel])
  }

  private func biasShape(_ axes: DataAxes, rank: Int) -> [Int] {
    var shape = [Int](repeating: 1, count: rank)
    shape[axes.channel] = realWidth
    return shape
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("weightStd", &$weightStd, kind: .standardDeviation)
    visitor.visit("biasStd", &bias, kind: .standardDeviation)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    width = try arguments.integer("width", atLeast: 1)
    weightStd = try arguments.number("weightStd", default: 1)
    bias = try arguments.optionalNumber("biasStd").map { HyperParameter($0) }
    parameterization = try arguments.choice("parameterization", default: .ntk)
    widthScales = try arguments.numbers("widthScales", default: [1, 1], count: 2)
    if let index = widthScales.firstIndex(where: { $0 <= 0 }) {
      throw NetworkError(
        path: [.name("widthScales"), .index(index)], expected: "a positive number", found: "\(widthScales[index])")
    }
    axes = DataAxes(
      batch: try arguments.integer("batchAxis", default: 0), channel: try arguments.integer("channelAxis", default: -1))
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("width", width)
    arguments.set("weightStd", weightStd, default: 1)
    arguments.set("biasStd", biasStd)
    arguments.set("parameterization", parameterization.rawValue, default: Parameterization.ntk.rawValue)
    arguments.set("widthScales", widthScales, default: [1, 1])
    arguments.set("batchAxis", axes.batch, default: 0)
    arguments.set("channelAxis", axes.channel, default: -1)
  }
}
