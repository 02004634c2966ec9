/// A lock that one thread at a time holds, and that threads can sleep on.
///
/// Not a `Mutex`, whose locking the thread sanitizer does not see: what threads hand to each other under a `Lock` does not
/// look like a race.
package final class Lock: @unchecked Sendable {
  // The C library remembers the addresses.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    // Initializing either with default attributes does not fail.
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Calls `body` while no other thread holds the lock.
  package func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Gives the lock away until another thread calls `signal`, or for no reason; called by who holds it.
  package func wait() {
    pthread_cond_wait(condition, mutex)
  }

  /// The same, for some milliseconds at most.
  package func wait(milliseconds: Int) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let nanoseconds = now.tv_nsec + milliseconds % 1000 * 1_000_000
    var end = timespec()
    end.tv_sec = now.tv_sec + milliseconds / 1000 + nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(condition, mutex, &end)
  }

  /// Wakes all threads that wait.
  package func signal() {
    pthread_cond_broadcast(condition)
  }
}
