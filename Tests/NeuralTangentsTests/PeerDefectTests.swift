import Foundation
import NeuralTangents
import Tensors
import Testing

/// What the usual Python library gets wrong, right by another route.
///
/// Activations at degenerate inputs, sign at single entries, and `DotGeneral` without a factor are in their own suites.
@Suite("Right where the Python library is not")
struct PeerDefectTests {
  private static let image = FixtureInput.sine([2, 3, 4, 2])

  /// `image` with some positions and some single channels missing.
  private static func masked(_ x: Tensor) -> Tensor { x.replacing([0, 1, 6, 7, 20, 21, 30, 31], by: 50) }

  private func expectExact(
    _ network: Serial, _ x: Tensor, axes: DataAxes = DataAxes(), maskConstant: Double? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let kernel = try network.kernel(x, maskConstant: maskConstant)
    let expected = try kernelByUnitWeights(network, x, axes: axes, maskConstant: maskConstant)
    let scale = expected.largestMagnitude
    #expect(
      largestError(kernel.nngp.flatPositions, expected, relativeTo: scale) < 1e-12, sourceLocation: sourceLocation)
    let own = stack((0..<2).map { expected[$0, $0] }, axis: 0)
    #expect(
      largestError(kernel.cov1.reshaped(own.shape), own, relativeTo: scale) < 1e-12, sourceLocation: sourceLocation)
    #expect(try kernel.shape1 == network.outputShape(forInput: x.shape), sourceLocation: sourceLocation)
  }

  @Test("sign keeps the correlations between positions, so that a pool after it has the right variance")
  func signThenPool() throws {
    let x = FixtureInput.sine([2, 5, 3])
    let dense = try Serial([Dense(1)]).kernel(x)
    let k = dense.nngp.scalars(as: Double.self)
    let kernel = try Serial([Dense(1), Sign(), GlobalAvgPool()]).kernel(x)
    for n in 0..<2 {
      var mean = 0.0
      for p in 0..<5 {
        for q in 0..<5 {
          func entry(_ p: Int, _ q: Int) -> Double { k[((n * 2 + n) * 5 + p) * 5 + q] }
          let correlation = entry(p, q) / (entry(p, p) * entry(q, q)).squareRoot()
          mean += p == q ? 1 : 2 / Double.pi * asin(Swift.max(-1, Swift.min(1, correlation)))
        }
      }
      #expect(Swift.abs(kernel.cov1[n].scalar(as: Double.self) - mean / 25) < 1e-7)
      #expect(Swift.abs(kernel.nngp[n, n].scalar(as: Double.self) - mean / 25) < 1e-7)
    }
  }

  @Test(
    "activations with a constant part leave masked positions at zero",
    arguments: [Monomial(degree: 0), Polynomial([1, 0, 0])] as [any Activation])
  func constantActivations(_ activation: any Activation) throws {
    let x = FixtureInput.sine([2, 4, 1]).replacing([1, 2, 7], by: 50)
    let network = Serial([Dense(1), activation, GlobalSumPool()])
    let visible = [2.0, 3.0]
    let kernel = try network.kernel(x, maskConstant: 50)
    // The activation is 1, so that sums count what is visible.
    #expect(largestError(kernel.nngp, [4, 6, 6, 9], scale: [1, 1, 1, 1]) < 1e-12)
    let mean = try Serial([Dense(1), activation, GlobalAvgPool()]).kernel(x, maskConstant: 50)
    #expect(largestError(mean.nngp, [1, 1, 1, 1], scale: [1, 1, 1, 1]) < 1e-12)
    let parameters = try network.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: .float64)
    let y = try network(parameters, x, maskConstant: 50)
    #expect(largestError(y, visible, scale: [1, 1]) < 1e-12)
  }

  @Test("several layers that mix the inputs give the self-covariances of mixed inputs")
  func stackedBatchMixing() throws {
    let scale = DotGeneral(rhs: Tensor([0.5, -1, 2]), batch: ([0], [0]))
    let layers: [any Layer] = [
      Dense(1), scale, ImageResize([5, -1], method: .linear), ImageResize([4, -1], method: .linear),
    ]
    let x = FixtureInput.sine([3, 4])
    let kernel = try Serial(layers).kernel(x, options: KernelOptions(batch: .all))
    let expected = try kernelByUnitWeights(Serial(layers), x).reshaped(kernel.nngp.shape)
    #expect(kernel.nngp.shape == [4, 4])
    #expect(largestError(kernel.nngp, expected, relativeTo: expected.largestMagnitude) < 1e-12)
    #expect(largestError(kernel.cov1, expected, relativeTo: expected.largestMagnitude) < 1e-12)
    // An activation reads the variances that came out.
    let next = try Serial(layers + [Relu(), Dense(1)]).kernel(x).nngp.diagonal()
    #expect(largestError(next, expected.diagonal() / 2, relativeTo: expected.largestMagnitude) < 1e-12)
  }

  @Test(
    "a convolution may permute the axes of its output, three positions in a cycle too",
    arguments: ["NWDHC", "NDHWC", "CWDNH", "NWHDC"])
  func permutedOutputs(_ output: String) throws {
    let network = Serial([
      Conv(1, window: [2, 1, 2], padding: .same, dimensions: DimensionNumbers("NHWDC", "HWDIO", output))
    ])
    let letters = Array(output)
    let axes = DataAxes(batch: letters.firstIndex(of: "N")!, channel: letters.firstIndex(of: "C")!)
    try expectExact(network, FixtureInput.sine([2, 2, 3, 4, 1]), axes: axes)
  }

  @Test("masks follow a convolution whose output or filter has its axes in another order", arguments: [false, true])
  func permutedMasks(local: Bool) throws {
    let numbers = [DimensionNumbers("NHWC", "HWIO", "NCHW"), DimensionNumbers("NHWC", "WHIO", "NHWC")]
    for (index, dimensions) in numbers.enumerated() {
      let layer: any Layer =
        local
        ? ConvLocal(1, window: [1, 3], strides: [2, 1], padding: .same, dimensions: dimensions)
        : Conv(1, window: [1, 3], strides: [2, 1], padding: .same, dimensions: dimensions)
      try expectExact(
        Serial([layer]), Self.masked(Self.image), axes: DataAxes(channel: index == 0 ? 1 : -1), maskConstant: 50)
    }
    // The centre of the window decides: W is the first axis of the filter's, with window 1 and stride 2.
    let network = Serial([
      Conv(1, window: [1, 3], strides: [2, 1], padding: .same, dimensions: DimensionNumbers("NHWC", "WHIO", "NHWC"))
    ])
    let kernel = try network.kernel(Self.masked(Self.image), maskConstant: 50)
    let positions = (Self.masked(Self.image) .== 50).all(axis: 3)
    #expect(
      try #require(kernel.mask1).asType(.float64).scalars(as: Double.self)
        == positions.taking([0, 2], axis: 2).asType(.float64).scalars(as: Double.self))
  }

  @Test("an unshared convolution with an oblong window follows a convolution")
  func localAfterConvolution() throws {
    try expectExact(
      Serial([Conv(1, window: [2, 1]), ConvLocal(1, window: [1, 3], strides: [1, 1], padding: .same)]),
      FixtureInput.sine([2, 3, 4, 1]))
  }

  @Test("an unshared convolution has the width that its scale says")
  func localWidth() throws {
    let layer = ConvLocal(2, window: [2], parameterization: .standard, widthScales: (1, 3))
    #expect(try layer.outputShape(forInput: [2, 4, 5]) == [2, 3, 6])
    let parameters = try layer.initialize(RandomKey(seed: 1), inputShape: [2, 4, 5])
    #expect(try layer(parameters, .ones([2, 4, 5])).shape == [2, 3, 6])
  }

  @Test("images are resized after an odd number of convolutions too", arguments: [ResizeMethod.nearest, .linear])
  func resizeAfterConvolution(_ method: ResizeMethod) throws {
    try expectExact(
      Serial([Conv(1, window: [2, 1]), ImageResize([-1, 3, 2, -1], method: method)]), FixtureInput.sine([2, 3, 4, 1]))
  }

  @Test("sparse graphs after a convolution are their adjacency matrices, and no graph is the identity")
  func sparseGraphs() throws {
    let x = FixtureInput.sine([2, 2, 3, 1])
    var adjacency = [Double](repeating: 0, count: 2 * 36)
    var edges: [Int32] = []
    for n in 0..<2 {
      for (tail, head) in [(0, 5 - n), (1, 3), (4, 2)] {
        adjacency[(n * 6 + tail) * 6 + head] += 1
        edges += [Int32(tail / 3), Int32(head / 3), Int32(tail % 3), Int32(head % 3)]
      }
    }
    func network(_ implementation: Aggregate.Implementation) -> Serial {
      Serial([Conv(1, window: [2, 1], padding: .same), Aggregate(implementation: implementation), Dense(1)])
    }
    let dense = try network(.dense).kernel(
      x, patterns: GraphPatterns(Tensor(adjacency, shape: [2, 2, 3, 2, 3])))
    let sparse = try network(.sparse).kernel(x, patterns: GraphPatterns(Tensor(edges, shape: [2, 3, 2, 2])))
    #expect(largestError(sparse.nngp, dense.nngp, relativeTo: dense.nngp.largestMagnitude) < 1e-13)
    let none = try network(.sparse).kernel(x)
    let plain = try Serial([Conv(1, window: [2, 1], padding: .same), Dense(1)]).kernel(x)
    #expect(largestError(none.nngp, plain.nngp, relativeTo: plain.nngp.largestMagnitude) < 1e-13)
  }

  @Test("pools that wrap around take masks", arguments: [false, true])
  func circularPools(isMean: Bool) throws {
    let pool: any Layer =
      isMean
      ? AvgPool(window: [2, 3], strides: [1, 2], padding: .circular)
      : SumPool(window: [2, 3], strides: [1, 2], padding: .circular)
    try expectExact(Serial([Dense(1), pool]), Self.masked(Self.image), maskConstant: 50)
  }

  @Test("a global mean divides by what is visible, where only variances are kept and as the first layer too")
  func globalMean() throws {
    let x = Self.masked(Self.image)
    try expectExact(Serial([Dense(1), GlobalAvgPool()]), x, maskConstant: 50)
    try expectExact(Serial([ConvLocal(1, window: [2, 2]), GlobalAvgPool()]), x, maskConstant: 50)
    let first = try Serial([GlobalAvgPool(), Dense(1)]).kernel(x, maskConstant: 50)
    let expected = try kernelByUnitWeights(Serial([GlobalAvgPool(), Dense(1)]), x, maskConstant: 50)
    #expect(largestError(first.nngp, expected.reshaped([2, 2]), relativeTo: expected.largestMagnitude) < 1e-13)
    #expect(
      largestError(try #require(first.ntk), expected.reshaped([2, 2]), relativeTo: expected.largestMagnitude) < 1e-13)
    // By hand, for one channel.
    let line = Tensor([1.0, 50, 3, 50, 50, 8], shape: [2, 3, 1])
    let hand = try Serial([GlobalAvgPool()]).kernel(line, maskConstant: 50)
    #expect(largestError(hand.nngp, [4, 16, 16, 64], scale: [1, 1, 1, 1]) < 1e-13)
  }

  @Test("flattening keeps masks in place, with the batch last, and takes any batch axis first")
  func flatten() throws {
    let x = Self.masked(Self.image)
    let (first, last) = (Flatten(), Flatten(batchAxisOut: 1))
    let a = try first.masked(.tensors([]), x, maskConstant: 50)
    let b = try last.masked(.tensors([]), x, maskConstant: 50)
    #expect(allClose(a.values.transposed(), b.values, relativeTolerance: 0, absoluteTolerance: 0))
    #expect(
      try #require(a.mask).transposed().asType(.float64).scalars(as: Double.self)
        == #require(b.mask).asType(.float64).scalars(as: Double.self))
    let expected = try Serial([Flatten(), Dense(1)]).kernel(x, maskConstant: 50)
    let moved = try Serial([Flatten(batchAxis: 2), Dense(1)]).kernel(x.movedAxis(from: 0, to: 2), maskConstant: 50)
    let out = try Serial([Flatten(batchAxisOut: 1), Dense(1, batchAxis: 1, channelAxis: 0)])
      .kernel(x, maskConstant: 50)
    for kernel in [moved, out] {
      #expect(largestError(kernel.nngp, expected.nngp, relativeTo: 1) < 1e-14)
      #expect(largestError(try #require(kernel.ntk), try #require(expected.ntk), relativeTo: 1) < 1e-14)
    }
  }

  @Test("layer normalisation of what is visible is that of the visible alone, wherever the batch is")
  func normalization() throws {
    let x = FixtureInput.sine([1, 5, 3]).replacing([6, 7, 8, 12, 13, 14], by: 50)
    let y = try LayerNorm(axes: [1, 2])(.tensors([]), x, maskConstant: 50)
    let visible = try LayerNorm(axes: [1, 2])(.tensors([]), x.taking([0, 1, 3], axis: 1))
    #expect(largestError(y.taking([0, 1, 3], axis: 1), visible, relativeTo: 1) < 1e-13)
    #expect(largestError(y.taking([2, 4], axis: 1), [Double](repeating: 0, count: 6), scale: [1, 1, 1, 1, 1, 1]) == 0)

    let images = Self.masked(Self.image)
    func kernel(_ batch: Int, _ x: Tensor) throws -> Kernel {
      let channel = 3
      return try Serial([
        Dense(1, batchAxis: batch, channelAxis: channel),
        LayerNorm(axes: [batch == 0 ? 1 : 0, channel], batchAxis: batch, channelAxis: channel), Relu(),
      ]).kernel(x, maskConstant: 50)
    }
    let usual = try kernel(0, images)
    // Batch, H, W, C as H, batch, W, C.
    for batch in [1, -3] {
      let other = try kernel(batch, images.transposed(1, 0, 2, 3))
      #expect(largestError(other.nngp, usual.nngp, relativeTo: 1) < 1e-13)
      #expect(largestError(try #require(other.ntk), try #require(usual.ntk), relativeTo: 1) < 1e-13)
    }
    // The variance is over what is visible: that of a mean over three positions.
    let dense = try Serial([Dense(1)]).kernel(x, maskConstant: 50)
    let normalized = try Serial([Dense(1), LayerNorm(axes: [1, 2])]).kernel(x, maskConstant: 50)
    let variance = dense.cov1.reshaped([5, 5]).diagonal().sum() / 3
    #expect(largestError(normalized.nngp, dense.nngp / variance, relativeTo: 1) < 1e-9)
  }

  @Test("a branch without a mask is concatenated as visible")
  func mixedMasks() throws {
    let (x, plain) = (Self.masked(Self.image), Self.image)
    let layer = FanInConcat(axis: 1)
    let joined = try layer.apply(
      .list([]), .several([.single(MaskedTensor(x, maskConstant: 50)), .single(MaskedTensor(plain))]), ApplyContext())
    guard case .single(let output) = joined else {
      Issue.record("expected one output")
      return
    }
    let mask = try #require(output.mask)
    #expect(output.shape == [2, 6, 4, 2] && mask.shape[1] == 6)
    #expect(!mask.sliced(axis: 1, from: 3, to: 6).any().scalar(as: Bool.self))
    #expect(mask.sliced(axis: 1, from: 0, to: 3).any().scalar(as: Bool.self))
    let dense = Serial([Dense(1)])
    let kernels = try [dense.kernel(x, maskConstant: 50), dense.kernel(plain)]
    for branches in [kernels, kernels.reversed()] {
      let all = try layer.kernels(of: .several(branches.map { .single($0) })).leaves[0]
      let start = branches[0].mask1 == nil ? 3 : 0
      let mask = try #require(all.mask1)
      #expect(mask.shape == [2, 6, 4])
      #expect(
        !(mask.sliced(axis: 1, from: start, to: start + 3) .^ (try #require(kernels[0].mask1))).any()
          .scalar(as: Bool.self))
      #expect(!mask.sliced(axis: 1, from: 3 - start, to: 6 - start).any().scalar(as: Bool.self))
    }
  }

  @Test("dropout may come first, and needs no randomness in test mode")
  func dropoutAtInput() throws {
    let x = FixtureInput.sine([3, 4])
    let kernel = try Serial([Dropout(keepRate: 0.5), Dense(1)]).kernel(x)
    let plain = try Serial([Dense(1)]).kernel(x)
    // Variances of inputs double, and so do the tangents of one input with itself.
    let factor = 1 + Tensor.eye(3, dtype: .float64)
    #expect(largestError(kernel.nngp, plain.nngp * factor, relativeTo: 1) < 1e-14)
    #expect(largestError(try #require(kernel.ntk), try #require(plain.ntk) * factor, relativeTo: 1) < 1e-14)
    #expect(allClose(try Dropout(keepRate: 0.5, mode: .test)(.tensors([]), x), x))
  }

  @Test("repeated dropout drops anew each time")
  func repeatedDropout() throws {
    let x = Tensor.ones([1, 40_000])
    let network = Repeat(3, Dropout(keepRate: 0.5))
    let parameters = try network.initialize(RandomKey(seed: 1), inputShape: x.shape)
    let y = try network(parameters, x, key: RandomKey(seed: 2)).asType(.float64)
    #expect((y .== 8).asType(.float64).sum().scalar(as: Double.self) == (y .!= 0).asType(.float64).sum().scalar())
    // Kept with probability 1/8: a binomial count with a standard deviation of 66.
    let kept = (y .== 8).asType(.float64).sum().scalar(as: Double.self)
    #expect(Swift.abs(kept - 5000) < 330)
  }

  @Test("a pool does not take variances for covariances", arguments: [false, true])
  func poolsOfVariances(isGlobal: Bool) throws {
    let pool: any Layer = isGlobal ? GlobalAvgPool() : AvgPool(window: [2, 2])
    let diagonal = try Serial([Conv(1, window: [1, 1])]).kernel(
      Self.image, options: KernelOptions(positions: .diagonal))
    #expect(throws: NetworkError.self) { try pool.kernel(of: diagonal) }
    // Unless different positions are known to be uncorrelated; then the variances are enough.
    try expectExact(Serial([ConvLocal(1, window: [2, 2]), pool]), Self.image)
  }
}
