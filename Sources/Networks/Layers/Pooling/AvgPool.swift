import CovarianceEngine
import Tensors

/// The mean over a window that moves along the positions.
///
/// Infinite width: K[p, p'] becomes the mean of K over both windows, and Θ alike; Gaussian inputs stay Gaussian. What is
/// masked counts as zero and is divided by the window as if it were there; a position is masked after it if the input in the
/// middle of its window was.
public struct AvgPool: PoolLayer {
  public static let nodeName = "averagePool"

  let settings: PoolSettings

  /// Sizes of the window, one per axis of positions.
  public var window: [Int] { settings.window }

  /// - Parameters:
  ///   - window: sizes of the window, one per axis of positions in the order of the input's axes.
  ///   - strides: steps between windows; ones by default.
  ///   - normalizeEdges: whether a mean at an edge of `same` padding is over what lies inside only; otherwise zeros count.
  ///   - padding: what is beyond the edges.
  ///   - batchAxis: where inputs have the batch.
  ///   - channelAxis: where inputs have the channels.
  /// - Precondition: there are as many strides as the window has.
  public init(
    window: [Int], strides: [Int]? = nil, padding: Padding = .valid, normalizeEdges: Bool = false, batchAxis: Int = 0,
    channelAxis: Int = -1
  ) {
    settings = PoolSettings(
      window: window, strides: strides, padding: padding, isMean: true, normalizesEdges: normalizeEdges,
      axes: DataAxes(batch: batchAxis, channel: channelAxis))
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try PoolSettings(from: &arguments, isMean: true)
  }
}
