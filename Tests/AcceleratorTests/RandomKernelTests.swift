import NeuralTangents
import TestSupport
import Testing

@testable import Accelerator
@testable import CovarianceEngine
@testable import Tensors

@Suite("Random networks on devices", .serialized, .enabled(if: TestPlugins.isThere))
struct RandomKernelTests {
  /// Three hundred networks when FUZZ is set.
  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 150 : 5))

  private static func scaled(_ a: Tensor, _ b: Tensor) -> Double {
    let scale = max(abs(b).max().scalar(as: Double.self), 1e-12)
    return largestDifference(a / scale, b / scale)
  }

  private static func difference(_ a: Kernel, _ b: Kernel) throws -> Double {
    max(scaled(a.nngp, b.nngp), scaled(try #require(a.ntk), try #require(b.ntk)), scaled(a.cov1, b.cov1))
  }

  @Test("fully connected networks", arguments: seeds)
  func fullyConnected(seed: Int) throws {
    var random = RandomNetwork(seed: seed)
    let network = random.network()
    let device = DeviceGroup([try TestPlugins.device()], blockSize: 4)
    let x = RandomKey(seed: UInt64(seed)).normal([5, 3], dtype: .float64)
    let expected = try network.kernel(x)
    let found = try network.kernel(x, options: KernelOptions(device: device))
    let difference = try Self.difference(found, expected)
    if TestSwitch.printErrors.isOn { print("fully connected \(seed): \(difference)") }
    #expect(difference < 1e-9, "seed \(seed)")
  }

  @Test("networks with positions", arguments: seeds)
  func spatial(seed: Int) throws {
    var random = RandomSpatialNetwork(seed: seed)
    let sample = try random.sample(layers: 8)
    let network = try sample.network
    let x = sample.data(seed: seed, constant: 1000)
    let patterns = sample.graphs(seed: seed + 1).map { GraphPatterns($0) }
    let device = DeviceGroup([try TestPlugins.device()], blockSize: 2)
    func kernel(_ options: KernelOptions) throws -> Kernel {
      try network.kernel(x, patterns: patterns, maskConstant: sample.isMasked ? 1000 : nil, options: options)
    }
    let difference = try Self.difference(try kernel(KernelOptions(device: device)), try kernel(KernelOptions()))
    if TestSwitch.printErrors.isOn { print("with positions \(seed): \(difference)") }
    // Where inputs are equal only up to rounding, derivative duals of kinked functions have its square root, that of sign its
    // fourth root.
    let tolerance = sample.json.contains("\"sign\"") ? 1e-3 : sample.hasKinks ? 1e-6 : 1e-9
    #expect(difference < tolerance, "seed \(seed), inputs \(sample.inputs.shape), \(sample.json)")
  }
}
