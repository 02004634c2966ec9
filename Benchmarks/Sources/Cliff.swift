import Foundation
import NeuralTangents
import Tensors

/// An activation beside `Erf`: none may cost many times as much.
struct CliffActivation: Sendable {
  let name: String
  let layer: any Layer
  /// How many times as long as with `Erf` a kernel may take.
  let bound: Double

  static let all: [CliffActivation] = [
    .init(name: "tanh", layer: Tanh(), bound: 3), .init(name: "sigmoid", layer: Sigmoid(), bound: 5),
    .init(name: "softplus", layer: Softplus(), bound: 5), .init(name: "silu", layer: Silu(), bound: 5),
    .init(name: "mish", layer: Mish(), bound: 5), .init(name: "softsign", layer: Softsign(), bound: 5),
    .init(name: "elu", layer: Elu(), bound: 8), .init(name: "selu", layer: Selu(), bound: 8),
    .init(name: "hardTanh", layer: HardTanh(), bound: 8),
    .init(name: "custom", layer: CustomActivation { $0 * tanh($0) }, bound: 8),
    .init(
      name: "custom with a kink", layer: CustomActivation(kinks: [0]) { maximum($0, 0) - 0.3 * sin(minimum($0, 0)) },
      bound: 8),
    .init(
      name: "custom with kinks", layer: CustomActivation(kinks: [-1, 0]) { maximum($0, 0) + 0.1 * minimum($0 + 1, 0) },
      bound: 8),
    .init(name: "numerical", layer: ElementwiseNumerical(.tanh, degree: nil), bound: 5),
  ]

  static func named(_ name: String?) -> any Layer {
    all.first { $0.name == name }?.layer ?? Erf()
  }
}

extension Row {
  /// Every activation that has no closed dual, on fully connected and pooled convolutional networks.
  static let cliff: [Row] = (["erf"] + CliffActivation.all.map(\.name)).flatMap { name in
    [("Dense", SpatialNetwork.denseOf, [64], 1000), ("conv", .convOf, [8, 8, 3], 32)].map {
      kind, network, shape, count in
      var row = Row(
        name: "cliff, 3 x (\(kind) + \(name))\(network == .convOf ? " + pool" : ""), N=\(count)", kind: .spatial,
        activation: name, rows: count, repeats: 3)
      (row.network, row.depth, row.shape) = (network, 3, shape)
      return row
    }
  }
}

/// Prints what every activation takes beside `Erf`, measured in turn with it, and says whether all are within twice their
/// bounds: a check of the code that a noisy machine passes, too.
func checkCliff() throws -> Bool {
  var isGood = true
  print("times of a kernel beside Erf's (bound; the check fails beyond twice of it)")
  for kind in [SpatialNetwork.denseOf, .convOf] {
    let base = SpatialWork(Row.cliff.first { $0.network == kind && $0.activation == "erf" }!)
    for activation in CliffActivation.all {
      let work = SpatialWork(Row.cliff.first { $0.network == kind && $0.activation == activation.name }!)
      var (own, ofErf) = (Double.infinity, Double.infinity)
      _ = try work()
      for _ in 0..<4 {
        ofErf = min(ofErf, try seconds { _ = try base() })
        own = min(own, try seconds { _ = try work() })
        if own > 3 { break }
      }
      let ratio = own / ofErf, isWithin = ratio <= 2 * activation.bound
      isGood = isGood && isWithin
      let name = "\(kind == .denseOf ? "3 x Dense, N=1000" : "3 x conv + pool, N=32"), \(activation.name)"
      let verdict = isWithin ? ratio <= activation.bound ? "" : "  above the bound" : "  TOO SLOW"
      print(
        name.padding(toLength: 44, withPad: " ", startingAt: 0)
          + String(format: "%6.2f  (%.0f)  %.1f ms", ratio, activation.bound, 1e3 * own) + verdict)
      fflush(nil)
    }
  }
  return isGood
}

private func seconds(_ work: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try work()
  return (ContinuousClock.now - start) / .seconds(1)
}
