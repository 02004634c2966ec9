import Synchronization

/// A value computed when it is first asked for, once, by whichever thread comes first.
final class Lazily<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  /// The value where it has been computed.
  var known: Value? { value.withLock { $0 } }

  func callAsFunction<Failure: Error>(_ compute: () throws(Failure) -> Value) throws(Failure) -> Value {
    try value.withLock { (value) throws(Failure) -> Value in
      if let value { return value }
      let computed = try compute()
      value = computed
      return computed
    }
  }
}
