import Foundation
import Testing

@testable import Tensors

/// A function made of one primitive, or nearly so, and where it is expanded.
struct TaylorCase: @unchecked Sendable, CustomTestStringConvertible {
  let name: String
  let inputs: [Tensor]
  var tolerance = 1e-10
  let function: ([Tensor]) throws -> [Tensor]

  var testDescription: String { name }

  /// The function along a parabola through the inputs, so that all coefficients of its arguments count.
  var curve: (Tensor) throws -> [Tensor] {
    { t in
      try function(
        inputs.map { x in
          guard x.dtype == .float64 else { return x }
          return x + t * Self.wave(x.shape, 0.53, 1.3) + t * t * Self.wave(x.shape, 0.29, 0.7)
        })
    }
  }

  static func wave(_ shape: [Int], _ frequency: Double = 0.37, _ phase: Double = 0.1) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { sin(frequency * Double($0) + phase) }, shape: shape)
  }

  private static func one(
    _ name: String, _ inputs: [Tensor], tolerance: Double = 1e-10, _ function: @escaping ([Tensor]) throws -> Tensor
  ) -> TaylorCase {
    TaylorCase(name: name, inputs: inputs, tolerance: tolerance) { [try function($0)] }
  }

  private static func primitive(_ name: String, _ inputs: [Tensor], _ primitive: Primitive) -> TaylorCase {
    TaylorCase(name: name, inputs: inputs) { try applyAll(primitive, $0) }
  }

  static let all = unary + binary + layout + gathering + contractions + linearAlgebra + calls

  private static let unary = UnaryFunction.allCases.filter { $0 != .not }.map { function in
    let wave = wave([5])
    let x =
      switch function {
      case .acosh: 2 + 0.5 * wave
      case .sqrt, .rsqrt, .log, .reciprocal, .cbrt: 1.5 + 0.5 * wave
      default: 0.4 * wave
      }
    return primitive(function.rawValue, [x], .unary(function))
  }

  private static let binary: [TaylorCase] =
    [.add, .subtract, .multiply, .divide, .minimum, .maximum, .power, .atan2].map { (function: BinaryFunction) in
      primitive(function.rawValue, [1.5 + 0.5 * wave([2, 3]), 1.4 + 0.5 * wave([3], 0.9)], .binary(function))
    } + [
      one("power of a number", [wave([3])]) { pow(2, $0[0]) },
      one("power to a number", [1.5 + wave([3])]) { pow($0[0], -1.7) },
      one("power to a natural number", [Tensor([-1.2, 0, 0.7])]) { pow($0[0], 5) },
      one("power to fixed numbers", [Tensor([0, 0, 0, 0, -1.3, 0.7]), Tensor([0, 1, 2, 4.5, 3, 1.5])]) {
        pow($0[0], stopGradient($0[1]))
      },
      one("division by a constant", [wave([2, 3])]) { $0[0] / Tensor([2, 3, 4.0]) },
      one("minimum with equals", [Tensor([1, 2, 3.0]), Tensor([1, 3, 3.0])]) { minimum($0[0], $0[1]) },
      one("maximum with equals", [Tensor([1, 2, 3.0]), Tensor([1, 3, 3.0])]) { maximum($0[0], $0[1]) },
      primitive("multiplyAdd", [wave([2, 1]), wave([3], 0.8), wave([2, 3], 0.6)], .multiplyAdd),
      one("select", [wave([4]), wave([2, 4], 1.1)]) { x in
        let both = ((x[0] .> 0) .& (x[1] .<= 0.5)) .| ((x[0] .< x[1]) .^ (.!(x[0] .>= -0.1)))
        return select(both .& (x[0] .== x[0]) .& (x[0] .!= x[1]), x[0], x[1])
      },
      one("convert", [wave([4])], tolerance: 1e-6) { exp($0[0].asType(.float32)).asType(.float64) },
      one("convert to integers", [3 * wave([4])]) { $0[0].asType(.int32).asType(.float64) * $0[0] },
      one("stopGradient", [wave([4])]) { $0[0] * stopGradient($0[0]) },
    ]

  private static let layout: [TaylorCase] = [
    primitive("reshape", [wave([2, 3])], .reshape([3, 2])),
    primitive("transpose", [wave([2, 3])], .transpose([1, 0])),
    primitive("broadcast", [wave([3])], .broadcast([2, 3])),
    primitive("reverse", [wave([2, 3])], .reverse([1])),
    primitive("slice", [wave([5])], .slice(starts: [1], limits: [5], strides: [2])),
    primitive("assign", [wave([5]), wave([2], 0.7)], .assign(starts: [1], limits: [5], strides: [2])),
    one("assign a constant", [wave([5])]) {
      apply(.assign(starts: [1], limits: [3], strides: [1]), [$0[0], wave([2])])
    },
    primitive("pad", [wave([3]), Tensor(0.7)], .pad(low: [1], high: [-1], interior: [1])),
    primitive("concatenate", [wave([2, 3]), wave([1, 3], 0.5)], .concatenate(axis: 0)),
    primitive("sum", [wave([2, 3])], .reduce(.sum, axes: [0])),
    primitive("product", [wave([2, 7])], .reduce(.product, axes: [1])),
    primitive("product with zeros", [Tensor([0, 1.2, 0, 0.7])], .reduce(.product, axes: [0])),
    primitive("min", [wave([2, 3])], .reduce(.min, axes: [1])),
    primitive("max with equals", [Tensor([1, 2, 2.0])], .reduce(.max, axes: [0])),
    primitive("argMin", [wave([4])], .argReduce(.min, axis: 0)),
    primitive("argMax", [wave([4])], .argReduce(.max, axis: 0)),
    primitive("cumulativeSum", [wave([2, 3])], .cumulativeSum(axis: 1)),
    one("iota", [wave([3])]) { x in x[0] * apply(.iota(shape: [3], dtype: .float64, axis: 0), []) },
  ]

  private static let gathering: [TaylorCase] = {
    let places = Tensor([2, 0, 2] as [Int32])
    let along = Tensor([1, 0, 2, 2, 0, 0] as [Int32], shape: [2, 3])
    return [
      primitive("take", [wave([3, 2]), places], .take(axis: 0)),
      primitive("scatterAdd", [wave([3, 2]), places], .scatterAdd(axis: 0, size: 4)),
      primitive("takeAlong", [wave([2, 3]), along], .takeAlong(axis: 1)),
      primitive("scatterAddAlong", [wave([2, 3]), along], .scatterAddAlong(axis: 1, size: 4)),
      primitive("sort", [wave([2, 4], 1.7)], .sort(axis: 1)),
      primitive("argSort", [wave([2, 4], 1.7)], .argSort(axis: 1)),
      primitive("dynamicSlice", [wave([3, 4]), Tensor([1, 2] as [Int32])], .dynamicSlice(sizes: [2, 2])),
      primitive(
        "dynamicUpdateSlice", [wave([3, 4]), wave([2, 2], 0.6), Tensor([1, 2] as [Int32])], .dynamicUpdateSlice),
    ]
  }()

  private static let contractions: [TaylorCase] = {
    let geometry = ConvolutionGeometry(inputSize: [5], window: [3], strides: [2], paddingLow: [1], paddingHigh: [1])
    let (x, filter, y) = (wave([2, 5, 2]), wave([3, 2, 3], 0.6), wave([2, 3, 3], 0.8))
    return [
      one("dotGeneral", [wave([2, 3, 4]), wave([2, 4, 2], 0.6)]) { matmul($0[0], $0[1]) },
      one("dotGeneral with a constant", [wave([3, 4])]) { matmul($0[0], wave([4, 2], 0.6)) },
      primitive("convolution", [x, filter], .convolution(geometry, .output)),
      primitive("convolutionInput", [y, filter], .convolution(geometry, .input)),
      primitive("convolutionFilter", [x, y], .convolution(geometry, .filter)),
      primitive("windowSum", [wave([5])], .windowSum(WindowGeometry(window: [3], strides: [2], paddingLow: [1]))),
    ]
  }()

  private static let linearAlgebra: [TaylorCase] = {
    let a = wave([2, 4, 4], 0.9)
    let definite = matmul(a, a.swappedAxes(-1, -2)) + 3 * Tensor.eye(4, dtype: .float64)
    let regular = a + 3 * Tensor.eye(4, dtype: .float64)
    let spectrum = 0.3 * (a + a.swappedAxes(-1, -2)) + Tensor([1, 3, 5, 8.0]) * Tensor.eye(4, dtype: .float64)
    var cases = [
      primitive("cholesky", [definite], .cholesky),
      primitive("solve", [regular, wave([2, 4, 3], 0.7)], .solve),
      primitive("eigh", [spectrum], .eigh(vectors: true)),
      primitive("eigenvalues", [spectrum], .eigh(vectors: false)),
      one("triangularSolve with one matrix", [regular[0], wave([2, 4, 3], 0.7)]) { try triangularSolve($0[0], $0[1]) },
      one("solve with a constant matrix", [wave([2, 4, 3], 0.7)]) { try solve(regular, $0[0]) },
    ]
    for bits in 0..<16 {
      let options = TriangularSolveOptions(
        side: bits & 1 == 0 ? .left : .right, lower: bits & 2 == 0, transpose: bits & 4 == 0,
        unitDiagonal: bits & 8 == 0)
      let b = wave(options.side == .left ? [2, 4, 3] : [2, 3, 4], 0.7)
      cases.append(primitive("triangularSolve \(options)", [regular, b], .triangularSolve(options)))
    }
    return cases
  }()

  private static let calls: [TaylorCase] = {
    let forward = withJvp({ (x: Tensor) in exp(sin(x)) }, rule: { x, t in t * cos(x) * exp(sin(x)) })
    let reverse = withVjp({ (x: Tensor) in log(1 + exp(x)) }, rule: { x, t in t / (1 + exp(-x)) })
    let nested = withJvp({ (x: Tensor) in sin(x) }, rule: { x, t in try t * (forward(x) * 0 + cos(x)) })
    return [
      one("checkpoint", [wave([2, 3]), wave([3], 0.8)]) { x in
        try checkpoint { (a: Tensor, b: Tensor) in tanh(a * b) + sin(b) }(x[0], x[1])
      },
      one("checkpoint with a constant", [wave([2, 3])]) { x in
        try checkpoint { (a: Tensor, b: Tensor) in tanh(a * b) + sin(b) }(x[0], wave([3]))
      },
      one("withJvp", [wave([3])]) { try forward($0[0] * $0[0]) },
      one("withVjp", [wave([3])]) { try reverse(2 * $0[0]) },
      one("withJvp within a rule", [wave([3])]) { try nested($0[0]) },
    ]
  }()
}
