import Dispatch
import Foundation
import NeuralTangents
import Synchronization

/// Shows on standard error how far a long piece of work has come: a bar on a terminal, elsewhere a line every few
/// seconds. Work of less than two seconds shows nothing.
final class ProgressReporter: Sendable {
  private struct State {
    var prefix = ""
    var step: String
    var began: ContinuousClock.Instant
    /// nil where there is nothing to count.
    var fraction: Double?
    var lastShown: ContinuousClock.Instant
    var isShown = false
    var isFinished = false
  }

  private static let patience = Duration.seconds(2)

  private let state: Mutex<State>
  private let isTerminal: Bool

  /// Starts with a first step, such as `kernel of 2000x2000`.
  init(_ step: String, isTerminal: Bool = StandardError.isTerminal) {
    let now = ContinuousClock.now
    state = Mutex(State(step: step, began: now, lastShown: now))
    self.isTerminal = isTerminal
    scheduleShowing()
  }

  deinit {
    finish()
  }

  /// Stands before the names of the steps that begin from now on.
  var prefix: String {
    get { state.withLock { $0.prefix } }
    set { state.withLock { $0.prefix = newValue } }
  }

  /// Begins the next step.
  func begin(_ step: String) {
    let now = ContinuousClock.now
    state.withLock {
      $0.step = $0.prefix + step
      $0.fraction = nil
      $0.began = now
      if !isTerminal { $0.lastShown = now }
    }
  }

  /// Notes how much of the step is done, from 0 to 1; may be called from any thread, as often as convenient.
  func update(_ fraction: Double) {
    state.withLock { $0.fraction = max($0.fraction ?? 0, fraction) }
  }

  /// For `KernelOptions`.
  var kernelProgress: @Sendable (KernelProgress) -> Void {
    { [weak self] progress in self?.update(progress.fraction) }
  }

  /// Stops, and removes the bar from the terminal.
  func finish() {
    state.withLock {
      $0.isFinished = true
      if $0.isShown, isTerminal { StandardError.write("\r\u{1B}[K") }
      $0.isShown = false
    }
  }

  private func scheduleShowing() {
    DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + .milliseconds(250)) { [weak self] in
      guard let self, show() else { return }
      scheduleShowing()
    }
  }

  /// Whether there will be more to show.
  private func show() -> Bool {
    let now = ContinuousClock.now
    return state.withLock { state in
      guard !state.isFinished else { return false }
      let sinceLast = now - state.lastShown
      guard state.isShown || now - state.began >= Self.patience else { return true }
      guard isTerminal || sinceLast >= Self.patience else { return true }
      state.lastShown = now
      state.isShown = true
      let line = Self.line(
        step: state.step, fraction: state.fraction, elapsed: now - state.began, barWidth: isTerminal ? 30 : 0)
      StandardError.write(isTerminal ? "\r\(line)\u{1B}[K" : line + "\n")
      return true
    }
  }

  /// `kernel [=====>    ] 45 %, 3 s so far, 4 s left`.
  static func line(step: String, fraction: Double?, elapsed: Duration, barWidth: Int) -> String {
    let seconds = elapsed / .seconds(1)
    var parts: [String] = []
    if let fraction {
      if barWidth > 0 {
        let filled = Int((fraction * Double(barWidth)).rounded(.down))
        let bar = String(repeating: "=", count: filled) + (filled < barWidth ? ">" : "")
        parts.append("[" + bar.padding(toLength: barWidth, withPad: " ", startingAt: 0) + "]")
      }
      parts.append("\(Int(100 * fraction)) %,")
    }
    parts.append(String(format: "%.0f s so far", seconds))
    if let fraction, fraction > 0.02, fraction < 1 {
      parts[parts.count - 1] += String(format: ", %.0f s left", seconds * (1 - fraction) / fraction)
    }
    return "\(step): \(parts.joined(separator: " "))"
  }
}
