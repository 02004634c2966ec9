import DurableFiles
import CovarianceEngine

/// What can go wrong with a store.
public enum GramStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The store was made for something else: which field differs, its value there, and the value here. `remedy` is what else can be
  /// done than to use another store.
  case otherJob(store: String, what: String, field: String, there: String, here: String, remedy: String)
  /// There is something of that name already.
  case exists(String)
  /// A file of the store is missing, or not what a store has.
  case malformed(path: String, expected: String, found: String)
  /// A tile is not what was written: its checksum or its size.
  case corrupted(tile: String, path: String, expected: String, found: String)
  /// Tiles have not been computed yet.
  case incomplete(store: String, missing: Int, tileCount: Int)
  /// A file cannot be written. `advice` says what is safe and what to do.
  case cannotWrite(what: String, reason: String, advice: String)
  /// A file cannot be read.
  case cannotRead(path: String, reason: String)
  /// The network does not fit the data, or a number is not finite.
  case computation(NetworkError)

  public var description: String {
    switch self {
    case .otherJob(let store, let what, let field, let there, let here, let remedy):
      "\(store): made for another \(what): \(field) is \(there) there, \(here) here. Use another store, or \(remedy)"
    case .exists(let path):
      "\(path): there already; gram run goes on with a store, gram status says what it is"
    case .malformed(let path, let expected, let found):
      "\(path): expected \(expected), found \(found)"
    case .corrupted(let tile, let path, let expected, let found):
      "\(tile): \(expected) expected, \(found) found in \(path); gram verify --repair computes it again"
    case .incomplete(let store, let missing, let tileCount):
      "\(store): \(grouped(missing)) of \(grouped(tileCount)) tiles are missing: gram run \(store)"
    case .cannotWrite(let what, let reason, let advice):
      "cannot write \(what): \(reason)\(advice)"
    case .cannotRead(let path, let reason):
      "\(path): cannot be read: \(reason)"
    case .computation(let error): error.description
    }
  }

  init(reading failure: FileFailure) {
    self = .cannotRead(path: failure.path, reason: failure.reason)
  }

  init(writing what: String, _ failure: FileFailure) {
    self = .cannotWrite(what: what, reason: failure.reason, advice: "")
  }
}

/// `27,730`.
package func grouped(_ number: Int) -> String {
  var digits = Array(String(abs(number)))
  for position in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: position) }
  return (number < 0 ? "-" : "") + String(digits)
}

/// `21.4 GB`.
package func byteText(_ count: Double) -> String {
  for (unit, size) in [("TB", 1e12), ("GB", 1e9)] where count >= size {
    return "\((count / size * 10).rounded() / 10) \(unit)"
  }
  return "\((count / 1e6 * 10).rounded() / 10) MB"
}
