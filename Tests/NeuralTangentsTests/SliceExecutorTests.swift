import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("The fused executor on networks with positions", .serialized)
struct FusedSliceTests {
  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 2600 : 150))
  private static let constant = 1000.0

  private static func scale(_ tensor: Tensor) -> Double { max(abs(tensor).max().scalar(as: Double.self), 1e-12) }

  @Test("equals the reference executor on random networks", arguments: seeds)
  func equalsReference(seed: Int) throws {
    var random = RandomSpatialNetwork(seed: seed)
    let sample = try random.sample()
    let network = try sample.network
    let (x1, x2) = (
      sample.data(seed: seed, constant: Self.constant), sample.data(seed: seed + 1, constant: Self.constant)
    )
    let graphs = sample.graphs(seed: seed + 1)
    let tolerance = sample.json.contains("\"sign\"") ? 1e-3 : sample.hasKinks ? 1e-7 : sample.hasSeries ? 1e-9 : 1e-11
    for second in [nil, x2] {
      for positions in [KernelOptions.Extent.all, .diagonal] {
        func kernel(_ executor: KernelOptions.Executor) throws -> Kernel {
          try network.kernel(
            x1, second, patterns: graphs.map { GraphPatterns($0) },
            maskConstant: sample.isMasked ? Self.constant : nil,
            options: KernelOptions(executor: executor, positions: positions))
        }
        let reference = try kernel(.reference)
        let fused: Kernel
        do {
          fused = try kernel(.fused)
        } catch let error as NetworkError where error.description.contains("fused executor supports") {
          print("UNSUPPORTED \(error)")
          return
        }
        let note = Comment(
          rawValue:
            "seed \(seed), \(second == nil ? "one" : "two"), \(positions), inputs \(sample.inputs.shape), \(sample.json)"
        )
        #expect(fused.nngp.shape == reference.nngp.shape && fused.layout == reference.layout, note)
        #expect(largestError(fused.nngp, reference.nngp, relativeTo: Self.scale(reference.nngp)) < tolerance, note)
        #expect(largestError(fused.cov1, reference.cov1, relativeTo: Self.scale(reference.cov1)) < tolerance, note)
        if let cov2 = reference.cov2 {
          #expect(largestError(try #require(fused.cov2), cov2, relativeTo: Self.scale(cov2)) < tolerance, note)
        }
        let (a, b) = (try #require(fused.ntk), try #require(reference.ntk))
        #expect(largestError(a, b, relativeTo: Self.scale(b)) < tolerance, note)
        #expect((fused.mask1 == nil) == (reference.mask1 == nil), note)
        if let mask = reference.mask1, let other = fused.mask1 { #expect(allEqual(mask, other), note) }
        if let mask = reference.mask2, let other = fused.mask2 { #expect(allEqual(mask, other), note) }
      }
    }
  }

  private func allEqual(_ a: Tensor, _ b: Tensor) -> Bool { (a .== b).all().scalar(as: Bool.self) }
}
