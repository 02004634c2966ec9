import CovarianceEngine
import Tensors

/// What can go wrong in inference because of the data.
public enum PredictionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A train-train kernel, regularized as stated, is not positive definite; `pivot` counts from zero.
  case notPositiveDefinite(argument: String, pivot: Int, size: Int, regularizer: DiagonalRegularizer)
  /// NaN or infinity; `index` is the first such position.
  case notFinite(argument: String, index: [Int])
  case shapeMismatch(argument: String, expected: String, found: String)
  /// A kernel that the requested prediction is made of was not given.
  case missing(argument: String, neededFor: String)
  /// A number outside the range in which it means something.
  case invalidValue(argument: String, expected: String, found: String)
  /// A flow was not followed as far as asked.
  case notReached(time: Double, reached: Double, reason: String)
  /// A decomposition failed otherwise.
  case linearAlgebra(argument: String, TensorError)
  /// A solver that iterates stopped at its limit of products, with means certified to `reached` where `tolerance` was asked for.
  case notCertified(argument: String, products: Int, reached: Double, tolerance: Double)
  /// Something that a solver cannot give.
  case unavailable(quantity: String, solver: String, instead: String)
  /// There is not enough memory, in bytes.
  case memory(purpose: String, needed: Double, available: Double)
  /// A matrix, or a file that a solver keeps, could not be read or written.
  case storage(argument: String, reason: String)

  public var description: String {
    switch self {
    case .notPositiveDefinite(let argument, let pivot, let size, let regularizer):
      "\(argument) (\(size)x\(size)) is not positive definite at pivot \(pivot): "
        + "raise the diagonal regularizer, now \(regularizer)"
    case .notFinite(let argument, let index):
      "\(argument): expected finite numbers, found NaN or infinity at \(index)"
    case .shapeMismatch(let argument, let expected, let found):
      "\(argument): expected \(expected), found \(found)"
    case .missing(let argument, let neededFor):
      "\(argument) is missing, and \(neededFor) needs it"
    case .invalidValue(let argument, let expected, let found):
      "\(argument): expected \(expected), found \(found)"
    case .notReached(let time, let reached, let reason):
      "expected the flow at time \(time), reached time \(reached): \(reason)"
    case .linearAlgebra(let argument, let error):
      "\(argument): \(error)"
    case .notCertified(let argument, let products, let reached, let tolerance):
      "\(argument): after \(products) products errors of means are certified to be at most \(reached), expected \(tolerance): "
        + "raise the diagonal regularizer, the tolerance or the number of products"
    case .unavailable(let quantity, let solver, let instead):
      "\(quantity): not to be had from \(solver); use \(instead)"
    case .memory(let purpose, let needed, let available):
      "\(purpose) needs about \(MemoryNeed.text(needed)) of memory, \(MemoryNeed.text(available)) are available"
    case .storage(let argument, let reason):
      "\(argument): \(reason)"
    }
  }
}

/// Checks that come first in every initialiser here.
func requireFinite(_ tensor: Tensor, _ argument: String) throws(PredictionError) {
  if let index = firstNonFinite(tensor) { throw .notFinite(argument: argument, index: index) }
}

func requirePositive(_ value: Double, _ argument: String) throws(PredictionError) {
  guard value > 0, value.isFinite else {
    throw .invalidValue(argument: argument, expected: "a positive number", found: "\(value)")
  }
}

/// Runs linear algebra on `argument`, so that its errors name it.
func onBehalf<Result>(
  of argument: String, _ body: () throws(TensorError) -> Result
) throws(PredictionError) -> Result {
  do throws(TensorError) {
    return try body()
  } catch {
    throw .linearAlgebra(argument: argument, error)
  }
}
