import NeuralTangents
import Tensors
import Testing

private struct ProductFixture: Decodable {
  let products: [Case]

  struct Case: Decodable {
    let lhs: [Int]
    let rhs: [Int]
    let contracting: [[Int]]
    let batch: [[Int]]
    let shape: [Int]
    let values: [Double]
  }
}

@Suite("DotGeneral")
struct DotGeneralTests {
  @Test("axes and elements of the output are those of jax.lax.dot_general")
  func finite() throws {
    let fixture: ProductFixture = try loadFixture("resize")
    #expect(fixture.products.count >= 9)
    for item in fixture.products {
      let (lhs, rhs) = (FixtureInput.sine(item.lhs), FixtureInput.cosine(item.rhs))
      let (contracting, batch) = ((item.contracting[0], item.contracting[1]), (item.batch[0], item.batch[1]))
      var found: [Tensor] = []
      // The batch is an axis that is not summed over, so that no axis stands for it.
      if let axis = item.lhs.indices.first(where: { !item.contracting[0].contains($0) }), item.lhs.count > 1 {
        let layer = DotGeneral(
          rhs: rhs, contracting: contracting, batch: batch, batchAxis: axis, channelAxis: axis == 0 ? 1 : 0)
        found.append(try layer(.none, lhs))
      }
      if let axis = item.rhs.indices.first(where: { !item.contracting[1].contains($0) }), item.rhs.count > 1 {
        let layer = DotGeneral(
          lhs: lhs, contracting: contracting, batch: batch, batchAxis: axis, channelAxis: axis == 0 ? 1 : 0)
        found.append(try layer(.none, rhs))
      }
      #expect(!found.isEmpty)
      for found in found {
        #expect(found.shape == item.shape)
        #expect(largestError(found, item.values, scale: item.values.map { _ in 10 }) < 1e-14)
      }
    }
  }

  /// What is done with one axis of the data.
  private enum Use: CaseIterable { case free, contracted, batch }

  /// A layer for data whose axes have these sizes, with `freeCount` more axes of the constant.
  private static func layer(
    _ uses: [Use], sizes: [Int], axes: DataAxes, freeCount: Int, isLeft: Bool, seed: UInt64
  ) -> DotGeneral {
    // Orders that differ from case to case.
    var state = seed
    func shuffled<Element>(_ list: [Element]) -> [Element] {
      var list = list
      for index in list.indices.reversed() {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        list.swapAt(index, Int(state >> 33) % (index + 1))
      }
      return list
    }
    let paired = shuffled(sizes.indices.filter { uses[$0] != .free })
    let slots = shuffled(paired.map { Optional($0) } + [Int?](repeating: nil, count: freeCount))
    var (shape, extra) = ([Int](), 0)
    for slot in slots {
      if let slot {
        shape.append(sizes[slot])
      } else {
        shape.append(8 + extra)
        extra += 1
      }
    }
    let normal = RandomKey(seed: seed).normal(shape, dtype: .float64)
    let constant = select(RandomKey(seed: seed + 1).uniform(shape, dtype: .float64) .< 0.3, 0, normal)
    func pairs(_ use: Use) -> ([Int], [Int]) {
      let data = paired.filter { uses[$0] == use }
      let other = data.map { axis in slots.firstIndex(of: axis) ?? 0 }
      return isLeft ? (other, data) : (data, other)
    }
    let (contracting, batch) = (pairs(.contracted), pairs(.batch))
    return isLeft
      ? DotGeneral(
        lhs: constant, contracting: contracting, batch: batch, batchAxis: axes.batch, channelAxis: axes.channel)
      : DotGeneral(
        rhs: constant, contracting: contracting, batch: batch, batchAxis: axes.batch, channelAxis: axes.channel)
  }

  private static func masked(_ x: Tensor, _ axes: DataAxes, _ kind: Int, seed: UInt64) -> Tensor {
    guard kind > 0 else { return x }
    var shape = x.shape
    if kind == 1 { shape[axes.channel] = 1 }
    return select(RandomKey(seed: seed).uniform(shape, dtype: .float64) .< 0.5, 10, x)
  }

