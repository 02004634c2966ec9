import Tensors

/// The mean over all positions, of those that are not masked.
///
/// Infinite width: the mean of K over all positions of both inputs, and Θ alike; Gaussian inputs stay Gaussian. The result
/// is masked if all positions were.
public struct GlobalAvgPool: SingleInputLayer {
  public static let nodeName = "globalAveragePool"

  private let settings: GlobalPoolSettings

  public init(batchAxis: Int = 0, channelAxis: Int = -1) {
    settings = GlobalPoolSettings(isMean: true, axes: DataAxes(batch: batchAxis, channel: channelAxis))
  }

  public var dataAxes: DataAxes? { settings.axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] { try settings.outputShape(input) }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try settings.apply(MaskedTensor(input)).values
  }

  public func apply(_ parameters: Parameters, masked input: MaskedTensor, _ context: ApplyContext)
    throws(NetworkError) -> MaskedTensor
  { try settings.apply(input) }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  { try settings.append(to: &program, input) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = GlobalPoolSettings(isMean: true, axes: try DataAxes(from: &arguments))
  }

  public func write(to arguments: inout LayerArguments) {
    settings.axes.write(to: &arguments)
  }
}
