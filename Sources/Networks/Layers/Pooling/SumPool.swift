import CovarianceEngine
import Tensors

/// The sum over a window that moves along the positions.
///
/// Infinite width: K[p, p'] becomes the sum of K over both windows, and Θ alike; Gaussian inputs stay Gaussian. What is
/// masked counts as zero; a position is masked after it if the input in the
/// middle of its window was.
public struct SumPool: PoolLayer {
  public static let nodeName = "sumPool"

  let settings: PoolSettings

  /// Sizes of the window, one per axis of positions.
  public var window: [Int] { settings.window }

  /// - Parameters:
  ///   - window: sizes of the window, one per axis of positions in the order of the input's axes.
  ///   - strides: steps between windows; ones by default.
  ///   - padding: what is beyond the edges.
  ///   - batchAxis: where inputs have the batch.
  ///   - channelAxis: where inputs have the channels.
  /// - Precondition: there are as many strides as the window has.
  public init(
    window: [Int], strides: [Int]? = nil, padding: Padding = .valid, batchAxis: Int = 0,
    channelAxis: Int = -1
  ) {
    settings = PoolSettings(
      window: window, strides: strides, padding: padding, isMean: false,
      axes: DataAxes(batch: batchAxis, channel: channelAxis))
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try PoolSettings(from: &arguments, isMean: false)
  }
}
