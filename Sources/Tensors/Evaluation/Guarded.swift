import Foundation

/// A value that one thread at a time can use.
///
/// Like `Mutex`, but for a lock that the thread sanitizer sees on Linux, too: what threads hand to each other through the
/// value does not look like a race.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  package init(_ value: Value) { self.value = value }

  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
