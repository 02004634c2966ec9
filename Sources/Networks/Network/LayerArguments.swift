import CovarianceEngine

/// The arguments of one node of a network file, being read or written.
///
/// Reading marks an argument as known; what nobody asked for is an error when reading ends, so that a misspelt argument
/// never goes unnoticed.
public struct LayerArguments {
  /// The largest size that files may ask for: a million channels, say.
  public static let largestSize = CovarianceEngine.largestSize

  private var members: [String: NodeValue]
  private var known: Set<String> = []
  /// The node's value where it is not an object with arguments: the list of `serial` and `parallel`.
  public private(set) var list: [NodeValue]?

  /// Makes layers of the nodes of inner layers.
  typealias Reader = @Sendable (NodeValue) throws(NetworkError) -> any Layer

  private let reader: Reader?

  /// - Parameter reader: makes layers of nodes, for layers that hold others.
  init(reading value: NodeValue, reader: @escaping Reader) throws(NetworkError) {
    self.reader = reader
    switch value {
    case .object(let members): self.members = members
    case .null: members = [:]
    case .array(let values):
      members = [:]
      list = values
    default: throw NetworkError(expected: "an object with arguments", found: value.summary)
    }
    known.insert("name")
  }

  init() {
    (members, reader) = ([:], nil)
  }

  var value: NodeValue { list.map(NodeValue.array) ?? .object(members) }

  /// Throws for the first argument that was not asked for.
  func requireNoOthers() throws(NetworkError) {
    if let list { throw NetworkError(expected: "an object with arguments", found: "a list of \(list.count)") }
    for name in members.keys.sorted() where !known.contains(name) {
      throw NetworkError(
        path: [.name(name)],
        expected: known.count == 1 ? "no arguments" : "one of " + known.sorted().joined(separator: ", "),
        found: "an unknown argument")
    }
  }
}

// MARK: - Reading

extension LayerArguments {
  /// The value of an argument; nil when it is left out or null.
  public mutating func take(_ name: String) -> NodeValue? {
    known.insert(name)
    guard let value = members[name], value != .null else { return nil }
    return value
  }

  /// A number; the default when it is left out.
  public mutating func number(
    _ name: String, default defaultValue: Double? = nil, in valid: (Double) -> Bool = { $0.isFinite },
    expected: String = "a finite number"
  ) throws(NetworkError) -> Double {
    guard let value = take(name) else { return try orDefault(name, defaultValue, expected) }
    guard let number = value.double, valid(number) else { throw error(name, expected, value) }
    return number
  }

  /// A number; nil when it is left out.
  public mutating func optionalNumber(_ name: String) throws(NetworkError) -> Double? {
    guard let value = take(name) else { return nil }
    guard let number = value.double, number.isFinite else { throw error(name, "a finite number", value) }
    return number
  }

  /// - Parameters:
  ///   - maximum: by default what no sensible number exceeds, so that products of sizes stay numbers.
  ///   - name: of the argument.
  ///   - defaultValue: what it is when it is left out; nil when it must be there.
  ///   - minimum: the least that is allowed.
  public mutating func integer(
    _ name: String, default defaultValue: Int? = nil, atLeast minimum: Int? = nil,
    atMost maximum: Int = LayerArguments.largestSize
  ) throws(NetworkError) -> Int {
    var expected = minimum.map { "an integer of at least \($0)" } ?? "an integer"
    guard let value = take(name) else { return try orDefault(name, defaultValue, expected) }
    if case .integer(let integer) = value, integer > maximum { expected += " and at most \(maximum)" }
    guard case .integer(let integer) = value, ((minimum ?? -maximum)...maximum).contains(integer) else {
      throw error(name, expected, value)
    }
    return integer
  }

  /// True or false; the default when it is left out.
  public mutating func boolean(_ name: String, default defaultValue: Bool) throws(NetworkError) -> Bool {
    guard let value = take(name) else { return defaultValue }
    guard case .boolean(let boolean) = value else { throw error(name, "true or false", value) }
    return boolean
  }

  /// Text; the default when it is left out.
  public mutating func string(_ name: String, default defaultValue: String? = nil) throws(NetworkError) -> String {
    guard let value = take(name) else { return try orDefault(name, defaultValue, "a string") }
    guard case .string(let string) = value else { throw error(name, "a string", value) }
    return string
  }

