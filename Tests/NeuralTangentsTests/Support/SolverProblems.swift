import Foundation
import NeuralTangents

/// A random problem of regression with a network's kernel.
struct SolverProblem {
  let network: any Layer
  let x: Tensor
  let test: Tensor
  /// Shape (N, outputs).
  let y: Tensor

  /// - Parameter seed: of everything: sizes, the network, data that lie in clumps or not.
  init(seed: Int) {
    var generator = SystemlessGenerator(seed: UInt64(seed) &* 0x9e37_79b9 &+ 1)
    func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
    let count = Int.random(in: 20...180, using: &generator)
    let width = Int.random(in: 1...12, using: &generator)
    let depth = Int.random(in: 1...3, using: &generator)
    let bias = pick([0, 0.2, 1])
    var layers: [any Layer] = []
    for _ in 0..<depth {
      layers.append(Dense(8, weightStd: pick([1, 1.5]), biasStd: bias))
      layers.append(pick([true, false]) ? Relu() : Erf())
    }
    layers.append(Dense(1, weightStd: 1, biasStd: bias))
    network = Serial(layers)
    let keys = RandomKey(seed: seed).split(into: 4)
    let centres = keys[0].normal([pick([3, count]), width], dtype: .float64)
    let spread = pick([0.02, 0.3, 1])
    let places = (0..<count).map { $0 % centres.shape[0] }
    x = centres.taking(places, axis: 0) + keys[1].normal([count, width], dtype: .float64) * spread
    test = keys[2].normal([15, width], dtype: .float64)
    y = keys[3].normal([count, Int.random(in: 1...4, using: &generator)], dtype: .float64)
  }

  /// The digits that come with the program, their pixels from 0 to 1, and one-hot columns of the first three classes.
  static func digits() throws -> (x: Tensor, y: Tensor) {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources")
    let text = try String(
      contentsOf: sources.appending(path: "neural-tangents/Resources/Data/digits.csv"), encoding: .utf8)
    let rows = text.split(separator: "\n").dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
    let x = Tensor(rows.flatMap { $0.dropLast().map { $0 / 16 } }, shape: [rows.count, 64])
    let y = Tensor(
      rows.flatMap { row in (0..<3).map { row[64] == Double($0) ? 1.0 : 0 } }, shape: [rows.count, 3])
    return (x, y)
  }
}

/// The same numbers everywhere.
struct SystemlessGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
