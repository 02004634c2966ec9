@testable import Tensors

extension PrimitiveTable {
  private static let broadcasts: [([Int], [Int])] = [
    ([], []), ([3, 4], [3, 4]), ([3, 1], [2, 1, 4]), ([2, 3], []), ([], [3]), ([1, 1], [2, 1]), ([0, 3], [1, 3]),
    ([2, 0], [1]), ([5], [2, 5]),
  ]

  /// Where a function of one argument is smooth.
  private static func domain(_ function: UnaryFunction) -> (Double, Double)? {
    switch function {
    case .negate, .square, .exp, .expm1, .sin, .cos, .atan, .sinh, .cosh, .tanh, .asinh, .erf, .erfc: (-2, 2)
    case .sqrt, .rsqrt, .log: (0.4, 3)
    case .log1p: (-0.5, 3)
    case .tan: (-1, 1)
    case .asin, .acos, .atanh, .erfInverse: (-0.7, 0.7)
    case .acosh: (1.5, 4)
    case .absolute, .sign, .reciprocal, .cbrt, .floor, .ceil, .round, .not: nil
    }
  }

  mutating func addElementwise() {
    for function in UnaryFunction.allCases {
      for shape in [[], [3, 4], [1], [2, 0], [2, 1, 3]] {
        switch function {
        case .not: add(.unary(function)) { [$0.bools(shape)] }
        case .floor, .ceil, .round:
          // Between the steps: the fraction is away from 0 and from 1/2.
          add(.unary(function)) { numbers in
            [numbers.integers(shape, -3, 3).asType(.float64) + numbers.real(shape, 0.1, 0.4)]
          }
        default:
          add(.unary(function)) { numbers in
            Self.domain(function).map { [numbers.real(shape, $0.0, $0.1)] } ?? [numbers.nonzero(shape)]
          }
        }
        if function.acceptsIntegers { add(.unary(function)) { [$0.integers(shape, -9, 9)] } }
      }
    }
    for (a, b) in Self.broadcasts {
      for function in BinaryFunction.allCases {
        switch function {
        case .and, .or, .xor: add(.binary(function)) { [$0.bools(a), $0.bools(b)] }
        case .divide, .atan2: add(.binary(function)) { [$0.real(a), $0.nonzero(b)] }
        case .power: add(.binary(function)) { [$0.real(a, 0.4, 2), $0.real(b, -2, 3)] }
        case .minimum, .maximum: add(.binary(function)) { [$0.apart(a), $0.apart(b) + 0.1] }
        case .add, .subtract, .multiply: add(.binary(function)) { [$0.real(a), $0.real(b)] }
        }
      }
      for function in [BinaryFunction.add, .subtract, .multiply, .minimum, .maximum] {
        add(.binary(function)) { [$0.integers(a, -5, 5), $0.integers(b, -5, 5)] }
      }
      for comparison in Comparison.allCases {
        add(.compare(comparison)) { [$0.apart(a), $0.apart(b) + 0.1] }
        add(.compare(comparison)) { [$0.integers(a, -1, 1), $0.integers(b, -1, 1)] }
      }
      for c in [[], [4], [2, 1, 1]] where [a, b, c].allSatisfy({ Self.broadcast($0, [a, b, c]) }) {
        add(.multiplyAdd) { [$0.real(a), $0.real(b), $0.real(c)] }
        add(.select) { [$0.bools(c), $0.real(a), $0.real(b)] }
        add(.select) { [$0.bools(a), $0.real(b), $0.real(c)] }
        add(.select) { [$0.bools(b), $0.integers(c, 0, 9), $0.integers(a, 0, 9)] }
      }
    }
    for shape in [[], [3, 4], [0, 2], [1]] {
      for dtype in [DType.float32, .float64, .int32, .bool] {
        add(.convert(dtype)) { [$0.bools(shape)] }
        add(.convert(dtype)) { [$0.integers(shape, -5, 5)] }
      }
      add(.convert(.int32)) { numbers in [numbers.integers(shape, -3, 3).asType(.float64) + 0.3] }
      add(.convert(.bool)) { [$0.nonzero(shape)] }
      add(.convert(.float64)) { [$0.real(shape)] }
      // Rounds to float32, so that only the rules can be compared, not differences.
      add(.convert(.float32), finish: { [$0[0].asType(.float64)] }) { [$0.real(shape)] }
      add(.stopGradient) { [$0.real(shape)] }
    }
  }

  /// Whether all shapes broadcast with one another.
  private static func broadcast(_ shape: [Int], _ others: [[Int]]) -> Bool {
    others.allSatisfy { other in zip(shape.reversed(), other.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 } }
  }

