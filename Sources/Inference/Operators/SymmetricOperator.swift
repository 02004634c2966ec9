import CovarianceEngine
import Tensors

/// A symmetric matrix that is known by its products with vectors: all that iterative solvers ask of a kernel.
///
/// Vectors are rows of float64 tensors, since several are multiplied at once and each should lie in one piece.
public protocol SymmetricOperator: Sendable {
  /// Rows, and columns.
  var count: Int { get }
  /// The diagonal, shape (count), float64.
  ///
  /// - Throws: Whatever keeps the matrix from being read.
  func diagonal() throws -> Tensor
  /// The rows at `indices`, shape (indices, count), float64.
  func rows(_ indices: [Int]) throws -> Tensor
  /// The product of the matrix with each row of `vectors`, shape (vectors, count), float64.
  func multiply(_ vectors: Tensor) throws -> Tensor
}
