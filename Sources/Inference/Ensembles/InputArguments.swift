import CovarianceEngine
import Tensors

/// What a data set has besides its inputs: the graphs along which messages pass, what marks missing numbers, a random key.
///
/// The training set and every test set have their own. Graphs and keys of two sets may differ; one number marks what is missing in
/// both, and two that differ are an error.
public struct InputArguments: Sendable {
  /// One graph per input, along the first axis: see `GraphPatterns`. Nil for networks without `Aggregate`.
  public var patterns: Tensor?
  /// Inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  public var maskConstant: Double?
  /// For kernels that are random, such as those of finite networks with dropout. Infinite networks need none.
  public var key: RandomKey?

  public init(patterns: Tensor? = nil, maskConstant: Double? = nil, key: RandomKey? = nil) {
    (self.patterns, self.maskConstant, self.key) = (patterns, maskConstant, key)
  }

  /// Of some inputs of the data set.
  func rows(_ range: Range<Int>) -> InputArguments {
    var result = self
    result.patterns = patterns.map { $0.sliced(axis: 0, range) }
    return result
  }

  /// - Throws: where the graphs are not as many as inputs.
  func check(points: Int, _ name: String) throws(PredictionError) {
    guard let patterns else { return }
    guard patterns.rank > 0, patterns.shape[0] == points else {
      throw .shapeMismatch(
        argument: "patterns of \(name)", expected: "one graph for each of \(points) inputs",
        found: "shape \(patterns.shape)")
    }
  }

  /// These of test points, with what they share with those of the train points.
  ///
  /// - Parameter inputs: of the train points.
  /// - Throws: where both say different things of what can be one thing only, or only one has graphs.
  func completed(from train: InputArguments, inputs: Tensor) throws(PredictionError) -> InputArguments {
    var result = self
    if let own = maskConstant {
      let other = train.maskConstant
      let isSame = other.map { own == $0 || (own.isNaN && $0.isNaN) }
      // Where training inputs have not this number it says nothing of them.
      let hasNone = { other == nil && !inputs.isTraced && !(inputs .== own).any().scalar(as: Bool.self) }
      guard isSame ?? hasNone() else {
        throw .invalidValue(
          argument: "maskConstant", expected: "the same number for xTrain and xTest",
          found: "\(other.map { "\($0)" } ?? "none") for xTrain and \(own) for xTest")
      }
    }
    result.maskConstant = maskConstant ?? train.maskConstant
    guard (patterns == nil) == (train.patterns == nil) else {
      throw .missing(
        argument: "patterns of \(patterns == nil ? "xTest" : "xTrain")",
        neededFor: "a kernel with \(patterns == nil ? "xTrain" : "xTest"), which has graphs,")
    }
    return result
  }
}