  mutating func addLayout() {
    for (from, to) in [([2, 6], [3, 4]), ([], [1, 1]), ([1], []), ([0, 3], [2, 0]), ([2, 3, 4], [24]), ([4], [4])] {
      add(.reshape(to)) { [$0.real(from)] }
    }
    for (shape, order) in [([2, 3], [1, 0]), ([2, 3, 4], [2, 0, 1]), ([1, 3, 1], [1, 2, 0]), ([0, 2], [1, 0]), ([], [])] {
      add(.transpose(order)) { [$0.real(shape)] }
    }
    for (from, to) in [([], [2, 3]), ([3], [2, 3]), ([2, 1], [2, 3]), ([1, 2, 1], [4, 3, 2, 2]), ([1], [0]), ([2], [2])] {
      add(.broadcast(to)) { [$0.real(from)] }
    }
    for (shape, axes) in [([4], [0]), ([2, 3], [1]), ([2, 3, 2], [0, 2]), ([0, 3], [0, 1]), ([], []), ([1, 2], [0])] {
      add(.reverse(axes)) { [$0.real(shape)] }
    }
    for (shape, starts, limits, strides) in [
      ([5], [1], [4], [1]), ([7], [1], [7], [3]), ([3, 4], [0, 1], [3, 4], [2, 1]), ([3, 4], [1, 2], [1, 4], [1, 1]),
      ([1], [0], [1], [1]), ([0, 2], [0, 0], [0, 2], [1, 2]), ([2, 3, 4], [0, 1, 0], [2, 3, 4], [1, 1, 3]), ([], [], [], []),
    ] {
      add(.slice(starts: starts, limits: limits, strides: strides)) { [$0.real(shape)] }
      let region = zip(zip(starts, limits), strides).map { ($0.1 - $0.0 + $1 - 1) / $1 }
      add(.assign(starts: starts, limits: limits, strides: strides)) { [$0.real(shape), $0.real(region)] }
    }
    for (shape, low, high, interior) in [
      ([3], [1], [2], [0]), ([3], [0], [0], [2]), ([4], [-1], [-2], [0]), ([4], [-2], [1], [1]), ([4], [2], [-3], [2]),
      ([2, 3], [1, -1], [0, 2], [1, 1]), ([0], [1], [1], [3]), ([1], [0], [2], [4]), ([], [], [], []),
      ([2], [-3], [2], [0]), ([2], [3], [-4], [1]), ([2, 0], [1, 1], [-1, 0], [0, 1]),
    ] {
      add(.pad(low: low, high: high, interior: interior)) { [$0.real(shape), $0.real([])] }
    }
    for (shapes, axis) in [
      ([[2, 3], [2, 1], [2, 4]], 1), ([[2, 3], [0, 3], [1, 3]], 0), ([[3]], 0), ([[1, 2, 2], [1, 3, 2]], 1), ([[0], [0]], 0),
    ] {
      add(.concatenate(axis: axis)) { numbers in shapes.map { numbers.real($0) } }
    }
  }

  mutating func addGathering() {
    for (shape, axis) in [([4], 0), ([2, 3], 1), ([3, 1, 2], 0), ([0, 2], 0), ([1], 0)] {
      for dtype in [DType.float32, .int32] { add(.iota(shape: shape, dtype: dtype, axis: axis)) { _ in [] } }
    }
    for (shape, axis, places) in [
      ([5], 0, [3]), ([3, 4], 1, [2, 3]), ([3, 4], 0, []), ([2, 3, 2], 1, [4]), ([1, 3], 0, [2]), ([3, 2], 0, [0]),
      ([0, 3], 1, [2]), ([2, 3, 2], 2, [1, 1]), ([4, 2], 0, [2, 1, 2]),
    ] {
      add(.take(axis: axis)) { [$0.real(shape), $0.positions(places, along: shape[axis])] }
      let entries = Array(shape[..<axis]) + places + shape[(axis + 1)...]
      add(.scatterAdd(axis: axis, size: shape[axis])) { [$0.real(entries), $0.positions(places, along: shape[axis])] }
    }
    for (shape, axis, count) in [
      ([5], 0, 3), ([3, 4], 0, 2), ([3, 4], 1, 6), ([2, 3, 2], 1, 1), ([2, 3], 1, 0), ([1, 2], 0, 2), ([0, 2], 1, 2),
    ] {
      var places = shape
      places[axis] = count
      add(.takeAlong(axis: axis)) { [$0.real(shape), $0.positions(places, along: shape[axis])] }
      add(.scatterAddAlong(axis: axis, size: shape[axis])) {
        [$0.real(places), $0.positions(places, along: shape[axis])]
      }
    }
    for (shape, axis) in [([6], 0), ([3, 4], 0), ([3, 4], 1), ([2, 3, 2], 1), ([1], 0), ([0, 2], 0), ([0, 2], 1)] {
      add(.sort(axis: axis)) { [$0.apart(shape)] }
      add(.argSort(axis: axis)) { [$0.apart(shape)] }
      add(.argSort(axis: axis)) { [$0.integers(shape, 0, 2)] }
      add(.cumulativeSum(axis: axis)) { [$0.real(shape)] }
    }
    for (shape, sizes) in [([5], [2]), ([3, 4], [2, 2]), ([2, 3, 2], [1, 3, 1]), ([3, 2], [0, 1]), ([], []), ([1], [1])] {
      // Some blocks would reach outside.
      add(.dynamicSlice(sizes: sizes)) { [$0.real(shape), $0.integers([shape.count], -2, 4)] }
      add(.dynamicUpdateSlice) { [$0.real(shape), $0.real(sizes), $0.integers([shape.count], -2, 4)] }
    }
  }

  mutating func addReductions() {
    for (shape, axes) in [
      ([5], [0]), ([3, 4], [0]), ([3, 4], [1]), ([3, 4], [0, 1]), ([2, 3, 2], [0, 2]), ([2, 3, 2], [1]), ([1, 3], [0]),
      ([2, 3], []), ([], []), ([0, 3], [1]), ([2, 1, 3], [1, 2]),
    ] {
      for reduction in Reduction.allCases {
        add(.reduce(reduction, axes: axes)) { [$0.apart(shape)] }
        add(.reduce(reduction, axes: axes)) { [$0.integers(shape, -4, 4)] }
      }
    }
    for reduction in [Reduction.sum, .product] { add(.reduce(reduction, axes: [0])) { [$0.real([0, 3])] } }
    for extreme in Extreme.allCases {
      for (shape, axis) in [([5], 0), ([3, 4], 0), ([3, 4], 1), ([2, 1, 3], 1), ([0, 2], 1)] {
        add(.argReduce(extreme, axis: axis)) { [$0.apart(shape)] }
        add(.argReduce(extreme, axis: axis)) { [$0.integers(shape, 0, 2)] }
      }
    }
  }
}
