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
    shift(ofDiagonal: { matrix.count == 0 ? Tensor.zeros([1], dtype: matrix.dtype) : matrix.diagonal() })
  }

  /// The number that is added to a diagonal, which is asked for where it matters.
  func shift<Failure: Error>(ofDiagonal diagonal: () throws(Failure) -> Tensor) throws(Failure) -> Double {
    switch self {
    case .relative(let value):
      value == 0 ? 0 : value * (try diagonal()).asType(.float64).mean().scalar(as: Double.self)
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
///
/// Memory that nothing else refers to is changed in place.
func addingToDiagonal(_ matrix: consuming Tensor, _ shift: Double) -> Tensor {
  guard shift != 0 else { return matrix }
  return matrix.dtype == .float32 ? adding(shift, matrix, Float.self) : adding(shift, matrix, Double.self)
}

private func adding<Scalar: TensorScalar & BinaryFloatingPoint>(
  _ shift: Double, _ matrix: consuming Tensor, _ type: Scalar.Type
) -> Tensor {
  let size = matrix.shape[1]
  matrix.withUnsafeMutableBuffer(of: type) { elements in
    for row in 0..<size { elements[row * (size + 1)] += Scalar(shift) }
  }
  return matrix
}
