import NeuralTangents
import Tensors
import Testing

@Suite("Index")
struct IndexTests {
  /// Expressions for an input (N, H, W, C) as in a file, and the shape they make of (4, 5, 6, 7).
  static let expressions: [(ranges: String, shape: [Int])] = [
    (#"[]"#, [4, 5, 6, 7]), (#"["..."]"#, [4, 5, 6, 7]), (#"[":", ":", ":"]"#, [4, 5, 6, 7]),
    (#"[":", 0]"#, [4, 6, 7]), (#"[":", -1]"#, [4, 6, 7]), (#"[":", ":", 2]"#, [4, 5, 7]),
    (#"[":", 1, 2]"#, [4, 7]), (#"["...", -2, ":"]"#, [4, 5, 7]), (#"[":", "1:"]"#, [4, 4, 6, 7]),
    (#"[":", ":-1"]"#, [4, 4, 6, 7]), (#"[":", ":", "::2"]"#, [4, 5, 3, 7]),
    (#"[":", "1:", "::-2"]"#, [4, 4, 3, 7]), (#"[":", "::-1", "::-1"]"#, [4, 5, 6, 7]),
    (#"[":", "4:0:-3", 5]"#, [4, 2, 7]), (#"[":", 3, "-3:-1"]"#, [4, 2, 7]), (#"["...", "1:2", ":"]"#, [4, 5, 1, 7]),
    (#"["1:"]"#, [3, 5, 6, 7]), (#"["::-1"]"#, [4, 5, 6, 7]), (#"["::2", "1:3"]"#, [2, 2, 6, 7]),
    (#"["-2:", 2]"#, [2, 6, 7]), (#"["1:2", 2, 3]"#, [1, 7]), (#"["3:0:-2", "...", "::5", ":"]"#, [2, 5, 2, 7]),
    (#"["0:", "0:", "0:"]"#, [4, 5, 6, 7]), (#"[":", "-100:100", ":3"]"#, [4, 5, 3, 7]),
    (#"[":3", "2:", ":", ":"]"#, [3, 3, 6, 7]),
  ]

  private static func index(_ ranges: String) throws -> Index {
    try #require(try NetworkFile(json: #"{"index": {"ranges": \#(ranges)}}"#).network as? Index)
  }

  @Test("the kernel on data is the covariance of finite outputs, also with masks", arguments: expressions)
  func exact(_ expression: (ranges: String, shape: [Int])) throws {
    let layer = try Self.index(expression.ranges)
    for mask in 0..<3 {
      var (x1, x2) = (FixtureInput.sine([4, 5, 6, 7]), FixtureInput.cosine([5, 5, 6, 7]))
      if mask > 0 {
        let channels = mask == 1 ? 1 : 7
        func masked(_ x: Tensor) -> Tensor {
          select(
            RandomKey(seed: 5).uniform(Array(x.shape.dropLast()) + [channels], dtype: .float64) .< 0.4, 10, x)
        }
        (x1, x2) = (masked(x1), masked(x2))
      }
      let oracle = LinearLayerOracle(layer: layer, maskConstant: mask > 0 ? 10 : nil)
      #expect(try layer.outputShape(forInput: [4, 5, 6, 7]) == expression.shape)
      try oracle.expectExact(x1, x2, "\(expression.ranges), mask \(mask)")
      try oracle.expectExact(x1, nil, "\(expression.ranges), mask \(mask)")
    }
  }

  @Test("kernels after other layers are those entries", arguments: expressions)
  func afterLayers(_ expression: (ranges: String, shape: [Int])) throws {
    let before: [any Layer] = [
      Conv(4, window: [2, 3], padding: .same, weightStd: 1.3, biasStd: 0.2), Relu(), Conv(4, window: [1, 1]),
    ]
    let oracle = LinearLayerOracle(layer: try Self.index(expression.ranges))
    let (x1, x2) = (FixtureInput.sine([4, 5, 6, 2]), FixtureInput.cosine([5, 5, 6, 2]))
    try oracle.expectExact(after: before, x1, x2, "\(expression.ranges)")
    try oracle.expectExact(after: before, x1, nil, "\(expression.ranges)")
  }

  @Test(
    "batch and channels may be anywhere, and move when an axis before them goes", arguments: ImageResizeTests.layouts)
  func layouts(_ axes: DataAxes) throws {
    for places: [TensorIndex] in [
      [.position(1), .all], [.all, .position(-1)], [.stride(from: 1, by: 2), .stride(by: -1)],
      [.position(0), .position(2)],
    ] {
      var (ranges, next) = ([TensorIndex](repeating: .all, count: 4), 0)
      var (shape1, shape2) = ([Int](repeating: 7, count: 4), [Int](repeating: 7, count: 4))
      for axis in 0..<4 where axis != axes.channel {
        if axis == axes.batch {
          (shape1[axis], shape2[axis]) = (3, 4)
        } else {
          ranges[axis] = places[next]
          (shape1[axis], shape2[axis]) = (5 + next, 5 + next)
          next += 1
        }
      }
      let layer = Index(ranges, batchAxis: axes.batch, channelAxis: axes.channel)
      try LinearLayerOracle(layer: layer, axes: axes)
        .expectExact(FixtureInput.sine(shape1), FixtureInput.cosine(shape2), "\(places)")
    }
  }

  @Test("a network reads the axes where an index left them")
  func axesAfter() throws {
    let network = Serial {
      Dense(1, biasStd: 0.3, batchAxis: 2, channelAxis: 1)
      Index(0, batchAxis: 2, channelAxis: 1)
      Relu()
      Dense(1, batchAxis: 1, channelAxis: 0)
    }
    let x = FixtureInput.sine([3, 4, 5])
    let expected = try Serial {
      Dense(1, biasStd: 0.3)
      Relu()
      Dense(1)
    }.kernel(x[0].transposed())
    let found = try network.kernel(x)
    expectEqual(found.nngp, expected.nngp, 1e-14, "nngp")
    expectEqual(try #require(found.ntk), try #require(expected.ntk), 1e-14, "ntk")
    #expect(found.shape1 == [1, 5] && found.axes == DataAxes(batch: 1, channel: 0))
  }

  @Test("a network's kernels are those of the reference")
  func golden() throws {
    let network = Serial {
      Dense(1)
      Index(.all, 1..., .stride(by: -2))
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
    let kernel = try network.kernel(FixtureInput.sine([2, 4, 5, 3]), FixtureInput.cosine([2, 4, 5, 3]))
    expectGolden(kernel, nngp: [0.1134057198, 0.1150384947], ntk: [0.1931074021, 0.1983521012])
  }

  @Test("a large kernel of some inputs is that part of the whole one")
  func blocks() throws {
    let before: [any Layer] = [Conv(1, window: [2], biasStd: 0.1), Relu()]
    let x = FixtureInput.sine([9, 40, 2])
    let whole = try Serial(before).kernel(x)
    let part = try Serial(before + [Index(.stride(from: 7, by: -3), .all)]).kernel(x)
    let taken = whole.nngp.taking([7, 4, 1], axis: 0).taking([7, 4, 1], axis: 1)
    expectEqual(part.nngp, taken, 1e-14, "rows 7, 4 and 1")
  }

  @Test("inputs without positions can be indexed, by tiles or not")
  func vectors() throws {
    let x = FixtureInput.sine([6, 3])
    let kernel = try Serial {
      Dense(1)
      Index(2...)
      Relu()
      Dense(1)
    }.kernel(x)
    let expected = try Serial {
      Dense(1)
      Relu()
      Dense(1)
    }.kernel(x[2...])
    expectEqual(kernel.nngp, expected.nngp, 1e-14, "nngp")
    expectEqual(try #require(kernel.ntk), try #require(expected.ntk), 1e-14, "ntk")
  }

  @Test("a finite network may be indexed anywhere")
  func finite() throws {
    let x = FixtureInput.sine([4, 5, 6])
    expectEqual(try Index(1, .ellipsis, .stride(by: -2))(.none, x), x[1, .all, .stride(by: -2)], 1e-15, "1, ::-2")
    #expect(try Index(3).outputShape(forInput: [1, 5, 6]) == [5, 6])
  }

  @Test("files are read and written back")
  func file() throws {
    for expression in Self.expressions {
      let file = try NetworkFile(json: #"{"index": {"ranges": \#(expression.ranges), "batchAxis": 1}}"#)
      let again = try NetworkFile(json: file.json())
      #expect((again.network as? Index)?.ranges == (file.network as? Index)?.ranges)
      #expect(again.network.dataAxes == DataAxes(batch: 1, channel: -1))
    }
    let ranges = try Self.index(#"[3, "1:-1:2", "::-1", "..."]"#).ranges
    #expect(ranges == [.position(3), .stride(from: 1, to: -1, by: 2), .stride(by: -1), .ellipsis])
  }

  @Test("mistakes in a file are named", arguments: [#""1;2""#, #""a:b""#, #""::0""#, "1.5", "[1]", #"":::""#, #""5""#])
  func mistakes(_ range: String) {
    let error = #expect(throws: NetworkError.self) {
      try NetworkFile(json: #"{"index": {"ranges": [":", \#(range)]}}"#)
    }
    #expect(error?.description.hasPrefix(#"index.ranges[1]: expected a list of ":", "from:to""#) == true)
    #expect(throws: NetworkError.self) { try NetworkFile(json: #"{"index": {"ranges": ["...", "..."]}}"#) }
    #expect(throws: NetworkError.self) { try NetworkFile(json: #"{"index": {}}"#) }
  }

  @Test("what a kernel cannot have, and what is not there, are errors")
  func errors() {
    let x = FixtureInput.sine([4, 5, 6, 7])
    func message(_ layer: Index) -> String {
      let error = #expect(throws: NetworkError.self) { try layer.kernel(x) }
      return error?.description ?? ""
    }
    #expect(
      message(Index(2)).hasPrefix(#"index.ranges[0]: expected a range for the batch, which a kernel needs ("2:3""#))
    #expect(message(Index(.ellipsis, 0...3)).hasPrefix(#"index.ranges[3]: expected ":" for the channels"#))
    #expect(message(Index(.ellipsis, 0)).hasPrefix(#"index.ranges[3]: expected ":" for the channels"#))
    #expect(message(Index(.all, 5)) == "index.ranges[1]: expected at least one of 5 positions of axis 1, found 5")
    #expect(message(Index(.all, 3..<3)) == "index.ranges[1]: expected at least one of 5 positions of axis 1, found 3:3")
    #expect(message(Index(4...)) == "index.ranges[0]: expected at least one of 4 inputs, found 4:")
    #expect(
      message(Index(.all, .all, .all, .all, .all))
        == "index.ranges: expected at most 4, one per axis of the input, found 5")
  }
}
