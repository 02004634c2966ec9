import Foundation
import Tensors
import Testing

@testable import Networks
import NeuralTangents

@Suite("Messages along graphs")
struct AggregateTests {
  private let x1 = FixtureInput.sine([2, 4, 5, 3])
  private let x2 = FixtureInput.cosine([2, 4, 5, 3])

  /// Edges of `count` graphs over positions of these sizes, some of them given twice, some of them none.
  private func edges(_ count: Int, _ sizes: [Int], seed: Int, edgeCount: Int = 9) -> Tensor {
    let shape = [count, edgeCount, sizes.count, 2]
    let limits = Tensor(sizes.map(Double.init)).reshaped([sizes.count, 1])
    // From −0.15 of the size, so that a few coordinates are negative.
    let draw = RandomKey(seed: seed).uniform(shape, from: -0.15, to: 1, dtype: .float64) * limits
    return floor(draw).asType(.int32)
  }

  /// The adjacency matrices of edges.
  private func adjacency(_ edges: Tensor, _ sizes: [Int]) -> Tensor {
    let (count, edgeCount, axes) = (edges.shape[0], edges.shape[1], sizes.count)
    let numbers = edges.scalars(as: Int32.self).map(Int.init)
    let size = sizes.reduce(1, *)
    var result = [Double](repeating: 0, count: count * size * size)
    for index in 0..<count * edgeCount {
      let edge = numbers[index * axes * 2..<(index + 1) * axes * 2]
      guard edge.allSatisfy({ $0 >= 0 }) else { continue }
      func place(_ end: Int) -> Int {
        (0..<axes).reduce(0) { $0 * sizes[$1] + edge[edge.startIndex + 2 * $1 + end] }
      }
      result[(index / edgeCount * size + place(0)) * size + place(1)] += 1
    }
    return Tensor(result, shape: [count] + sizes + sizes)
  }

  @Test("kernels of image networks are those of the Python library")
  func golden() throws {
    let pattern = Tensors.abs(FixtureInput.sine([2, 4, 4]))
    let kernel = try Serial {
      Dense(1)
      Aggregate(axes: [1])
      Relu()
      GlobalAvgPool()
      Dense(1)
    }.kernel(x1, x2, patterns: GraphPatterns(pattern))
    func error(_ found: Tensor, _ expected: [Double]) -> Double {
      largestError(found.flattened()[0..<2], expected, scale: expected)
    }
    #expect(error(kernel.nngp, [0.06329639415, 0.04484369069]) < 1e-9)
    #expect(error(try #require(kernel.ntk), [0.1069815436, 0.07498648503]) < 1e-9)
  }

  @Test("outputs and kernels are those of sums written out, for graphs that differ between both data sets")
  func writtenOut() throws {
    let (x1, x2) = (FixtureInput.sine([2, 2, 3, 2]), FixtureInput.cosine([3, 2, 3, 2]))
    let (a1, a2) = (FixtureInput.cosine([2, 3, 3]), FixtureInput.sine([3, 3, 3]))
    let layer = Aggregate(axes: [2])
    func messages(_ x: Tensor, _ a: Tensor) -> [Double] {
      let (x, a) = (x.scalars(as: Double.self), a.scalars(as: Double.self))
      return x.indices.map { index in
        let (n, h, j, c) = (index / 12, index / 6 % 2, index / 2 % 3, index % 2)
        return (0..<3).reduce(0) { $0 + x[n * 12 + h * 6 + $1 * 2 + c] * a[n * 9 + $1 * 3 + j] }
      }
    }
    let (y1, y2) = (Tensor(messages(x1, a1), shape: x1.shape), Tensor(messages(x2, a2), shape: x2.shape))
    #expect(largestError(try layer(.none, x1, pattern: a1), y1, relativeTo: 1) < 1e-14)
    // The layer is linear and has no parameters: its kernel is the covariance of its outputs.
    let kernel = try layer.kernel(x1, x2, patterns: GraphPatterns(a1, a2), options: KernelOptions(batch: .all))
    let expected = try Identity().kernel(y1, y2, options: KernelOptions(batch: .all))
    #expect(largestError(kernel.nngp, expected.nngp, relativeTo: 1) < 1e-14)
    #expect(largestError(kernel.cov1, expected.cov1, relativeTo: 1) < 1e-14)
    #expect(largestError(try #require(kernel.cov2), try #require(expected.cov2), relativeTo: 1) < 1e-14)
    // One data set with two sets of graphs is two data sets.
    let twice = try layer.kernel(x1, x1, patterns: GraphPatterns(a1, a1 + 1))
    let other = Tensor(messages(x1, a1 + 1), shape: x1.shape)
    #expect(largestError(twice.nngp, try Identity().kernel(y1, other).nngp, relativeTo: 1) < 1e-13)
  }

