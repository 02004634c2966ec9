import Foundation

/// A file as a user names it: a path, `-` or `/dev/stdin` for standard input, and behind a colon what of it is meant, as in
/// `data.npz:x`.
package struct FileReference: Sendable, Hashable {
  /// The file.
  package let path: String
  /// What stands behind the colon: the name of an array, or a format; nil without.
  package let part: String?

  /// A file whose own name has a colon comes first.
  package init(_ text: String) {
    (path, part) = Self.parts(of: text) ?? (text, nil)
  }

  private static func parts(of text: String) -> (path: String, part: String?)? {
    guard !isStandardInput(text), FileStatus(at: text) == nil else { return nil }
    // The last colon before which there is a file: names of files and of arrays may have colons, too.
    for colon in text.indices.reversed() where text[colon] == ":" {
      let (head, tail) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
      if !tail.isEmpty, isStandardInput(head) || FileStatus(at: head).map({ $0.kind != .directory }) == true {
        return (head, tail)
      }
    }
    return nil
  }

  package static func isStandardInput(_ path: String) -> Bool { path == "-" || path == "/dev/stdin" }
}
