import NeuralTangents
import Tensors
import Testing

private struct PeerConvolution: Decodable, Sendable {
  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let isPooled: Bool
    let nngpValues: [Double]
    let ntkValues: [Double]
    let nngp: PeerFloat32Error
    let ntk: PeerFloat32Error

    var testDescription: String { isPooled ? "global average pool" : "flatten" }
  }

  let cases: [Case]
  static let all = (try? loadFixture("float32-convolution", as: PeerConvolution.self))?.cases ?? []
}

@Suite("21 convolutional layers on images of 16x16")
struct Float32ConvolutionTests {
  @Test("there are peer figures to compare with")
  func count() {
    #expect(PeerConvolution.all.count == 2)
  }

  @Test("fused float64 equals the peer's, and fused float32 is at least as close to it", arguments: PeerConvolution.all)
  private func closeness(_ peer: PeerConvolution.Case) throws {
    var layers: [any Layer] = []
    for _ in 0..<21 {
      layers += [Conv(1, window: [3, 3], padding: .same, weightStd: 2.0.squareRoot(), biasStd: 0.1), Relu()]
    }
    let last: any Layer = peer.isPooled ? GlobalAvgPool() : Flatten()
    let network = Serial(layers + [last, Dense(1, weightStd: 2.0.squareRoot(), biasStd: 0.1)])
    let (x1, x2) = (uniformData(seed: 1, shape: [2, 16, 16, 3]), uniformData(seed: 2, shape: [2, 16, 16, 3]))
    let options = KernelOptions(executor: .fused)
    let exact = try network.kernel(x1, x2, options: options)
    let single = try network.kernel(x1.asType(.float32), x2.asType(.float32), options: options)
    let (ntk, exactNTK) = (try #require(single.ntk), try #require(exact.ntk))
    #expect(largestError(exact.nngp, peer.nngpValues, scale: peer.nngpValues) < 1e-9)
    #expect(largestError(exactNTK, peer.ntkValues, scale: peer.ntkValues) < 1e-9)
    try peer.nngp.bounds(single.nngp, exact: exact.nngp, "nngp")
    try peer.ntk.bounds(ntk, exact: exactNTK, "ntk")
  }
}
