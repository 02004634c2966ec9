import Foundation

/// The stream for everything that is not a result.
enum StandardError {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let written = Foundation.write(STDERR_FILENO, part.baseAddress, part.count)
        // Where even errors cannot be written there is nobody to tell.
        guard written > 0 || errno == EINTR else { return }
        rest = rest.dropFirst(max(0, written))
      }
    }
  }

  static func warn(_ message: String) {
    write("warning: \(message)\n")
  }
}