  /// Every use of the axes of data of this rank.
  private static func forEachCase(
    rank: Int, axes: DataAxes,
    _ body: (DotGeneral, _ first: [Int], _ second: [Int], _ number: Int, Comment) throws -> Void
  ) rethrows {
    let others = (0..<rank).filter { $0 != axes.channel }
    var number = 0
    for code in 0..<(rank == 4 ? 27 : rank == 3 ? 9 : 3) {
      var (uses, rest) = ([Use](repeating: .free, count: rank), code)
      for axis in others {
        uses[axis] = Use.allCases[rest % 3]
        rest /= 3
      }
      for freeCount in 0..<3 {
        for isLeft in [false, true] {
          // All sizes differ, so that axes cannot be mistaken for each other.
          var (first, next) = ([Int](repeating: 5, count: rank), 2)
          for axis in others where axis != axes.batch {
            first[axis] = next
            next += 2
          }
          first[axes.batch] = 3
          var second = first
          second[axes.batch] = uses[axes.batch] == .free ? 1 : 3
          number += 1
          let layer = layer(
            uses, sizes: first, axes: axes, freeCount: freeCount, isLeft: isLeft, seed: UInt64(number + 1000 * rank))
          try body(layer, first, second, number, "\(uses), \(freeCount) free, \(isLeft ? "lhs" : "rhs")")
        }
      }
    }
  }

  @Test(
    "the kernel on data is the covariance of finite outputs, also with masks", arguments: ImageResizeTests.layouts)
  func exact(_ axes: DataAxes) throws {
    for rank in 2...4 where axes.batch < rank && axes.channel < rank {
      try Self.forEachCase(rank: rank, axes: axes) { layer, first, second, number, comment in
        for mask in 0..<3 {
          let oracle = LinearLayerOracle(layer: layer, axes: axes, maskConstant: mask > 0 ? 10 : nil)
          let x1 = Self.masked(FixtureInput.sine(first), axes, mask, seed: UInt64(number))
          let x2 = Self.masked(FixtureInput.cosine(second), axes, mask, seed: UInt64(number + 1))
          try oracle.expectExact(x1, x2, comment)
          if mask == number % 3 { try oracle.expectExact(x1, nil, comment) }
        }
      }
    }
  }

  @Test("kernels after other layers are A K Aᵀ", arguments: [DataAxes(), DataAxes(batch: 2, channel: 0)])
  func afterLayers(_ axes: DataAxes) throws {
    let before: [any Layer] = [
      Dense(4, weightStd: 1.3, biasStd: 0.2, batchAxis: axes.batch, channelAxis: axes.channel), Relu(),
      Dense(4, batchAxis: axes.batch, channelAxis: axes.channel),
    ]
    try Self.forEachCase(rank: 4, axes: axes) { layer, first, second, number, comment in
      let oracle = LinearLayerOracle(layer: layer, axes: axes)
      try oracle.expectExact(after: before, FixtureInput.sine(first), FixtureInput.cosine(second), comment)
      if number % 3 == 0 { try oracle.expectExact(after: before, FixtureInput.sine(first), nil, comment) }
    }
  }

  @Test("a constant that depends on the input is not applied to parts of the data")
  func largeBatch() throws {
    // Large enough for several blocks if the layer allowed them.
    let factors = RandomKey(seed: 2).uniform([12], from: 0.5, to: 2, dtype: .float64)
    let before: [any Layer] = [Conv(1, window: [3], biasStd: 0.1), Relu()]
    let x = FixtureInput.sine([12, 260, 1])
    let whole = try Serial(before).kernel(x).nngp
    let layer = DotGeneral(rhs: factors, batch: ([0], [0]))
    let scaled = try Serial(before + [layer]).kernel(x).nngp
    let factor = (factors.expandedDims(1) * factors.expandedDims(0)).reshaped([12, 12, 1, 1])
    expectEqual(scaled, whole * factor, 1e-14, "factors of inputs")
  }

