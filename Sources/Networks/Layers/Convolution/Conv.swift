import CovarianceEngine
import Tensors

/// A convolution over any number of axes of positions.
///
/// y[p] = σw/√fanIn Σ over the window's offsets δ of x[sp + δ] W[δ] + σb b, with fanIn the input channels times the
/// window's size, W not flipped; standard parameterization as in `Dense`. The bias is shared by all positions.
///
/// Infinite width: K[p, p'] is first averaged over δ, K[sp + δ, sp' + δ], zeros outside for `same` padding; then as in
/// `Dense`. A position is masked after it if the input in the middle of its window was.
/// *Source:* Xiao et al. 2018 (arXiv 1806.05393), Novak et al. 2019 (arXiv 1810.05148), Arora et al. 2019 (arXiv
/// 1904.11955).
public struct Conv: SharedConvolution {
  public static let nodeName = "conv"

  static let kind = ConvolutionSettings.Kind.convolution
  var settings: ConvolutionSettings

  /// Output channels, nominal.
  public var channels: Int { settings.channels }
  /// Sizes of the window, one per axis of positions.
  public var window: [Int] { settings.window }

  /// - Parameters:
  ///   - channels: of the output, nominal.
  ///   - window: sizes of the window, one per axis of positions; empty for inputs without positions.
  ///   - strides: steps between windows; ones by default.
  ///   - dilation: steps between the offsets of the window; ones by default.
  ///   - dimensions: channels last by default.
  ///   - padding: what is beyond the edges.
  ///   - weightStd: standard deviation of the weights, over the root of the fan-in.
  ///   - biasStd: standard deviation of the biases; nil for none.
  ///   - parameterization: how weights and their gradients are scaled.
  ///   - widthScales: finite widths before and after over the standard one, of the standard parameterization.
  /// - Precondition: there are as many numbers as the window has, and standard deviations are finite.
  public init(
    _ channels: Int, window: [Int], strides: [Int]? = nil, padding: Padding = .valid, dilation: [Int]? = nil,
    weightStd: Double = 1, biasStd: Double? = nil, parameterization: Parameterization = .ntk,
    widthScales: (input: Double, output: Double) = (1, 1), dimensions: DimensionNumbers? = nil
  ) {
    settings = ConvolutionSettings(
      channels, window: window, strides: strides, padding: padding, dilation: dilation,
      weights: AffineWeights(weightStd, biasStd, parameterization, widthScales), dimensions: dimensions)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try ConvolutionSettings(from: &arguments, allowsDilation: true)
  }
}

extension ConvolutionSettings {
  /// The filter and the bias, if there is one; they must fit.
  func parameters(_ parameters: Parameters, _ input: [Int]) throws(NetworkError) -> [Tensor] {
    let filter = filterShape(input)
    return try parameters.leaf(shapes: weights.bias == nil ? [filter] : [filter, biasShape(rank: input.count)])
  }

  /// The sums of products over windows, of inputs with batch first and channels last.
  func convolved(_ input: Tensor, _ filter: Tensor, _ rule: PatchesOperation) -> Tensor {
    let filter = filter.transposed(dimensions.filterOrder)
    if window.isEmpty { return matmul(input, filter) }
    var (x, low, high, spread) = (input, [Int](), [Int](), [Int]())
    for (index, axis) in rule.axes.enumerated() {
      if axis.wraps { x = axis.prepared(x, axis: index + 1) }
      low.append(axis.wraps ? 0 : axis.paddingLow)
      high.append(axis.wraps ? 0 : axis.paddingHigh)
      spread.append(axis.wraps ? 1 : axis.spread)
    }
    let geometry = ConvolutionGeometry(
      inputSize: Array(x.shape.dropFirst().dropLast()), window: window, strides: rule.axes.map(\.stride),
      paddingLow: low, paddingHigh: high, inputDilation: spread, windowDilation: rule.axes.map(\.dilation))
    return convolution(x, filter, geometry)
  }
}
