import CovarianceEngine
import Tensors

/// A multiple of the identity that is added to a train-train kernel before it is inverted.
///
/// A number literal is relative: `diagonalRegularizer: 1e-4`.
public enum DiagonalRegularizer: Hashable, Sendable {
  /// M + r · (trace M / size) · I.
  case relative(Double)
  /// M + r · I.
  case absolute(Double)

  /// Nothing is added.
  public static let none = DiagonalRegularizer.relative(0)

  /// The number, whatever it is relative to.
  public var value: Double {
    switch self {
    case .relative(let value), .absolute(let value): value
    }
  }

  /// The number that is added to the diagonal of `matrix`.
  func shift(of matrix: Tensor) -> Double {
    switch self {
    case .relative(let value):
      value == 0 || matrix.count == 0 ? 0 : value * matrix.diagonal().asType(.float64).mean().scalar(as: Double.self)
    case .absolute(let value): value
    }
  }

  func checked() throws(PredictionError) -> DiagonalRegularizer {
    guard value >= 0, value.isFinite else {
      throw .invalidValue(argument: "diagonal regularizer", expected: "zero or a positive number", found: "\(value)")
    }
    return self
  }
}

extension DiagonalRegularizer: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, CustomStringConvertible {
  public init(floatLiteral value: Double) { self = .relative(value) }
  public init(integerLiteral value: Int) { self = .relative(Double(value)) }

  public var description: String {
    switch self {
    case .relative(let value): "\(value) of the mean diagonal"
    case .absolute(let value): "\(value) (absolute)"
    }
  }
}

/// `matrix` with `shift` added to its diagonal.
func addingToDiagonal(_ matrix: Tensor, _ shift: Double) -> Tensor {
  guard shift != 0 else { return matrix }
  func add<Scalar: TensorScalar & BinaryFloatingPoint>(_ type: Scalar.Type) -> Tensor {
    var result = matrix
    let size = matrix.shape[1]
    result.withUnsafeMutableBuffer(of: type) { elements in
      for row in 0..<size { elements[row * (size + 1)] += Scalar(shift) }
    }
    return result
  }
  return matrix.dtype == .float32 ? add(Float.self) : add(Double.self)
}
