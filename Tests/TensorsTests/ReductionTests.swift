import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite("Reductions")
struct ReductionTests {
  static let shapes: [[Int]] = [
    [], [1], [7], [3, 4], [1, 5], [5, 1], [2, 3, 4], [3, 1, 2, 1, 5], [2, 3, 2, 3], [130, 3], [3, 130], [2, 300, 5],
    [600, 7], [2, 2, 2, 2, 2, 2],
  ]

  /// All subsets of axes, for few axes.
  static func axisSets(_ rank: Int) -> [[Int]] {
    (0..<(1 << rank)).map { mask in (0..<rank).filter { mask >> $0 & 1 == 1 } }
  }

  /// The fold of the elements of each group that the remaining axes name.
  static func fold(_ x: NaiveTensor, _ axes: [Int], keepDims: Bool = false, _ f: ([Double]) -> Double) -> NaiveTensor {
    var groups: [[Int]: [Double]] = [:]
    for index in NaiveTensor.indices(of: x.shape) {
      groups[index.indices.filter { !axes.contains($0) }.map { index[$0] }, default: []].append(x[index])
    }
    let kept = x.shape.indices.filter { !axes.contains($0) }
    let shape = keepDims ? x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] } : kept.map { x.shape[$0] }
    return NaiveTensor(shape) { index in f(groups[keepDims ? kept.map { index[$0] } : index] ?? []) }
  }

  @Test("every set of axes reduces like a loop", arguments: shapes, DType.allCases)
  func everyAxisSet(_ shape: [Int], _ dtype: DType) {
    var numbers = TestNumbers(seed: 11)
    let x = numbers.naive(shape, dtype)
    let tensor = x.tensor(dtype)
    let tolerance = dtype == .float32 ? 2e-6 : dtype == .float64 ? 1e-13 : 0
    for axes in Self.axisSets(shape.count) {
      for keepDims in [false, true] {
        func expected(_ f: ([Double]) -> Double) -> NaiveTensor { Self.fold(x, axes, keepDims: keepDims, f) }
        let context = "\(shape) over \(axes)"
        expectSame(
          tensor.sum(axes: axes, keepDims: keepDims), expected { $0.reduce(0, +) }, relative: tolerance,
          absolute: tolerance * 30, "sum of \(context)")
        expectSame(tensor.max(axes: axes, keepDims: keepDims), expected { $0.max() ?? 0 }, "max of \(context)")
        expectSame(tensor.min(axes: axes, keepDims: keepDims), expected { $0.min() ?? 0 }, "min of \(context)")
        expectSame(
          tensor.any(axes: axes, keepDims: keepDims), expected { $0.contains { $0 != 0 } ? 1 : 0 }, "any of \(context)")
        expectSame(
          tensor.all(axes: axes, keepDims: keepDims), expected { $0.contains(0) ? 0 : 1 }, "all of \(context)")
        expectSame(
          tensor.mean(axes: axes, keepDims: keepDims), expected { $0.reduce(0, +) / Double($0.count) },
          relative: 2e-6, absolute: 2e-6, "mean of \(context)")
        if dtype.isFloatingPoint {
          let half = x.shape.product > 300 ? NaiveTensor(shape) { Foundation.pow(2, (x[$0] / 40)) } : x
          expectSame(
            half.tensor(dtype).product(axes: axes, keepDims: keepDims),
            Self.fold(half, axes, keepDims: keepDims) { $0.reduce(1, *) }, relative: 1e-4, "product of \(context)")
          expectSame(
            tensor.variance(axes: axes, keepDims: keepDims),
            expected { group in
              let mean = group.reduce(0, +) / Double(group.count)
              return group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(group.count)
            }, relative: 1e-5, absolute: 1e-5, "variance of \(context)")
        }
      }
    }
  }

  @Test("integer products wrap around and integer sums too")
  func integers() {
    let x = Tensor([Int32.max, 1, 3], shape: [3])
    #expect(x.sum().scalar(as: Int32.self) == Int32.max &+ 4)
    #expect(x.product().scalar(as: Int32.self) == Int32.max &* 3)
    #expect(Tensor([true, true, false]).sum().scalar(as: Int32.self) == 2)
    #expect(Tensor([1, 2] as [Int32]).mean() == Tensor(Float(1.5)))
  }

  @Test("indices of extremes are the first ones", arguments: shapes.filter { !$0.isEmpty }, DType.allCases)
  func argReductions(_ shape: [Int], _ dtype: DType) {
    var numbers = TestNumbers(seed: 12)
    let x = NaiveTensor(numbers.naive(shape, .int32).tensor(dtype))
    let tensor = x.tensor(dtype)
    for axis in -shape.count..<shape.count {
      let own = axis < 0 ? axis + shape.count : axis
      expectSame(
        tensor.argMax(axis: axis), Self.fold(x, [own]) { group in Double(group.firstIndex(of: group.max() ?? 0) ?? 0) },
        "argMax of \(shape) along \(axis)")
      expectSame(
        tensor.argMin(axis: axis, keepDims: true),
        Self.fold(x, [own], keepDims: true) { group in Double(group.firstIndex(of: group.min() ?? 0) ?? 0) },
        "argMin of \(shape) along \(axis)")
      expectSame(
        tensor.cumulativeSum(axis: axis),
        NaiveTensor(shape) { index in
          (0...index[own]).reduce(0) { sum, k in
            var other = index
            other[own] = k
            return sum + x[other]
          }
        }, "cumulative sum of \(shape) along \(axis)")
    }
    let all = Array(shape.indices)
    expectSame(tensor.argMax(), Self.fold(x, all) { group in Double(group.firstIndex(of: group.max() ?? 0) ?? 0) })
  }

  @Test("NaN passes through every position of a reduction", arguments: [DType.float32, .float64])
  func nan(_ dtype: DType) {
    for count in [1, 2, 7, 40, 100] {
      for position in 0..<count {
        let x = NaiveTensor([count]) { $0[0] == position ? .nan : Double($0[0]) }.tensor(dtype)
        for result in [x.max(), x.min(), x.sum(), x.product(), x.mean()] {
          #expect(isNaN(result).scalar(as: Bool.self))
        }
        #expect(x.argMax().scalar(as: Int32.self) == Int32(position))
        #expect(x.argMin().scalar(as: Int32.self) == Int32(position))
        let columns = x.expandedDims(-1).broadcast(to: [count, 5])
        expectSame(columns.max(axis: 0), NaiveTensor([5]) { _ in .nan })
        expectSame(columns.min(axis: 0), NaiveTensor([5]) { _ in .nan })
        expectSame(columns.argMax(axis: 0), NaiveTensor([5]) { _ in Double(position) })
      }
    }
    let infinite = NaiveTensor([3]) { [Double.infinity, 1, -.infinity][$0[0]] }.tensor(dtype)
    expectSame(infinite.max(), NaiveTensor([]) { _ in .infinity })
    expectSame(infinite.sum(), NaiveTensor([]) { _ in .nan })
    expectSame(infinite[0..<2].sum(), NaiveTensor([]) { _ in .infinity })
  }

  @Test("float32 sums of many elements are as accurate as their result")
  func accurateSums() {
    let count = 10_000_000
    let x = Tensor(shape: [count]) { (buffer: UnsafeMutableBufferPointer<Float>) in
      for index in buffer.indices { buffer[index] = 0.1 + Float(index % 7) * 1e-3 }
    }
    let exact = x.withUnsafeBuffer(of: Float.self) { $0.reduce(0.0) { $0 + Double($1) } }
    for shape in [[count], [count / 10, 10], [10, count / 10], [1000, count / 1000], [100, 100, 1000]] {
      let y = x.reshaped(shape)
      #expect(Swift.abs(Double(y.sum().scalar(as: Float.self)) / exact - 1) < 1e-7, "\(shape)")
      let rows = y.sum(axis: 0).asType(.float64).sum().scalar(as: Double.self)
      #expect(Swift.abs(rows / exact - 1) < 1e-7, "\(shape)")
      let columns = y.sum(axis: -1).asType(.float64).sum().scalar(as: Double.self)
      #expect(Swift.abs(columns / exact - 1) < 1e-7, "\(shape)")
    }
  }

  @Test("float64 sums keep what cancellation leaves")
  func compensatedSums() {
    var values = [Double](repeating: 1e-3, count: 200_000)
    values[0] = 1e12
    values[199_999] = -1e12
    let sum = Tensor(values).sum().scalar(as: Double.self)
    // Plain addition would round every term beside 1e12 to a multiple of 0.00012.
    #expect(Swift.abs(sum - 199.998) < 0.1)
  }

  @Test("results are the same bits on any number of threads", arguments: [DType.float32, .float64])
  func threads(_ dtype: DType) {
    var numbers = TestNumbers(seed: 13)
    let x = numbers.naive([300_007], .float64).tensor(dtype)
    let results: @Sendable () -> [Tensor] = {
      let m = x[0..<300_000]
      return [
        x.sum(), x.max(), x.product(), m.reshaped(3, 100_000).sum(axis: 1), m.reshaped(100_000, 3).sum(axis: 0),
        m.reshaped(100, 3000).sum(axis: 0), m.reshaped(30, 100, 100).sum(axis: 1),
        m.reshaped(30, 100, 100).argMax(axis: 1),
        m.reshaped(100, 3000).cumulativeSum(axis: 0), m.reshaped(3000, 100).variance(axis: 0),
      ]
    }
    var first: [Tensor] = []
    withThreadCounts([1, 2, 3, 7]) { count in
      if count == 1 { first = results() }
      #expect(results() == first)
    }
  }

  @Test("reductions of no elements give the neutral element")
  func empty() {
    let x = Tensor.zeros([0, 3])
    expectSame(x.sum(), NaiveTensor([]) { _ in 0 })
    expectSame(x.sum(axis: 0), NaiveTensor([3]) { _ in 0 })
    expectSame(x.sum(axis: 1), NaiveTensor([0]) { _ in 0 })
    expectSame(x.product(axis: 0, keepDims: true), NaiveTensor([1, 3]) { _ in 1 })
    expectSame(x.max(axis: 0), NaiveTensor([3]) { _ in -.infinity })
    expectSame(x.min(axis: 0), NaiveTensor([3]) { _ in .infinity })
    expectSame(x.all(), NaiveTensor([]) { _ in 1 })
    expectSame(x.any(), NaiveTensor([]) { _ in 0 })
    expectSame(x.cumulativeSum(axis: 0), NaiveTensor([0, 3]) { _ in 0 })
    expectSame(Tensor.zeros([3, 0]).sum(axis: 0), NaiveTensor([0]) { _ in 0 })
    expectSame(Tensor.zeros([3, 0]).argMax(axis: 0), NaiveTensor([0]) { _ in 0 })
    expectSame(Tensor.zeros([2, 0, 3]).sum(axes: [0, 1]), NaiveTensor([3]) { _ in 0 })
  }
}
