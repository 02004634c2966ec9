import TestSupport
import Testing

@testable import Tensors

@Suite("Indexing")
struct IndexingTests {
  let x = NaiveTensor([4, 5, 6]) { Double($0[0] * 100 + $0[1] * 10 + $0[2]) }

  @Test("positions drop axes, ranges keep them, an ellipsis stands for the rest", arguments: DType.allCases)
  func reading(_ dtype: DType) {
    let x = NaiveTensor(self.x.tensor(dtype))
    let t = x.tensor(dtype)
    expectSame(t[1], NaiveTensor([5, 6]) { x[[1, $0[0], $0[1]]] })
    expectSame(t[-1, -2, -3], NaiveTensor([]) { _ in x[[3, 3, 3]] })
    expectSame(t[1..<3], NaiveTensor([2, 5, 6]) { x[[$0[0] + 1, $0[1], $0[2]]] })
    expectSame(t[.all, 1...2, 3], NaiveTensor([4, 2]) { x[[$0[0], $0[1] + 1, 3]] })
    expectSame(t[.ellipsis, 4], NaiveTensor([4, 5]) { x[[$0[0], $0[1], 4]] })
    expectSame(t[2, .ellipsis, (-2)...], NaiveTensor([5, 2]) { x[[2, $0[0], $0[1] + 4]] })
    expectSame(t[..<2, .newAxis, ...1], NaiveTensor([2, 1, 2, 6]) { x[[$0[0], $0[2], $0[3]]] })
    expectSame(t[.newAxis, .ellipsis, .newAxis], NaiveTensor([1, 4, 5, 6, 1]) { x[[$0[1], $0[2], $0[3]]] })
    expectSame(t[.ellipsis], x)
    #expect(t[3..<3].shape == [0, 5, 6])
    #expect(t[3..<9].shape == [1, 5, 6])
    let i = 2
    expectSame(t[i, i], NaiveTensor([6]) { x[[2, 2, $0[0]]] })
  }

  /// Python's `range(size)[from:to:step]`, by walking.
  static func walk(_ from: Int?, _ to: Int?, _ step: Int, _ size: Int) -> [Int] {
    func place(_ bound: Int) -> Int { bound < 0 ? bound + size : bound }
    var position = from.map(place) ?? (step > 0 ? 0 : size - 1)
    let end = to.map(place) ?? (step > 0 ? size : -1)
    if step > 0 && position < 0 { position = 0 }
    if step < 0 && position > size - 1 { position = size - 1 }
    var result: [Int] = []
    while step > 0 ? position < Swift.min(end, size) : position > Swift.max(end, -1) {
      result.append(position)
      position += step
    }
    return result
  }

  @Test("strided ranges follow Python's rule", arguments: [1, 2, 3, 7, -1, -2, -5])
  func strides(_ step: Int) {
    let bounds: [Int?] = [nil, 0, 1, 3, 6, 9, -1, -3, -6, -7, -20]
    let t = Tensor.arange(6)
    for from in bounds {
      for to in bounds {
        let expected = Self.walk(from, to, step, 6)
        expectSame(
          t[.stride(from: from, to: to, by: step)], NaiveTensor([expected.count]) { Double(expected[$0[0]]) },
          "\(String(describing: from)) to \(String(describing: to)) by \(step)")
      }
    }
    expectSame(
      x.tensor()[.stride(by: step), 1, .stride(by: -2)],
      NaiveTensor([Self.walk(nil, nil, step, 4).count, 3]) {
        x[[Self.walk(nil, nil, step, 4)[$0[0]], 1, 5 - 2 * $0[1]]]
      })
  }