  @Test(
    "edges give what their adjacency matrices give",
    arguments: [[1], [2], [1, 2], nil] as [[Int]?], [false, true])
  func sparse(_ axes: [Int]?, masked: Bool) throws {
    let sizes = axes == [1] ? [4] : axes == [2] ? [5] : [4, 5]
    let (e1, e2) = (edges(2, sizes, seed: 1), edges(2, sizes, seed: 2))
    let (a1, a2) = (adjacency(e1, sizes), adjacency(e2, sizes))
    var (x1, x2) = (x1, x2)
    if masked {
      x1[0, 1, 2] = Tensor(10.0)
      x1[1, 0..<4, 3] = Tensor(10.0)
      x2[0, 2..., 1] = Tensor(10.0)
      // Single channels, too.
      x2[1, 0, 0, 1] = Tensor(10.0)
    }
    let constant: Double? = masked ? 10 : nil
    func network(_ implementation: Aggregate.Implementation) -> Serial {
      Serial {
        Aggregate(axes: axes, implementation: implementation)
        Conv(3, window: [2, 2], padding: .same, biasStd: 0.2)
        Relu()
        Aggregate(axes: axes, implementation: implementation)
        GlobalAvgPool()
        Dense(2)
      }
    }
    let (dense, sparse) = (network(.dense), network(.sparse))
    let parameters = try dense.initialize(RandomKey(seed: 1), inputShape: x1.shape, dtype: .float64)
    let outputs = try dense(parameters, x1, pattern: a1, maskConstant: constant)
    #expect(
      largestError(try sparse(parameters, x1, pattern: e1, maskConstant: constant), outputs, relativeTo: 1) < 1e-12)
    let kernel = try dense.kernel(x1, x2, patterns: GraphPatterns(a1, a2), maskConstant: constant)
    let other = try sparse.kernel(x1, x2, patterns: GraphPatterns(e1, e2), maskConstant: constant)
    let scale = kernel.cov1.max().scalar(as: Double.self)
    #expect(largestError(other.nngp, kernel.nngp, relativeTo: scale) < 1e-13)
    #expect(largestError(try #require(other.ntk), try #require(kernel.ntk), relativeTo: 10 * scale) < 1e-13)
    #expect(largestError(other.cov1, kernel.cov1, relativeTo: scale) < 1e-13)
  }

  @Test("masked positions send nothing and get nothing, channel by channel")
  func masks() throws {
    var x = x1
    x[0, 1, 2, 0] = Tensor(10.0)
    x[1, 0..<4, 3] = Tensor(10.0)
    let pattern = FixtureInput.cosine([2, 4, 5, 4, 5])
    let layer = Aggregate()
    let isVisible = (x .!= 10).asType(.float64)
    let (zeroed, weights) = (x * isVisible, pattern.reshaped([2, 20, 20]).swappedAxes(1, 2))
    let expected = matmul(weights, zeroed.reshaped([2, 20, 3])).reshaped(x.shape) * isVisible
    let output = try layer.masked(.none, x, pattern: pattern, maskConstant: 10)
    #expect(largestError(output.values, expected, relativeTo: 1) < 1e-13)
    let kernel = try layer.kernel(x, patterns: GraphPatterns(pattern), maskConstant: 10)
    #expect(largestError(kernel.nngp, try Identity().kernel(expected).nngp, relativeTo: 1) < 1e-12)
  }

  @Test("permuted positions and graphs give permuted outputs")
  func equivariance() throws {
    let (x, a) = (FixtureInput.sine([2, 5, 3]), FixtureInput.cosine([2, 5, 5]))
    let order = [3, 0, 4, 1, 2]
    let permuted = a.taking(order, axis: 1).taking(order, axis: 2)
    let layer = Aggregate()
    #expect(
      largestError(
        try layer(.none, x.taking(order, axis: 1), pattern: permuted),
        try layer(.none, x, pattern: a).taking(order, axis: 1), relativeTo: 1) < 1e-14)
  }

  @Test("batch and channels may be in any axis")
  func axes() throws {
    let pattern = FixtureInput.cosine([2, 5, 5])
    let order = [3, 2, 0, 1]
    let (plain, moved) = (Aggregate(axes: [2]), Aggregate(axes: [1], batchAxis: 2, channelAxis: 0))
    let x = x1.transposed(order)
    let expected = try plain(.none, x1, pattern: pattern).transposed(order)
    #expect(largestError(try moved(.none, x, pattern: pattern), expected, relativeTo: 1) < 1e-14)
    let kernel = try plain.kernel(x1, patterns: GraphPatterns(pattern)).nngp
    let other = try moved.kernel(x, patterns: GraphPatterns(pattern)).nngp
    #expect(largestError(other, kernel.transposed(0, 1, 3, 2, 5, 4), relativeTo: 1) < 1e-13)
  }

  @Test("without graphs the layer is the identity; without axes it scales inputs")
  func identity() throws {
    #expect(largestError(try Aggregate()(.none, x1), x1, relativeTo: 1) == 0)
    let kernel = try Aggregate().kernel(x1, x2)
    #expect(largestError(kernel.nngp, try Identity().kernel(x1, x2).nngp, relativeTo: 1) < 1e-15)
    let factors = Tensor([2.0, -3])
    let scaled = x1 * factors.reshaped([2, 1, 1, 1])
    #expect(largestError(try Aggregate(axes: [])(.none, x1, pattern: factors), scaled, relativeTo: 1) < 1e-15)
    let nngp = try Aggregate(axes: []).kernel(x1, patterns: GraphPatterns(factors)).nngp
    #expect(largestError(nngp, try Identity().kernel(scaled).nngp, relativeTo: 1) < 1e-13)
    let sparse = Aggregate(axes: [], implementation: .sparse)
    let counted = try sparse(.none, x1, pattern: .zeros([2, 3, 0, 2], dtype: .int32))
    #expect(largestError(counted, 3 * x1, relativeTo: 1) < 1e-15)
    let silent = Aggregate(axes: [1], implementation: .sparse)
    #expect(try silent(.none, x1, pattern: .zeros([2, 0, 2], dtype: .int32)).max().scalar(as: Double.self) == 0)
  }

  @Test("where one data set has no graphs, the layer is the identity for that one")
  func oneSide() throws {
    let (x1, x2) = (FixtureInput.sine([2, 4, 3]), FixtureInput.cosine([3, 4, 3]))
    let (a1, a2) = (FixtureInput.cosine([2, 4, 4]), Tensor.eye(4, dtype: .float64).broadcast(to: [3, 4, 4]))
    let before = try Identity().kernel(x1, x2)
    let state = CovarianceState(
      k12: before.nngp, theta: .matrix(before.nngp), k11: before.cov1, k22: try #require(before.cov2),
      layout: before.layout)
    let rule = AggregateOperation(implementation: .dense, axes: [0])
    let found = try rule.evaluate([state], CovarianceContext(isSymmetric: false, pattern1: a1, pattern2: nil))
    let expected = try Aggregate().kernel(x1, x2, patterns: GraphPatterns(a1, a2))
    #expect(largestError(found.k12, expected.nngp, relativeTo: 1) < 1e-14)
    #expect(largestError(found.k11, expected.cov1, relativeTo: 1) < 1e-14)
    #expect(largestError(found.k22, state.k22, relativeTo: 1) == 0)
  }

  @Test("parts of a large kernel meet their own graphs")
  func parts() throws {
    let x = gaussianInputs([70, 6, 2], seed: 1)
    let pattern = edges(70, [6], seed: 2)
    let network = Serial {
      Dense(2)
      Aggregate(implementation: .sparse)
      Relu()
      Flatten()
      Dense(1)
    }
    let whole = try network.kernel(x, patterns: GraphPatterns(pattern))
    for row in [0, 33, 69] {
      let one = try network.kernel(
        x[row...row], x[60..<70], patterns: GraphPatterns(pattern[row...row], pattern[60..<70]))
      #expect(largestError(whole.nngp[row...row, 60..<70], one.nngp, relativeTo: 1) < 1e-12)
    }
  }

  @Test("derivatives in inputs, weights of edges and constants agree with central differences")
  func derivatives() throws {
    let (x1, x2) = (gaussianInputs([2, 3, 2], seed: 1), gaussianInputs([2, 3, 2], seed: 2))
    let direction = gaussianInputs([2, 3, 2], seed: 3)
    func network(_ implementation: Aggregate.Implementation) -> Serial {
      Serial {
        Dense(4, weightStd: 1.2, biasStd: 0.2)
        Aggregate(implementation: implementation)
        Erf()
        GlobalAvgPool()
        Dense(1)
      }
    }
    let (a1, a2) = (gaussianInputs([2, 3, 3], seed: 4), gaussianInputs([2, 3, 3], seed: 5))
    let dense = try largestDerivativeError(
      { try weightedSum(network(.dense).kernel($0, x2, patterns: GraphPatterns(a1, a2))) }, at: x1, along: direction)
    #expect(dense < 1e-6)
    let edgeWeights = try largestDerivativeError(
      { try weightedSum(network(.dense).kernel(x1, x2, patterns: GraphPatterns($0, a2))) }, at: a1,
      along: gaussianInputs([2, 3, 3], seed: 6))
    #expect(edgeWeights < 1e-6)
    let (e1, e2) = (edges(2, [3], seed: 7), edges(2, [3], seed: 8))
    let sparse = try largestDerivativeError(
      { try weightedSum(network(.sparse).kernel($0, x2, patterns: GraphPatterns(e1, e2))) }, at: x1, along: direction)
    #expect(sparse < 1e-6)
    let constants = network(.sparse).hyperParameters
    let values = stack(constants.entries.map(\.value))
    let slope = try largestDerivativeError(
      { values in
        let replaced = constants.replacingLeaves(constants.entries.indices.map { values[$0] })
        return try weightedSum(
          network(.sparse).replacing(replaced).kernel(x1, x2, patterns: GraphPatterns(e1, e2)))
      }, at: values, along: gaussianInputs(values.shape, seed: 9))
    #expect(slope < 1e-6)
  }

  @Test("a network file holds the layer")
  func files() throws {
    for json in [
      #"{"aggregate":{}}"#, #"{"aggregate":{"axes":[1,2],"implementation":"sparse"}}"#,
      #"{"aggregate":{"axes":[],"batchAxis":1,"channelAxis":0}}"#,
    ] {
      let again = try NetworkFile(json: NetworkFile(json: json).json()).json()
      #expect(again.filter { !$0.isWhitespace } == json)
    }
    #expect(try NetworkFile(json: #"{"aggregate":{"axes":2}}"#).json().contains("["))
  }

  @Test("a wrong pattern is told: its shape, its type, its positions")
  func errors() throws {
    func message(_ layer: Aggregate, _ pattern: Tensor) -> String? {
      let error = #expect(throws: NetworkError.self) { try layer(.none, x1, pattern: pattern) }
      return error?.description
    }
    func edges(_ shape: [Int]) -> Tensor { .zeros(shape, dtype: .int32) }
    let (dense, one) = (Aggregate(axes: [1]), Aggregate(axes: [1], implementation: .sparse))
    let two = Aggregate(implementation: .sparse)
    #expect(
      message(dense, .zeros([2, 5, 5]))
        == "aggregate.pattern: expected adjacency matrices of shape [2, 4, 4], found shape [2, 5, 5]")
    let oneAxis = "aggregate.pattern: expected edges of shape (2, edges, 1, 2) or (2, edges, 2), found shape "
    #expect(message(one, edges([2, 5, 3])) == oneAxis + "[2, 5, 3]")
    #expect(message(one, edges([2, 5])) == oneAxis + "[2, 5]")
    #expect(message(one, edges([3, 5, 2])) == oneAxis + "[3, 5, 2]")
    #expect(message(one, edges([2, 5, 2, 2])) == oneAxis + "[2, 5, 2, 2]")
    let twoAxes = "aggregate.pattern: expected edges of shape (2, edges, 2, 2), found shape "
    #expect(message(two, edges([2, 5, 2])) == twoAxes + "[2, 5, 2]")
    #expect(message(two, edges([2, 5, 2, 1])) == twoAxes + "[2, 5, 2, 1]")
    #expect(
      message(one, .zeros([2, 5, 2])) == "aggregate.pattern: expected edges of type int32, found float32")
    var outside = edges([2, 5, 2])
    outside[1, 3, 0] = Tensor(Int32(4))
    #expect(
      message(one, outside)
        == "aggregate.pattern: expected edges between positions below [4], or negative ones for none, found edge 3 of "
        + "graph 1: [4] to [0]")
    let kernel = #expect(throws: NetworkError.self) {
      try one.kernel(x1, x2, patterns: GraphPatterns(edges([2, 5, 2]), outside))
    }
    #expect(kernel?.description.hasPrefix("aggregate.patterns.second: expected edges between positions") == true)
    let axis = #expect(throws: NetworkError.self) { try Aggregate(axes: [-1])(.none, x1) }
    #expect(
      axis?.description == "aggregate.axes: expected axes of positions: of [1, 2], found -1, the axis of the channels")
  }
}
