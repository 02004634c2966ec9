/// Why a theory of wide networks has no answer.
public enum DynamicsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The variance of a network's layers grows without bound; `reached` is where its search ended.
  case noFixedVariance(weightVariance: Double, biasVariance: Double, reached: Double)
  /// An iteration ended before its result was exact.
  case notConverged(quantity: String, steps: Int)
  case invalidValue(argument: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .noFixedVariance(let weightVariance, let biasVariance, let reached):
      "no fixed variance for weight variance \(weightVariance) and bias variance \(biasVariance): "
        + "layers pass on more than they get, \(reached) and more; use smaller weights"
    case .notConverged(let quantity, let steps): "\(quantity): not converged after \(steps) steps"
    case .invalidValue(let argument, let expected, let found): "\(argument): expected \(expected), found \(found)"
    }
  }
}

func requireNonnegative(_ values: [Double], _ argument: String) throws(DynamicsError) {
  if let value = values.first(where: { !($0 >= 0 && $0.isFinite) }) {
    throw .invalidValue(argument: argument, expected: "zero or a positive number", found: "\(value)")
  }
}
