import CovarianceEngine
import Tensors

/// A convolution with weights and a bias of its own at every position.
///
/// y[p] = σw/√fanIn Σ over δ of x[sp + δ] W[p, δ] + σb b[p]. Infinite width: as in `Conv` for a position with itself;
/// different positions are uncorrelated. Masks as in `Conv`.
/// *Source:* Novak et al. 2019 (arXiv 1810.05148), locally connected networks.
public struct ConvLocal: ConvolutionLayer {
  public static let nodeName = "convLocal"

  static let kind = ConvolutionSettings.Kind.local
  var settings: ConvolutionSettings

  /// Output channels, nominal.
  public var channels: Int { settings.channels }
  /// Sizes of the window, one per axis of positions.
  public var window: [Int] { settings.window }

  /// See `Conv`.
  ///
  /// - Precondition: there are as many numbers as the window has, and standard deviations are finite.
  public init(
    _ channels: Int, window: [Int], strides: [Int]? = nil, padding: Padding = .valid, weightStd: Double = 1,
    biasStd: Double? = nil, parameterization: Parameterization = .ntk,
    widthScales: (input: Double, output: Double) = (1, 1), dimensions: DimensionNumbers? = nil
  ) {
    settings = ConvolutionSettings(
      channels, window: window, strides: strides, padding: padding,
      weights: AffineWeights(weightStd, biasStd, parameterization, widthScales), dimensions: dimensions)
  }

  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    let (filter, bias) = try shapes(input)
    return try settings.weights.draw(key, weights: filter, bias: bias, fanIn: settings.fanIn(input), dtype: dtype)
  }

  /// Weights: those of one position flattened, channels first, then the window's offsets; the bias: an output without the
  /// batch.
  private func shapes(_ input: [Int]) throws(NetworkError) -> (filter: [Int], bias: [Int]) {
    let rule = try settings.patches(input, .local)
    let canonical = rule.axes.map(\.outputSize) + [settings.fanIn(input), settings.realChannels]
    var bias = try settings.outputShape(input, .local)
    bias[settings.dimensions.outputAxes.batch] = 1
    return (settings.dimensions.filterOrderBack.map { canonical[$0] }, bias)
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let rule = try settings.patches(input.shape, .local)
    let (filter, bias) = try shapes(input.shape)
    let tensors = try parameters.leaf(shapes: settings.weights.bias == nil ? [filter] : [filter, bias])
    let positions = rule.axes.map(\.outputSize)
    let count = positions.reduce(1, *)
    let weights = tensors[0].transposed(settings.dimensions.filterOrder)
      .reshaped([count, settings.fanIn(input.shape), settings.realChannels])
    let patches = self.patches(settings.canonical(input), rule)
    // (positions, N, fan-in) times (positions, fan-in, channels).
    let product = matmul(patches, weights).transposed(1, 0, 2)
      .reshaped([batchSize(input)] + positions + [settings.realChannels])
      .transposed(settings.dimensions.outputOrder)
    return settings.weights.scaled(
      product, bias: tensors.count > 1 ? tensors[1] : nil, fanIn: settings.fanIn(input.shape))
  }

  private func batchSize(_ input: Tensor) -> Int { input.shape[settings.dimensions.inputAxes.batch] }

  /// What every window sees, shape (positions, N, channels · offsets).
  private func patches(_ x: Tensor, _ rule: PatchesOperation) -> Tensor {
    var prepared = x
    for (index, axis) in rule.axes.enumerated() { prepared = axis.prepared(prepared, axis: index + 1) }
    var parts = [prepared]
    for (index, axis) in rule.axes.enumerated() {
      parts = parts.flatMap { part in
        (0..<axis.window).map { axis.read(part, offset: $0, axis: index + 1) }
      }
    }
    let count = rule.axes.reduce(1) { $0 * $1.outputSize }
    let (n, channels) = (x.shape[0], x.shape[x.rank - 1])
    // (N, positions, channels, offsets)
    let all = stack(parts.map { $0.reshaped([n, count, channels]) }, axis: -1)
    return all.reshaped([n, count, channels * parts.count]).transposed(1, 0, 2)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let rule = try settings.patches(input.shape, .local)
    let patches = try settings.appendPatches(rule, to: &program, input)
    let affine = settings.appendAffine(patches, fanIn: settings.fanIn(input.shape), to: &program)
    let local = program.append(LocalizeOperation(), affine, isGaussian: true)
    return settings.finish(local, &program)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try ConvolutionSettings(from: &arguments, allowsDilation: false)
  }
}
