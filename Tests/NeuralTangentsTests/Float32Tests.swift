import CVectorKernels
import NeuralTangents
import Tensors
import Testing

/// The errors of the peer's float32 kernel, relative to the largest entry.
struct PeerFloat32Error: Decodable {
  let largest: Double
  let rootMeanSquare: Double

  /// Checks that those of `found` are no larger.
  func bounds(_ found: Tensor, exact: Tensor, _ name: String) throws {
    let difference = abs(found.asType(.float64) - exact) / abs(exact).max()
    #expect(difference.max().scalar(as: Double.self) <= largest, "largest error of \(name)")
    let mean = sqrt((difference * difference).mean()).scalar(as: Double.self)
    #expect(mean <= rootMeanSquare, "root mean square error of \(name)")
  }
}

private struct PeerErrors: Decodable, Sendable {
  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let activation: String
    let depth: Int
    let data: String
    let nngp: PeerFloat32Error
    let ntk: PeerFloat32Error

    var testDescription: String { "\(depth) x \(activation), \(data) rows" }
  }

  let cases: [Case]
  static let all = (try? loadFixture("float32-errors", as: PeerErrors.self))?.cases ?? []
}

@Suite("Accuracy in float32")
struct Float32Tests {
  @Test("there are peer figures to compare with")
  func count() {
    #expect(PeerErrors.all.count == 8)
  }

  /// The peer's errors are those of a processor that rounds a multiplication and an addition once.
  private static let hasFusedMultiplyAdd = nt_selected_instruction_set() != nt_baseline || !isX86

  #if arch(x86_64)
    private static let isX86 = true
  #else
    private static let isX86 = false
  #endif

  @Test(
    "float32 is at least as close to float64 as the peer's float32 is", .enabled(if: hasFusedMultiplyAdd),
    arguments: PeerErrors.all)
  private func closeness(_ peer: PeerErrors.Case) throws {
    let weightStd = peer.activation == "relu" ? 2.0.squareRoot() : 1.5
    let hidden: [any Layer] = (0..<peer.depth).flatMap { _ -> [any Layer] in
      let activation: any Layer = peer.activation == "relu" ? Relu() : Erf()
      return [Dense(1, weightStd: weightStd, biasStd: 0.1), activation]
    }
    let network = Serial(hidden + [Dense(1, weightStd: weightStd, biasStd: 0.1)])
    let x = data(peer.data)
    let exact = try network.kernel(x, options: KernelOptions(executor: .reference))
    let single = try network.kernel(x.asType(.float32))
    try peer.nngp.bounds(single.nngp, exact: exact.nngp, "nngp")
    try peer.ntk.bounds(#require(single.ntk), exact: #require(exact.ntk), "ntk")
  }

  /// SplitMix64 with seed 1 in [−1, 1), rounded to float32; "near": odd rows are nearly parallel to the row before.
  private func data(_ kind: String) -> Tensor {
    let (rows, channels) = (96, 64)
    var x = uniformData(seed: 1, shape: [rows * channels]).scalars(as: Double.self)
    if kind == "near" {
      for row in Swift.stride(from: 1, to: rows, by: 2) {
        for channel in 0..<channels {
          x[row * channels + channel] = Double(
            Float(x[row * channels + channel] + 1000 * x[(row - 1) * channels + channel]))
        }
      }
    }
    return Tensor(x, shape: [rows, channels])
  }
}
