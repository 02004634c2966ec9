import DataFiles
import Foundation
import Tensors

/// The stream for results, to which `print` writes.
enum StandardOutput {
  /// Prints what a command says after it has written `output`: on standard error if `output` is standard output, where a
  /// file is expected to hold nothing else.
  static func report(_ text: String, beside output: String?) {
    if let output, FileStatus.isStandardOutput(output) {
      StandardError.write(text + "\n")
    } else {
      print(text)
    }
  }

  /// Sees to it that all that was printed is written, before the program ends.
  ///
  /// - Throws: `CommandError` when it cannot be written.
  static func finish() throws(CommandError) {
    // Of all streams, because `stdout` is a variable that any thread might change; what an earlier write could not get rid
    // of is tried again, so that its error is not lost.
    guard fflush(nil) != 0 else { return }
    let code = errno
    // Who reads the beginning only, as `head` does, wants no message.
    if code == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    throw .cannotWrite("standard output", reason: String(cString: strerror(code)))
  }
}