  @Test("a network may go on after the batch is summed over: the output is one input")
  func contractedBatch() throws {
    let layer = DotGeneral(rhs: FixtureInput.cosine([3]), contracting: ([0], [0]))
    let network = Serial {
      Dense(1, biasStd: 0.2)
      layer
      Relu()
      Dense(1)
    }
    let x = FixtureInput.sine([3, 4, 2])
    let kernel = try network.kernel(x)
    #expect(kernel.nngp.shape == [1, 1, 4, 4] && kernel.shape1 == [1, 4, 1])
    let parameters = try network.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: .float64)
    #expect(try network(parameters, x).shape == [1, 4, 1])
    let before = try Serial {
      Dense(1, biasStd: 0.2)
    }.kernel(x).nngp
    let c = FixtureInput.cosine([3])
    let mixed = einsum("nmpq,n,m->pq", before, c, c)
    let expected = try Serial {
      Relu()
      Dense(1)
    }.kernel(of: Self.kernel(mixed))
    expectEqual(kernel.nngp, expected.nngp, 1e-13, "nngp")
  }

  /// A kernel of one input with positions.
  private static func kernel(_ matrix: Tensor) throws -> Kernel {
    var kernel = try Dense(1).kernel(FixtureInput.sine([1, matrix.shape[0], 2]))
    kernel.nngp = matrix.reshaped([1, 1] + matrix.shape)
    kernel.cov1 = matrix.reshaped([1] + matrix.shape)
    return kernel
  }

  @Test("without a factor it is the identity, and a number scales")
  func scalars() throws {
    let x = FixtureInput.sine([3, 4, 2])
    let plain = try Dense(1).kernel(x)
    let same = try Serial {
      Dense(1); DotGeneral()
    }.kernel(x)
    expectEqual(same.nngp, plain.nngp, 1e-15, "identity")
    expectEqual(try #require(same.ntk), try #require(plain.ntk), 1e-15, "identity")
    let doubled = try Serial {
      Dense(1); DotGeneral(-2)
    }.kernel(x)
    expectEqual(doubled.nngp, plain.nngp * 4, 1e-15, "doubled")
    expectEqual(try #require(doubled.ntk), try #require(plain.ntk) * 4, 1e-15, "doubled")
    expectEqual(try DotGeneral(-2)(.none, x), x * -2, 1e-15, "doubled")
    expectEqual(try DotGeneral()(.none, x), x, 1e-15, "identity")
  }

  @Test("an output is masked unless something visible has a weight in it")
  func masks() throws {
    let weights = Tensor(rows: [[1.0, 0, 0], [2, 0, 0], [0, 3, 0]])
    let layer = DotGeneral(rhs: weights, contracting: ([1], [0]))
    let x = Tensor([5.0, 10, 7, 10, 10, 7], shape: [2, 3, 1])
    let output = try layer.masked(.none, x, maskConstant: 10)
    #expect(output.mask?.scalars(as: Bool.self) == [false, false, true, true, false, true])
    #expect(output.values.scalars(as: Double.self) == [5, 21, 0, 0, 21, 0])
  }

  @Test("kernels are differentiated with respect to the constant")
  func derivative() throws {
    let x = FixtureInput.sine([3, 4, 2])
    func value(_ weights: Tensor) throws -> Tensor {
      let network = Serial {
        Dense(1, biasStd: 0.3)
        DotGeneral(rhs: weights, contracting: ([1], [0]))
        Erf()
        Flatten()
        Dense(1)
      }
      return try #require(try network.kernel(x, options: KernelOptions(executor: .reference)).ntk).sum()
    }
    let weights = FixtureInput.cosine([4, 3])
    let direction = FixtureInput.sine([4, 3])
    let gradient = try jvp(value, at: weights, along: direction).tangent
    let step = 1e-5
    let difference =
      (try value(weights + direction * step) - value(weights - direction * step)).scalar(as: Double.self) / (2 * step)
    let slope = gradient.scalar(as: Double.self)
    #expect(Swift.abs(slope - difference) < 1e-6 * Swift.max(1, Swift.abs(slope)))
  }

  @Test("files are read and written back")
  func file() throws {
    for text in [
      #"{"rhs": [[1, 2.5], [0, -1], [3, 4]], "contracting": [[1], [0]]}"#,
      #"{"lhs": [[1, 2.5, 7], [0, -1, 6]], "contracting": [[1], [1]], "batch": [[0], [0]]}"#,
      #"{"rhs": 2.5, "channelAxis": 1}"#, "{}",
    ] {
      let file = try NetworkFile(json: #"{"dotGeneral": \#(text)}"#)
      let again = try NetworkFile(json: file.json())
      #expect(try again.json() == file.json())
      let x = FixtureInput.sine([2, 3, 4])
      expectEqual(try again.network(.none, x), try file.network(.none, x), 1e-16, "\(text)")
    }
    let file = try NetworkFile(
      json: #"{"dotGeneral": {"lhs": [[1, 2, 7], [0, -1, 6]], "contracting": [[1], [1]], "batch": [[0], [0]]}}"#)
    let x = FixtureInput.sine([2, 3, 4])
    let expected = einsum("np,npc->nc", Tensor(rows: [[1.0, 2, 7], [0, -1, 6]]), x)
    expectEqual(try file.network(.none, x), expected, 1e-15, "lhs")
  }

  @Test(
    "mistakes in a file are named",
    arguments: [
      (#"{"lhs": 1, "rhs": 2}"#, "dotGeneral.rhs: expected nothing beside lhs, found a constant"),
      (#"{"rhs": [[1, 2], [3]]}"#, "dotGeneral.rhs[1]: expected a list of 2, as the first one, found a list of 1"),
      (#"{"rhs": [[1, "x"]]}"#, #"dotGeneral.rhs[0][1]: expected a finite number, found "x""#),
      (#"{"rhs": []}"#, "dotGeneral.rhs: expected lists that are not empty, found an empty one"),
      (
        #"{"rhs": [1], "contracting": [1, 0]}"#,
        "dotGeneral.contracting: expected two lists of axes, of lhs and of rhs, found 1"
      ),
      (
        #"{"rhs": [1], "contracting": [[1, 0], [0]]}"#,
        "dotGeneral.contracting: expected as many axes of lhs as of rhs, found [1, 0] and [0]"
      ),
      (
        #"{"rhs": [1], "contracting": [[1, 2], [0, 0]]}"#,
        "dotGeneral: expected each axis at most once of the 1 axes of rhs, found 0 among [0, 0]"
      ),
    ])
  func mistakes(_ arguments: String, _ message: String) {
    let error = #expect(throws: NetworkError.self) { try NetworkFile(json: "{\"dotGeneral\": \(arguments)}") }
    #expect(error?.description == message)
  }

  @Test("what does not fit the data, and channels that are contracted, are errors")
  func errors() throws {
    let x = FixtureInput.sine([2, 3, 4])
    func message(_ layer: DotGeneral, _ x2: Tensor? = nil) -> String {
      let error = #expect(throws: NetworkError.self) { try layer.kernel(x, x2) }
      return error?.description ?? ""
    }
    let three = FixtureInput.sine([3])
    #expect(
      message(DotGeneral(rhs: FixtureInput.sine([4]), contracting: ([2], [0])))
        .hasPrefix("dotGeneral.contracting: expected axes other than 2, the channels"))
    #expect(
      message(DotGeneral(rhs: FixtureInput.sine([4]), batch: ([2], [0])))
        .hasPrefix("dotGeneral.batch: expected axes other than 2, the channels"))
    #expect(
      message(DotGeneral(rhs: three, contracting: ([0], [0])))
        == "dotGeneral.contracting: expected axis 0 of the input, shape [2, 3, 4], as long as axis 0 of the constant, "
        + "found 3")
    #expect(
      message(DotGeneral(rhs: three, contracting: ([3], [0])))
        .hasPrefix("dotGeneral: expected each axis at most once of the 3 axes of the input, shape [2, 3, 4], found 3"))
    #expect(
      message(DotGeneral(rhs: FixtureInput.sine([2]), batch: ([0], [0])), FixtureInput.cosine([5, 3, 4]))
        == "dotGeneral: expected 2 inputs in each data set, as axis 0 of the constant has entries, found 2 and 5")
  }
}
