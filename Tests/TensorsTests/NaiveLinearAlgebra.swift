import Tensors

/// Repeatable numbers in (-1, 1) and linear algebra by plain loops in Double: what the tests compare with.
struct NaiveLinearAlgebra {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func uniform() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) / Double(1 << 52) - 1
  }

  mutating func tensor(_ shape: [Int], _ dtype: DType = .float64) -> Tensor {
    Self.tensor((0..<shape.product).map { _ in dtype == .int32 ? (9 * uniform()).rounded() : uniform() }, shape, dtype)
  }

  /// x xᵀ / n + 0.1: well conditioned and symmetric to the last bit.
  mutating func positiveDefinite(_ size: Int, batch: [Int] = [], _ dtype: DType = .float64) -> Tensor {
    var values: [Double] = []
    for _ in 0..<batch.product {
      let x = (0..<size).map { _ in (0..<size).map { _ in uniform() } }
      for i in 0..<size {
        for j in 0..<size {
          let (i0, j0) = (min(i, j), max(i, j))
          values.append(zip(x[i0], x[j0]).reduce(0) { $0 + $1.0 * $1.1 } / Double(size) + (i == j ? 0.1 : 0))
        }
      }
    }
    return Self.tensor(values, batch + [size, size], dtype)
  }

  static func tensor(_ values: [Double], _ shape: [Int], _ dtype: DType) -> Tensor {
    switch dtype {
    case .float32: Tensor(values.map { Float($0) }, shape: shape)
    case .float64: Tensor(values, shape: shape)
    case .int32: Tensor(values.map { Int32($0) }, shape: shape)
    case .bool: Tensor(values.map { $0 > 0 }, shape: shape)
    }
  }

  /// The einsum with explicit one-letter labels, as one sum over all index combinations.
  static func einsum(_ inputs: [String], _ output: String, _ operands: [Tensor]) -> (shape: [Int], values: [Double]) {
    var sizes: [Character: Int] = [:]
    for (labels, operand) in zip(inputs, operands) {
      for (label, size) in zip(labels, operand.shape) { sizes[label] = size }
    }
    let labels = Array(output) + Set(inputs.joined()).subtracting(output).sorted()
    let shape = output.map { sizes[$0] ?? 0 }
    var result = [Double](repeating: 0, count: shape.product)
    let values = operands.map(\.doubles)
    let total = labels.map { sizes[$0] ?? 0 }.product
    for combination in 0..<total {
      var index: [Character: Int] = [:]
      var rest = combination
      for label in labels.reversed() {
        let size = sizes[label] ?? 1
        index[label] = rest % size
        rest /= size
      }
      func offset(_ labels: String, _ shape: [Int]) -> Int {
        zip(labels, shape).reduce(0) { $0 * $1.1 + (index[$1.0] ?? 0) }
      }
      var product = 1.0
      for (labels, (operand, values)) in zip(inputs, zip(operands, values)) {
        product *= values[offset(labels, operand.shape)]
      }
      result[offset(output, shape)] += product
    }
    return (shape, result)
  }

  /// The product of two matrices given by rows.
  static func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
    a.map { row in
      (0..<(b.first?.count ?? 0)).map { column in zip(row, b).reduce(0) { $0 + $1.0 * $1.1[column] } }
    }
  }

  static func transpose(_ a: [[Double]]) -> [[Double]] {
    (0..<(a.first?.count ?? 0)).map { column in a.map { $0[column] } }
  }

  static func largestDifference(_ a: [[Double]], _ b: [[Double]]) -> Double {
    guard a.count == b.count, zip(a, b).allSatisfy({ $0.count == $1.count }) else { return .infinity }
    return zip(a.joined(), b.joined()).map { abs($0 - $1) }.max() ?? 0
  }
}

extension Tensor {
  /// Elements as Double, whatever their type.
  var doubles: [Double] {
    switch dtype {
    case .float32: scalars(as: Float.self).map(Double.init)
    case .float64: scalars(as: Double.self)
    case .int32: scalars(as: Int32.self).map(Double.init)
    case .bool: scalars(as: Bool.self).map { $0 ? 1 : 0 }
    }
  }

  /// Each matrix of a stack, by rows.
  var matrices: [[[Double]]] {
    let (rows, columns) = (shape[rank - 2], shape[rank - 1])
    let values = doubles
    return (0..<shape.dropLast(2).reduce(1, *)).map { index in
      (0..<rows).map { row in
        let start = (index * rows + row) * columns
        return Array(values[start..<start + columns])
      }
    }
  }
}
