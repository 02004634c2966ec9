import CovarianceEngine
import Foundation
import Yams

/// A value of a network file, JSON or YAML alike.
public indirect enum NodeValue: Sendable, Hashable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([NodeValue])
  case object([String: NodeValue])

  /// For error messages: a short value as it is, a long one by its kind.
  var summary: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value)\""
    case .array(let values): "a list of \(values.count)"
    case .object(let members):
      members.count == 1 ? "an object with the key \"\(members.keys.first!)\"" : "an object with \(members.count) keys"
    }
  }
}

extension NodeValue: Codable {
  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  public init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: Key.self) {
      var members: [String: NodeValue] = [:]
      for key in container.allKeys { members[key.stringValue] = try container.decode(NodeValue.self, forKey: key) }
      self = .object(members)
    } else if var container = try? decoder.unkeyedContainer() {
      var values: [NodeValue] = []
      while !container.isAtEnd { values.append(try container.decode(NodeValue.self)) }
      self = .array(values)
    } else {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let value = try? container.decode(Bool.self) {
        self = .boolean(value)
      } else if let value = try? container.decode(Int.self) {
        self = .integer(value)
      } else if let value = try? container.decode(Double.self) {
        self = .number(value)
      } else {
        self = .string(try container.decode(String.self))
      }
    }
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .object(let members):
      var container = encoder.container(keyedBy: Key.self)
      for (name, value) in members.sorted(by: { $0.key < $1.key }) {
        try container.encode(value, forKey: Key(stringValue: name))
      }
    case .array(let values):
      var container = encoder.unkeyedContainer()
      for value in values { try container.encode(value) }
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    case .boolean(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .integer(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .number(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .string(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    }
  }
}

extension NodeValue {
  /// Reads JSON.
  public init(json: Data) throws(NetworkError) {
    self = try JSONReader.value(of: json)
  }

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

  /// JSON text, keys sorted.
  public func json() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    // Encoding a tree of plain values fails for non-finite numbers only, which no layer holds.
    guard let data = try? encoder.encode(self) else { return "null" }
    return String(decoding: data, as: UTF8.self)
  }
}

extension NodeValue {
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

  private var isScalar: Bool {
    switch self {
    case .array, .object: false
    case .null, .boolean, .integer, .number, .string: true
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
