import Foundation

/// The stream for everything that is not a result.
enum StandardError {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  static func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }

  static func warn(_ message: String) {
    write("warning: \(message)\n")
  }
}
