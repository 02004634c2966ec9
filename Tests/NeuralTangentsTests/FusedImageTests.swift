import NeuralTangents
import Tensors
import Testing

@Suite("The fused executor on images, sequences and volumes")
struct FusedImageTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let positions: [Int]
    let network: Serial
    var testDescription: String { name }
  }

  private static func deep(_ rank: Int, layers: Int, padding: Padding, @LayerBuilder _ last: () -> [any Layer])
    -> Serial
  {
    var result: [any Layer] = []
    for _ in 0..<layers {
      result += [
        Conv(8, window: Array(repeating: 3, count: rank), padding: padding, weightStd: 1.4, biasStd: 0.2), Relu(),
      ]
    }
    return Serial(result + last())
  }

  static let cases: [Case] = [
    Case(
      name: "pooled images", positions: [7, 6],
      network: deep(2, layers: 3, padding: .same) {
        GlobalAvgPool()
        Dense(1)
      }),
    Case(
      name: "windows without padding, dilated and with strides", positions: [11, 9],
      network: Serial {
        Conv(4, window: [3, 2], strides: [1, 2], padding: .valid, weightStd: 1.3, biasStd: 0.1)
        LeakyRelu(0.2)
        Conv(4, window: [3, 3], padding: .valid, dilation: [2, 1], weightStd: 1.3)
        Abs()
        Conv(4, window: [2, 2], strides: [2, 1], padding: .same, weightStd: 1.3, biasStd: 0.1)
        Erf()
        AvgPool(window: [2, 2], strides: [1, 1], padding: .same)
        Flatten()
        Dense(1)
      }),
    Case(
      name: "circular images", positions: [6, 5],
      network: deep(2, layers: 2, padding: .circular) {
        AvgPool(window: [2, 2], strides: [2, 2], padding: .circular)
        GlobalSumPool()
        Dense(1)
      }),
    Case(
      name: "sequences", positions: [19],
      network: deep(1, layers: 3, padding: .same) {
        SumPool(window: [3], strides: [2], padding: .same)
        Conv(4, window: [5], padding: .same, weightStd: 1.2)
        Relu()
        GlobalAvgPool()
        Dense(1)
      }),
    Case(
      name: "volumes", positions: [4, 3, 5],
      network: deep(3, layers: 2, padding: .same) {
        Conv(8, window: [1, 2, 3], padding: .valid, weightStd: 1.2)
        LayerNorm(axes: [-1])
        GlobalAvgPool()
        Dense(1)
        Relu()
        Dense(1)
      }),
    Case(
      name: "Myrtle", positions: [8, 8], network: Serial { Myrtle(depth: 5, biasStd: 0.1) }),
    Case(
      name: "wide residual network", positions: [8, 8], network: Serial { WideResNet(blockSize: 1, biasStd: 0.1) }),
    Case(
      name: "outputs with positions", positions: [5, 4],
      network: Serial {
        ConvLocal(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1)
        Relu()
        ConvTranspose(4, window: [2, 2], strides: [2, 2], padding: .same, weightStd: 1.1)
        Gelu()
      }),
  ]

  private func images(_ item: Case, _ count: Int, seed: UInt64, _ dtype: DType = .float64) -> Tensor {
    uniformData(seed: seed, shape: [count] + item.positions + [3]).asType(dtype)
  }

  private func expectClose(_ a: Kernel, _ b: Kernel, _ tolerance: Double) throws {
    for (found, expected) in [
      (a.nngp, b.nngp), (try #require(a.ntk), try #require(b.ntk)), (a.cov1, b.cov1),
      (a.cov2 ?? a.cov1, b.cov2 ?? b.cov1),
    ] {
      #expect(found.shape == expected.shape)
      #expect(largestError(found, expected, relativeTo: abs(expected).max().scalar(as: Double.self)) < tolerance)
    }
  }

  @Test("equals the reference executor", arguments: cases)
  func equalsReference(_ item: Case) throws {
    let (x1, x2) = (images(item, 3, seed: 1), images(item, 2, seed: 2))
    for second in [nil, x2] {
      let reference = try item.network.kernel(x1, second, options: KernelOptions(executor: .reference))
      let fused = try item.network.kernel(x1, second, options: KernelOptions(executor: .fused))
      try expectClose(fused, reference, 1e-11)
      let single = try item.network.kernel(
        x1, second, options: KernelOptions(executor: .fused, precision: .float32))
      try expectClose(single, reference, 2e-5)
    }
  }

  @Test(
    "lanes that are filled with pairs of any groups give the same bits", arguments: cases, [DType.float32, .float64])
  func lanes(_ item: Case, _ dtype: DType) throws {
    let x = images(item, 19, seed: 3, dtype)
    let whole = try item.network.kernel(x)
    // Of other numbers of inputs, the same pairs are elsewhere.
    for count in [1, 2, 9, 17] {
      let part = try item.network.kernel(x[0..<count])
      let range = 0..<count
      #expect(bits(part.nngp) == bits(whole.nngp[range, range]))
      #expect(bits(try #require(part.ntk)) == bits(try #require(whole.ntk)[range, range]))
      #expect(bits(part.cov1) == bits(whole.cov1[range]))
    }
  }

  @Test("threads never change a bit", arguments: cases)
  func threads(_ item: Case) throws {
    let (x1, x2) = (images(item, 18, seed: 4, .float32), images(item, 20, seed: 5, .float32))
    let one = try item.network.kernel(x1, x2, options: KernelOptions(threads: 1))
    for count in [2, 3] {
      let several = try item.network.kernel(x1, x2, options: KernelOptions(threads: count))
      #expect(bits(one.nngp) == bits(several.nngp))
      #expect(bits(try #require(one.ntk)) == bits(try #require(several.ntk)))
    }
  }

  @Test(
    "both data sets may change places, equal images have their variance, and the NNGP comes alone", arguments: cases)
  func symmetries(_ item: Case) throws {
    let (x1, x2) = (images(item, 18, seed: 6), images(item, 3, seed: 7))
    let kernel = try item.network.kernel(x1, x2)
    let exchanged = try item.network.kernel(x2, x1)
    let rank = kernel.layout.isDiagonal ? 0 : kernel.layout.positions.count
    let order = [1, 0] + (0..<rank).map { 2 + rank + $0 } + (0..<rank).map { 2 + $0 }
    let scale = abs(kernel.nngp).max().scalar(as: Double.self)
    #expect(largestError(exchanged.nngp.transposed(order), kernel.nngp, relativeTo: scale) < 1e-13)
    let alone = try item.network.kernel(x1, x2, kernels: .nngp)
    #expect(alone.ntk == nil && bits(alone.nngp) == bits(kernel.nngp))
    let equal = try item.network.kernel(x2, concatenate([x2, x1], axis: 0))
    let own = try item.network.kernel(x2)
    #expect(largestError(equal.nngp[0..<3, 0..<3], own.nngp, relativeTo: scale) < 1e-14)
    let theta = try #require(own.ntk)
    let thetaScale = abs(theta).max().scalar(as: Double.self)
    #expect(largestError(try #require(equal.ntk)[0..<3, 0..<3], theta, relativeTo: thetaScale) < 1e-9)
  }

  @Test("a kernel that is not finite names the row and the column of the caller's data", arguments: [(1, 0), (0, 1)])
  func notFinite(sets: (Int, Int)) {
    let network = Serial {
      Conv(4, window: [3, 3], padding: .same); Relu(); GlobalAvgPool(); Dense(1)
    }
    // Lanes are filled from the larger data set, whichever it is.
    var inputs = [FixtureInput.sine([3, 4, 4, 2]), FixtureInput.sine([40, 4, 4, 2])].map { $0.asType(.float32) }
    let places = [1, 21]
    inputs = inputs.indices.map { set in
      let factors = (0..<inputs[set].shape[0]).map { $0 == places[set] ? Float(1e19) : 1 }
      return inputs[set] * Tensor(factors, shape: [factors.count, 1, 1, 1])
    }
    let error = #expect(throws: NetworkError.self) {
      try network.kernel(inputs[sets.0], inputs[sets.1], options: KernelOptions(threads: 1))
    }
    let found = error?.description ?? ""
    let row = places[sets.0], column = places[sets.1]
    #expect(
      ["cov1": "[\(row)]", "cov2": "[\(column)]", "nngp": "[\(row), "].contains { name, place in
        found.hasPrefix(name + ": expected finite numbers") && found.contains(" at " + place)
      }, "\(found)")
  }

  private func bits(_ tensor: Tensor) -> [UInt64] {
    tensor.asType(.float64).scalars(as: Double.self).map(\.bitPattern)
  }
}
