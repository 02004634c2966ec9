import Foundation
import TestSupport
import Testing

@testable import Tensors

/// The three arrays of a convolution, each summed from the other two over every combination of indices.
struct NaiveConvolution {
  let geometry: ConvolutionGeometry
  let input: [Int]
  let filter: [Int]
  let output: [Int]

  init(_ geometry: ConvolutionGeometry, batch: Int, inputPerGroup: Int, outputPerGroup: Int) {
    self.geometry = geometry
    // Positions are counted one by one: as long as the dilated window ends inside the padded input.
    let size = geometry.inputSize.indices.map { axis in
      let extent =
        Self.extent(geometry.inputSize[axis], geometry.inputDilation[axis]) + geometry.paddingLow[axis]
        + geometry.paddingHigh[axis]
      let window = Self.extent(geometry.window[axis], geometry.windowDilation[axis])
      var count = 0
      while extent >= 0, count * geometry.strides[axis] + window <= extent { count += 1 }
      return count
    }
    input = [batch] + geometry.inputSize + [inputPerGroup * geometry.groups]
    filter = geometry.window + [inputPerGroup, outputPerGroup * geometry.groups]
    output = [batch] + size + [outputPerGroup * geometry.groups]
  }

  private static func extent(_ size: Int, _ dilation: Int) -> Int {
    size == 0 ? 0 : 1 + (size - 1) * dilation
  }

  func shape(_ role: ConvolutionRole) -> [Int] {
    switch role {
    case .output: output
    case .input: input
    case .filter: filter
    }
  }

  /// The operands of a role, in order.
  func operands(_ role: ConvolutionRole) -> (ConvolutionRole, ConvolutionRole) {
    switch role {
    case .output: (.input, .filter)
    case .input: (.output, .filter)
    case .filter: (.input, .output)
    }
  }

  /// Also the sums of the absolute products, the scale of rounding errors.
  func evaluate(_ role: ConvolutionRole, _ a: NaiveTensor, _ b: NaiveTensor) -> (NaiveTensor, scale: NaiveTensor) {
    let shape = shape(role)
    var values = [Double](repeating: 0, count: shape.product)
    var scale = values
    let (first, second) = operands(role)
    forEachProduct { input, filter, output in
      func pick(_ role: ConvolutionRole) -> Int { role == .input ? input : role == .filter ? filter : output }
      let product = a.values[pick(first)] * b.values[pick(second)]
      values[pick(role)] += product
      scale[pick(role)] += abs(product)
    }
    var (value, size) = (values.makeIterator(), scale.makeIterator())
    return (NaiveTensor(shape) { _ in value.next() ?? .nan }, NaiveTensor(shape) { _ in size.next() ?? .nan })
  }

  private func forEachProduct(_ body: (_ input: Int, _ filter: Int, _ output: Int) -> Void) {
    let outputPerGroup = output[output.count - 1] / geometry.groups
    let inputPerGroup = filter[filter.count - 2]
    let taps = NaiveTensor.indices(of: geometry.window)
    for (o, place) in NaiveTensor.indices(of: Array(output.dropFirst().dropLast())).enumerated() {
      for (k, tap) in taps.enumerated() {
        var pixel = 0
        var isInside = true
        for axis in place.indices {
          let position =
            place[axis] * geometry.strides[axis] + tap[axis] * geometry.windowDilation[axis] - geometry.paddingLow[axis]
          let dilation = geometry.inputDilation[axis]
          isInside =
            isInside && position >= 0 && position % dilation == 0 && position / dilation < geometry.inputSize[axis]
          pixel = pixel * geometry.inputSize[axis] + position / dilation
        }
        guard isInside else { continue }
        for n in 0..<input[0] {
          let inputRow = (n * geometry.inputSize.product + pixel) * input[input.count - 1]
          let outputRow = (n * output.dropFirst().dropLast().reduce(1, *) + o) * output[output.count - 1]
          for channel in 0..<output[output.count - 1] {
            let group = channel / outputPerGroup
            for c in 0..<inputPerGroup {
              body(
                inputRow + group * inputPerGroup + c,
                (k * inputPerGroup + c) * output[output.count - 1] + channel, outputRow + channel)
            }
          }
        }
      }
    }
  }
}

