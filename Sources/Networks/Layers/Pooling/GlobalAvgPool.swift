import CovarianceEngine
import Tensors

/// The mean over all positions, of those that are not masked.
///
/// Infinite width: the mean of K over all positions of both inputs, and Θ alike; Gaussian inputs stay Gaussian. The result
/// is masked if all positions were.
public struct GlobalAvgPool: GlobalPoolLayer {
  public static let nodeName = "globalAveragePool"

  let settings: GlobalPoolSettings

  public init(batchAxis: Int = 0, channelAxis: Int = -1) {
    settings = GlobalPoolSettings(isMean: true, axes: DataAxes(batch: batchAxis, channel: channelAxis))
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = GlobalPoolSettings(isMean: true, axes: try DataAxes(from: &arguments))
  }
}
