import CovarianceEngine
import Foundation

/// A network as a file: JSON, or YAML of the same structure.
///
/// ```json
/// {"serial": [
///   {"dense": {"width": 512, "weightStd": 1.5, "biasStd": 0.05}},
///   {"erf": {}},
///   {"dense": {"width": 1}}
/// ]}
/// ```
public struct NetworkFile: Sendable, Codable {
  /// The network.
  public var network: any Layer

  public init(_ network: any Layer) {
    self.network = network
  }

  /// Reads the network from JSON text.
  public init(json: String) throws(NetworkError) {
    network = try LayerRegistry.layer(from: NodeValue(json: Data(json.utf8)))
  }

  /// Reads the network from YAML text.
  public init(yaml: String) throws(NetworkError) {
    network = try LayerRegistry.layer(from: NodeValue(yaml: yaml))
  }

  /// Reads a file or a pipe; `.yaml` and `.yml` are YAML, everything else is JSON. `-` is standard input, where what does not
  /// begin like JSON is YAML.
  ///
  /// - Throws: `NetworkError` with the place inside the file, such as `serial[3].dense.width: expected an integer of at
  ///   least 1, found "many"`, prefixed with the file's name.
  public init(contentsOf path: String) throws(NetworkError) {
    let isInput = path == "-" || path == "/dev/stdin"
    let handle = isInput ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
    guard let data = try? handle?.readToEnd() ?? Data() else {
      throw NetworkError(path: [.name(path)], expected: "a readable file", found: "none")
    }
    do throws(NetworkError) {
      let isNamedYAML = path.lowercased().hasSuffix(".yaml") || path.lowercased().hasSuffix(".yml")
      let first = data.first { !($0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09) }
      let isYAML = isInput ? first.map { $0 != UInt8(ascii: "{") } ?? false : isNamedYAML
      guard !isYAML || String(validating: data, as: UTF8.self) != nil else {
        throw NetworkError(expected: "YAML in UTF-8", found: "other bytes; save the file as UTF-8")
      }
      self = try isYAML ? NetworkFile(yaml: String(decoding: data, as: UTF8.self)) : NetworkFile(jsonData: data)
    } catch {
      throw NetworkError(
        path: [.name(path + ":" + (error.path.isEmpty ? "" : " " + error.pathDescription))], expected: error.expected,
        found: error.found)
    }
  }

  private init(jsonData: Data) throws(NetworkError) {
    network = try LayerRegistry.layer(from: NodeValue(json: jsonData))
  }

  /// The network as JSON text.
  public func json() throws(NetworkError) -> String {
    try network.node().json()
  }

  /// The network as YAML text.
  public func yaml() throws(NetworkError) -> String {
    try network.node().yaml()
  }

  public init(from decoder: any Decoder) throws {
    network = try LayerRegistry.layer(from: NodeValue(from: decoder))
  }

  public func encode(to encoder: any Encoder) throws {
    try network.node().encode(to: encoder)
  }
}

extension Layer {
  /// Decodes a node of a network file that must name this layer.
  public init(from decoder: any Decoder) throws {
    let layer = try LayerRegistry.layer(from: NodeValue(from: decoder))
    guard let layer = layer as? Self else {
      throw NetworkError(expected: "the layer \(Self.nodeName)", found: "the layer \(layer.nodeName)")
    }
    self = layer
  }

  public func encode(to encoder: any Encoder) throws {
    try node().encode(to: encoder)
  }
}
