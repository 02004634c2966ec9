import CovarianceEngine
import Tensors

/// Sets activations to zero at random, independently, and scales the others up to keep the mean.
///
/// Finite, training: x · Bernoulli(keepRate) / keepRate. Infinite, training: the variances, and the covariance and
/// tangent kernel of an input with itself at one position, are divided by the keep rate, because an input meets itself under the same
/// mask and every other input under another. In `test` mode both are the identity.
public struct Dropout: SingleInputLayer {
  public static let nodeName = "dropout"

  public enum Mode: String, Sendable, CaseIterable { case train, test }

  /// The probability to keep an activation.
  public let keepRate: Double
  public let mode: Mode

  /// - Precondition: 0 < `keepRate` ≤ 1.
  public init(keepRate: Double, mode: Mode = .train) {
    precondition(keepRate > 0 && keepRate <= 1, "expected a keep rate above 0 and at most 1, found \(keepRate)")
    self.keepRate = keepRate
    self.mode = mode
  }

  public func outputShape(_ input: [Int]) -> [Int] { input }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    guard mode == .train else { return input }
    guard let key = context.key else {
      throw NetworkError(expected: "a random key for the training-time forward pass", found: "none")
    }
    let isKept = key.bernoulli(input.shape, probability: keepRate, dtype: input.dtype)
    return select(isKept, input / keepRate, 0)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) -> CovarianceValue {
    guard mode == .train else { return input }
    return program.appendByChannel(DropoutOperation(keepRate: keepRate), input, isGaussian: false)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    keepRate = try arguments.number(
      "keepRate", in: { $0 > 0 && $0 <= 1 }, expected: "a number above 0 and at most 1")
    mode = try arguments.choice("mode", default: .train)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("keepRate", keepRate)
    arguments.set("mode", mode.rawValue, default: Mode.train.rawValue)
  }
}
