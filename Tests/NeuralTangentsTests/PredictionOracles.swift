import Foundation
import Tensors

/// Kernels of scattered points, and linear algebra by plain loops: what the prediction tests compare with.
enum PredictionOracle {
  typealias Matrix = [[Double]]

  /// `count` points in the plane, scattered without structure.
  static func points(_ count: Int, phase: Double) -> Matrix {
    (0..<count).map { index in
      let i = Double(index)
      return [1.3 * sin(0.37 * i * i + phase), 1.3 * cos(0.71 * i * i + 2 * phase)]
    }
  }

  /// Smooth targets, different for each output.
  static func targets(_ count: Int, outputs: Int) -> Matrix {
    (0..<count).map { (row: Int) -> [Double] in
      (0..<outputs).map { (output: Int) -> Double in
        let argument: Double = (0.9 + 0.4 * Double(output)) * Double(row) + Double(output)
        return sin(argument)
      }
    }
  }

  /// A covariance function.
  static func nngp(_ a: [Double], _ b: [Double]) -> Double { exp(-0.5 * squaredDistance(a, b)) + 0.1 }

  /// A different, larger one.
  static func ntk(_ a: [Double], _ b: [Double]) -> Double {
    2 * exp(-0.9 * squaredDistance(a, b)) + 0.4 * (1 + a[0] * b[0] + a[1] * b[1])
  }

  private static func squaredDistance(_ a: [Double], _ b: [Double]) -> Double {
    (a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1])
  }

  static func matrix(_ kernel: ([Double], [Double]) -> Double, _ a: Matrix, _ b: Matrix) -> Matrix {
    a.map { x in b.map { kernel(x, $0) } }
  }

  static func pair(_ a: Matrix, _ b: Matrix) -> KernelTensors {
    KernelTensors(nngp: tensor(matrix(nngp, a, b)), ntk: tensor(matrix(ntk, a, b)))
  }

  struct KernelTensors {
    var nngp: Tensor
    var ntk: Tensor
  }

  static func tensor(_ rows: Matrix) -> Tensor { Tensor(rows: rows) }

  static func product(_ a: Matrix, _ b: Matrix) -> Matrix {
    a.map { row in (0..<b[0].count).map { column in zip(row, b).reduce(0) { $0 + $1.0 * $1.1[column] } } }
  }

  static func transpose(_ a: Matrix) -> Matrix { (0..<a[0].count).map { column in a.map { $0[column] } } }

  static func identity(_ size: Int) -> Matrix {
    (0..<size).map { row in (0..<size).map { $0 == row ? 1 : 0 } }
  }

  /// Gauss–Jordan elimination with row pivoting: the inverse, and the logarithm of |det|.
  static func inverse(_ a: Matrix) -> (inverse: Matrix, logDeterminant: Double) {
    let size = a.count
    var work = zip(a, identity(size)).map { $0 + $1 }
    var logDeterminant = 0.0
    for column in 0..<size {
      let pivot = (column..<size).max { abs(work[$0][column]) < abs(work[$1][column]) } ?? column
      work.swapAt(column, pivot)
      let scale = work[column][column]
      logDeterminant += log(abs(scale))
      work[column] = work[column].map { $0 / scale }
      for row in 0..<size where row != column {
        let factor = work[row][column]
        work[row] = zip(work[row], work[column]).map { $0 - factor * $1 }
      }
    }
    return (work.map { Array($0.suffix(size)) }, logDeterminant)
  }

  static func regularized(_ a: Matrix, _ shift: Double) -> Matrix {
    a.indices.map { row in a.indices.map { a[row][$0] + (row == $0 ? shift : 0) } }
  }

  static func rows(_ tensor: Tensor) -> Matrix {
    let columns = tensor.shape[tensor.rank - 1]
    let values = tensor.asType(.float64).scalars(as: Double.self)
    return stride(from: 0, to: values.count, by: max(1, columns)).map { Array(values[$0..<$0 + columns]) }
  }

  static func difference(_ a: Matrix, _ b: Matrix) -> Double {
    guard a.count == b.count, zip(a, b).allSatisfy({ $0.count == $1.count }) else { return .infinity }
    return zip(a.joined(), b.joined()).map { abs($0 - $1) }.max() ?? 0
  }

  /// Repeatable numbers from the standard normal distribution.
  struct Normals {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var x = state
      x ^= x >> 33
      x = x &* 0xFF51_AFD7_ED55_8CCD
      x ^= x >> 33
      return (Double(x >> 11) + 0.5) / Double(1 << 53)
    }

    mutating func next() -> Double { (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()) }
  }
}
