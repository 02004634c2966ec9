/// What can go wrong with tensors because of data: never for a programmer's error, which is a precondition.
public enum TensorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Shapes that come from data do not fit together.
  case shapeMismatch(context: String, expected: String, found: String)
  /// A matrix that must be positive definite is not; `pivot` is the index of the first pivot that is not positive.
  case notPositiveDefinite(pivot: Int, size: Int)
  /// A triangular matrix has a zero on its diagonal.
  case singular(pivot: Int, size: Int)
  /// An iterative LAPACK routine did not converge.
  case notConverged(routine: String, code: Int)
  /// NaN or infinity where finite numbers are needed; `index` is the first such position.
  case notFinite(context: String, index: [Int])
  /// A function cannot be transformed as asked.
  case transformation(String, expected: String, found: String)
  /// A device cannot run a program: which, and what it or its plugin says.
  case device(name: String, problem: String)
  /// Somebody has asked the computation to end.
  case interrupted
  /// A file cannot be opened, read or written.
  case file(path: String, problem: String)
  /// A file's contents are not what its format says; `place` is a byte offset, a line or an array's name.
  case format(path: String, place: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .shapeMismatch(let context, let expected, let found):
      "\(context): expected \(expected), found \(found)"
    case .notPositiveDefinite(let pivot, let size):
      "the \(size)x\(size) matrix is not positive definite at pivot \(pivot); add a larger multiple of the identity"
    case .singular(let pivot, let size):
      "the \(size)x\(size) triangular matrix is singular: its diagonal entry \(pivot) is zero"
    case .notConverged(let routine, let code):
      "\(routine) did not converge (code \(code)); check the matrix for very large or very small entries"
    case .notFinite(let context, let index):
      "\(context): expected finite numbers, found NaN or infinity at \(index)"
    case .transformation(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    case .device(let name, let problem):
      "device \(name): \(problem)"
    case .interrupted:
      "the computation was asked to end"
    case .file(let path, let problem):
      "\(path): \(problem)"
    case .format(let path, let place, let expected, let found):
      "\(path): \(place): expected \(expected), found \(found)"
    }
  }
}