  @Test("assignment replaces exactly the selected part", arguments: DType.allCases)
  func assignment(_ dtype: DType) {
    let x = NaiveTensor(self.x.tensor(dtype))
    func check(
      _ assign: (inout Tensor) -> Void, _ expected: ([Int]) -> Double, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      var t = x.tensor(dtype)
      assign(&t)
      expectSame(t, NaiveTensor(x.shape, expected), sourceLocation: sourceLocation)
      #expect(t.dtype == dtype)
    }
    let one = Tensor.ones([], dtype: dtype)
    check {
      $0[1] = one
    } _: {
      $0[0] == 1 ? 1 : x[$0]
    }
    check {
      $0[.all, 2..<4, .stride(by: 2)] = one
    } _: {
      (2..<4).contains($0[1]) && $0[2] % 2 == 0 ? 1 : x[$0]
    }
    check {
      $0[.ellipsis, -1] = Tensor.arange(5)
    } _: { index in
      index[2] == 5 ? (dtype == .bool ? (index[1] == 0 ? 0 : 1) : Double(index[1])) : x[index]
    }
    check {
      $0[.stride(by: -1), 0, 0] = Tensor([1, 0, 1, 1] as [Float])
    } _: { index in
      index[1] == 0 && index[2] == 0 ? [1, 1, 0, 1][index[0]] : x[index]
    }
    check {
      $0[.ellipsis] = one
    } _: { _ in
      1
    }
    check {
      $0[2..<2] = one
    } _: {
      x[$0]
    }
    check {
      $0[.all, .newAxis, 1, 2] = one
    } _: {
      $0[1] == 1 && $0[2] == 2 ? 1 : x[$0]
    }
  }

  @Test("assignment works in place, and leaves copies alone")
  func assignmentInPlace() {
    var t = Tensor.zeros([10, 10])
    let place = t.storage.bytes
    t[3] = Tensor.ones([10])
    t[.all, 2..<4] += 1
    #expect(t.storage.bytes == place)
    let copy = t
    t[0, 0] = Tensor(Float(9))
    #expect(t.storage.bytes != place)
    expectSame(copy[0, 0], NaiveTensor([]) { _ in 0 })
    expectSame(t[0, 0], NaiveTensor([]) { _ in 9 })
    expectSame(t[3], NaiveTensor([10]) { (2..<4).contains($0[0]) ? 2 : 1 })
    // The source may be the tensor itself.
    var u = Tensor.arange(6)
    u[.stride(by: -1)] = u
    expectSame(u, NaiveTensor([6]) { Double(5 - $0[0]) })
  }

  @Test("entries are taken along an axis, and added back by the transpose", arguments: DType.allCases)
  func taking(_ dtype: DType) {
    let x = NaiveTensor(self.x.tensor(dtype))
    let t = x.tensor(dtype)
    let positions = [3, 0, 0, -1]
    for axis in -3..<3 {
      let own = axis < 0 ? axis + 3 : axis
      let size = x.shape[own]
      var shape = x.shape
      shape[own] = 4
      let expected = NaiveTensor(shape) { index in
        var source = index
        source[own] = (positions[index[own]] + size) % size
        return x[source]
      }
      expectSame(t.taking(positions, axis: axis), expected)
      let grid = t.taking(Tensor(positions.map(Int32.init), shape: [2, 2]), axis: axis)
      #expect(grid.reshaped(shape) == t.taking(positions, axis: axis))
      #expect(grid.rank == 4)
      guard dtype != .bool else { continue }
      let back = t.taking(positions, axis: axis).scatteringAdd(
        Tensor(positions.map(Int32.init)), axis: axis, size: size)
      expectSame(
        back,
        NaiveTensor(x.shape) { index in
          Double(positions.count { ($0 + size) % size == index[own] }) * x[index]
        })
    }
    #expect(t.taking([Int](), axis: 0).shape == [0, 5, 6])
  }

