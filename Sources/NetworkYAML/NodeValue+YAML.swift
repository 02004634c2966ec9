import CovarianceEngine
import Networks
import Yams

extension NodeValue {
  /// Reads YAML.
  public init(yaml: String) throws(NetworkError) {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch {
      throw NetworkError(
        expected: "YAML", found: "\(error)".split(separator: "\n").joined(separator: " "))
    }
    guard let root else { throw NetworkError(expected: "a network", found: "an empty document") }
    // Aliases may stand for more nodes than there is memory for.
    var room = 1_000_000
    guard root.fits(into: &room) else {
      throw NetworkError(expected: "at most a million values, aliases spelled out", found: "more")
    }
    self = NodeValue(root)
  }

  private init(_ node: Node) {
    switch node {
    case .mapping(let mapping):
      var members: [String: NodeValue] = [:]
      for (key, value) in mapping { members[key.string ?? "\(key)"] = NodeValue(value) }
      self = .object(members)
    case .sequence(let sequence):
      self = .array(sequence.map(NodeValue.init))
    case .scalar(let scalar):
      // Quoted text stays text; plain text is whatever YAML's core schema makes of it.
      if scalar.style == .singleQuoted || scalar.style == .doubleQuoted {
        self = .string(scalar.string)
      } else if node.null != nil {
        self = .null
      } else if let value = node.bool {
        self = .boolean(value)
      } else if let value = node.int {
        self = .integer(value)
      } else if let value = node.float {
        self = .number(value)
      } else {
        self = .string(scalar.string)
      }
    case .alias: self = .null
    }
  }

  /// YAML text, keys sorted.
  public func yaml() -> String {
    // Serializing a tree of plain values does not fail.
    (try? Yams.serialize(node: node, sortKeys: true)) ?? json()
  }

  private var node: Node {
    switch self {
    case .null: Node("null", Tag(.null))
    case .boolean(let value): Node(value ? "true" : "false", Tag(.bool))
    case .integer(let value): Node("\(value)", Tag(.int))
    case .number(let value): Node("\(value)", Tag(.float))
    case .string(let value): Node(value, Tag(.str), .doubleQuoted)
    case .array(let values): Node(values.map(\.node), Tag(.seq), values.allSatisfy(\.isScalar) ? .flow : .block)
    case .object(let members):
      Node(
        members.sorted { $0.key < $1.key }.map { (Node($0.key), $0.value.node) }, Tag(.map),
        members.isEmpty ? .flow : .block)
    }
  }
}

extension Node {
  /// Whether the tree has at most `room` nodes, which are taken from it.
  fileprivate func fits(into room: inout Int) -> Bool {
    room -= 1
    guard room >= 0 else { return false }
    switch self {
    case .mapping(let mapping):
      for (_, value) in mapping where !value.fits(into: &room) { return false }
    case .sequence(let sequence):
      for value in sequence where !value.fits(into: &room) { return false }
    case .scalar, .alias: break
    }
    return true
  }
}
