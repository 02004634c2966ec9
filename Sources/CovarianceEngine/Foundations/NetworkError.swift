import Tensors

/// What is wrong with a network or with the data given to it, and where in the network.
public struct NetworkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One step from the outermost layer inwards.
  public enum PathComponent: Hashable, Sendable {
    /// A layer's or an argument's name.
    case name(String)
    /// A position in a list of layers or numbers.
    case index(Int)
  }

  /// What is to be done about an error.
  public enum Kind: Hashable, Sendable {
    /// The network or the data are to be changed.
    case mismatch
    /// There is less memory than is needed.
    case memory
    /// Somebody has asked the computation to end.
    case interrupted
  }

  /// What is to be done about it.
  public var kind = Kind.mismatch
  /// Where, from the outermost layer inwards; empty when it is the network as a whole.
  public var path: [PathComponent]
  /// What would have been right.
  public var expected: String
  /// What was there instead.
  public var found: String

  public init(path: [PathComponent] = [], expected: String, found: String, kind: Kind = .mismatch) {
    self.kind = kind
    self.path = path
    self.expected = expected
    self.found = found
  }

  /// `serial[3].conv.padding: expected same, valid or circular, found "smae"`.
  public var description: String {
    let place = pathDescription
    let separator = place.isEmpty ? "" : place.hasSuffix(":") ? " " : ": "
    return place + separator + "expected \(expected), found \(found)"
  }

  /// The place as text: `serial[3].conv.padding`.
  public var pathDescription: String {
    path.reduce(into: "") { text, component in
      switch component {
      case .name(let name): text += text.isEmpty ? name : "." + name
      case .index(let index): text += "[\(index)]"
      }
    }
  }

  /// Between two pieces of a computation that somebody has asked to end.
  static let interrupted = NetworkError(
    expected: "the computation to go on", found: "a request to end it", kind: .interrupted)

  /// - Throws: `interrupted` when the computation that runs here has been asked to end.
  static func checkInterruption() throws(NetworkError) {
    if Interruption.isRequested { throw .interrupted }
  }

  /// The same error seen from one level further out.
  package func inside(_ outer: PathComponent...) -> NetworkError {
    var result = self
    result.path = outer + path
    return result
  }
}
