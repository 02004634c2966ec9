import DurableFiles
import DataFiles
import Foundation
import GramStore
import Synchronization
import Tensors

/// What happens when the program is told to end, by Ctrl-C, by a terminal that closes, or by `kill`: programs that it has
/// started end, files that are half written go, claims of tiles are released, the terminal gets its line back, and the
/// status is 128 and the signal's number, as shells have it.
enum Interruption {
  private static let terminalNeedsClearing = Atomic<Bool>(false)

  /// Called once, before any work: all threads that come later inherit that they do not hear of the signals, and one waits
  /// for them.
  static func prepare() {
    // Writing where nobody reads, or more than a file may hold, is an error like others.
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let isIgnored = isIgnoring(signal(number, SIG_DFL))
      // `nohup` starts programs with the signal ignored, and it stays so; but a shell does the same with Ctrl-C when it
      // starts a program in the background, which must still end when it is told to.
      if isIgnored && number != SIGINT {
        signal(number, SIG_IGN)
      } else {
        sigaddset(&signals, number)
      }
    }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let thread = Thread { [signals] in
      var (awaited, received) = (signals, Int32(0))
      while sigwait(&awaited, &received) != 0 {}
      end(with: 128 + received)
    }
    // Above the work, which may keep all processors busy.
    thread.qualityOfService = .userInteractive
    thread.start()
  }

  /// Ends the program in the middle of its work.
  static func end(with status: Int32, saying text: String? = nil) -> Never {
    ChildPrograms.end {
      releaseHeldFiles {
        removeUnfinishedFiles {
          if terminalNeedsClearing.load(ordering: .relaxed) { StandardError.write("\r\u{1B}[K") }
          if let text { StandardError.write(text) }
          // Not `exit`, which would take down what other threads are computing with.
          _exit(status)
        }
      }
    }
  }

  private static func isIgnoring(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Says whether there is a line on the terminal that ends without a line break.
  static func setTerminalLine(_ isShown: Bool) {
    terminalNeedsClearing.store(isShown, ordering: .relaxed)
  }
}

/// The programs that this one has started and waits for.
enum ChildPrograms {
  private static let running = Mutex<Set<pid_t>>([])

  static func start(_ process: Process) throws {
    try running.withLock { running in
      try process.run()
      running.insert(process.processIdentifier)
    }
  }

  static func waitForEnd(of process: Process) {
    process.waitUntilExit()
    running.withLock { _ = $0.remove(process.processIdentifier) }
  }

  /// Ends all of them. None starts between that and the end of this program.
  static func end(andExit exit: () -> Never) -> Never {
    running.withLock { running in
      for child in running {
        // With what it has started: it leads a process group, so that Ctrl-C on the terminal does not reach it.
        if kill(-child, SIGKILL) != 0 { kill(child, SIGKILL) }
        // Until then it may go on writing. Its status is left to whoever waits for it.
        var information = siginfo_t()
        waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT)
      }
      exit()
    }
  }
}
