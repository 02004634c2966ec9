import DataFiles
import Foundation
import Synchronization
import Tensors

/// What happens when the user presses Ctrl-C: the terminal gets its line back, files that are half written go, and the
/// program ends with status 130.
enum Interruption {
  private static let terminalNeedsClearing = Atomic<Bool>(false)

  /// Called once, before any work: all threads that come later inherit that they do not hear of the signal, and one waits
  /// for it.
  static func prepare() {
    var interruption = sigset_t()
    sigemptyset(&interruption)
    sigaddset(&interruption, SIGINT)
    pthread_sigmask(SIG_BLOCK, &interruption, nil)
    // A shell starts programs in the background with the signal ignored.
    signal(SIGINT, SIG_DFL)
    let thread = Thread {
      var (awaited, received) = (sigset_t(), Int32(0))
      sigemptyset(&awaited)
      sigaddset(&awaited, SIGINT)
      while sigwait(&awaited, &received) != 0 {}
      removeUnfinishedFiles()
      if terminalNeedsClearing.load(ordering: .relaxed) { StandardError.write("\r\u{1B}[K") }
      // Not `exit`, which would take down what other threads are computing with.
      _exit(130)
    }
    // Above the work, which may keep all processors busy.
    thread.qualityOfService = .userInteractive
    thread.start()
  }

  /// Says whether there is a line on the terminal that ends without a line break.
  static func setTerminalLine(_ isShown: Bool) {
    terminalNeedsClearing.store(isShown, ordering: .relaxed)
  }
}
