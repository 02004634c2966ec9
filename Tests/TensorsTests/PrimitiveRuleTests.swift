import Testing

@testable import Tensors

@Suite("The rules of every primitive")
struct PrimitiveRuleTests {
  /// Runs checks over all cases and reports what they found, the first few of each kind.
  private func forEachCase(_ check: (PrimitiveCase, inout FunctionChecks) throws -> Void) {
    for item in PrimitiveTable.shared {
      var checks = FunctionChecks(item.description)
      do {
        try check(item, &checks)
      } catch {
        Issue.record("\(item): \(error)")
      }
      for problem in checks.problems.prefix(3) { Issue.record("\(problem)") }
    }
  }

  /// Whether the results change with the inputs as the rules say: not where rounding or a stopped gradient hides it.
  private func isSmooth(_ item: PrimitiveCase) throws -> Bool {
    switch try item.primitive(.float64) {
    case .stopGradient: false
    case .convert(let dtype): dtype == .float64
    default: true
    }
  }

  @Test("every primitive, and every option of it that has rules of its own, has cases")
  func completeness() throws {
    let kinds = try Set(PrimitiveTable.shared.map { PrimitiveKind(try $0.primitive(.float64)) })
    #expect(PrimitiveKind.all.subtracting(kinds).isEmpty)
    #expect(PrimitiveTable.shared.count > 900)
  }

  @Test("programs compute what their functions do, bit for bit")
  func tracing() {
    forEachCase { item, checks in
      for dtype in [DType.float64, .float32] {
        let inputs = item.inputs.map { $0.dtype.isFloatingPoint ? $0.asType(dtype) : $0 }
        try checks.checkTracing(item.function(dtype), inputs)
      }
    }
  }

  @Test("jvp equals central differences, and vjp is its transpose")
  func derivatives() {
    forEachCase { item, checks in
      try checks.checkDerivatives(item.function(), item.inputs, differences: isSmooth(item))
    }
  }

  @Test("second derivatives are the same by all nestings and by central differences")
  func secondDerivatives() {
    forEachCase { item, checks in
      guard item.inputs.contains(where: \.dtype.isFloatingPoint) else { return }
      try checks.checkSecondDerivatives(item.function(), item.inputs, differences: isSmooth(item))
    }
  }

  @Test("vmap equals a loop, whichever inputs are mapped")
  func mapping() {
    forEachCase { item, checks in try checks.checkMapping(item.function(), samples: item.samples) }
  }

  @Test("vmap equals a loop along every axis")
  func axes() {
    forEachCase { item, checks in try checks.checkAxes(item.function(), samples: item.samples) }
  }

  @Test("vmap of forward and reverse derivatives equals a loop")
  func mappedDerivatives() {
    forEachCase { item, checks in
      guard item.inputs.contains(where: \.dtype.isFloatingPoint) else { return }
      let f = try item.function()
      let count = item.inputs.count
      let outputs = try f(item.inputs)
      try checks.checkMapping(
        { x in try jvp(f, at: Array(x[..<count]), along: Array(x[count...])).tangent },
        samples: item.samples.map { $0 + FunctionChecks.directions($0, seed: 8) }, tolerance: 1e-11)
      try checks.checkMapping(
        { x in try vjp(f, at: Array(x[..<count])).pullback(Array(x[count...])) },
        samples: item.samples.map { $0 + FunctionChecks.directions(outputs, seed: 9) }, tolerance: 1e-11)
    }
  }

  @Test("in float32 values and derivatives are those of float64 up to rounding")
  func singlePrecision() {
    forEachCase { item, checks in
      func single(_ tensors: [Tensor]) -> [Tensor] { tensors.map { $0.dtype == .float64 ? $0.asType(.float32) : $0 } }
      func double(_ tensors: [Tensor]) -> [Tensor] { tensors.map { $0.dtype == .float32 ? $0.asType(.float64) : $0 } }
      let inputs = single(item.inputs)
      let (f, f32) = (try item.function(), try item.function(.float32))
      let exact = try jvp(f, at: double(inputs), along: FunctionChecks.directions(item.inputs, seed: 3))
      let found = try jvp(f32, at: inputs, along: FunctionChecks.directions(inputs, seed: 3))
      checks.expectClose(double(found.value), double(exact.value), 2e-5, "float32")
      checks.expectClose(double(found.tangent), double(exact.tangent), 1e-4, "float32 jvp")
      let weights = FunctionChecks.directions(exact.value, seed: 4)
      let cotangent = try vjp(f, at: double(inputs)).pullback(weights)
      let found32 = try vjp(f32, at: inputs).pullback(
        zip(weights, found.value).map { $0.asType($1.dtype) })
      checks.expectClose(double(found32), double(cotangent), 1e-4, "float32 vjp")
    }
  }
}
