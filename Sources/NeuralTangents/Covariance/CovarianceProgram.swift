import Tensors

/// The infinite-width limit of a network as a straight-line list of covariance operations.
///
/// A network appends its operations once for given input shapes; the reference and the fused executor run the same
/// list. Every operation maps the covariances K12, K11, K22 and the tangent kernel Θ of its operands to those of its
/// result.
public struct CovarianceProgram: Sendable {
  /// One operation, the values it reads and the value it defines.
  public struct Step: Sendable {
    public let operation: CovarianceOperation
    public let operands: [Int]
    public let result: Int
  }

  public private(set) var steps: [Step] = []
  /// Number of inputs: values `0 ..< inputCount`.
  public private(set) var inputCount = 0
  /// Number of values, inputs included.
  public private(set) var valueCount = 0

  public init() {}

  /// A new input whose activations have `shape`.
  public mutating func input(
    shape: [Int], batchAxis: Int = 0, channelAxis: Int, isGaussian: Bool = false
  ) -> CovarianceValue {
    precondition(steps.isEmpty, "inputs come before operations")
    defer {
      inputCount += 1
      valueCount += 1
    }
    return CovarianceValue(
      id: valueCount, shape: shape, batchAxis: batchAxis, channelAxis: channelAxis, isGaussian: isGaussian)
  }

  /// Appends an operation on `operands`; the result has `shape` (by default that of the first operand).
  public mutating func append(
    _ operation: CovarianceOperation, _ operands: CovarianceValue..., shape: [Int]? = nil, isGaussian: Bool
  ) -> CovarianceValue {
    append(operation, operands, shape: shape, isGaussian: isGaussian)
  }

  public mutating func append(
    _ operation: CovarianceOperation, _ operands: [CovarianceValue], shape: [Int]? = nil, isGaussian: Bool
  ) -> CovarianceValue {
    var result = operands[0]
    result.id = valueCount
    result.shape = shape ?? result.shape
    result.isGaussian = isGaussian
    steps.append(Step(operation: operation, operands: operands.map(\.id), result: result.id))
    valueCount += 1
    return result
  }
}

/// The covariance of some layer's activations, as known while a program is built.
public struct CovarianceValue: Sendable {
  /// Which value of the program.
  public internal(set) var id: Int
  /// Shape of the activations; the size along `batchAxis` stands for any number of inputs.
  public internal(set) var shape: [Int]
  public internal(set) var batchAxis: Int
  public internal(set) var channelAxis: Int
  /// Whether channels are independent zero-mean Gaussians given the network's input, which activations need.
  public internal(set) var isGaussian: Bool

  public var channels: Int { shape[channelAxis] }
}
