import Tensors

/// A transposed convolution: the input is spread out, with strides − 1 zeros between its elements, and convolved with
/// stride 1.
///
/// Weights as in `Conv`, not flipped. Outputs of size n·s (`same`, `circular`) or n·s + max(f − s, 0) (`valid`).
/// Infinite width: as in `Conv` on the covariances spread out. A position is masked after it if any input of its window
/// was.
public struct ConvTranspose: SingleInputLayer {
  public static let nodeName = "convTranspose"

  private var settings: ConvolutionSettings

  public var channels: Int { settings.channels }
  public var window: [Int] { settings.window }

  /// See `Conv`; here strides are the factors by which the input is spread out.
  ///
  /// - Precondition: all numbers are positive, and there are as many as the window has.
  public init(
    _ channels: Int, window: [Int], strides: [Int]? = nil, padding: Padding = .valid, weightStd: Double = 1,
    biasStd: Double? = nil, parameterization: Parameterization = .ntk,
    widthScales: (input: Double, output: Double) = (1, 1), dimensions: DimensionNumbers? = nil
  ) {
    settings = ConvolutionSettings(
      channels, window: window, strides: strides, padding: padding,
      weights: AffineWeights(weightStd, biasStd, parameterization, widthScales), dimensions: dimensions)
  }

  public var dataAxes: DataAxes? { settings.dimensions.inputAxes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    try settings.outputShape(input, .transposed)
  }

  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    _ = try settings.patches(input, .transposed)
    return settings.weights.draw(
      key, weights: settings.filterShape(input), bias: settings.biasShape(rank: input.count),
      fanIn: settings.fanIn(input), dtype: dtype)
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let rule = try settings.patches(input.shape, .transposed)
    let tensors = try settings.parameters(parameters, input.shape)
    let output = settings.convolved(settings.canonical(input), tensors[0], rule)
      .transposed(settings.dimensions.outputOrder)
    return settings.weights.scaled(
      output, bias: tensors.count > 1 ? tensors[1] : nil, fanIn: settings.fanIn(input.shape))
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    try settings.outputMask(mask, input: input, .transposed)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let rule = try settings.patches(input.shape, .transposed)
    let patches = try settings.appendPatches(rule, to: &program, input)
    let affine = settings.appendAffine(patches, fanIn: settings.fanIn(input.shape), to: &program)
    return settings.finish(affine, &program)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    settings.weights.visit(&visitor)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try ConvolutionSettings(from: &arguments, allowsDilation: false)
  }

  public func write(to arguments: inout LayerArguments) {
    settings.write(to: &arguments)
  }
}
