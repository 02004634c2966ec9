import Dispatch
import Foundation
import Synchronization
import Tensors

/// What happens when the user presses Ctrl-C: the terminal gets its line back, files that are half written go, and the
/// program ends with status 130.
enum Interruption {
  /// Written once, before there are other threads.
  nonisolated(unsafe) private static var source: (any DispatchSourceSignal)?
  private static let terminalNeedsClearing = Atomic<Bool>(false)

  /// Called once, before any work.
  static func prepare() {
    // Whoever started the program may have done so from a thread that hears of no signals, which is inherited.
    var interruption = sigset_t()
    sigemptyset(&interruption)
    sigaddset(&interruption, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &interruption, nil)
    // The default action would end the program before the source hears of it.
    signal(SIGINT, SIG_IGN)
    // Of a higher class than the work, which may keep all threads of its own busy.
    let queue = DispatchQueue(label: "interruption", qos: .userInteractive)
    let interrupted = DispatchSource.makeSignalSource(signal: SIGINT, queue: queue)
    interrupted.setEventHandler {
      removeUnfinishedFiles()
      if terminalNeedsClearing.load(ordering: .relaxed) { StandardError.write("\r\u{1B}[K") }
      // Not `exit`, which would take down what other threads are computing with.
      _exit(130)
    }
    interrupted.resume()
    source = interrupted
  }

  /// Says whether there is a line on the terminal that ends without a line break.
  static func setTerminalLine(_ isShown: Bool) {
    terminalNeedsClearing.store(isShown, ordering: .relaxed)
  }
}
