import Platform

/// Hands tiles from a thread to a task, one at a time: the thread waits while a tile lies there, the task while none does.
final class GramChannel: @unchecked Sendable {
  private typealias Waiter = CheckedContinuation<GramTile?, any Error>

  private enum State {
    case running
    case finished((any Error)?)
  }

  private let condition = Lock()
  private var tile: GramTile?
  private var state = State.running
  private var waiter: Waiter?

  // MARK: - The thread

  /// Waits until the last tile has been taken; false when no more are wanted.
  func waitForRoom() -> Bool {
    condition.withLock {
      while tile != nil, case .running = state { condition.wait() }
      if case .finished = state { return false }
      return true
    }
  }

  func send(_ tile: GramTile) {
    let waiter = condition.withLock { () -> Waiter? in
      guard case .running = state else { return nil }
      if let waiter = takenWaiter() { return waiter }
      self.tile = tile
      return nil
    }
    waiter?.resume(returning: tile)
  }

  /// Says that there will be no more tiles, or why.
  func finish<Failure: Error>(with result: Result<Void, Failure>) {
    var failure: (any Error)?
    if case .failure(let error) = result { failure = error }
    end(failure, keepsTile: true)
  }

  // MARK: - The task

  /// The next tile; nil after the last.
  func next() async throws -> GramTile? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { wait($0) }
    } onCancel: {
      cancel()
    }
  }

  /// Says that no more tiles are wanted.
  func cancel() {
    end(CancellationError(), keepsTile: false)
  }

  private func wait(_ waiter: Waiter) {
    let result = condition.withLock { () -> Result<GramTile?, any Error>? in
      if let tile {
        self.tile = nil
        condition.signal()
        return .success(tile)
      }
      guard case .finished(let failure) = state else {
        self.waiter = waiter
        return nil
      }
      return failure.map { .failure($0) } ?? .success(nil)
    }
    if let result { waiter.resume(with: result) }
  }

  private func end(_ failure: (any Error)?, keepsTile: Bool) {
    let waiter = condition.withLock { () -> Waiter? in
      if !keepsTile { tile = nil }
      guard case .running = state else { return nil }
      state = .finished(failure)
      condition.signal()
      return takenWaiter()
    }
    if let failure { waiter?.resume(throwing: failure) } else { waiter?.resume(returning: nil) }
  }

  private func takenWaiter() -> Waiter? {
    defer { waiter = nil }
    return waiter
  }
}
