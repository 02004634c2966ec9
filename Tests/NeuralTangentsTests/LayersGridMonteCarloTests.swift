import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

/// Kernels of networks with activations against random finite networks of width 1024: a few by default, whole grids with
/// GRIDS=1.
@Suite("Layers: grids against random networks")
struct LayersGridMonteCarloTests {
  private static let runsAll = TestSwitch.grids.isOn

  /// A network as text, and the shape of its inputs.
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var layers: [String]
    var shape: [Int]
    var masked = false
    var testDescription: String { name }

    var network: any Layer {
      get throws { try NetworkFile(json: "{\"serial\": [\(layers.joined(separator: ", "))]}").network }
    }
  }

  private static let width = 1024

  private static func conv(_ window: [Int], _ padding: String, _ strides: [Int]? = nil, name: String = "conv") -> String
  {
    let strides = strides.map { ", \"strides\": \($0)" } ?? ""
    return "{\"\(name)\": {\"channels\": \(width), \"window\": \(window), \"padding\": \"\(padding)\"\(strides), "
      + "\"weightStd\": 1.2, \"biasStd\": 0.3}}"
  }

  private static let dense = "{\"dense\": {\"width\": \(width), \"biasStd\": 0.2}}"
  private static let relu = "{\"relu\": {}}"
  private static let erf = "{\"erf\": {}}"
  private static let readOut = "{\"dense\": {\"width\": 32}}"

  private static let paddings = ["valid", "same", "circular"]
  private static let readouts: [(String, [String])] = [
    ("flatten", ["{\"flatten\": {}}"]), ("mean", ["{\"globalAveragePool\": {}}"]),
    ("sum", ["{\"globalSumPool\": {}}"]),
  ]

  /// Convolutional networks: paddings, strides, windows, pools, residual branches.
  private static let convolutions: [Case] = paddings.flatMap { padding in
    [[1, 2], [2, 1]].flatMap { (strides: [Int]) in
      [[2, 1], [3, 2]].flatMap { (window: [Int]) in
        [nil, "averagePool", "sumPool"].flatMap { (pool: String?) in
          readouts.map { readout in
            var layers = [conv(window, padding, strides), relu]
            if let pool { layers.append("{\"\(pool)\": {\"window\": [2, 1], \"padding\": \"\(padding)\"}}") }
            layers += [
              "{\"fanOut\": {\"count\": 2}}",
              "{\"parallel\": [{\"serial\": [\(conv([1, 2], "same")), \(erf), \(conv([2, 1], "circular"))]}, "
                + "\(conv([1, 1], "same"))]}", "{\"fanInSum\": {}}", relu,
            ]
            return Case(
              name: "conv \(padding) \(strides) \(window) \(pool ?? "no pool") \(readout.0)",
              layers: layers + readout.1 + [readOut], shape: [2, 5, 4, 2])
          }
        }
      }
    }
  }

  /// Layer normalisation over every set of axes.
  private static let normalizations: [Case] = [[3], [1, 3], [3, 1, 2], [0, 3], [0, 2, 3], [0, 3, 1, 2]].flatMap {
    (axes: [Int]) in
    readouts.map { readout in
      Case(
        name: "layerNorm \(axes) \(readout.0)",
        layers: [conv([2, 2], "same"), "{\"layerNorm\": {\"axes\": \(axes)}}", relu] + readout.1 + [readOut],
        shape: [2, 3, 3, 2])
    }
  }

  /// Pools of both kinds, with and without the edges normalised.
  private static let pools: [Case] = paddings.flatMap { padding in
    [[1, 1], [2, 1]].flatMap { (strides: [Int]) in
      ["averagePool", "sumPool", "edges"].flatMap { kind in
        readouts.map { readout in
          let arguments = "\"window\": [2, 3], \"strides\": \(strides), \"padding\": \"\(padding)\""
          let pool =
            kind == "edges"
            ? "{\"averagePool\": {\(arguments), \"normalizeEdges\": true}}" : "{\"\(kind)\": {\(arguments)}}"
          return Case(
            name: "\(kind) \(padding) \(strides) \(readout.0)",
            layers: [dense, relu, pool, dense, erf] + readout.1 + [readOut], shape: [2, 3, 4, 2])
        }
      }
    }
  }

  /// Convolutions without shared weights and transposed ones.
  private static let variants: [Case] = paddings.flatMap { padding in
    ["convLocal", "convTranspose"].flatMap { name in
      [[2, 1], [2, 3]].flatMap { (window: [Int]) in
        readouts.map { readout in
          Case(
            name: "\(name) \(padding) \(window) \(readout.0)",
            layers: [conv([1, 2], "same"), relu, conv(window, padding, [1, 2], name: name), erf] + readout.1 + [
              readOut
            ],
            shape: [2, 3, 3, 2])
        }
      }
    }
  }

  /// Branches of every kind, joined along every axis.
  private static let branches: [Case] = ["fanInSum", "fanInProduct", "1", "2", "3"].flatMap { join in
    readouts.flatMap { readout in
      [false, true].map { isMasked in
        let name = Int(join) == nil ? join : "fanInConcat"
        let arguments = Int(join) == nil ? "" : "\"axis\": \(join)"
        return Case(
          name: "\(name) \(arguments) \(readout.0)\(isMasked ? " masked" : "")",
          layers: [
            conv([2, 2], "same"), "{\"fanOut\": {\"count\": 2}}",
            "{\"parallel\": [{\"serial\": [\(relu), \(conv([2, 1], "same"))]}, {\"serial\": [\(erf), \(dense)]}]}",
            "{\"\(name)\": {\(arguments)}}", dense, relu,
          ] + readout.1 + [readOut], shape: [2, 3, 3, 2], masked: isMasked)
      }
    }
  }

  /// The same with dropout.
  private static let dropouts: [Case] = paddings.flatMap { padding in
    [0.5, 0.8].flatMap { rate in
      readouts.map { readout in
        Case(
          name: "dropout \(rate) \(padding) \(readout.0)",
          layers: [conv([2, 2], padding), relu, "{\"dropout\": {\"keepRate\": \(rate)}}", conv([1, 2], "same"), erf]
            + readout.1 + [readOut], shape: [2, 3, 3, 2])
      }
    }
  }

  static let whole = convolutions + normalizations + pools + variants + branches + dropouts

  /// One of every thirty, and all of them with GRIDS=1.
  static let cases: [Case] = runsAll ? whole : stride(from: 7, to: whole.count, by: 31).map { whole[$0] }

  @Test("the grids have as many networks as their axes have combinations")
  func count() {
    #expect(Self.whole.count == 3 * 2 * 2 * 3 * 3 + 6 * 3 + 3 * 2 * 3 * 3 + 3 * 2 * 2 * 3 + 5 * 3 * 2 + 3 * 2 * 3)
    if Self.runsAll { print("grids: \(Self.whole.count) networks against random ones of width \(Self.width)") }
  }

  @Test("infinite networks are the means of random ones of width 1024", arguments: cases)
  func agree(_ test: Case) throws {
    let x = FixtureInput.sine(test.shape, dtype: .float32)
      .replacing(test.masked ? [0, 1, 8, 9, 26, 27] : nil, by: 50)
    try expectAgreement(
      test.network, x, samples: 12, key: RandomKey(seed: 11), maskConstant: test.masked ? 50 : nil, kernels: .nngp)
  }
}
