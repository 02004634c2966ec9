import CNeuralTangents
import Networks
import Platform
import Synchronization
import Tensors

/// Work that is checked, then started, waited for, and asked for its results.
///
/// It runs on a thread of its own, not on Swift's pool: the pool's threads do not exist in the child of a fork, where tasks wait
/// for ever.
final class JobObject: Sendable {
  /// How work says how far it has come, and learns that it should end.
  final class Control: Sendable {
    fileprivate let interruption = Interruption()
    let done = Atomic<Int>(0)
    let total = Atomic<Int>(0)

    var isCancelled: Bool { interruption.isRequested }
    func cancel() { interruption.request() }

    func report(_ done: Int, of total: Int) {
      self.total.store(total, ordering: .relaxed)
      self.done.store(done, ordering: .relaxed)
    }

    /// - Throws: when somebody has asked the work to end.
    func check() throws {
      if isCancelled { throw Failure.cancelled }
    }
  }

  typealias Work = @Sendable (Control) throws -> ValuesObject

  private enum State {
    case ready(Work)
    case running
    case ended(Result<ValuesObject, Failure>)
  }

  let control: Control
  let description: NodeValue
  private let lock = Lock()
  private nonisolated(unsafe) var state: State

  /// - Parameters:
  ///   - threads: at most, while it works; nil for all.
  ///   - description: JSON about the results to come.
  init(
    threads: Int?, control: Control = Control(), description: NodeValue = .object(["arrays": .array([])]),
    _ work: @escaping Work
  ) {
    (self.control, self.description) = (control, description)
    state = .ready { control in
      try control.check()
      return try Interruption.carriedOut(under: control.interruption) { () throws(any Error) in
        try Threads.withLimit(threads) { () throws(any Error) in try work(control) }
      }
    }
  }

  func start() throws {
    let work = try lock.withLock { () throws(any Error) -> Work in
      guard case .ready(let work) = state else {
        throw Failure.argument("job", expected: "one that was not started", found: "one that was")
      }
      state = .running
      return work
    }
    let begins = DetachedThread.run { [self] in
      // What was asked to end says so in errors of many kinds.
      let result = Result { try work(control) }.mapError { control.isCancelled ? .cancelled : Failure($0) }
      end(result)
    }
    if !begins {
      let failure = Failure(NetworkThreadError())
      end(.failure(failure))
      throw failure
    }
  }

  private func end(_ result: Result<ValuesObject, Failure>) {
    lock.withLock {
      state = .ended(result)
      lock.signal()
    }
  }

  func wait(milliseconds: Int64) -> Int32 {
    let end = ContinuousClock.now + .milliseconds(max(0, min(milliseconds, 1 << 40)))
    return lock.withLock {
      while case .running = state {
        let left = end - ContinuousClock.now
        guard left > .zero else { break }
        lock.wait(milliseconds: Int(min(left / .milliseconds(1), 1e9)) + 1)
      }
      switch state {
      case .ready: return Int32(NT_NOT_STARTED)
      case .running: return Int32(NT_RUNNING)
      case .ended(.success): return Int32(NT_DONE)
      case .ended(.failure(let failure)):
        return Int32(failure.kind == Int32(NT_CANCELLED) ? NT_STOPPED : NT_FAILED)
      }
    }
  }

  func values() throws -> ValuesObject {
    try lock.withLock { () throws(any Error) -> ValuesObject in
      guard case .ended(let result) = state else {
        throw Failure.argument("job", expected: "one that has ended", found: "one that has not")
      }
      return try result.get()
    }
  }
}

/// The system gives no thread more.
private struct NetworkThreadError: Error, CustomStringConvertible {
  var description: String { "expected a thread to compute on, found none that the system would give" }
}

private func job(_ pointer: OpaquePointer?) throws -> JobObject { try object(pointer, as: JobObject.self, "job") }

@_cdecl("nt_job_start")
public func startJob(_ pointer: OpaquePointer?, _ error: UnsafeMutablePointer<nt_error>?) -> Int32 {
  reporting(error) {
    try job(pointer).start()
    return 1
  } ?? 0
}

@_cdecl("nt_job_wait")
public func waitForJob(
  _ pointer: OpaquePointer?, _ milliseconds: Int64, _ done: UnsafeMutablePointer<Int64>?,
  _ total: UnsafeMutablePointer<Int64>?
) -> Int32 {
  guard let job = try? job(pointer) else { return Int32(NT_FAILED) }
  let status = job.wait(milliseconds: milliseconds)
  done?.pointee = Int64(job.control.done.load(ordering: .relaxed))
  total?.pointee = Int64(job.control.total.load(ordering: .relaxed))
  return status
}

@_cdecl("nt_job_cancel")
public func cancelJob(_ pointer: OpaquePointer?) { (try? job(pointer))?.control.cancel() }

@_cdecl("nt_job_description")
public func jobDescription(_ pointer: OpaquePointer?) -> UnsafeMutablePointer<CChar>? {
  (try? job(pointer)).flatMap { copied($0.description.json()) }
}

@_cdecl("nt_job_values")
public func jobValues(_ pointer: OpaquePointer?, _ error: UnsafeMutablePointer<nt_error>?) -> OpaquePointer? {
  reporting(error) { handle(try job(pointer).values()) }
}

@_cdecl("nt_job_free")
public func freeJob(_ pointer: OpaquePointer?) {
  (try? job(pointer))?.control.cancel()
  release(pointer, as: JobObject.self)
}