  /// One of the cases of an enumeration, by raw value.
  public mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, default defaultValue: Choice
  ) throws(NetworkError) -> Choice where Choice.RawValue == String {
    guard let value = take(name) else { return defaultValue }
    guard case .string(let string) = value, let choice = Choice(rawValue: string) else {
      let names = Choice.allCases.map(\.rawValue)
      let expected = names.count > 1 ? names.dropLast().joined(separator: ", ") + " or " + names.last! : names[0]
      throw error(name, expected, value)
    }
    return choice
  }

  /// A list of numbers; the default when it is left out.
  public mutating func numbers(_ name: String, default defaultValue: [Double]? = nil, count: Int? = nil)
    throws(NetworkError) -> [Double]
  {
    let expected = count.map { "a list of \($0) numbers" } ?? "a list of numbers"
    guard let value = take(name) else { return try orDefault(name, defaultValue, expected) }
    guard case .array(let values) = value, count == nil || values.count == count else {
      throw error(name, expected, value)
    }
    var numbers: [Double] = []
    for (index, element) in values.enumerated() {
      guard let number = element.double, number.isFinite else {
        throw NetworkError(path: [.name(name), .index(index)], expected: "a finite number", found: element.summary)
      }
      numbers.append(number)
    }
    return numbers
  }

  /// A list of integers; the default when it is left out.
  public mutating func integers(_ name: String, default defaultValue: [Int]) throws(NetworkError) -> [Int] {
    guard let value = take(name) else { return defaultValue }
    guard case .array(let values) = value else { throw error(name, "a list of integers", value) }
    var integers: [Int] = []
    for (index, element) in values.enumerated() {
      guard case .integer(let integer) = element else {
        throw NetworkError(path: [.name(name), .index(index)], expected: "an integer", found: element.summary)
      }
      integers.append(integer)
    }
    return integers
  }

  /// A list of strings; nil when it is left out.
  public mutating func strings(_ name: String) throws(NetworkError) -> [String]? {
    guard let value = take(name) else { return nil }
    guard case .array(let values) = value else { throw error(name, "a list of strings", value) }
    var strings: [String] = []
    for (index, element) in values.enumerated() {
      guard case .string(let string) = element else {
        throw NetworkError(path: [.name(name), .index(index)], expected: "a string", found: element.summary)
      }
      strings.append(string)
    }
    return strings
  }

  /// The layers that `serial` and `parallel` list.
  public mutating func layers() throws(NetworkError) -> [any Layer] {
    guard let nodes = list else {
      throw NetworkError(expected: "a list of layers", found: "an object with \(members.count) keys")
    }
    list = nil
    var layers: [any Layer] = []
    for (index, node) in nodes.enumerated() {
      do {
        layers.append(try read(node))
      } catch {
        throw error.inside(.index(index))
      }
    }
    return layers
  }

  /// A single inner layer.
  public mutating func layer(_ name: String) throws(NetworkError) -> any Layer {
    guard let node = take(name) else { throw NetworkError(path: [.name(name)], expected: "a layer", found: "nothing") }
    do {
      return try read(node)
    } catch {
      throw error.inside(.name(name))
    }
  }

  private func read(_ node: NodeValue) throws(NetworkError) -> any Layer {
    guard let reader else { preconditionFailure("arguments that are being written hold no layers to read") }
    return try reader(node)
  }

  private func orDefault<Value>(_ name: String, _ value: Value?, _ expected: String) throws(NetworkError) -> Value {
    guard let value else { throw NetworkError(path: [.name(name)], expected: expected, found: "nothing") }
    return value
  }

  private func error(_ name: String, _ expected: String, _ value: NodeValue) -> NetworkError {
    NetworkError(path: [.name(name)], expected: expected, found: value.summary)
  }
}

// MARK: - Writing

extension LayerArguments {
  /// Writes an argument, unless it has its default.
  public mutating func set(_ name: String, _ value: Double?, default defaultValue: Double? = nil) {
    if let value, value != defaultValue { members[name] = .number(value) }
  }

  /// Writes an argument, unless it has its default.
  public mutating func set(_ name: String, _ value: Int, default defaultValue: Int? = nil) {
    if value != defaultValue { members[name] = .integer(value) }
  }

  /// Writes an argument, unless it has its default.
  public mutating func set(_ name: String, _ value: Bool, default defaultValue: Bool? = nil) {
    if value != defaultValue { members[name] = .boolean(value) }
  }

  /// Writes an argument, unless it has its default.
  public mutating func set(_ name: String, _ value: String, default defaultValue: String? = nil) {
    if value != defaultValue { members[name] = .string(value) }
  }

  /// Writes an argument, unless it has its default.
  public mutating func set(_ name: String, _ values: [Double], default defaultValue: [Double]? = nil) {
    if values != defaultValue { members[name] = .array(values.map(NodeValue.number)) }
  }

  /// Writes an argument, unless it has its default.
  public mutating func set(_ name: String, _ values: [Int], default defaultValue: [Int]? = nil) {
    if values != defaultValue { members[name] = .array(values.map(NodeValue.integer)) }
  }

  /// Any value, as it is.
  public mutating func set(_ name: String, _ value: NodeValue) {
    members[name] = value
  }

  /// Writes an argument.
  public mutating func set(_ name: String, _ values: [String]) {
    members[name] = .array(values.map(NodeValue.string))
  }

  /// The layers of a list node.
  public mutating func set(_ layers: [any Layer]) throws(NetworkError) {
    var nodes: [NodeValue] = []
    for (index, layer) in layers.enumerated() {
      do {
        nodes.append(try layer.node())
      } catch {
        throw error.inside(.index(index))
      }
    }
    list = nodes
  }

  /// Writes a layer as an argument: the node of a network file.
  public mutating func set(_ name: String, _ layer: any Layer) throws(NetworkError) {
    members[name] = try layer.node()
  }
}

extension NodeValue {
  var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