extension TestNumbers {
  /// A geometry whose sizes are small, sometimes 0, and whose other attributes are all in use.
  mutating func convolutionGeometry() -> ConvolutionGeometry {
    let axes = below(4)
    let largest = [0, 14, 8, 5][axes]
    var sizes: [[Int]] = [[], [], [], [], [], [], []]
    for _ in 0..<axes {
      sizes[0].append(below(8) == 0 ? below(2) : 1 + below(largest))
      sizes[1].append(below(30) == 0 ? 0 : 1 + below(3))
      sizes[2].append(1 + below(3))
      sizes[3].append(below(6) - 2)
      sizes[4].append(below(6) - 2)
      sizes[5].append(1 + below(below(2) == 0 ? 1 : 3))
      sizes[6].append(1 + below(below(2) == 0 ? 1 : 3))
    }
    return ConvolutionGeometry(
      inputSize: sizes[0], window: sizes[1], strides: sizes[2], paddingLow: sizes[3], paddingHigh: sizes[4],
      inputDilation: sizes[5], windowDilation: sizes[6], groups: [1, 1, 1, 2, 3, 5, 19][below(7)])
  }
}

@Suite("Evaluation of convolutions")
struct ConvolutionEvaluationTests {
  static func tolerance(_ dtype: DType) -> Double {
    dtype == .float32 ? 2e-6 : dtype == .float64 ? 4e-15 : 0
  }

  private func expectEqualsNaive(
    _ naive: NaiveConvolution, _ dtype: DType, seed: UInt64, _ context: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var random = TestNumbers(seed: seed)
    for role in ConvolutionRole.allCases {
      let (first, second) = naive.operands(role)
      let a = random.naive(naive.shape(first), dtype)
      let b = random.naive(naive.shape(second), dtype)
      let found = evaluateConvolution(naive.geometry, role, a.tensor(dtype), b.tensor(dtype))
      let (expected, scale) = naive.evaluate(role, a, b)
      #expect(found.dtype == dtype)
      #expect(found.shape == expected.shape, "\(context) \(role)", sourceLocation: sourceLocation)
      let values = NaiveTensor(found).values
      for index in values.indices
      where !(abs(values[index] - expected.values[index]) <= Self.tolerance(dtype) * scale.values[index]) {
        Issue.record(
          "\(context) \(role): element \(index) is \(values[index]), expected \(expected.values[index])",
          sourceLocation: sourceLocation)
        break
      }
    }
  }

  @Test(
    "every role equals the sum over all combinations of indices on random geometries", arguments: 0..<40,
    [DType.float32, .float64, .int32])
  func equalsNaiveOnRandomGeometries(_ round: Int, _ dtype: DType) {
    for seed in 10 * UInt64(round)..<10 * UInt64(round) + 10 {
      var random = TestNumbers(seed: seed)
      let geometry = random.convolutionGeometry()
      let naive = NaiveConvolution(
        geometry, batch: random.below(12) == 0 ? 0 : 1 + random.below(8),
        inputPerGroup: random.below(15) == 0 ? 0 : 1 + random.below(7),
        outputPerGroup: random.below(15) == 0 ? 0 : 1 + random.below(7))
      expectEqualsNaive(naive, dtype, seed: seed, "seed \(seed): \(geometry)")
    }
  }

  /// Sizes that fill several panels of columns, tiles of pixels, parts of the sum and partial results, with remainders.
  static let large: [(geometry: ConvolutionGeometry, batch: Int, inputPerGroup: Int, outputPerGroup: Int)] = [
    (.same(inputSize: [9, 11], window: [3, 3]), 5, 70, 75),
    (.same(inputSize: [40, 31], window: [3, 3]), 3, 3, 17),
    (.same(inputSize: [13, 12], window: [5, 5], strides: [2, 2]), 7, 9, 10),
    (.same(inputSize: [17, 19], window: [3, 3], groups: 35), 3, 1, 1),
    (.same(inputSize: [17, 19], window: [3, 3], strides: [2, 3], groups: 130), 2, 1, 1),
    (.same(inputSize: [12, 12], window: [3, 3], groups: 6), 3, 2, 3),
    (.valid(inputSize: [7, 6], window: [1, 1]), 9, 33, 40),
    (.valid(inputSize: [], window: []), 61, 37, 29),
    (.valid(inputSize: [600], window: [3]), 1, 4, 6),
    (.valid(inputSize: [3, 3], window: [1, 1]), 2, 700, 130),
    (.valid(inputSize: [3, 3], window: [2, 2]), 1, 300, 70),
    (.same(inputSize: [5, 6, 7], window: [3, 2, 3]), 2, 8, 21),
    (ConvolutionGeometry(inputSize: [8, 9], window: [4, 4], inputDilation: [2, 2]), 4, 20, 18),
    (.valid(inputSize: [50, 45], window: [40, 41]), 1, 2, 3),
  ]

