import CovarianceEngine
import Tensors

/// A layer made of `ConvolutionSettings`.
protocol ConvolutionLayer: SingleInputLayer {
  static var kind: ConvolutionSettings.Kind { get }
  var settings: ConvolutionSettings { get set }
}

extension ConvolutionLayer {
  public var dataAxes: DataAxes? { settings.dimensions.inputAxes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    try settings.outputShape(input, Self.kind)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    try settings.outputMask(mask, input: input, Self.kind)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    settings.weights.visit(&visitor)
  }

  public func write(to arguments: inout LayerArguments) {
    settings.write(to: &arguments)
  }
}

/// A convolution whose weights all positions share.
protocol SharedConvolution: ConvolutionLayer {}

extension SharedConvolution {
  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    _ = try settings.patches(input, Self.kind)
    return try settings.weights.draw(
      key, weights: settings.filterShape(input), bias: settings.biasShape(rank: input.count),
      fanIn: settings.fanIn(input), dtype: dtype)
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let rule = try settings.patches(input.shape, Self.kind)
    let tensors = try settings.parameters(parameters, input.shape)
    let output = settings.convolved(settings.canonical(input), tensors[0], rule)
      .transposed(settings.dimensions.outputOrder)
    return settings.weights.scaled(
      output, bias: tensors.count > 1 ? tensors[1] : nil, fanIn: settings.fanIn(input.shape))
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let rule = try settings.patches(input.shape, Self.kind)
    let patches = try settings.appendPatches(rule, to: &program, input)
    let affine = settings.appendAffine(patches, fanIn: settings.fanIn(input.shape), to: &program)
    return settings.finish(affine, &program)
  }
}
