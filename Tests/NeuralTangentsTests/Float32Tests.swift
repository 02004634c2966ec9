import CVectorKernels
import NeuralTangents
import Tensors
import Testing

private struct PeerErrors: Decodable, Sendable {
  struct Error: Decodable {
    let largest: Double
    let rootMeanSquare: Double
  }

  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let activation: String
    let depth: Int
    let data: String
    let nngp: Error
    let ntk: Error

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
    for (name, found, expected, error) in [
      ("nngp", single.nngp, exact.nngp, peer.nngp),
      ("ntk", try #require(single.ntk), try #require(exact.ntk), peer.ntk),
    ] {
      let difference = abs(found.asType(.float64) - expected) / abs(expected).max()
      let largest = difference.max().scalar(as: Double.self)
      let rootMeanSquare = sqrt((difference * difference).mean()).scalar(as: Double.self)
      #expect(largest <= error.largest, "largest error of \(name)")
      #expect(rootMeanSquare <= error.rootMeanSquare, "root mean square error of \(name)")
    }
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
