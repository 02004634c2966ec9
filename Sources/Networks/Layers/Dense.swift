import CovarianceEngine
import Tensors

/// A fully connected layer, the same at every position.
///
/// NTK parameterization: y = σw/√fanIn · x W + σb b with all entries of W and b standard normal. Standard
/// parameterization: y = x W / √s₀ + b with W ~ N(0, σw² s₀/fanIn), b ~ N(0, σb²), where the real widths are s₀ and s₁
/// times the nominal ones.
///
/// Infinite width: K ← σw² K + σb². Θ ← σw² Θ + K in NTK parameterization, Θ ← σw² Θ + (fanIn/s₀) K + 1 in standard
/// parameterization (K before the layer; the 1 only with a bias). A position is masked after it if all its channels were.
/// *Source:* Jacot et al. 2018 (arXiv 1806.07572); Sohl-Dickstein et al. 2020 (arXiv 2001.07301).
public struct Dense: SingleInputLayer {
  public static let nodeName = "dense"

  /// Nominal number of output channels; of no importance to the infinite network in NTK parameterization.
  public let width: Int
  private var weights: AffineWeights
  /// Where inputs have the batch and the channels.
  public let axes: DataAxes

  /// Standard deviation σw of the weights.
  public var weightStd: Double { weights.weightStd }
  /// Standard deviation σb of the bias; nil for a layer without one.
  public var biasStd: Double? { weights.biasStd }
  /// How weights and their gradients are scaled.
  public var parameterization: Parameterization { weights.parameterization }
  /// Factors s of the input's and the output's width; only for standard parameterization.
  public var widthScales: [Double] { weights.widthScales }

  /// - Precondition: standard deviations are finite, and the scales are two positive numbers.
  public init(
    _ width: Int, weightStd: Double = 1, biasStd: Double? = nil, parameterization: Parameterization = .ntk,
    widthScales: (input: Double, output: Double) = (1, 1), batchAxis: Int = 0, channelAxis: Int = -1
  ) {
    self.width = width
    weights = AffineWeights(weightStd, biasStd, parameterization, widthScales)
    axes = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  public var dataAxes: DataAxes? { axes }

  /// Output channels of the finite network.
  private var realWidth: Int { weights.realWidth(width) }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    let (axes, _) = try checked(input)
    var shape = input
    shape[axes.channel] = realWidth
    return shape
  }

  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    let (axes, fanIn) = try checked(input)
    return try weights.draw(
      key, weights: [fanIn, realWidth], bias: biasShape(axes, rank: input.count), fanIn: fanIn, dtype: dtype)
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let (axes, fanIn) = try checked(input.shape)
    let weightShape = [fanIn, realWidth]
    let tensors = try parameters.leaf(
      shapes: biasStd == nil ? [weightShape] : [weightShape, biasShape(axes, rank: input.rank)])
    // The product has the channels last; move them back where they belong.
    let product = dotGeneral(input, tensors[0], contracting: ([axes.channel], [0]))
      .movedAxis(from: -1, to: axes.channel)
    return weights.scaled(product, bias: tensors.count > 1 ? tensors[1] : nil, fanIn: fanIn)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    mask.all(axis: try checked(input).0.channel, keepDims: true)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let (axes, fanIn) = try checked(input.shape)
    try input.require(axes)
    var shape = input.shape
    shape[axes.channel] = realWidth
    return program.append(weights.operation(fanIn: fanIn), input, shape: shape, isGaussian: true)
  }

  /// The axes counted from the front, and the input's number of channels.
  private func checked(_ input: [Int]) throws(NetworkError) -> (DataAxes, Int) {
    try weights.check("width", width)
    let axes = try axes.resolved(for: input)
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
    weights.visit(&visitor)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    width = try arguments.integer("width", atLeast: 1)
    weights = try AffineWeights(from: &arguments)
    axes = try DataAxes(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("width", width)
    weights.write(to: &arguments)
    axes.write(to: &arguments)
  }
}
