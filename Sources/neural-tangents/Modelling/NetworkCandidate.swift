import NeuralTangents
import Tensors

/// A network that is tried where none is named.
struct NetworkCandidate: Sendable {
  let name: String
  let network: any Layer

  /// Fully connected ones: how deep, how nonlinear and how large the constants are is what tables differ in.
  static let all: [NetworkCandidate] = {
    var candidates: [NetworkCandidate] = []
    for depth in 1...4 { candidates.append(relu(depth, biasStd: 0.3)) }
    for depth in [1, 2] { candidates.append(relu(depth, biasStd: 1)) }
    for depth in [1, 2, 3] { candidates.append(erf(depth, weightStd: 1.5)) }
    for depth in [1, 2] { candidates.append(erf(depth, weightStd: 4)) }
    return candidates
  }()

  /// The one that inputs are chosen with.
  static let first = relu(2, biasStd: 0.3)

  private static func relu(_ depth: Int, biasStd: Double) -> NetworkCandidate {
    NetworkCandidate(
      name: "ReLU \(depth) deep" + (biasStd == 0.3 ? "" : " with large biases"),
      network: network(depth, Relu(), weightStd: 2.0.squareRoot(), biasStd: biasStd))
  }

  private static func erf(_ depth: Int, weightStd: Double) -> NetworkCandidate {
    NetworkCandidate(
      name: "erf \(depth) deep" + (weightStd == 1.5 ? "" : " with large weights"),
      network: network(depth, Erf(), weightStd: weightStd, biasStd: 0.3))
  }

  private static func network(
    _ depth: Int, _ activation: any Activation, weightStd: Double, biasStd: Double
  ) -> any Layer {
    var layers: [any Layer] = []
    for _ in 0..<depth {
      layers.append(Dense(512, weightStd: weightStd, biasStd: biasStd))
      layers.append(activation)
    }
    layers.append(Dense(1, weightStd: 1, biasStd: biasStd))
    return Serial(layers)
  }
}
