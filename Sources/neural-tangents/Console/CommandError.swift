import Foundation
import NeuralTangents
import Tensors

/// Why the program stops, with the exit status that tells scripts which kind of failure it is.
struct CommandError: Error, CustomStringConvertible {
  /// Exit statuses as in `sysexits.h`, and two of our own.
  enum Status: Int32, Sendable {
    /// A tile of a store cannot be written; what has been written is safe.
    case storeWriting = 3
    /// Results were written, but errors are not certified to be as small as was asked.
    case notCertified = 4
    /// Options or arguments that make no sense.
    case usage = 64
    /// A file was read and its contents are wrong.
    case badData = 65
    /// A file to read is missing.
    case missingInput = 66
    /// The computation failed, or there is not enough memory for it.
    case internalFailure = 70
    /// A file cannot be written.
    case cannotWrite = 73
  }

  let status: Status
  /// One line.
  let description: String

  init(_ status: Status, _ description: String) {
    self.status = status
    self.description = description
  }

  static func usage(_ message: String) -> CommandError { CommandError(.usage, message) }
  static func badData(_ message: String) -> CommandError { CommandError(.badData, message) }
  static func internalFailure(_ message: String) -> CommandError { CommandError(.internalFailure, message) }

  static func cannotWrite(_ path: String, reason: String) -> CommandError {
    CommandError(.cannotWrite, "\(path): cannot be written: \(reason)")
  }

  /// What an error of the library means for someone at the command line: almost always that the data do not fit.
  ///
  /// Nil for an error that is not the library's.
  init?(_ error: any Error) {
    switch error {
    case let error as CommandError: self = error
    case let error as NetworkError:
      self.init(error.kind == .memory ? .internalFailure : .badData, error.description)
    case let error as GramStoreError:
      switch error {
      case .computation(let error): self.init(error)
      case .cannotWrite: self.init(.storeWriting, error.description)
      case .exists: self.init(.cannotWrite, error.description)
      case .cannotRead: self.init(.missingInput, error.description)
      default: self.init(.badData, error.description)
      }
    case let error as PredictionError:
      switch error {
      case .memory: self.init(.internalFailure, error.description)
      case .storage: self.init(.cannotWrite, error.description)
      case .notCertified: self.init(.notCertified, "\(error.description) (--diag-reg, --tolerance)")
      default: self.init(.badData, error.description)
      }
    case let error as TensorError:
      switch error {
      case .notConverged: self.init(.internalFailure, error.description)
      default: self.init(.badData, error.description)
      }
    default: return nil
    }
  }
}
