import Foundation
import NeuralTangents
import Tensors
import Testing

/// What must hold exactly for every choice of arguments.
@Suite("Layers: grids of exact properties")
struct LayersGridTests {
  private static func image(_ n: Int = 3) -> Tensor { FixtureInput.sine([n, 4, 3, 2]) }

  private func expectEqual(
    _ found: Kernel, _ expected: Kernel, _ tolerance: Double = 1e-12, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let scale = expected.nngp.largestMagnitude
    #expect(found.nngp.shape == expected.nngp.shape, sourceLocation: sourceLocation)
    #expect(largestError(found.nngp, expected.nngp, relativeTo: scale) < tolerance, sourceLocation: sourceLocation)
    #expect(largestError(found.cov1, expected.cov1, relativeTo: scale) < tolerance, sourceLocation: sourceLocation)
    let (a, b) = (try #require(found.ntk), try #require(expected.ntk))
    #expect(
      largestError(a, b, relativeTo: b.largestMagnitude) < Swift.max(tolerance, 1e-7), sourceLocation: sourceLocation)
    #expect(
      found.shape1 == expected.shape1 && found.shape2 == expected.shape2 && found.isGaussian == expected.isGaussian,
      sourceLocation: sourceLocation)
  }

  // MARK: - Pools

  @Test(
    "means over ones are one, or at zeros beyond an edge what part of the window is inside", arguments: [false, true])
  func averages(normalizesEdges: Bool) throws {
    let x = Tensor.ones([1, 3, 4, 1], dtype: .float64)
    let pool = AvgPool(window: [2, 3], padding: .same, normalizeEdges: normalizesEdges)
    let y = try pool(.tensors([]), x)
    // Two rows, the last of which has one below it outside; three columns, one of which is outside at either end.
    let rows: [Double] = normalizesEdges ? [1, 1, 1] : [1, 1, 0.5]
    let columns: [Double] = normalizesEdges ? [1, 1, 1, 1] : [2.0 / 3, 1, 1, 2.0 / 3]
    let expected = rows.flatMap { row in columns.map { row * $0 } }
    #expect(largestError(y, expected, scale: expected) < 1e-15)
    let kernel = try Serial([pool]).kernel(x)
    let products = expected.flatMap { a in expected.map { a * $0 } }
    for covariance in [kernel.nngp, kernel.cov1] {
      #expect(largestError(covariance, products, scale: products) < 1e-14)
    }
    let sum = try Serial([SumPool(window: [2, 3], padding: .same)]).kernel(x).nngp
    let counts = [2.0, 2, 1].flatMap { row in [2.0, 3, 3, 2].map { row * $0 } }
    let countProducts = counts.flatMap { a in counts.map { a * $0 } }
    #expect(largestError(sum, countProducts, scale: countProducts) < 1e-14)
  }

  @Test("global pools are sums and means over all pairs of positions")
  func globalPools() throws {
    let whole = try Serial([Conv(1, window: [2, 2]), Relu()]).kernel(Self.image())
    let sums = whole.nngp.flatPositions.sum(axes: [2, 3], keepDims: false)
    let sum = try GlobalSumPool().kernel(of: whole)
    let mean = try GlobalAvgPool().kernel(of: whole)
    #expect(largestError(sum.nngp, sums, relativeTo: sums.largestMagnitude) < 1e-13)
    #expect(largestError(mean.nngp, sums / 36, relativeTo: mean.nngp.largestMagnitude) < 1e-13)
  }

  // MARK: - Stages and diagonals

  struct Net: CustomTestStringConvertible, Sendable {
    var name: String
    var layers: [any Layer]
    var testDescription: String { name }
  }

  private static let readOuts: [(String, [any Layer])] = [
    ("nothing", []), ("flatten", [Flatten(), Dense(2)]), ("mean", [GlobalAvgPool(), Dense(2)]),
  ]

  static let nets: [Net] = Padding.allCases.flatMap { padding in
    [true, false].flatMap { hasPool in
      readOuts.map { name, readOut in
        let pool: [any Layer] = hasPool ? [AvgPool(window: [2, 1], padding: padding)] : []
        let start: [any Layer] = [
          Conv(3, window: [2, 3], strides: [1, 2], padding: padding, weightStd: 1.3, biasStd: 0.2), Relu(),
        ]
        let middle: [any Layer] = [Conv(2, window: [1, 1], biasStd: 0.4), Erf()]
        return Net(name: "\(padding)\(hasPool ? " pool" : "") \(name)", layers: start + pool + middle + readOut)
      }
    }
  }

  @Test("kernels of parts, one after the other, are the kernel of the whole", arguments: nets)
  func composition(_ net: Net) throws {
    for second in [nil, FixtureInput.cosine([2, 4, 3, 2])] {
      let whole = try Serial(net.layers).kernel(Self.image(), second)
      for cut in 1..<net.layers.count {
        let half = try Serial(Array(net.layers[..<cut])).kernel(Self.image(), second)
        try expectEqual(try Serial(Array(net.layers[cut...])).kernel(of: half), whole)
      }
      // From variances only, where no layer after them needs more.
      let needsAll = net.layers.contains { $0 is AvgPool || $0 is GlobalAvgPool }
      let options = KernelOptions(positions: .diagonal)
      let half = try Serial(Array(net.layers[..<2])).kernel(Self.image(), second, options: options)
      let rest = Serial(Array(net.layers[2...]))
      if needsAll {
        #expect(throws: NetworkError.self) { try rest.kernel(of: half, options: options) }
      } else {
        let expected = try Serial(net.layers).kernel(Self.image(), second, options: options)
        try expectEqual(try rest.kernel(of: half, options: options), expected)
      }
    }
  }

  @Test("asking for less is a part of asking for all: positions and inputs with themselves", arguments: nets)
  func diagonals(_ net: Net) throws {
    let network = Serial(net.layers)
    let full = try network.kernel(Self.image(), options: KernelOptions(batch: .all))
    // All of a data set with itself is its own kernel.
    #expect(largestError(full.cov1, full.nngp, relativeTo: full.nngp.largestMagnitude) < 1e-13)
    let usual = try network.kernel(Self.image())
    #expect(largestError(usual.nngp, full.nngp, relativeTo: full.nngp.largestMagnitude) < 1e-13)
    let own = stack((0..<3).map { full.nngp[$0, $0] }, axis: 0)
    #expect(largestError(usual.cov1, own, relativeTo: own.largestMagnitude) < 1e-13)
    let diagonal = try network.kernel(Self.image(), options: KernelOptions(positions: .diagonal))
    let positions = Array(full.nngp.shape[2..<2 + (full.nngp.rank - 2) / 2])
    for (few, all) in [(diagonal.nngp, full.nngp), (try #require(diagonal.ntk), try #require(full.ntk))] {
      let expected = einsum("nmpp->nmp", all.flatPositions).reshaped([3, 3] + positions)
      #expect(few.shape == expected.shape)
      #expect(largestError(few, expected, relativeTo: expected.largestMagnitude) < 1e-12)
    }
  }

  @Test("an unshared convolution has the variances of a shared one", arguments: Padding.allCases, [1, 2])
  func localVariances(padding: Padding, stride: Int) throws {
    for window in [[1, 2], [2, 1], [3, 2]] {
      func layer(_ isLocal: Bool) -> any Layer {
        isLocal
          ? ConvLocal(2, window: window, strides: [stride, 1], padding: padding, biasStd: 0.3)
          : Conv(2, window: window, strides: [stride, 1], padding: padding, biasStd: 0.3)
      }
      let options = KernelOptions(positions: .diagonal)
      let deep = try [true, false].map {
        try Serial([layer($0), Relu(), Flatten(), Dense(1)]).kernel(Self.image())
      }
      let local = try Serial([layer(true)]).kernel(Self.image(), options: options)
      try expectEqual(local, try Serial([layer(false)]).kernel(Self.image(), options: options))
      // Where positions never meet, nothing else matters.
      try expectEqual(deep[0], deep[1])
    }
  }

  // MARK: - Flattening

  @Test("flattening is a convolution with the whole window, and nothing where there are no positions")
  func flatten() throws {
    let x = Self.image()
    let flat = try Serial([Conv(3, window: [2, 2]), Relu(), Flatten(), Dense(1, weightStd: 1.1, biasStd: 0.3)]).kernel(
      x)
    let window = try Serial([Conv(3, window: [2, 2]), Relu(), Conv(1, window: [3, 2], weightStd: 1.1, biasStd: 0.3)])
      .kernel(x)
    #expect(largestError(window.nngp.reshaped([3, 3]), flat.nngp, relativeTo: flat.nngp.largestMagnitude) < 1e-13)
    #expect(
      largestError(
        try #require(window.ntk).reshaped([3, 3]), try #require(flat.ntk), relativeTo: flat.nngp.largestMagnitude)
        < 1e-12)
    // At the bottom: the network of flattened inputs.
    let rows = x.reshaped([3, -1])
    let network: [any Layer] = [Dense(4, biasStd: 0.1), Erf(), Dense(1)]
    try expectEqual(try Serial([Flatten()] + network).kernel(x), try Serial(network).kernel(rows))
    try expectEqual(try Serial([Flatten()] + network).kernel(rows), try Serial(network).kernel(rows))
    let middle = try Serial([Dense(4, biasStd: 0.1), Flatten(), Erf(), Dense(1)]).kernel(rows)
    try expectEqual(middle, try Serial(network).kernel(rows))
  }

  // MARK: - Repetition

  static let blocks: [Net] = [
    Net(name: "dense", layers: [Dense(2, weightStd: 1.2, biasStd: 0.3)]),
    Net(name: "dense relu", layers: [Dense(2), Relu()]),
    Net(name: "standard", layers: [Dense(2, parameterization: .standard), Erf()]),
    Net(name: "conv", layers: [Conv(2, window: [2, 3], padding: .same, biasStd: 0.2)]),
    Net(name: "conv relu", layers: [Conv(2, window: [2, 1], padding: .circular), Relu()]),
    Net(
      name: "two convs",
      layers: [Conv(3, window: [2, 1], padding: .same), Gelu(), Conv(2, window: [1, 3], padding: .same)]),
    Net(
      name: "residual",
      layers: [
        Dense(2), FanOut(2), Parallel([Identity(), Serial([Relu(), Conv(2, window: [3, 1], padding: .same)])]),
        FanInSum(),
      ]),
    Net(name: "identity", layers: [Identity()]),
    Net(name: "normalised", layers: [Dense(2), LayerNorm(axes: [1, -1], epsilon: 1e-6), Abs()]),
    Net(name: "graphs", layers: [Aggregate(axes: [1]), Dense(2)]),
    Net(name: "pool", layers: [AvgPool(window: [3, 2], padding: .same)]),
    Net(name: "nested", layers: [Repeat(2, Serial([Dense(2), Relu()]))]),
    Net(name: "local", layers: [ConvLocal(2, window: [2, 2], padding: .same), Sin()]),
    Net(name: "dropout", layers: [Dense(2), Dropout(keepRate: 0.75), Dense(2)]),
  ]

  @Test("n times a layer is n layers: shapes, parameters, outputs, kernels", arguments: blocks, 0...3)
  func repetition(_ block: Net, count: Int) throws {
    let x = Self.image()
    let inner = Serial(block.layers)
    let patterns = block.name == "graphs" ? GraphPatterns(abs(FixtureInput.cosine([3, 4, 4]))) : nil
    let repeated = Repeat(count, inner)
    let unrolled: any Layer = count == 0 ? Identity() : Serial((0..<count).map { _ in inner })
    #expect(try repeated.outputShape(forInput: x.shape) == x.shape)
    for kernels in [KernelSet.all, .nngp] {
      let one = try repeated.kernel(x, patterns: patterns, kernels: kernels)
      let other = try unrolled.kernel(x, patterns: patterns, kernels: kernels)
      #expect(largestError(one.nngp, other.nngp, relativeTo: other.nngp.largestMagnitude) < 1e-13)
      #expect((one.ntk == nil) == (kernels == .nngp))
      if kernels == .all { try expectEqual(one, other, 1e-13) }
    }
    guard count > 0, block.name != "dropout" else { return }
    // Keys are split alike, so that the parameters are the same.
    let a = try repeated.initialize(RandomKey(seed: 3), inputShape: x.shape, dtype: .float64)
    let b = try unrolled.initialize(RandomKey(seed: 3), inputShape: x.shape, dtype: .float64)
    #expect(a.tensors.map(\.shape) == b.tensors.map(\.shape))
    let (y, z) = (
      try repeated(a, x, pattern: patterns?.first), try unrolled(b, x, pattern: patterns?.first)
    )
    #expect(largestError(y, z, relativeTo: z.largestMagnitude) < 1e-13)
  }

  // MARK: - Several inputs and outputs

  @Test("trees of inputs and outputs, of different ranks and with masks, are worked on branch by branch")
  func trees() throws {
    let (image, rows) = (Self.image().replacing([0, 1, 30, 31], by: -1), FixtureInput.cosine([3, 5]))
    let first = Serial([Conv(2, window: [2, 2]), Relu(), GlobalAvgPool(), Dense(2)])
    let second = Serial([Dense(2), Erf(), Dense(2)])
    let inputs = Branches.several([.single(image), .several([.single(rows), .single(image)])])
    let network = Parallel([first, Serial([Parallel([second, first]), FanInSum()])])
    let kernels = try network.kernels(inputs, maskConstant: -1)
    guard case .several(let branches) = kernels, branches.count == 2 else {
      Issue.record("expected two outputs")
      return
    }
    let a = try first.kernel(image, maskConstant: -1)
    let b = try second.kernel(rows, maskConstant: -1)
    let leaves = kernels.leaves
    #expect(largestError(leaves[0].nngp, a.nngp, relativeTo: 1) < 1e-14)
    #expect(largestError(leaves[1].nngp, a.nngp + b.nngp, relativeTo: 1) < 1e-14)
    #expect(
      largestError(try #require(leaves[1].ntk), try #require(a.ntk) + (try #require(b.ntk)), relativeTo: 1) < 1e-13)
    // Outputs as a list, carried on from kernels.
    let further = Parallel([
      Serial([Relu(), Dense(1)]), Serial([FanOut(2), Parallel([Relu(), Identity()]), FanInConcat(), Dense(1)]),
    ])
    let staged = try further.kernels(of: kernels).leaves
    let whole = try Serial([network, further]).kernels(inputs, maskConstant: -1).leaves
    for (one, other) in zip(staged, whole) { try expectEqual(one, other, 1e-13) }
    // The structure of shapes is that of the outputs.
    let shapes = try network.outputShape(
      .several([.single(image.shape), .several([.single(rows.shape), .single(image.shape)])]))
    #expect(shapes.leaves == leaves.map(\.shape1))
  }

  // MARK: - Joins

  @Test("joins are sums, products, means by width and blocks, on inputs and between positions", arguments: [1, 2, 3])
  func joins(count: Int) throws {
    let branches: [Serial] = Array(
      [
        Serial([Conv(2, window: [2, 2], padding: .same)]), Serial([Relu(), Conv(2, window: [3, 1], padding: .same)]),
        Serial([Erf(), Dense(2, biasStd: 0.5)]),
      ].prefix(count))
    let start: [any Layer] = [Dense(2)]
    let each = try branches.map { try Serial(start + [$0 as any Layer]).kernel(Self.image()) }
    func joined(_ join: any Layer) throws -> Kernel {
      try Serial(start + [FanOut(count), Parallel(branches), join] as [any Layer]).kernel(Self.image())
    }
    let scale = each.map(\.nngp.largestMagnitude).max()!
    let sum = each.dropFirst().reduce(each[0].nngp) { $0 + $1.nngp }
    #expect(largestError(try joined(FanInSum()).nngp, sum, relativeTo: scale) < 1e-13)
    let product = try joined(FanInProduct())
    let expected = each.dropFirst().reduce(each[0].nngp) { $0 * $1.nngp }
    #expect(largestError(product.nngp, expected, relativeTo: Swift.max(1, expected.largestMagnitude)) < 1e-13)
    var tangent = Tensor.zeros(expected.shape, dtype: .float64)
    for (index, branch) in each.enumerated() {
      var term = try #require(branch.ntk)
      for (other, kernel) in each.enumerated() where other != index { term = term * kernel.nngp }
      tangent = tangent + term
    }
    #expect(
      largestError(try #require(product.ntk), tangent, relativeTo: Swift.max(1, tangent.largestMagnitude)) < 1e-12)
    #expect(largestError(try joined(FanInConcat()).nngp, sum / Double(count), relativeTo: scale) < 1e-13)
    // Along rows: blocks, with nothing between different branches.
    let rows = try joined(FanInConcat(axis: 1))
    #expect(rows.shape1 == [3, 4 * count, 3, 2])
    for i in 0..<count {
      for j in 0..<count {
        let block = rows.nngp.sliced(axis: 2, from: 4 * i, to: 4 * i + 4).sliced(axis: 4, from: 4 * j, to: 4 * j + 4)
        let expected = i == j ? each[i].nngp : each[i].nngp * 0
        #expect(largestError(block, expected, relativeTo: scale) < 1e-13)
      }
    }
    // Along the batch: the inputs of one branch after those of another.
    let inputs = try joined(FanInConcat(axis: 0))
    #expect(inputs.shape1 == [3 * count, 4, 3, 2])
    for i in 0..<count {
      for j in 0..<count {
        let block = inputs.nngp[3 * i..<3 * i + 3, 3 * j..<3 * j + 3]
        let expected = i == j ? each[i].nngp : each[i].nngp * 0
        #expect(largestError(block, expected, relativeTo: scale) < 1e-13)
      }
    }
  }
}
