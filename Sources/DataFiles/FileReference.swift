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
    guard !Self.isStandardInput(text), FileStatus(at: text) == nil, let colon = text.lastIndex(of: ":") else {
      (path, part) = (text, nil)
      return
    }
    let (head, tail) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
    guard !tail.isEmpty, Self.isStandardInput(head) || FileStatus(at: head).map({ $0.kind != .directory }) == true
    else {
      (path, part) = (text, nil)
      return
    }
    (path, part) = (head, tail)
  }

  package static func isStandardInput(_ path: String) -> Bool { path == "-" || path == "/dev/stdin" }
}
