import CovarianceEngine
import Tensors

/// A transposed convolution: the input is spread out, with strides − 1 zeros between its elements, and convolved with
/// stride 1.
///
/// Weights as in `Conv`, not flipped. Outputs of size n·s (`same`, `circular`) or n·s + max(f − s, 0) (`valid`).
/// Infinite width: as in `Conv` on the covariances spread out. A position is masked after it if any input of its window
/// was.
public struct ConvTranspose: SharedConvolution {
  public static let nodeName = "convTranspose"

  static let kind = ConvolutionSettings.Kind.transposed
  var settings: ConvolutionSettings

  /// Output channels, nominal.
  public var channels: Int { settings.channels }
  /// Sizes of the window, one per axis of positions.
  public var window: [Int] { settings.window }

  /// See `Conv`; here strides are the factors by which the input is spread out.
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

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try ConvolutionSettings(from: &arguments, allowsDilation: false)
  }
}