  @Test("elements are taken along an axis one by one, and added back by the transpose")
  func takingAlong() {
    var numbers = TestNumbers(seed: 31)
    for axis in 0..<3 {
      var shape = x.shape
      shape[axis] = 3
      let positions = NaiveTensor(shape) { _ in Double(numbers.below(x.shape[axis])) }
      let found = x.tensor().takingAlong(positions.tensor(.int32), axis: axis)
      expectSame(
        found,
        NaiveTensor(shape) { index in
          var source = index
          source[axis] = Int(positions[index])
          return x[source]
        })
      let back = apply(.scatterAddAlong(axis: axis, size: x.shape[axis]), [found, positions.tensor(.int32)])
      expectSame(
        back,
        NaiveTensor(x.shape) { index in
          var line = index
          return (0..<3).reduce(0.0) { sum, k in
            line[axis] = k
            return Int(positions[line]) == index[axis] ? sum + x[index] : sum
          }
        })
    }
  }

  @Test("sorting is ascending and stable with NaN last", arguments: DType.allCases)
  func sorting(_ dtype: DType) {
    var numbers = TestNumbers(seed: 32)
    for shape in [[1], [0], [10], [64], [65], [1000], [5, 70, 3], [200, 4]] {
      let x = NaiveTensor(numbers.naive(shape, dtype == .bool ? .bool : .int32).tensor(dtype))
      for axis in shape.indices {
        let lines = ReductionTests.fold(x, [axis]) { _ in 0 }
        let (sorted, order) = (
          NaiveTensor(x.tensor(dtype).sorted(axis: axis)), NaiveTensor(x.tensor(dtype).argSorted(axis: axis))
        )
        for line in NaiveTensor.indices(of: lines.shape) {
          func along(_ k: Int) -> [Int] { Array(line[..<axis]) + [k] + Array(line[axis...]) }
          let values = (0..<shape[axis]).map { x[along($0)] }
          let expected = values.enumerated().sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }
          #expect((0..<shape[axis]).map { sorted[along($0)] } == expected.map(\.element))
          #expect((0..<shape[axis]).map { order[along($0)] } == expected.map { Double($0.offset) })
        }
      }
    }
  }

  @Test("special numbers sort by value", arguments: [DType.float32, .float64])
  func sortingSpecials(_ dtype: DType) {
    let values: [Double] = [.nan, 1, -.infinity, 0, -0.0, .infinity, -1, 1e-40, -.nan, -2, .greatestFiniteMagnitude]
    for repeats in [1, 20] {
      let x = NaiveTensor([11 * repeats]) { values[$0[0] % 11] }.tensor(dtype)
      let sorted = NaiveTensor(x.sorted()).values
      let numbers = sorted.prefix { !$0.isNaN }
      #expect(numbers.count == 9 * repeats && zip(numbers, numbers.dropFirst()).allSatisfy { $0 <= $1 })
      let order = x.argSorted().scalars(as: Int32.self)
      let zeros = order.filter { [3, 4].contains($0 % 11) }
      #expect(zeros == zeros.sorted())
    }
  }

  @Test("diagonals and triangles of rectangular matrices", arguments: [-5, -2, -1, 0, 1, 2, 6])
  func diagonals(_ offset: Int) {
    for axes in [(0, 1), (1, 0), (-2, -1), (2, 0)] {
      let (first, second) = ((axes.0 + 3) % 3, (axes.1 + 3) % 3)
      let rest = 3 - first - second
      let pairs = (0..<x.shape[first]).filter { (0..<x.shape[second]).contains($0 + offset) }
      expectSame(
        x.tensor().diagonal(axes.0, axes.1, offset: offset),
        NaiveTensor([x.shape[rest], pairs.count]) { index in
          var source = [0, 0, 0]
          source[rest] = index[0]
          source[first] = pairs[index[1]]
          source[second] = pairs[index[1]] + offset
          return x[source]
        }, "axes \(axes), offset \(offset)")
    }
    expectSame(x.tensor().upperTriangle(offset: offset), NaiveTensor(x.shape) { $0[2] - $0[1] >= offset ? x[$0] : 0 })
    expectSame(x.tensor().lowerTriangle(offset: offset), NaiveTensor(x.shape) { $0[2] - $0[1] <= offset ? x[$0] : 0 })
  }
}
