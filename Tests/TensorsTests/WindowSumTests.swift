import TestSupport
import Testing

@testable import Tensors

@Suite("Window sums")
struct WindowSumTests {
  /// The sum over each window, element by element.
  static func naive(_ geometry: WindowGeometry, _ x: NaiveTensor) -> NaiveTensor {
    func extent(_ axis: Int) -> Int {
      geometry.window[axis] == 0 ? 0 : 1 + (geometry.window[axis] - 1) * geometry.windowDilation[axis]
    }
    let shape = x.shape.indices.map { axis in
      let size = x.shape[axis] + geometry.paddingLow[axis] + geometry.paddingHigh[axis]
      var count = 0
      while size >= 0, count * geometry.strides[axis] + extent(axis) <= size { count += 1 }
      return count
    }
    let offsets = NaiveTensor.indices(of: geometry.window)
    return NaiveTensor(shape) { place in
      offsets.reduce(0) { sum, offset in
        let index = place.indices.map {
          place[$0] * geometry.strides[$0] + offset[$0] * geometry.windowDilation[$0] - geometry.paddingLow[$0]
        }
        return zip(index, x.shape).allSatisfy { (0..<$1).contains($0) } ? sum + x[index] : sum
      }
    }
  }

  static func geometry(_ random: inout TestNumbers, rank: Int) -> WindowGeometry {
    var columns: [[Int]] = [[], [], [], [], []]
    for _ in 0..<rank {
      let isUsed = random.below(3) > 0
      columns[0].append(isUsed ? (random.below(40) == 0 ? 0 : 1 + random.below(4)) : 1)
      columns[1].append(isUsed ? 1 + random.below(3) : 1)
      columns[2].append(isUsed ? random.below(6) - 2 : 0)
      columns[3].append(isUsed ? random.below(6) - 2 : 0)
      columns[4].append(isUsed ? 1 + random.below(2) : 1)
    }
    return WindowGeometry(
      window: columns[0], strides: columns[1], paddingLow: columns[2], paddingHigh: columns[3],
      windowDilation: columns[4])
  }

  @Test(
    "sums equal those of the elements on random geometries", arguments: 0..<300, [DType.float32, .float64, .int32])
  func equalsNaive(_ seed: UInt64, _ dtype: DType) {
    var random = TestNumbers(seed: seed)
    let shape = (0..<random.below(5)).map { _ in random.below(12) == 0 ? random.below(2) : 1 + random.below(9) }
    let geometry = Self.geometry(&random, rank: shape.count)
    let x = random.naive(shape, dtype)
    let expected = Self.naive(geometry, x)
    let absolute = dtype == .float32 ? 2e-4 : dtype == .float64 ? 1e-12 : 0
    let found = evaluateWindowSum(geometry, x.tensor(dtype))
    #expect(found.dtype == dtype)
    expectSame(found, expected, absolute: absolute, "seed \(seed): \(geometry) of \(shape)")
  }

  static let large: [(shape: [Int], geometry: WindowGeometry)] = [
    ([5, 30, 31, 17], WindowGeometry(window: [1, 3, 3, 1], paddingLow: [0, 1, 1, 0], paddingHigh: [0, 1, 1, 0])),
    ([300, 7, 9], WindowGeometry(window: [1, 3, 2], strides: [1, 2, 1])),
    ([3, 20_000], WindowGeometry(window: [1, 5], strides: [1, 3], paddingLow: [0, 4], windowDilation: [1, 2])),
    ([9000, 3], WindowGeometry(window: [40, 1], strides: [7, 1])),
    ([12, 12, 40], WindowGeometry(window: [12, 12, 1])),
    ([3000, 6, 5], WindowGeometry(window: [1, 3, 3], paddingLow: [0, 1, 1], paddingHigh: [0, 1, 1])),
    ([5000, 7], WindowGeometry(window: [1, 4], paddingLow: [0, 5], paddingHigh: [0, 1], windowDilation: [1, 2])),
    ([5000, 3], WindowGeometry(window: [1, 7], paddingLow: [0, 4], paddingHigh: [0, 2])),
    ([900, 8, 6], WindowGeometry(window: [1, 2, 3], strides: [1, 2, 3])),
  ]

  @Test(
    "sums equal those of the elements where the work is split, for any number of threads", arguments: large.indices,
    [DType.float32, .float64, .int32])
  func equalsNaiveOnLargeSizes(_ index: Int, _ dtype: DType) {
    let (shape, geometry) = Self.large[index]
    var random = TestNumbers(seed: UInt64(index))
    let x = random.naive(shape, dtype)
    let expected = Self.naive(geometry, x)
    let absolute = dtype == .float32 ? 2e-4 : dtype == .float64 ? 1e-12 : 0
    var results: [[Double]] = []
    withThreadCounts([1, 2, 5]) { _ in
      let found = evaluateWindowSum(geometry, x.tensor(dtype))
      expectSame(found, expected, absolute: absolute, "\(geometry)")
      results.append(NaiveTensor(found).values)
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test("infinite and undefined elements stay in their windows")
  func nonFiniteElementsStay() {
    var values = [Float](repeating: 1, count: 2000 * 5)
    (values[5003], values[5007]) = (.infinity, .nan)
    let geometry = WindowGeometry(window: [1, 3], paddingLow: [0, 1], paddingHigh: [0, 1])
    let sums = evaluateWindowSum(geometry, Tensor(values, shape: [2000, 5])).scalars(as: Float.self)
    for (index, sum) in sums.enumerated() {
      switch index {
      case 5002...5004: #expect(sum == .infinity)
      case 5006...5008: #expect(sum.isNaN)
      default: #expect(sum == (index % 5 == 0 || index % 5 == 4 ? 2 : 3))
      }
    }
  }

  @Test("a large element leaves no trace once the window has passed it")
  func noCancellation() {
    var values = [Float](repeating: 0.1, count: 64)
    values[10] = 1e30
    let sums = evaluateWindowSum(WindowGeometry(window: [4]), Tensor(values)).scalars(as: Float.self)
    #expect(sums[11...].allSatisfy { abs($0 - 0.4) < 1e-6 })
    #expect(sums[..<7].allSatisfy { abs($0 - 0.4) < 1e-6 })
  }

  @Test("Booleans are counted")
  func booleans() {
    let sums = evaluateWindowSum(WindowGeometry(window: [2]), Tensor([true, true, false, true]))
    #expect(sums.scalars(as: Int32.self) == [2, 1, 1])
  }
}
