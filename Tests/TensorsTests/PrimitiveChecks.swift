import TestSupport
import Testing

@testable import Tensors

/// What every function of tensors must satisfy, whatever its rules are.
struct FunctionChecks {
  typealias Function = ([Tensor]) throws -> [Tensor]

  let context: String
  var sourceLocation: SourceLocation = #_sourceLocation
  /// Problems found, for those who do not report them at once.
  private(set) var problems: [String] = []

  init(_ context: String) { self.context = context }

  mutating func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
    if !condition { problems.append("\(context): \(problem())") }
  }

  mutating func expectClose(_ found: [Tensor], _ expected: [Tensor], _ tolerance: Double, _ what: String) {
    guard found.map(\.type) == expected.map(\.type) else {
      problems.append("\(context): \(what): types \(found.map(\.type)), expected \(expected.map(\.type))")
      return
    }
    for (a, b) in zip(found, expected) where a.count > 0 {
      let difference = abs(a.asType(.float64) - b.asType(.float64)).max().scalar(as: Double.self)
      let scale = 1 + abs(b.asType(.float64)).max().scalar(as: Double.self)
      if !(difference <= tolerance * scale) {
        problems.append("\(context): \(what): \(a) differs by \(difference) from \(b)")
      }
    }
  }

  mutating func expectIdentical(_ found: [Tensor], _ expected: [Tensor], _ what: String) {
    let isSame = found.count == expected.count && zip(found, expected).allSatisfy { $0.isIdentical(to: $1) }
    expect(isSame, "\(what): \(found), expected exactly \(expected)")
  }

  /// The inputs moved along directions.
  static func moved(_ inputs: [Tensor], _ directions: [Tensor], by step: Double) -> [Tensor] {
    zip(inputs, directions).map { $0.dtype.isFloatingPoint ? $0 + step * $1 : $0 }
  }

  /// The directional derivative by central differences of two step sizes, whose errors cancel to the fourth order.
  static func difference(_ f: Function, _ inputs: [Tensor], _ directions: [Tensor], step: Double = 1e-3) throws
    -> [Tensor]
  {
    let values = try [step, -step, 2 * step, -2 * step].map { try f(moved(inputs, directions, by: $0)) }
    return values[0].indices.map { index in
      guard values[0][index].dtype.isFloatingPoint else { return .zero(of: values[0][index]) }
      return (8 * (values[0][index] - values[1][index]) - (values[2][index] - values[3][index])) / (12 * step)
    }
  }

  static func directions(_ inputs: [Tensor], seed: UInt64) -> [Tensor] {
    var numbers = TestNumbers(seed: seed)
    return inputs.map { $0.dtype.isFloatingPoint ? numbers.real($0.shape, -1, 1).asType($0.dtype) : .zero(of: $0) }
  }

  /// Σ x · y over all floating-point tensors.
  static func product(_ x: [Tensor], _ y: [Tensor]) -> Tensor {
    zip(x, y).filter { $0.0.dtype.isFloatingPoint }
      .reduce(Tensor(0.0)) { $0 + ($1.0.asType(.float64) * $1.1.asType(.float64)).sum() }
  }

  /// That the traced program, simplified or not, computes what the function does.
  mutating func checkTracing(_ f: @escaping Function, _ inputs: [Tensor], exactly: Bool = true) throws {
    let expected = try f(inputs)
    let program = try Program.trace(inputs.map(\.type), f).program
    let simplified = program.simplified()
    if exactly {
      expectIdentical(try program(inputs), expected, "traced")
      expectIdentical(try simplified(inputs), expected, "simplified")
    } else {
      expectClose(try program(inputs), expected, 1e-13, "traced")
      expectClose(try simplified(inputs), expected, 1e-13, "simplified")
    }
    expect(simplified.simplified().equations.count == simplified.equations.count, "simplified twice is shorter")
  }

  /// That jvp equals central differences (unless the function is not smooth), is linear input by input, and that vjp is
  /// its transpose, for all inputs and for each alone.
  mutating func checkDerivatives(_ f: @escaping Function, _ inputs: [Tensor], differences: Bool = true) throws {
    let along = Self.directions(inputs, seed: 3)
    let (values, tangents) = try jvp(f, at: inputs, along: along)
    expectClose(values, try f(inputs), 1e-13, "the value beside the jvp")
    if differences { expectClose(tangents, try Self.difference(f, inputs, along), 1e-8, "jvp against differences") }
    let (pulledValues, pullback) = try vjp(f, at: inputs)
    expectClose(pulledValues, values, 1e-13, "the value beside the vjp")
    let weights = Self.directions(values, seed: 4)
    let cotangents = try pullback(weights)
    expect(cotangents.map(\.type) == inputs.map(\.type), "vjp has types \(cotangents.map(\.type))")
    expectClose(
      [Self.product(cotangents, along)], [Self.product(weights, tangents)], 1e-12, "⟨Jᵀu, v⟩ against ⟨u, J v⟩")
    var sum = tangents.map(Tensor.zero(of:))
    let program = try Program.trace(inputs.map(\.type), f).program
    for index in inputs.indices where inputs.count > 1 && inputs[index].dtype.isFloatingPoint {
      let active = inputs.indices.map { $0 == index }
      let part = try program.jvp(inputs, zip(along, active).map { $1 ? $0 : nil }).tangents
      sum = zip(sum, part).map { sum, part in part.map { sum + $0 } ?? sum }
      let linearization = try Linearization(program, active: active)
      let alone = try linearization.pullBack(weights, linearization.evaluate(inputs).residuals)
      expectClose([alone[index] ?? along[index]], [cotangents[index]], 1e-13, "vjp in input \(index) alone")
    }
    if inputs.count(where: \.dtype.isFloatingPoint) > 1 { expectClose(sum, tangents, 1e-13, "the sum of partial jvps") }
  }

  /// That the second derivative of ⟨u, f⟩ along two directions is the same by all nestings, and by central differences.
  mutating func checkSecondDerivatives(_ f: @escaping Function, _ inputs: [Tensor], differences: Bool = true) throws {
    let (first, second) = (Self.directions(inputs, seed: 5), Self.directions(inputs, seed: 6))
    let weights = Self.directions(try f(inputs), seed: 7)
    let forward: Function = { try [Self.product(weights, jvp(f, at: $0, along: first).tangent)] }
    let reverse: Function = { try [Self.product(vjp(f, at: $0).pullback(weights), first)] }
    let forwardForward = try jvp(forward, at: inputs, along: second).tangent
    if differences {
      expectClose(forwardForward, try Self.difference(forward, inputs, second), 1e-7, "second derivative")
    }
    expectClose(try jvp(reverse, at: inputs, along: second).tangent, forwardForward, 1e-11, "forward over reverse")
    for (f, name) in [(forward, "reverse over forward"), (reverse, "reverse over reverse")] {
      let gradient = try vjp(f, at: inputs).pullback([Tensor(1.0)])
      expectClose([Self.product(gradient, second)], forwardForward, 1e-11, name)
    }
  }

  /// That vmap of the program equals a loop: for all inputs mapped, each alone, and all but each.
  mutating func checkMapping(_ f: @escaping Function, samples: [[Tensor]], tolerance: Double = 1e-12) throws {
    let program = try Program.trace(samples[0].map(\.type), f).program
    let count = samples[0].count
    guard count > 0 else { return }
    var subsets: Set<[Bool]> = [(0..<count).map { _ in true }]
    for index in 0..<count {
      subsets.insert((0..<count).map { $0 == index })
      if count > 1 { subsets.insert((0..<count).map { $0 != index }) }
    }
    for mapped in subsets.sorted(by: { "\($0)" < "\($1)" }) {
      for size in [samples.count, 1] {
        let entries = samples[..<size].map { sample in mapped.indices.map { mapped[$0] ? sample[$0] : samples[0][$0] } }
        let stacked = mapped.indices.map { index in
          mapped[index] ? stack(entries.map { $0[index] }) : samples[0][index]
        }
        let found = try program.vmapProgram(mapped, size)(stacked)
        let loop = try entries.map(f)
        expectClose(
          found, loop[0].indices.map { index in stack(loop.map { $0[index] }) }, tolerance, "vmap of \(mapped), \(size)"
        )
      }
      let none = zip(samples[0], mapped).map { input, isMapped in
        isMapped ? Tensor.zeros([0] + input.shape, dtype: input.dtype) : input
      }
      let empty = try program.vmapProgram(mapped, 0)(none)
      expect(
        empty.map(\.shape) == program.outputTypes.map { [0] + $0.shape }, "vmap over nothing: \(empty.map(\.type))")
    }
  }

  /// That the public vmap agrees with a loop for every axis of the inputs and of the outputs.
  mutating func checkAxes(_ f: @escaping Function, samples: [[Tensor]]) throws {
    let loop = try samples.map(f)
    guard let inputRank = samples[0].map(\.rank).min(), let outputRank = loop[0].map(\.rank).min() else { return }
    for axis in -inputRank - 1...inputRank {
      // Every input axis, and every output axis with one of them.
      for outAxis in axis == 0 ? Array(-outputRank - 1...outputRank) : [0] {
        let stacked = samples[0].indices.map { index in stack(samples.map { $0[index] }, axis: axis) }
        let found = try vmap({ (x: [Tensor]) in try f(x) }, inAxes: [axis], outAxis: outAxis)(stacked)
        let expected = loop[0].indices.map { index in stack(loop.map { $0[index] }, axis: outAxis) }
        expectClose(found, expected, 1e-12, "vmap along \(axis) to \(outAxis)")
      }
    }
  }
}

extension Tensor {
  /// Whether types and all bits are equal; NaN equals NaN.
  func isIdentical(to other: Tensor) -> Bool {
    guard type == other.type else { return false }
    switch dtype {
    case .float32:
      return zip(scalars(as: Float.self), other.scalars(as: Float.self))
        .allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
    case .float64:
      return zip(scalars(as: Double.self), other.scalars(as: Double.self))
        .allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
    case .int32: return scalars(as: Int32.self) == other.scalars(as: Int32.self)
    case .bool: return scalars(as: Bool.self) == other.scalars(as: Bool.self)
    }
  }
}
