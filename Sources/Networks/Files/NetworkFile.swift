import CovarianceEngine

/// A network as a file: JSON, or YAML of the same structure (`init(yaml:)`).
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
    network = try LayerRegistry.layer(from: NodeValue(json: Array(json.utf8)))
  }

  /// The network as JSON text.
  public func json() throws(NetworkError) -> String {
    try network.node().json()
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
