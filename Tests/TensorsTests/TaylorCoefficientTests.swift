import Foundation
import Testing

@testable import Tensors

/// Taylor coefficients of elementary functions from 80 digits.
struct TaylorFixture: Decodable {
  struct Entry: Decodable, Sendable, CustomTestStringConvertible {
    let function: String
    let arguments: [Double]
    let second: [Double]?
    let slopes: [Double]?
    let coefficients: [[Double]]
    var testDescription: String { function + (slopes.map { " along \($0)" } ?? "") }
  }

  let entries: [Entry]

  static func load() -> [Entry] {
    guard let url = Bundle.module.url(forResource: "Fixtures/taylor", withExtension: "json"),
      let data = try? Data(contentsOf: url), let fixture = try? JSONDecoder().decode(Self.self, from: data)
    else { return [] }
    return fixture.entries
  }
}

@Suite("Taylor coefficients")
struct TaylorCoefficientTests {
  @Test("coefficients of elementary functions are exact to order 8", arguments: TaylorFixture.load())
  func elementary(_ entry: TaylorFixture.Entry) throws {
    let order = entry.coefficients.count - 1
    let x = Tensor(entry.arguments)
    let found: [Tensor]
    if let second = entry.second, let slopes = entry.slopes {
      let function = try #require(BinaryFunction(rawValue: entry.function == "pow" ? "power" : entry.function))
      let y = Tensor(second)
      found = try taylorCoefficients(
        of: { (x: Tensor, y: Tensor) in apply(.binary(function), [x, y]) }, at: (x, y),
        along: (Self.filled(x, slopes[0]), Self.filled(y, slopes[1])), order: order)
    } else {
      let function = try #require(UnaryFunction(rawValue: entry.function))
      found = try taylorCoefficients(
        of: { (x: Tensor) in apply(.unary(function), [x]) }, at: x, along: Self.filled(x, 1), order: order)
    }
    #expect(order == 8)
    var largest = 0.0
    for (k, (tensor, exact)) in zip(found, entry.coefficients).enumerated() {
      // Where a coefficient nearly vanishes, its error is measured by the terms that cancel.
      let scale = exact.map(abs).max() ?? 0
      for (value, exact) in zip(tensor.scalars(as: Double.self), exact) {
        if exact != 0 { largest = max(largest, abs(value / exact - 1)) }
        #expect(
          abs(value - exact) <= 1e-10 * abs(exact) + 1e-14 * min(1, scale),
          "coefficient \(k) is \(value) instead of \(exact)")
      }
    }
    print("\(entry.testDescription): largest relative error \(largest)")
  }

  @Test("all elementary functions are in the fixture")
  func fixtureIsComplete() {
    let known = Set(TaylorFixture.load().map(\.function))
    let without: Set<UnaryFunction> = [.negate, .absolute, .sign, .not, .floor, .ceil, .round]
    #expect(Set(UnaryFunction.allCases.filter { !without.contains($0) }.map(\.rawValue)).isSubset(of: known))
  }

  @Test("the coefficients of every primitive are those of nested forward derivatives", arguments: TaylorCase.all)
  func againstNested(_ test: TaylorCase) throws {
    let order = 3
    let curve = test.curve
    let start = Tensor(0.0)
    let found = try taylorCoefficients(of: curve, at: start, along: Tensor(1.0), order: order)
    var (derivative, factorial) = (curve, 1.0)
    for k in 0...order {
      if k > 0 {
        derivative = Self.slope(of: derivative)
        factorial *= Double(k)
      }
      let expected = try derivative(start)
      #expect(found[k].map(\.type) == expected.map(\.type))
      for (value, expected) in zip(found[k], expected) {
        let (a, b) = (value.asType(.float64), expected.asType(.float64) / factorial)
        #expect(
          allClose(a, b, relativeTolerance: test.tolerance, absoluteTolerance: test.tolerance),
          "coefficient \(k): \(a) instead of \(b)")
      }
    }
  }

  @Test("no primitive lacks a case")
  func casesAreComplete() throws {
    var seen: Set<String> = []
    for test in TaylorCase.all {
      for equation in try trace(test.curve, at: Tensor(0.0)).equations { seen.insert(equation.primitive.name) }
    }
    let elementwise =
      UnaryFunction.allCases.map(\.rawValue) + BinaryFunction.allCases.map(\.rawValue)
      + Comparison.allCases.map(\.rawValue)
    let others = [
      "multiplyAdd", "select", "convert", "reshape", "transpose", "broadcast", "reverse", "slice", "assign", "pad",
      "concatenate", "reduceSum", "reduceProduct", "reduceMin", "reduceMax", "argMin", "argMax", "cumulativeSum",
      "take", "scatterAdd", "takeAlong", "scatterAddAlong", "sort", "argSort", "dynamicSlice", "dynamicUpdateSlice",
      "dotGeneral", "convolution", "convolutionInput", "convolutionFilter", "windowSum", "cholesky", "triangularSolve",
      "solve", "eigh", "stopGradient", "call checkpoint", "call custom",
    ]
    // `iota` has no input: it is known when a function is traced, and a constant of its program.
    #expect(Set(elementwise + others).subtracting(seen).isEmpty)
  }

  @Test("powers are exact at zero, for known and for traced exponents")
  func powersAtZero() throws {
    let x = Tensor([0, 0, 0, 0, 0, 0.0])
    let p = Tensor([0, 1, 2, 3, 4.5, 7])
    let v = Tensor([2, 2, 2, 2, 2, 2.0])
    let traced = try taylorCoefficients(
      of: { (x: Tensor, p: Tensor) in pow(x, p) }, at: (x, p), along: (v, Tensor.zeros([6], dtype: .float64)), order: 4)
    let known = try taylorCoefficients(of: { (x: Tensor) in pow(x, p) }, at: x, along: v, order: 4)
    let stopped = try taylorCoefficients(
      of: { (x: Tensor) in pow(x, stopGradient(p)) }, at: x, along: v, order: 4)
    let exact = Tensor(
      rows: [
        [1, 0, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0], [0, 0, 4, 0, 0, 0], [0, 0, 0, 8, 0, 0], [0, 0, 0, 0, 0, 0],
      ] as [[Double]])
    #expect(stack(known) == exact)
    #expect(stack(stopped) == exact)
    #expect(allClose(stack(traced), exact, relativeTolerance: 0, absoluteTolerance: 0))
    let cube = try taylorCoefficients(of: { (x: Tensor) in pow(x, 3) }, at: x, along: v, order: 4)
    #expect(cube[3] == 8 * Tensor.ones([6], dtype: .float64) && cube[4] == Tensor.zeros([6], dtype: .float64))
  }

  @Test("roots and angles have no infinite coefficients where nothing moves")
  func corners() throws {
    let zero = Tensor([0.0])
    let functions: [(Tensor) -> Tensor] = [
      { sqrt($0) }, { cbrt($0) }, { abs($0) }, { pow($0, 0.5) }, { atan2($0, 0 * $0) }, { maximum($0, 0) },
    ]
    for function in functions {
      for coefficient in try taylorCoefficients(of: function, at: zero, along: zero, order: 3) {
        #expect(coefficient == zero)
      }
    }
  }

  @Test("gradients of expansions are finite at the corners of roots, powers and extremes")
  func cornerGradients() throws {
    let p = Tensor([0, 1, 0.0])
    let functions: [(Tensor) -> Tensor] = [
      { sqrt($0) }, { cbrt($0) }, { abs($0) }, { pow($0, stopGradient(0 * $0 + 3)) }, { pow($0, 2) },
      { atan2($0, 0 * $0) }, { maximum($0, 0) }, { ($0 * $0).product() },
    ]
    for (index, function) in functions.enumerated() {
      let slope = try gradient(
        of: { (q: Tensor) in try taylorExpand(function, at: p, order: 3)(q).sum() })(p + 0.3)
      #expect(isFinite(slope).all().scalar(as: Bool.self), "function \(index): \(slope)")
      let inPoint = try gradient(
        of: { (p: Tensor) in try taylorExpand(function, at: p, order: 3)(p + 0.3).sum() })(p)
      #expect(isFinite(inPoint).all().scalar(as: Bool.self), "function \(index): \(inPoint)")
    }
  }

  static func slope(of f: @escaping (Tensor) throws -> [Tensor]) -> (Tensor) throws -> [Tensor] {
    { t in try jvp(f, at: t, along: Tensor(1.0)).tangent }
  }

  private static func filled(_ x: Tensor, _ value: Double) -> Tensor {
    Tensor(repeating: value, shape: x.shape, dtype: .float64)
  }
}
