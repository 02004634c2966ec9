import TestSupport
import Testing

@testable import Tensors

@Suite("Shapes")
struct ShapeTests {
  static let shapes: [[Int]] = [
    [], [1], [5], [0], [3, 4], [1, 4], [4, 0], [2, 3, 4], [3, 1, 2], [2, 3, 4, 5], [9, 17], [70, 65], [3, 40, 37],
  ]

  static func permutations(_ rank: Int) -> [[Int]] {
    rank == 0
      ? [[]]
      : permutations(rank - 1).flatMap { head in
        (0...head.count).map { place in Array(head[..<place]) + [rank - 1] + Array(head[place...]) }
      }
  }

  @Test("every order of axes transposes like index arithmetic", arguments: shapes, DType.allCases)
  func transposition(_ shape: [Int], _ dtype: DType) {
    var numbers = TestNumbers(seed: 21)
    let x = numbers.naive(shape, dtype)
    for permutation in Self.permutations(shape.count) {
      expectSame(
        x.tensor(dtype).transposed(permutation),
        NaiveTensor(permutation.map { shape[$0] }) { index in
          var own = index
          for (place, axis) in permutation.enumerated() { own[axis] = index[place] }
          return x[own]
        }, "\(shape) in order \(permutation)")
    }
  }

  @Test(
    "transposition of every small size, through whole and partial blocks", arguments: [DType.float32, .float64, .bool])
  func smallTranspositions(_ dtype: DType) {
    for rows in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 66, 130] {
      for columns in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 66, 130] {
        let x = NaiveTensor([rows, columns]) { Double(($0[0] * 131 + $0[1] * 7) % 2 + ($0[0] * columns + $0[1])) }
        let source = dtype == .bool ? NaiveTensor(x.shape) { x[$0].truncatingRemainder(dividingBy: 3) == 0 ? 1 : 0 } : x
        expectSame(
          source.tensor(dtype).transposed(), NaiveTensor([columns, rows]) { source[[$0[1], $0[0]]] },
          "\(rows) x \(columns)")
      }
    }
  }

  @Test("large transpositions are the same on any number of threads")
  func largeTransposition() {
    let x = Tensor.arange(700 * 900).reshaped(700, 900)
    let expected = NaiveTensor([900, 700]) { Double($0[1] * 900 + $0[0]) }
    withThreadCounts([1, 2, 5]) { _ in expectSame(x.transposed(), expected) }
  }

  @Test("axes are exchanged, moved, added and dropped")
  func axes() {
    let x = Tensor.zeros([2, 3, 4, 5])
    #expect(x.transposed().shape == [5, 4, 3, 2])
    #expect(x.swappedAxes(-1, 1).shape == [2, 5, 4, 3])
    #expect(x.movedAxis(from: 0, to: -1).shape == [3, 4, 5, 2])
    #expect(x.movedAxis(from: -1, to: 1).shape == [2, 5, 3, 4])
    #expect(x.expandedDims(0).shape == [1, 2, 3, 4, 5])
    #expect(x.expandedDims(-1, 1).shape == [2, 1, 3, 4, 5, 1])
    #expect(x.expandedDims(1, 2).squeezed(2).shape == [2, 1, 3, 4, 5])
    #expect(x.expandedDims(1, -1).squeezed().shape == [2, 3, 4, 5])
    #expect(x.reshaped(6, -1).shape == [6, 20])
    #expect(x.reshaped([] + [-1]).shape == [120])
    #expect(x.flattened().shape == [120])
    #expect(Tensor.zeros([0, 3]).reshaped(3, 0).shape == [3, 0])
    #expect(Tensor.zeros([1]).reshaped([]).shape == [])
    expectSame(Tensor.arange(6).reshaped(2, 3), NaiveTensor([2, 3]) { Double($0[0] * 3 + $0[1]) })
  }

  @Test(
    "broadcasting repeats",
    arguments: [
      ([3, 1], [3, 4]), ([], [2, 3]), ([1, 0], [2, 0]), ([2, 1, 2], [3, 2, 4, 2]), ([4], [4]), ([1, 1], [5, 70]),
      ([65], [3, 65]), ([3], [40_000, 3]),
    ] as [([Int], [Int])], DType.allCases)
  func broadcasting(_ shapes: ([Int], [Int]), _ dtype: DType) {
    var numbers = TestNumbers(seed: 22)
    let x = numbers.naive(shapes.0, dtype)
    expectSame(
      x.tensor(dtype).broadcast(to: shapes.1), NaiveTensor(shapes.1) { x.broadcastElement($0) }, "\(shapes)")
  }

  @Test("every set of axes reverses", arguments: shapes, DType.allCases)
  func reversal(_ shape: [Int], _ dtype: DType) {
    var numbers = TestNumbers(seed: 23)
    let x = numbers.naive(shape, dtype)
    for axes in ReductionTests.axisSets(shape.count) {
      expectSame(
        apply(.reverse(axes), [x.tensor(dtype)]),
        NaiveTensor(shape) { index in x[index.indices.map { axes.contains($0) ? shape[$0] - 1 - index[$0] : index[$0] }]
        },
        "\(shape) along \(axes)")
    }
    #expect(x.tensor(dtype).reversed().reversed() == x.tensor(dtype))
  }

  @Test("joining and splitting undo each other", arguments: DType.allCases)
  func joining(_ dtype: DType) {
    var numbers = TestNumbers(seed: 24)
    let x = numbers.naive([4, 6, 5], dtype)
    let tensor = x.tensor(dtype)
    for (axis, sizes) in [(0, [1, 0, 3]), (1, [2, 4]), (-1, [5]), (2, [1, 1, 3])] {
      let parts = tensor.split(sizes: sizes, axis: axis)
      #expect(parts.map { $0.shape[axis < 0 ? axis + 3 : axis] } == sizes)
      #expect(concatenate(parts, axis: axis) == tensor)
    }
    let halves = tensor.split(2, axis: 1)
    expectSame(halves[1], NaiveTensor([4, 3, 5]) { x[[$0[0], $0[1] + 3, $0[2]]] })
    for axis in -4..<4 {
      let stacked = stack([tensor, tensor, tensor], axis: axis)
      let own = axis < 0 ? axis + 4 : axis
      #expect(stacked.shape[own] == 3)
      expectSame(
        stacked,
        NaiveTensor(stacked.shape) { index in
          var inner = index
          inner.remove(at: own)
          return x[inner]
        })
    }
    #expect(concatenate([Tensor([1] as [Int32]), Tensor([2.5])]) == Tensor([1, 2.5]))
  }

  @Test(
    "padding surrounds, spaces and crops",
    arguments: [
      ([3], [1], [2], [0]), ([3], [0], [0], [2]), ([3], [-1], [1], [0]), ([3], [2], [-3], [1]),
      ([2, 3], [0, 2], [1, 0], [0, 0]),
      ([2, 3], [-1, -2], [-1, -1], [2, 1]), ([2, 0], [1, 0], [1, 2], [0, 3]), ([], [], [], []), ([1], [-1], [0], [5]),
      ([5], [-2], [-2], [0]), ([5], [-6], [4], [0]), ([4, 5, 3], [1, -1, 0], [0, 2, -1], [1, 0, 2]),
    ] as [([Int], [Int], [Int], [Int])], [DType.float32, .float64, .int32])
  func padding(_ arguments: ([Int], [Int], [Int], [Int]), _ dtype: DType) {
    let (shape, low, high, interior) = arguments
    var numbers = TestNumbers(seed: 25)
    let x = numbers.naive(shape, dtype)
    let padded = shape.indices.map {
      shape[$0] + low[$0] + high[$0] + Swift.max(0, shape[$0] - 1) * interior[$0]
    }
    expectSame(
      x.tensor(dtype).padded(zip(low, high).map { (low: $0, high: $1) }, interior: interior, value: 7),
      NaiveTensor(padded) { index in
        var own: [Int] = []
        for axis in index.indices {
          let place = index[axis] - low[axis]
          guard place >= 0, place % (interior[axis] + 1) == 0, place / (interior[axis] + 1) < shape[axis] else {
            return 7
          }
          own.append(place / (interior[axis] + 1))
        }
        return x[own]
      }, "\(arguments)")
  }

  @Test("constructions count as their formulas say")
  func constructions() {
    for dtype in DType.allCases {
      expectSame(Tensor.eye(3, dtype: dtype), NaiveTensor([3, 3]) { $0[0] == $0[1] ? 1 : 0 })
      expectSame(Tensor.eye(2, 4, dtype: dtype), NaiveTensor([2, 4]) { $0[0] == $0[1] ? 1 : 0 })
    }
    expectSame(Tensor.arange(5, dtype: .float64), NaiveTensor([5]) { Double($0[0]) })
    #expect(Tensor.arange(0).shape == [0])
    expectSame(Tensor.arange(1, 2.01, step: 0.25, dtype: .float64), NaiveTensor([5]) { 1 + 0.25 * Double($0[0]) })
    expectSame(Tensor.arange(5, 0, step: -2), NaiveTensor([3]) { 5 - 2 * Double($0[0]) })
    expectSame(
      Tensor.linspace(-1, 0.7, count: 18, dtype: .float64), NaiveTensor([18]) { -1 + 0.1 * Double($0[0]) },
      absolute: 1e-15)
    #expect(Tensor.linspace(0, 0.3, count: 4, dtype: .float64)[-1] == Tensor(0.3))
    #expect(Tensor.linspace(3, 4, count: 1).scalars(as: Float.self) == [3])
    expectSame(
      apply(.iota(shape: [2, 3, 2], dtype: .int32, axis: 1), []), NaiveTensor([2, 3, 2]) { Double($0[1]) })
  }

  @Test("descriptions show nested brackets, and the edges of large tensors")
  func descriptions() {
    #expect(Tensor(Float(2)).description == "Tensor(2., float32)")
    #expect(Tensor([1, -2, 30] as [Int32]).description == "Tensor([ 1, -2, 30], int32)")
    #expect(Tensor([true, false]).description == "Tensor([ true, false], bool)")
    #expect(Tensor([0.5, .nan, .infinity]).description == "Tensor([0.5, nan, inf], float64)")
    #expect(
      Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).description == "Tensor([[1., 2.],\n        [3., 4.]], float32)")
    #expect(Tensor.zeros([0, 3]).description == "Tensor([], shape [0, 3], float32)")
    let lines = Tensor.arange(10_000).reshaped(100, 100).description.split(separator: "\n")
    #expect(lines.count == 7)
    #expect(lines[0].contains("...") && lines[3].contains("...") && lines[6].contains("9999"))
  }
}