  @Test(
    "every role equals the sum over all combinations of indices where the work is tiled", arguments: large.indices,
    [DType.float32, .float64, .int32])
  func equalsNaiveOnLargeSizes(_ index: Int, _ dtype: DType) {
    let (geometry, batch, inputPerGroup, outputPerGroup) = Self.large[index]
    let naive = NaiveConvolution(
      geometry, batch: batch, inputPerGroup: inputPerGroup, outputPerGroup: outputPerGroup)
    expectEqualsNaive(naive, dtype, seed: UInt64(index), "\(geometry)")
  }

  @Test("the three roles are one trilinear form", arguments: 0..<100)
  func rolesAreAdjoint(_ seed: UInt64) {
    var random = TestNumbers(seed: 1000 + seed)
    let geometry = random.convolutionGeometry()
    let naive = NaiveConvolution(
      geometry, batch: 1 + random.below(5), inputPerGroup: 1 + random.below(20), outputPerGroup: 1 + random.below(20))
    let x = random.naive(naive.input).tensor()
    let w = random.naive(naive.filter).tensor()
    let y = random.naive(naive.output).tensor()
    func product(_ a: Tensor, _ b: Tensor) -> (value: Double, scale: Double) {
      let products = zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).map { $0 * $1 }
      return (products.reduce(0, +), products.reduce(0) { $0 + abs($1) })
    }
    let products = [
      product(y, evaluateConvolution(geometry, .output, x, w)), product(x, evaluateConvolution(geometry, .input, y, w)),
      product(w, evaluateConvolution(geometry, .filter, x, y)),
    ]
    let scale = products.map(\.scale).max() ?? 0
    for other in products.dropFirst() {
      #expect(abs(other.value - products[0].value) <= 1e-13 * scale, "\(geometry)")
    }
  }

  @Test("results do not depend on the number of threads", arguments: large.indices)
  func threadCountDoesNotMatter(_ index: Int) {
    let (geometry, batch, inputPerGroup, outputPerGroup) = Self.large[index]
    let naive = NaiveConvolution(
      geometry, batch: batch, inputPerGroup: inputPerGroup, outputPerGroup: outputPerGroup)
    var random = TestNumbers(seed: UInt64(index))
    for role in ConvolutionRole.allCases {
      let (first, second) = naive.operands(role)
      let a = random.naive(naive.shape(first)).tensor(.float32)
      let b = random.naive(naive.shape(second)).tensor(.float32)
      var results: [[Float]] = []
      withThreadCounts([1, 2, 5]) { _ in
        results.append(evaluateConvolution(geometry, role, a, b).scalars(as: Float.self))
      }
      #expect(results[1] == results[0], "\(geometry) \(role)")
      #expect(results[2] == results[0], "\(geometry) \(role)")
    }
  }

  @Test("operands of different types are promoted, Booleans to int32")
  func typesArePromoted() {
    let geometry = ConvolutionGeometry.valid(inputSize: [3], window: [2])
    let x = Tensor([true, true, false], shape: [1, 3, 1])
    let w = Tensor([true, true], shape: [2, 1, 1])
    let sums = evaluateConvolution(geometry, .output, x, w)
    #expect(sums.dtype == .int32)
    #expect(sums.scalars(as: Int32.self) == [2, 1])
    let halves = evaluateConvolution(geometry, .output, x, Tensor([0.5, 1.0], shape: [2, 1, 1]))
    #expect(halves.scalars(as: Double.self) == [1.5, 0.5])
  }

  @Test("SAME padding keeps the size at stride 1 and divides it, rounded up, otherwise")
  func samePadding() {
    for size in 1...9 {
      for window in 1...5 {
        for stride in 1...3 {
          for dilation in 1...2 {
            let geometry = ConvolutionGeometry.same(
              inputSize: [size], window: [window], strides: [stride], windowDilation: [dilation])
            #expect(geometry.outputSize == [(size + stride - 1) / stride])
            #expect((0...1).contains(geometry.paddingHigh[0] - geometry.paddingLow[0]))
          }
        }
      }
    }
  }
}
