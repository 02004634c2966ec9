import CovarianceEngine
import Tensors

/// The sum over all positions.
///
/// Infinite width: the sum of K over all positions of both inputs, and Θ alike; Gaussian inputs stay Gaussian. The result
/// is masked if all positions were.
public struct GlobalSumPool: GlobalPoolLayer {
  public static let nodeName = "globalSumPool"

  let settings: GlobalPoolSettings

  public init(batchAxis: Int = 0, channelAxis: Int = -1) {
    settings = GlobalPoolSettings(isMean: false, axes: DataAxes(batch: batchAxis, channel: channelAxis))
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = GlobalPoolSettings(isMean: false, axes: try DataAxes(from: &arguments))
  }
}
