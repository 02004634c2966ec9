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
    /// What is known beside the fraction where a kernel is computed.
    var gram: GramProgress?
    /// What else there is to say: parts of the line, and the seconds that are left.
    var parts: [String] = []
    var left: Double?
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
      ($0.fraction, $0.gram) = (nil, nil)
      ($0.parts, $0.left) = ([], nil)
      $0.began = now
      if !isTerminal { $0.lastShown = now }
    }
  }

  /// The name of what is being done within the step, and how much of it is done.
  func update(_ step: String, _ fraction: Double?) {
    state.withLock {
      $0.step = $0.prefix + step
      ($0.fraction, $0.gram) = (fraction, nil)
    }
  }

  /// Notes how much of the step is done, from 0 to 1; may be called from any thread, as often as convenient.
  func update(_ fraction: Double) {
    state.withLock { $0.fraction = max($0.fraction ?? 0, fraction) }
  }

  /// The same with more to say, for work whose speed is not that of this process alone.
  ///
  /// - Parameter left: seconds; nil where nobody knows.
  func update(_ fraction: Double, _ parts: [String], left: Double?) {
    state.withLock { ($0.fraction, $0.parts, $0.left) = (fraction, parts, left) }
  }

  /// For `KernelOptions`.
  var kernelProgress: @Sendable (GramProgress) -> Void {
    { [weak self] progress in self?.state.withLock { $0.gram = progress } }
  }

  /// Stops, and removes the bar from the terminal.
  func finish() {
    state.withLock {
      $0.isFinished = true
      if $0.isShown, isTerminal {
        StandardError.write("\r\u{1B}[K")
        Interruption.setTerminalLine(false)
      }
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
        step: state.step, fraction: state.gram?.fraction ?? state.fraction, elapsed: now - state.began,
        barWidth: isTerminal ? 20 : 0, gram: state.gram, parts: state.parts, left: state.left)
      if isTerminal { Interruption.setTerminalLine(true) }
      StandardError.write(isTerminal ? "\r\(line)\u{1B}[K" : line + "\n")
      return true
    }
  }

  /// `kernel: [=====>    ] 45 %, 9 of 20 tiles, 1.2 M entries/s, 3 s so far, 4 s left`.
  static func line(
    step: String, fraction: Double?, elapsed: Duration, barWidth: Int, gram: GramProgress? = nil,
    parts more: [String] = [], left known: Double? = nil
  ) -> String {
    let seconds = elapsed / .seconds(1)
    var parts: [String] = []
    var left: Double?
    if let fraction {
      var share = "\(Int(100 * fraction)) %"
      if barWidth > 0 {
        let filled = Int((fraction * Double(barWidth)).rounded(.down))
        let bar = String(repeating: "=", count: filled) + (filled < barWidth ? ">" : "")
        share = "[" + bar.padding(toLength: barWidth, withPad: " ", startingAt: 0) + "] " + share
      }
      // A single tile has no part that is done.
      if gram?.tileCount != 1 { parts.append(share) }
      if fraction > 0.02, fraction < 1 { left = seconds * (1 - fraction) / fraction }
    }
    if let gram {
      if let obstacle = gram.obstacle {
        parts.append("1 tile (\(obstacle))")
      } else {
        parts.append("\(gram.tilesDone) of \(gram.tileCount) tile\(gram.tileCount == 1 ? "" : "s")")
      }
      if gram.rate > 0 { parts.append("\(rounded(gram.rate)) entries/s") }
      // Time passes between tiles.
      if let total = gram.timeLeft.map({ ($0 + gram.elapsed) / .seconds(1) }) { left = max(0, total - seconds) }
      if gram.fraction == 1 { left = nil }
    }
    if !more.isEmpty { (parts, left) = (parts + more, known) }
    parts.append(String(format: "%.0f s so far", seconds))
    if let left { parts.append(more.isEmpty ? String(format: "%.0f s left", left) : "\(TimeSpan.text(left)) left") }
    return "\(step): \(parts.joined(separator: ", "))"
  }

  /// `87`, `1.2 k`, `34 M`.
  private static func rounded(_ rate: Double) -> String {
    var (value, unit) = (rate, "")
    for next in [" k", " M", " G"] where value >= 1000 { (value, unit) = (value / 1000, next) }
    return String(format: value < 10 ? "%.1f" : "%.0f", value) + unit
  }
}
