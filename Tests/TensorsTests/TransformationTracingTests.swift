import Foundation
import Testing

@testable import Tensors

/// What a traced function must not do ends the program; these run it in a process of its own.
@Suite("Tracing and compiling")
struct TransformationTracingTests {
  @Test("a compiled function is traced once per structure, shapes and element types")
  func retracing() throws {
    var calls = 0
    let f = compile { (x: [Tensor]) -> Tensor in
      calls += 1
      return x.reduce(Tensor(0.0)) { $0 + $1.sum() }
    }
    let ones = Tensor.ones([3], dtype: .float64)
    for _ in 0..<3 { #expect(try f([ones]) == Tensor(3.0)) }
    #expect(calls == 1)
    #expect(try f([2 * ones]) == Tensor(6.0))
    #expect(calls == 1)
    _ = try f([Tensor.ones([2], dtype: .float64)])
    #expect(calls == 2)
    _ = try f([Tensor.ones([3])])
    #expect(calls == 3)
    #expect(try f([ones, ones]) == Tensor(6.0))
    #expect(calls == 4)
    for count in [1, 2] { _ = try f([Tensor](repeating: ones, count: count)) }
    #expect(calls == 4)
  }

  @Test("structures with the same tensors are told apart")
  func structures() throws {
    let x = Tensor.ones([2], dtype: .float64)
    var calls = 0
    let optionals = compile { (trees: [Tensor?]) -> [Tensor?] in
      calls += 1
      return trees.map { $0.map { $0 + 1 } }
    }
    #expect(try optionals([x, nil])[1] == nil)
    #expect(try optionals([nil, x])[0] == nil)
    let dictionaries = compile { (tree: [String: Tensor]) -> [String: Tensor] in
      calls += 1
      return tree.mapValues { 2 * $0 }
    }
    #expect(try dictionaries(["a": x]) == ["a": 2 * x])
    #expect(try dictionaries(["b": x]) == ["b": 2 * x])
    let nested = compile { (tree: [[Tensor]]) -> Tensor in
      calls += 1
      return tree[0].reduce(x - x) { $0 + $1 }
    }
    #expect(try nested([[x, x], [x]]) == 2 * x)
    #expect(try nested([[x], [x, x]]) == x)
    #expect(calls == 6)
  }

  @Test("a compiled function captures tensors outside of it, and runs inside of another one")
  func capturing() throws {
    let w = Tensor([1.0, 2, 3])
    let f = compile { (x: Tensor) in sin(x * w).sum() }
    let x = Tensor([0.5, -1, 2])
    #expect(try f(x) == sin(x * w).sum())
    #expect(allClose(try gradient(of: { try f($0) })(x), w * cos(x * w), relativeTolerance: 1e-14))
    let g = compile { (x: Tensor) in try f(x) * 2 }
    #expect(try g(x) == 2 * sin(x * w).sum())
  }

  @Test("large captured tensors are constants of the program, repeated elements scalars")
  func constants() throws {
    let table = Tensor((0..<100).map { Double($0) })
    let program = try trace({ (x: Tensor) in x + table + Tensor.ones([100], dtype: .float64) * x }, at: table)
    #expect(program.constants.map(\.count).sorted() == [100])
    let shifted = try trace({ (x: Tensor) in x + Tensor(repeating: 3, shape: [100], dtype: .float64) }, at: table)
    #expect(shifted.constants.map(\.shape) == [[]])
  }

  @Test("a function whose output does not depend on its input, or is the input itself")
  func degenerate() throws {
    let x = Tensor([1.0, 2])
    #expect(try compile { (x: Tensor) in x }(x) == x)
    #expect(try gradient(of: { (x: Tensor) in Tensor(3.0) })(x) == Tensor([0.0, 0]))
    #expect(try vjp({ (x: Tensor) in [x, x] }, at: x).pullback([x, 2 * x]) == 3 * x)
    #expect(try jvp({ (x: Tensor) in x }, at: x, along: x).tangent == x)
    #expect(try vmap { (x: Tensor) in x }(x) == x)
    #expect(try trace({ (x: [Tensor]) in x }, at: [Tensor]()).outputs.isEmpty)
  }

  @Test("elements of a traced tensor are not there to be read")
  func elements() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try gradient(of: { (x: Tensor) in x.scalar(as: Double.self) > 0 ? x : -x })(Tensor(1.0))
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("the elements of a traced tensor are not known") && message.contains("`select`"))
    await #expect(processExitsWith: .failure) {
      _ = try compile { (x: Tensor) in x == x ? x : -x }(Tensor(1.0))
    }
    await #expect(processExitsWith: .failure) {
      _ = try gradient(of: { (x: Tensor) in try svd(x).values.sum() })(Tensor.eye(2, dtype: .float64))
    }
    await #expect(processExitsWith: .failure) {
      _ = try gradient(of: { (x: Tensor) in try qr(x).r.sum() })(Tensor.eye(2, dtype: .float64))
    }
  }

  @Test("a traced tensor is of no use once its function has been traced")
  func leaks() async {
    await #expect(processExitsWith: .failure) {
      var kept: [Tensor] = []
      _ = try gradient(of: { (x: Tensor) in
        kept.append(x)
        return x * x
      })(Tensor(1.0))
      _ = kept[0] + 1
    }
  }

  @Test("compile, trace and derivatives of one's own refuse tensors of functions around them")
  func captures() async {
    await #expect(processExitsWith: .failure) {
      _ = try gradient(of: { (x: Tensor) in try compile { (y: Tensor) in x * y }(Tensor(1.0)) })(Tensor(1.0))
    }
    await #expect(processExitsWith: .failure) {
      _ = try gradient(of: { (x: Tensor) in
        let f = withJvp({ (y: Tensor) in x * y }, rule: { (y: Tensor, t: Tensor) in x * t })
        return try gradient(of: f)(x)
      })(Tensor(1.0))
    }
  }

  @Test("types that do not fit end the program")
  func types() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1.0, 2]) + Tensor([1.0, 2, 3])
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("add: expected") && message.contains("float64[2]") && message.contains("float64[3]"))
    await #expect(processExitsWith: .failure) { _ = apply(.unary(.exp), [Tensor([Int32(1)])]) }
    await #expect(processExitsWith: .failure) { _ = try gradient(of: { (x: Tensor) in x })(Tensor([1.0, 2])) }
    await #expect(processExitsWith: .failure) {
      _ = try jvp({ (x: Tensor) in x }, at: Tensor([1.0, 2]), along: Tensor([1.0]))
    }
    await #expect(processExitsWith: .failure) {
      _ = try vmap({ (x: Tensor, y: Tensor) in x + y })(Tensor([1.0, 2]), Tensor([1.0, 2, 3]))
    }
    await #expect(processExitsWith: .failure) {
      _ = try vmap({ (x: Tensor, y: Tensor) in x + y }, inAxes: [nil, nil])(Tensor([1.0]), Tensor([1.0]))
    }
    await #expect(processExitsWith: .failure) {
      _ = try trace({ (x: Tensor) in x + 1 }, at: Tensor([1.0]))([Tensor([1.0, 2])])
    }
  }
}
