import Synchronization
import TestSupport
import Testing

@testable import Tensors

@Suite("Random programs")
struct ProgramFuzzTests {
  private typealias Check = @Sendable (_ program: Program, _ samples: [[Tensor]], _ isSmooth: Bool) throws -> [String]

  /// Seeds to try: some by default, thousands when FUZZ is set.
  private static var seeds: Range<UInt64> {
    TestSwitch.fuzz.isOn ? 0..<10_000 : 0..<300
  }

  /// Generates programs and holds them against a check; a failing one is made as small as it can be and printed.
  private func forEachProgram(_ check: @escaping Check) {
    var failures = 0
    for seed in Self.seeds where failures < 5 {
      var generator = ProgramGenerator(seed: seed)
      let result = generator.generate(length: 3 + Int(seed % 28))
      let problems = { (program: Program) -> [String] in
        do {
          return try check(program, result.samples, result.isSmooth)
        } catch {
          return ["\(error)"]
        }
      }
      let found = problems(result.program)
      guard !found.isEmpty else { continue }
      failures += 1
      let small = result.program.shrunk(at: result.samples[0]) { !problems($0).isEmpty }
      Issue.record(
        """
        seed \(seed): \(problems(small).first ?? found[0])
        \(small)
        constants \(small.constants)
        inputs \(result.samples[0])
        """)
    }
  }

  @Test("random programs use every primitive")
  func coverage() {
    var kinds: Set<PrimitiveKind> = []
    func visit(_ program: Program) {
      for equation in program.equations {
        kinds.insert(PrimitiveKind(equation.primitive))
        if case .call(let subprogram) = equation.primitive { visit(subprogram.program) }
      }
    }
    for seed in 0..<600 as Range<UInt64> {
      var generator = ProgramGenerator(seed: seed)
      visit(generator.generate(length: 28).program)
    }
    // Differences of what is rounded to float32 would mean nothing.
    #expect(PrimitiveKind.all.subtracting(kinds) == [.convert(.float32)])
  }

  @Test("programs run as they are and simplified as their equations do one by one, on any number of threads")
  func evaluation() {
    forEachProgram { program, samples, _ in
      var checks = FunctionChecks("evaluation")
      for inputs in samples {
        let expected = try program.interpreted(inputs)
        checks.expectIdentical(try Executable(program).run(inputs), expected, "executed")
        let simplified = program.simplified()
        // A transposition that moves into a product changes the order in which it rounds.
        checks.expectClose(try simplified(inputs), expected, 1e-12, "simplified")
        try withThreadCounts([1, 3]) { count in
          checks.expectIdentical(try simplified(inputs), try simplified(inputs), "on \(count) threads")
          checks.expectIdentical(try program.interpreted(inputs), expected, "on \(count) threads")
        }
      }
      return checks.problems
    }
  }

  @Test("jvp equals central differences where these agree among themselves, and vjp is its transpose")
  func derivatives() {
    let compared = Mutex((equal: 0, all: 0))
    forEachProgram { program, samples, isSmooth in
      var checks = FunctionChecks("derivatives")
      let f: FunctionChecks.Function = { try program($0) }
      try checks.checkDerivatives(f, samples[0], differences: false)
      guard isSmooth else { return checks.problems }
      let along = FunctionChecks.directions(samples[0], seed: 3)
      let tangents = try jvp(f, at: samples[0], along: along).tangent
      let coarse = try FunctionChecks.difference(f, samples[0], along, step: 1e-4)
      let fine = try FunctionChecks.difference(f, samples[0], along, step: 2e-5)
      for (index, tangent) in tangents.enumerated() where tangent.dtype.isFloatingPoint && tangent.count > 0 {
        // Where they do not agree there is a corner nearby, or the function bends too much for them.
        let isUsable = allClose(coarse[index], fine[index], relativeTolerance: 1e-6, absoluteTolerance: 1e-6)
        compared.withLock { $0 = ($0.equal + (isUsable ? 1 : 0), $0.all + 1) }
        guard isUsable else { continue }
        checks.expectClose([tangent], [fine[index]], 1e-5, "jvp against differences")
      }
      return checks.problems
    }
    #expect(
      compared.withLock { 10 * $0.equal > 9 * $0.all }, "few derivatives could be compared: \(compared.withLock { $0 })"
    )
  }

  @Test("second derivatives are the same by all nestings")
  func secondDerivatives() {
    forEachProgram { program, samples, _ in
      var checks = FunctionChecks("second derivatives")
      // They grow with the number of equations: only short programs keep enough digits.
      guard program.equations.count <= 12 else { return [] }
      try checks.checkSecondDerivatives({ try program($0) }, samples[0], differences: false)
      return checks.problems
    }
  }

  @Test("vmap equals a loop")
  func mapping() {
    forEachProgram { program, samples, _ in
      var checks = FunctionChecks("vmap")
      try checks.checkMapping({ try program($0) }, samples: samples, tolerance: 1e-10)
      return checks.problems
    }
  }
}

extension Program {
  /// A smaller program that fails as this one does: it ends at the first value that fails, and starts from as many
  /// constants in place of equations as it can.
  fileprivate func shrunk(at inputs: [Tensor], while fails: (Program) -> Bool) -> Program {
    var best = self
    for value in inputCount..<types.count where types[value].dtype.isFloatingPoint {
      let candidate = rebuilt(outputs: [value], constants: [:])
      if fails(candidate) {
        best = candidate
        break
      }
    }
    var place = best.equations.count - 2
    while place >= 0 {
      if let candidate = best.cut(equation: place, at: inputs), fails(candidate) {
        best = candidate
        place = min(place, best.equations.count - 1)
      }
      place -= 1
    }
    return best
  }

  /// The program with what an equation gives at `inputs` in the equation's place.
  private func cut(equation index: Int, at inputs: [Tensor]) -> Program? {
    guard index < equations.count else { return nil }
    let places = Array(equations[index].outputs)
    guard let values = try? rebuilt(outputs: places, constants: [:]).interpreted(inputs) else { return nil }
    return rebuilt(outputs: outputs, constants: Dictionary(uniqueKeysWithValues: zip(places, values)))
  }

  private func rebuilt(outputs: [Int], constants replaced: [Int: Tensor]) -> Program {
    var builder = ProgramBuilder()
    var values = inputTypes.map { builder.input($0) }
    for tensor in constants { values.append(builder.constant(tensor)) }
    for equation in equations {
      let made = equation.outputs.map { replaced[$0] }
      if made.allSatisfy({ $0 != nil }) {
        values += made.compactMap { $0 }.map { builder.constant($0) }
      } else {
        values += builder.equation(equation.primitive, equation.inputs.map { values[$0] })
      }
    }
    return builder.finish(outputs: outputs.map { values[$0] })
  }
}
