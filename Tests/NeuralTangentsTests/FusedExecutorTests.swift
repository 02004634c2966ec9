import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("The fused executor", .serialized)
struct FusedExecutorTests {
  /// Rows of random numbers, with a zero row, an equal and an opposite pair among them.
  static func data(_ count: Int, _ channels: Int, seed: Int, dtype: DType = .float64) -> Tensor {
    var rows = RandomKey(seed: seed).normal([count, channels], dtype: .float64).scalars(as: Double.self)
    if count > 5 {
      for channel in 0..<channels {
        rows[channel] = 0
        rows[2 * channels + channel] = rows[channels + channel]
        rows[4 * channels + channel] = -rows[3 * channels + channel]
      }
    }
    return Tensor(rows, shape: [count, channels]).asType(dtype)
  }

  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 2000 : 60))

  @Test("equals the reference executor on random networks", arguments: seeds)
  func equalsReference(seed: Int) throws {
    var random = RandomNetwork(seed: seed)
    let network = random.network()
    let (x1, x2) = (Self.data(9, 5, seed: seed), Self.data(7, 5, seed: seed + 1))
    for second in [nil, x2] {
      let reference = try network.kernel(x1, second, options: KernelOptions(executor: .reference))
      let fused = try network.kernel(x1, second, options: KernelOptions(executor: .fused))
      let scale = abs(reference.nngp).max().scalar(as: Double.self)
      let description = Comment(rawValue: (try? NetworkFile(network).json()) ?? "")
      // The dual of sign has a square root at correlation one, which makes 1e-8 of a rounding.
      let tolerance = String(describing: network).contains("Sign") ? 1e-7 : 1e-11
      #expect(largestError(fused.nngp, reference.nngp, relativeTo: scale) < tolerance, description)
      #expect(largestError(fused.cov1, reference.cov1, relativeTo: scale) < 1e-11, description)
      let (a, b) = (try #require(fused.ntk), try #require(reference.ntk))
      #expect(largestError(a, b, relativeTo: abs(b).max().scalar(as: Double.self)) < 1e-7, description)
    }
  }

  static let network = Serial {
    Dense(8, weightStd: 1.4, biasStd: 0.1)
    Relu()
    Dense(8, weightStd: 1.2)
    Erf()
    Dense(1)
  }

  @Test("the thread count never changes a bit", arguments: [DType.float32, .float64])
  func threads(_ dtype: DType) throws {
    let x = Self.data(700, 17, seed: 3, dtype: dtype)
    let threads = Threads.count
    defer { Threads.count = threads }
    Threads.count = 1
    let one = try Self.network.kernel(x)
    for count in [2, 3, 8] {
      Threads.count = count
      let several = try Self.network.kernel(x)
      #expect(bytes(one.nngp) == bytes(several.nngp))
      #expect(bytes(try #require(one.ntk)) == bytes(try #require(several.ntk)))
    }
  }

  private func bytes(_ tensor: Tensor) -> [UInt64] {
    tensor.asType(.float64).scalars(as: Double.self).map(\.bitPattern)
  }

  @Test("a symmetric kernel is exactly symmetric, with the variances on its diagonal", arguments: [1, 15, 16, 17, 300])
  func symmetry(count: Int) throws {
    let kernel = try Self.network.kernel(Self.data(count, 4, seed: 5))
    for matrix in [kernel.nngp, try #require(kernel.ntk)] {
      #expect(allClose(matrix, matrix.transposed(), relativeTolerance: 0, absoluteTolerance: 0))
    }
    #expect(allClose(kernel.nngp.diagonal(), kernel.cov1, relativeTolerance: 0, absoluteTolerance: 0))
  }

  @Test("kernel(x) = kernel(x, x) = the blocks of kernel(x, y)", arguments: [DType.float32, .float64])
  func sameData(_ dtype: DType) throws {
    let x = Self.data(40, 6, seed: 7, dtype: dtype)
    let alone = try Self.network.kernel(x)
    let twice = try Self.network.kernel(x, x)
    #expect(twice.isSymmetric && twice.cov2 != nil && alone.cov2 == nil)
    #expect(allClose(alone.nngp, twice.nngp, relativeTolerance: 0, absoluteTolerance: 0))
    let more = try Self.network.kernel(x, concatenate([x, Self.data(3, 6, seed: 8, dtype: dtype)], axis: 0))
    #expect(!more.isSymmetric)
    let tolerance = dtype == .float32 ? 2e-6 : 1e-14
    #expect(largestError(more.nngp[0..., 0..<40], alone.nngp, relativeTo: 1) < tolerance)
    #expect(largestError(try #require(more.ntk)[0..., 0..<40], try #require(alone.ntk), relativeTo: 1) < 2 * tolerance)
  }

  @Test("without the tangent kernel the covariance is the same and no tangent kernel comes back")
  func onlyNNGP() throws {
    let x = Self.data(33, 6, seed: 9)
    let both = try Self.network.kernel(x)
    let one = try Self.network.kernel(x, kernels: .nngp)
    #expect(one.ntk == nil)
    #expect(allClose(one.nngp, both.nngp, relativeTolerance: 0, absoluteTolerance: 0))
  }

  @Test("kernels are positive semidefinite", arguments: 0..<12)
  func positiveSemidefinite(seed: Int) throws {
    var random = RandomNetwork(seed: 1000 + seed)
    let kernel = try random.network().kernel(Self.data(30, 3, seed: seed))
    for matrix in [kernel.nngp, try #require(kernel.ntk)] {
      let values = try eigh(matrix).values.scalars(as: Double.self)
      #expect(try #require(values.first) > -1e-9 * Swift.max(1, try #require(values.last)))
    }
  }
}
