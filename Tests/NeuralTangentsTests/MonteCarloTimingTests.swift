import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Monte Carlo timing")
struct MonteCarloTimingTests {
  @Test("times")
  func times() throws {
    guard ProcessInfo.processInfo.environment["MC_TIMING"] != nil else { return }
    func net(_ last: Int, _ drop: Bool = false) -> any Layer {
      var layers: [any Layer] = [Dense(1024), Relu(), Dense(1024), Relu(), Dense(1024), Relu()]
      if drop { layers.append(Dropout(keepRate: 0.9)) }
      return Serial(layers + [Dense(last)])
    }
    let before = Threads.count
    defer { Threads.count = before }
    for dtype in [DType.float32, .float64] {
      for (n, o, drop) in [(4, 1, false), (4, 8, false), (8, 8, false), (8, 1, false), (4, 1, true), (8, 8, true)] {
        let network = net(o, drop)
        let x = FixtureInput.sine([n, 32], dtype: dtype)
        for count in [1, 2] {
          Threads.count = count
          let clock = ContinuousClock()
          _ = try network.monteCarloKernel(x, samples: 2, key: RandomKey(seed: 0))
          let all = try clock.measure { _ = try network.monteCarloKernel(x, samples: 16, key: RandomKey(seed: 1)) }
          let draw = try clock.measure {
            for i in 0..<8 { _ = try network.initialize(RandomKey(seed: i), inputShape: [1, 32], dtype: dtype) }
          }
          let nngp = try clock.measure {
            _ = try network.monteCarloKernel(x, samples: 16, key: RandomKey(seed: 1), kernels: .nngp)
          }
          print("\(dtype) N=\(n) O=\(o) dropout=\(drop) threads=\(count): \(all / 16) per network, nngp only \(nngp / 16), draw \(draw / 8)")
        }
      }
    }
  }
}
