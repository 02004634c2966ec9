import CovarianceEngine

/// The ready-made networks and their short names, such as `myrtle10` or `convGap5`.
public enum ReadyMadeNetworks {
  static let all: [any ReadyMadeNetwork.Type] = [
    Myrtle.self, WideResNet.self, FullyConnected.self, ConvVec.self, ConvGap.self, VisionTransformer.self,
    GraphNetwork.self,
  ]

  /// The names, which a number follows: `myrtle`, `wideResNet`, ….
  public static var names: [String] { all.map { $0.nodeName } }

  /// The network that a short name means: a ready-made network's name, in capitals or not, and a number, the depth. It is
  /// nil when the name is not one of them.
  ///
  /// - Throws: `NetworkError` when the number is missing or no such network exists.
  public static func named(_ name: String) throws(NetworkError) -> (any Layer)? {
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }
    let stem = name.dropLast(digits.count).lowercased()
    guard let type = all.first(where: { $0.nodeName.lowercased() == stem }) else { return nil }
    guard let number = Int(String(digits.reversed())) else {
      throw NetworkError(
        path: [.name(type.nodeName)], expected: "a depth after the name, such as \(type.nodeName)\(type.exampleNumber)",
        found: digits.isEmpty ? "none" : String(digits.reversed()))
    }
    return try type.network(forNumber: number)
  }
}

extension ReadyMadeNetwork {
  fileprivate static func network(forNumber number: Int) throws(NetworkError) -> any Layer {
    do {
      var arguments = try LayerArguments(reading: .object(arguments(forNumber: number))) {
        (node) throws(NetworkError) in
        throw NetworkError(expected: "numbers", found: node.summary)
      }
      let network = try Self(from: &arguments)
      try arguments.requireNoOthers()
      return network
    } catch {
      throw error.inside(.name(nodeName))
    }
  }

  fileprivate static var exampleNumber: Int {
    switch Self.nodeName {
    case Myrtle.nodeName: 10
    case WideResNet.nodeName: 28
    default: 5
    }
  }
}
