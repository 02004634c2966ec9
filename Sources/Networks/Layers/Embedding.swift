import CovarianceEngine
import Tensors

/// A vector of its own for every token: y = σw W[token], W standard normal.
///
/// Inputs are integers in 0 ..< `vocabulary` of shape (N, positions…), to which the layer adds a channel axis, or one-hot
/// vectors of shape (N, positions…, vocabulary). Infinite width: K = σw² where the tokens are equal and 0 elsewhere, and
/// for other vectors σw² x·x'; Θ ← σw² Θ + K in NTK parameterization, Θ ← σw² Θ + x·x' in standard parameterization.
public struct Embedding: SingleInputLayer {
  public static let nodeName = "embedding"

  /// The number of tokens.
  public let vocabulary: Int
  /// Output channels.
  public let width: Int
  /// σw: the standard deviation of a token's vector.
  @HyperParameter public private(set) var weightStd: Double
  /// How weights and their gradients are scaled.
  public let parameterization: Parameterization

  public var tokenCount: Int? { vocabulary }
  public var dataAxes: DataAxes? { DataAxes() }

  /// - Precondition: the standard deviation is finite.
  public init(
    vocabulary: Int, width: Int, weightStd: Double = 1, parameterization: Parameterization = .ntk
  ) {
    precondition(weightStd.isFinite, "expected a finite standard deviation, found \(weightStd)")
    self.vocabulary = vocabulary
    self.width = width
    self.weightStd = weightStd
    self.parameterization = parameterization
  }

  /// One-hot vectors of tokens, float32, in a new last axis.
  static func oneHot(_ tokens: Tensor, count: Int) throws(NetworkError) -> Tensor {
    let numbers = tokens.asType(.int32)
    if !numbers.isTraced {
      for value in numbers.scalars(as: Int32.self) where !(0..<count).contains(Int(value)) {
        throw NetworkError(expected: "tokens of at least 0 and below the vocabulary \(count)", found: "\(value)")
      }
    }
    let tokenAxis = [Int](repeating: 1, count: numbers.rank) + [count]
    return (numbers.expandedDims(numbers.rank) .== Tensor.arange(count).reshaped(tokenAxis)).asType(.float32)
  }

  /// One-hot vectors of tokens that may be masked, and the number that marks masked ones in them.
  static func encoded(_ tokens: Tensor, count: Int, maskConstant: Double?) throws(NetworkError)
    -> (vectors: Tensor, maskConstant: Double?)
  {
    guard let maskConstant else { return (try oneHot(tokens, count: count), nil) }
    let isMasked = MaskedTensor.mask(of: tokens, constant: maskConstant)
    let vectors = try oneHot(select(isMasked, 0, tokens), count: count)
    // No entry of a one-hot vector is negative.
    return (select(isMasked.expandedDims(isMasked.rank), -1, vectors), -1)
  }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    try requireSize("vocabulary", vocabulary)
    try requireSize("width", width)
    guard input.count >= 2, input[input.count - 1] == vocabulary else {
      guard !input.isEmpty else { throw wrongShape(input) }
      return input + [width]
    }
    return input.dropLast() + [width]
  }

  private func wrongShape(_ shape: [Int]) -> NetworkError {
    NetworkError(
      expected: "integers of shape (batch, positions…) or one-hot vectors of \(vocabulary) channels",
      found: "shape \(shape)")
  }

  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters {
    _ = try outputShape(input)
    let drawn = try key.normalParameters([vocabulary, width], dtype: dtype)
    return .tensors([parameterization == .standard ? drawn * weightStd : drawn])
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    let table = try parameters.leaf(shapes: [[vocabulary, width]])[0]
    let scaled = parameterization == .ntk ? table * $weightStd : table
    if !input.dtype.isFloatingPoint {
      _ = try Embedding.oneHot(input, count: vocabulary)
      return scaled.taking(input.asType(.int32), axis: 0)
    }
    guard input.rank >= 2, input.shape[input.rank - 1] == vocabulary else { throw wrongShape(input.shape) }
    return dotGeneral(input, scaled, contracting: ([input.rank - 1], [0]))
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    input.count >= 2 && input[input.count - 1] == vocabulary
      ? mask.all(axis: mask.rank - 1, keepDims: true) : mask.expandedDims(mask.rank)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    _ = try outputShape(input.shape)
    guard input.channels == vocabulary, input.channelAxis == input.shape.count - 1 else {
      throw wrongShape(input.shape)
    }
    var shape = input.shape
    shape[input.channelAxis] = width
    // K before the layer is the mean over channels of products, and the layer sums.
    let count = Double(vocabulary)
    let isStandard = parameterization == .standard
    let operation = AffineOperation(
      weightVariance: count * ($weightStd * $weightStd), biasVariance: HyperParameter(0),
      inputScale: isStandard ? count : 0, outputScale: isStandard ? 0 : 1, constant: 0)
    return program.append(operation, input, shape: shape, isGaussian: true)
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("weightStd", &$weightStd, kind: .standardDeviation)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    vocabulary = try arguments.integer("vocabulary", atLeast: 1)
    width = try arguments.integer("width", atLeast: 1)
    weightStd = try arguments.number("weightStd", default: 1)
    parameterization = try arguments.choice("parameterization", default: .ntk)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("vocabulary", vocabulary)
    arguments.set("width", width)
    arguments.set("weightStd", weightStd, default: 1)
    arguments.set("parameterization", parameterization.rawValue, default: Parameterization.ntk.rawValue)
  }
}
