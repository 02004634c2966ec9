import Foundation
import Testing

@testable import Tensors

@Suite("The cost of a Taylor expansion")
struct TaylorGrowthTests {
  private typealias Networks = TaylorNetworks

  /// Additions and multiplications; functions count as one per element, movement as none.
  static func operations(_ program: Program) -> Double {
    program.equations.reduce(0) { sum, equation in
      let (inputs, output) = (equation.inputs.map { program.types[$0] }, program.types[equation.outputs.lowerBound])
      switch equation.primitive {
      case .dotGeneral(let dimensions):
        let length = dimensions.aContracting.map { inputs[0].shape[$0] }.reduce(1, *)
        return sum + 2 * Double(output.count * length)
      case .multiplyAdd: return sum + 2 * Double(output.count)
      case .reduce: return sum + Double(inputs[0].count)
      case .unary, .binary, .select: return sum + Double(output.count)
      case .call(let subprogram): return sum + operations(subprogram.program)
      default: return sum
      }
    }
  }

  private static func weights(_ width: Int) -> [Tensor] {
    [Networks.wave([width, width]), Networks.wave([width, width], 0.6), Networks.wave([width, 2], 0.8)]
  }

  private static func expansion(
    _ f: @escaping ([Tensor], Tensor) throws -> Tensor, _ w: [Tensor], _ x: Tensor, order: Int
  ) throws -> Program {
    try trace({ (q: [Tensor], x: Tensor) in try taylorExpand(f, at: w, order: order)(q, x) }, at: w, x)
  }

  /// The same polynomial by derivatives of derivatives.
  private static func nested(
    _ f: @escaping ([Tensor]) throws -> Tensor, _ moves: [Tensor], at w: [Tensor], degree: Int, of order: Int
  ) throws -> Tensor {
    if degree == order { return try f(w) }
    let slope = { (w: [Tensor]) in try jvp(f, at: w, along: moves).tangent }
    return try f(w) + nested(slope, moves, at: w, degree: degree + 1, of: order) / Double(degree + 1)
  }

  /// All equations of the derivatives of derivatives of a program of one number, before equal ones are shared.
  private static func literalDerivatives(_ program: Program, order: Int) throws -> [Double] {
    var (current, counts) = (program, [operations(program)])
    for _ in 0..<order {
      current = try Program.trace(current.inputTypes) { inputs in
        let (_, tangents) = try current.jvp(inputs, inputs.map { _ in Tensor(1.0) })
        return tangents.compactMap { $0 }
      }.program
      counts.append(operations(current))
    }
    return counts
  }

  /// All equations of a series, before equal ones are shared.
  private static func literalSeries(_ program: Program, order: Int) throws -> Double {
    operations(
      try Program.trace(program.inputTypes) { inputs in
        var series = inputs.map { TaylorSeries($0, order: order) }
        for index in series.indices where order > 0 { series[index].coefficients[1] = Tensor(1.0) }
        return try program.taylor(series, order: order).map(\.sum)
      }.program)
  }

  @Test("operations grow with the square of the order")
  func growth() throws {
    let (w, x) = (Self.weights(8), Networks.wave([5, 8], 0.3))
    let f = Networks.perceptron
    let plain = Self.operations(try trace(f, at: w, x))
    let programs = try (0...8).map { try Self.expansion(f, w, x, order: $0) }
    let counts = programs.map(Self.operations)
    let nested = try (0...8).map { order in
      Self.operations(
        try trace(
          { (q: [Tensor], x: Tensor) in
            try Self.nested({ f($0, x) }, zip(q, w).map { $0 - $1 }, at: w, degree: 0, of: order)
          }, at: w, x))
    }
    print("operations, f: \(Int(plain))")
    for order in 1...8 {
      print(
        "order \(order): \(Int(counts[order])) operations, \(programs[order].equations.count) equations; nested and "
          + "shared \(Int(nested[order]))")
    }
    // The parabola through orders 2, 5 and 8 predicts the others.
    func parabola(_ k: Double) -> Double {
      counts[2] * (k - 5) * (k - 8) / 18 - counts[5] * (k - 2) * (k - 8) / 9 + counts[8] * (k - 2) * (k - 5) / 18
    }
    for order in 1...8 { #expect(abs(parabola(Double(order)) / counts[order] - 1) < 0.05, "order \(order)") }
    #expect(counts[8] < 4 * counts[4])
    for order in 3...8 { #expect(counts[order] < nested[order]) }
  }

  @Test("derivatives of derivatives double with every order, series do not")
  func againstDoubling() throws {
    let (w, moves, x) = (Self.weights(8), Self.weights(8).map { 0.5 * $0 + 0.1 }, Networks.wave([5, 8], 0.3))
    let line = try trace({ (t: Tensor) in Networks.perceptron(zip(w, moves).map { $0 + t * $1 }, x) }, at: Tensor(0.0))
    let nested = try Self.literalDerivatives(line, order: 8)
    let series = try (0...8).map { try Self.literalSeries(line, order: $0) }
    for order in 1...8 { print("order \(order): series \(Int(series[order])), nested \(Int(nested[order]))") }
    for order in 5...8 {
      #expect(nested[order] > 1.7 * nested[order - 1])
      #expect(series[order] < 1.5 * series[order - 1])
    }
    #expect(series[8] < 4 * series[4])
  }

  @Test("every elementary function takes operations that grow with the square of the order")
  func elementaryGrowth() throws {
    for function in UnaryFunction.allCases where function != .not {
      func count(_ order: Int) throws -> Double {
        let x = Tensor([0.5])
        return Self.operations(
          try trace(
            { (v: Tensor) in
              // A curve with all coefficients: the product keeps them from vanishing.
              try taylorExpand(
                { (v: Tensor) in apply(.unary(function), [sin(v) * sin(v)]) }, at: x, order: order)(v)
            }, at: x))
      }
      let counts = try [4, 8, 16].map(count)
      // Doubling the order multiplies a quadratic by four at most; an order more would make it eight.
      #expect(counts[2] <= 4.2 * counts[1] && counts[1] <= 4.2 * counts[0], "\(function): \(counts)")
    }
  }
}
