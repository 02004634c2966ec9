import Tensors

/// The mean over a window that moves along the positions.
///
/// Infinite width: K[p, p'] becomes the mean of K over both windows, and Θ alike; Gaussian inputs stay Gaussian. What is
/// masked counts as zero and is divided by the window as if it were there; a position is masked after it if the input in the
/// middle of its window was.
public struct AvgPool: SingleInputLayer {
  public static let nodeName = "averagePool"

  private let settings: PoolSettings

  public var window: [Int] { settings.window }

  /// - Parameters:
  ///   - window: sizes of the window, one per axis of positions in the order of the input's axes.
  ///   - strides: steps between windows; ones by default.
  ///   - normalizeEdges: whether a mean at an edge of `same` padding is over what lies inside only; otherwise zeros count.
  /// - Precondition: all numbers are positive, and there are as many strides as the window has.
  public init(
    window: [Int], strides: [Int]? = nil, padding: Padding = .valid, normalizeEdges: Bool = false, batchAxis: Int = 0,
    channelAxis: Int = -1
  ) {
    settings = PoolSettings(
      window: window, strides: strides, padding: padding, isMean: true, normalizesEdges: normalizeEdges,
      axes: DataAxes(batch: batchAxis, channel: channelAxis))
  }

  public var dataAxes: DataAxes? { settings.axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] { try settings.outputShape(input) }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try settings.apply(input)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    try settings.outputMask(mask, input: input)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  { try settings.append(to: &program, input) }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    settings = try PoolSettings(from: &arguments, isMean: true)
  }

  public func write(to arguments: inout LayerArguments) {
    settings.write(to: &arguments)
  }
}
