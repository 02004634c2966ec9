import Platform

/// A value that one thread at a time can use.
///
/// Like `Mutex`, but for a lock that the thread sanitizer sees on Linux, too: what threads hand to each other through the
/// value does not look like a race.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = Lock()
  private var value: Value

  package init(_ value: Value) { self.value = value }

  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try lock.withLock { () throws(Failure) in try body(&value) }
  }
}
