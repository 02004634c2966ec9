import Tensors

/// One operation of covariance programs: what a layer does to the covariances K12, K11, K22 and to the tangent kernel Θ.
///
/// An operation is a value in a file of its own that states everything the engine asks of it: what it needs of its
/// operands, what becomes of masks and means, how it is evaluated on dense covariances, what it costs, and what it is
/// made of in the fast executors. Nothing else in the engine knows which operations there are, so that one of your own
/// is as good as those that come with the library.
public protocol CovarianceOperation: Hashable, Sendable, CustomStringConvertible {
  /// What it is called in messages: `a normalisation over the inputs of a data set`.
  var name: String { get }
  /// The whole operation with all its numbers: operations of the same text compute the same, and are equal.
  var description: String { get }

  // MARK: While a program is built

  /// Whether the result's channels are made by weights of their own, which makes them independent of all others.
  var drawsWeights: Bool { get }
  /// The operation whose own parameters learn at another rate: what they add to Θ is multiplied by it. Nil where it is not known
  /// what they add.
  func withLearningRate(_ rate: Double) -> Self?
  /// What is known of the mean of a result that is not Gaussian.
  func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean

  // MARK: Analysis

  /// Which covariances of an operand are needed for those of the result.
  ///
  /// - Parameters:
  ///   - result: what is needed of the result.
  ///   - positions: sizes of the operand's positions.
  ///   - operandsAreLocal: whether different positions of the operands are known to be uncorrelated.
  func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  /// Whether different positions of the result are uncorrelated, given the same of the operands.
  func isLocal(_ operandsAreLocal: [Bool]) -> Bool
  /// Whether the means of the operands are needed, given whether those of the result are.
  func needsMeans(forResult: Bool) -> Bool
  /// How the inputs of a data set meet.
  var inputMixing: InputMixing { get }
  /// Whether every covariance of the result is made of that of the same inputs and positions alone, so that it does not
  /// matter what stands where an operand is masked.
  var keepsEntriesApart: Bool { get }
  /// Whether multiplying an input by a positive number multiplies the covariances of the result with it, and Θ, by the same
  /// number, given that of the operands.
  var isHomogeneous: Bool { get }
  /// What is masked in the result for one data set; true where masked.
  ///
  /// - Parameters:
  ///   - operands: shape (N, P…); nil where nothing is masked.
  ///   - shapes: (N, P…) of the operands.
  func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor?

  // MARK: Evaluation on dense covariances

  /// The covariances of the result. Masks are taken from `mask`, means from `mean`.
  func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError) -> CovarianceState
  /// The means of the result over the network's parameters for one data set, shape (N, P…); nil for zero.
  ///
  /// - Parameter means: those of the operands; nil for zero.
  func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) throws(NetworkError) -> Tensor?

  /// The features of the result, whose products are its covariances: in expectation where `random` draws them, else exactly.
  ///
  /// - Throws: `NetworkError`, by default, where the operation has no such rule.
  func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState

  // MARK: Cost and lowering

  /// Estimated floating-point operations of K and Θ of one pair of inputs.
  ///
  /// - Parameters:
  ///   - result: covariances of the result that are needed.
  ///   - operands: those of all operands together.
  ///   - operandCount: how many operands there are.
  ///   - positions: sizes of the first operand's positions.
  func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double
  /// Says what the operation is made of in the executors that run through cached rows and slices.
  ///
  /// - Throws: `Obstacle`, by default, when the operation has no such form; the reference executor evaluates it then.
  func lower(to lowering: inout some Lowering) throws(Obstacle)
}

/// How the inputs of a data set meet in an operation.
public enum InputMixing: Sendable, Hashable {
  /// Every pair of inputs by itself: a Gram matrix can be computed in blocks.
  case apart
  /// By their places in the data set, or all together: a Gram matrix has to be computed in one piece.
  case together
  /// Together, and the covariances between different inputs of one data set are needed.
  case acrossInputs
}

extension CovarianceOperation {
  public var name: String { description }
  public var drawsWeights: Bool { false }
  public func withLearningRate(_ rate: Double) -> Self? { drawsWeights ? nil : self }
  public func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean { .unknown }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { result.resized(to: positions) }

  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool { false }
  public func needsMeans(forResult: Bool) -> Bool { false }
  public var inputMixing: InputMixing { .apart }
  public var keepsEntriesApart: Bool { false }
  public var isHomogeneous: Bool { false }

  /// Masked as the first operand is.
  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? { operands[0] }

  public func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) throws(NetworkError)
    -> Tensor?
  { nil }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    throw NetworkError(expected: "operations that have a rule for random features", found: name)
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double { 0 }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) { throw Obstacle(name) }

  public static func == (a: Self, b: Self) -> Bool { a.description == b.description }
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

/// What an operation may need besides its operands.
public struct CovarianceContext: Sendable {
  /// Whether both data sets are one.
  public var isSymmetric: Bool
  /// The graphs of the first data set; nil when there are none.
  public var pattern1: Tensor?
  /// The graphs of the second data set; nil when there are none.
  public var pattern2: Tensor?

  public init(isSymmetric: Bool, pattern1: Tensor? = nil, pattern2: Tensor? = nil) {
    (self.isSymmetric, self.pattern1, self.pattern2) = (isSymmetric, pattern1, pattern2)
  }
}

/// NNGP and tangent kernel: what the numbers of operations of one covariance count twice.
let kernelsPerEntry = 2.0
