import TestSupport
import Foundation
import Testing

@testable import Tensors

/// A tensor as plain numbers and index arithmetic: what the tests of tensor operations compare with.
struct NaiveTensor {
  let shape: [Int]
  let values: [Double]

  /// - Parameter value: the element at an index.
  init(_ shape: [Int], _ value: ([Int]) -> Double) {
    self.shape = shape
    values = Self.indices(of: shape).map(value)
  }

  init(_ tensor: Tensor) {
    shape = tensor.shape
    values = tensor.asType(.float64).scalars(as: Double.self)
  }

  /// All indices in row-major order.
  static func indices(of shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { heads, size in heads.flatMap { head in (0..<size).map { head + [$0] } } }
  }

  subscript(_ index: [Int]) -> Double {
    var offset = 0
    for axis in shape.indices { offset = offset * shape[axis] + index[axis] }
    return values[offset]
  }

  /// The element that index `index` of a broadcast result is made of.
  func broadcastElement(_ index: [Int]) -> Double {
    let own = index.suffix(shape.count)
    return self[zip(own, shape).map { $1 == 1 ? 0 : $0 }]
  }

  /// The shape that shapes broadcast to, worked out from the last axis.
  static func broadcastShape(_ shapes: [[Int]]) -> [Int] {
    let rank = shapes.map(\.count).max() ?? 0
    return (0..<rank).map { axis in
      let sizes = shapes.compactMap { shape in axis < rank - shape.count ? nil : shape[axis - rank + shape.count] }
      return sizes.first { $0 != 1 } ?? 1
    }
  }

  func tensor(_ dtype: DType = .float64) -> Tensor {
    switch dtype {
    case .float32: Tensor(values.map { Float($0) }, shape: shape)
    case .float64: Tensor(values, shape: shape)
    case .int32: Tensor(values.map { Int32($0) }, shape: shape)
    case .bool: Tensor(values.map { $0 != 0 }, shape: shape)
    }
  }
}

/// Whether shape and numbers are as expected; equal infinities and NaN count as the same.
func expectSame(
  _ found: Tensor, _ expected: NaiveTensor, relative: Double = 0, absolute: Double = 0, _ context: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.shape == expected.shape, "\(context)", sourceLocation: sourceLocation)
  guard found.shape == expected.shape else { return }
  for (index, (a, b)) in zip(NaiveTensor(found).values, expected.values).enumerated() {
    let isSame = a == b || (a.isNaN && b.isNaN) || Swift.abs(a - b) <= absolute + relative * Swift.abs(b)
    if !isSame {
      Issue.record("\(context): element \(index) is \(a), expected \(b)", sourceLocation: sourceLocation)
      return
    }
  }
}

/// Calls `body` with one thread, then with several, and restores the number.
func withThreadCounts(_ counts: [Int], _ body: (Int) throws -> Void) rethrows {
  let before = Threads.count
  defer { Threads.count = before }
  for count in counts {
    Threads.count = count
    try body(count)
  }
}

extension TestNumbers {
  /// Numbers that are exact in `dtype`: small integers for int32, 0 and 1 for bool.
  mutating func naive(_ shape: [Int], _ dtype: DType = .float64) -> NaiveTensor {
    NaiveTensor(shape) { _ in
      switch dtype {
      case .float32, .float64: uniform(-4, 4)
      case .int32: Double(below(19) - 9)
      case .bool: Double(below(2))
      }
    }
  }
}
