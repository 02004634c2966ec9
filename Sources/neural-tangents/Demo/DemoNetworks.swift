import NeuralTangents

/// The networks of the demo: fully connected, all hidden layers alike.
struct DemoNetwork: Sendable {
  enum Nonlinearity: String, CaseIterable, Sendable {
    case relu = "ReLU"
    case erf = "erf"
    case gelu = "GELU"
  }

  /// Hidden layers.
  var depth: Int
  var nonlinearity: Nonlinearity
  var biasStd = 0.1

  var name: String { depth == 0 ? "linear" : "\(depth) x \(nonlinearity.rawValue)" }

  var network: Serial {
    // √2 keeps the variance of a ReLU network from layer to layer.
    let weightStd = nonlinearity == .erf ? 1.5 : 2.0.squareRoot()
    var layers: [any Layer] = []
    for _ in 0..<depth {
      layers.append(Dense(512, weightStd: weightStd, biasStd: biasStd))
      switch nonlinearity {
      case .relu: layers.append(Relu())
      case .erf: layers.append(Erf())
      case .gelu: layers.append(Gelu())
      }
    }
    layers.append(Dense(1, weightStd: weightStd, biasStd: biasStd))
    return Serial(layers)
  }
}
