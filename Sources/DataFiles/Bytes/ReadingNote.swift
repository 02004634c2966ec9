/// What a reader has understood in a way that somebody might not have meant.
public struct ReadingNote: Sendable, Hashable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// Where in it; empty for all of it.
  public let place: String
  /// A sentence without a full stop.
  public let message: String

  /// The file, the place and the message in one line.
  public var description: String { ([path, place].filter { !$0.isEmpty } + [message]).joined(separator: ": ") }
}
