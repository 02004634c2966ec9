import CNeuralTangents
import CovarianceEngine
import Inference
import Platform
import Tensors

/// A mistake as it goes to the caller.
struct Failure: Error {
  let kind: Int32
  let message: String

  /// An argument that is wrong by itself.
  static func argument(_ name: String, expected: String, found: String) -> Failure {
    Failure(kind: Int32(NT_ARGUMENT), message: "\(name): expected \(expected), found \(found)")
  }

  static let cancelled = Failure(kind: Int32(NT_CANCELLED), message: "the computation was cancelled")

  private init(kind: Int32, message: String) {
    (self.kind, self.message) = (kind, message)
  }

  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as NetworkError:
      self.init(kind: Int32(error.kind == .memory ? NT_MEMORY : NT_MISMATCH), message: error.description)
    case let error as TensorError:
      switch error {
      case .notPositiveDefinite, .singular, .notConverged, .notFinite:
        self.init(kind: Int32(NT_NUMERICAL), message: error.description)
      default: self.init(kind: Int32(NT_MISMATCH), message: error.description)
      }
    case let error as PredictionError:
      switch error {
      case .notPositiveDefinite, .notReached, .linearAlgebra:
        self.init(kind: Int32(NT_NUMERICAL), message: error.description)
      default: self.init(kind: Int32(NT_MISMATCH), message: error.description)
      }
    default: self.init(kind: Int32(NT_MISMATCH), message: "\(error)")
    }
  }

  func report(to place: UnsafeMutablePointer<nt_error>?) {
    place?.pointee = nt_error(kind: kind, message: copied(message))
  }
}

/// What `body` makes; nil and an error for the caller when it throws.
func reporting<Result>(_ place: UnsafeMutablePointer<nt_error>?, _ body: () throws -> Result) -> Result? {
  place?.pointee = nt_error(kind: Int32(NT_NO_ERROR), message: nil)
  do {
    return try body()
  } catch {
    Failure(error).report(to: place)
    return nil
  }
}

/// A string that the caller frees.
func copied(_ string: String) -> UnsafeMutablePointer<CChar>? { strdup(string) }

/// Text of the caller.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
  guard let pointer else { throw Failure.argument(name, expected: "a text", found: "a null pointer") }
  guard let text = String(validatingCString: pointer) else {
    throw Failure.argument(name, expected: "a text in UTF-8", found: "other bytes")
  }
  return text
}

// MARK: - Handles

/// The handle of an object, which the caller frees.
func handle<Object: AnyObject>(_ object: Object) -> OpaquePointer {
  OpaquePointer(Unmanaged.passRetained(object).toOpaque())
}

/// The object of a handle.
func object<Object: AnyObject>(_ handle: OpaquePointer?, as type: Object.Type, _ name: String) throws -> Object {
  guard let handle else { throw Failure.argument(name, expected: "a handle", found: "a null pointer") }
  return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

func release<Object: AnyObject>(_ handle: OpaquePointer?, as type: Object.Type) {
  if let handle { Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release() }
}
