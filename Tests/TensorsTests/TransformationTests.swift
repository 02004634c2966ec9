import Foundation
import TestSupport
import Testing

@testable import Tensors

/// Weights and biases, one of which may be missing.
struct AffineTree: TensorTree {
  var weight: Tensor
  var bias: Tensor?

  func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> AffineTree {
    AffineTree(weight: try transform(weight), bias: try bias.mapTensors(transform))
  }

  var structure: [String] { bias.structure }
}

@Suite("Transformations")
struct TransformationTests {
  private func number(_ x: Tensor) -> Double { x.scalar(as: Double.self) }

  private func sample(_ shape: [Int], _ seed: UInt64 = 1) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return numbers.real(shape)
  }

  // MARK: Nesting

  @Test("derivatives of functions inside of one another do not mix")
  func perturbationConfusion() throws {
    // d/dx (x · d/dy (x + y)) = d/dx (x · 1) = 1.
    let sum = gradient(of: { (x: Tensor) in try x * gradient(of: { (y: Tensor) in x + y })(Tensor(1.0)) })
    #expect(number(try sum(Tensor(1.0))) == 1)
    // d/dx (x · d/dy (x y)) = d/dx x² = 2x.
    let product = gradient(of: { (x: Tensor) in try x * gradient(of: { (y: Tensor) in x * y })(Tensor(5.0)) })
    #expect(number(try product(Tensor(3.0))) == 6)
    let forward = try jvp(
      { (x: Tensor) in try x * jvp({ (y: Tensor) in x * y * y }, at: Tensor(5.0), along: Tensor(1.0)).tangent },
      at: Tensor(3.0), along: Tensor(1.0))
    #expect(number(forward.tangent) == 60)
    let mixed = try jvp(
      { (x: Tensor) in try x * gradient(of: { (y: Tensor) in x * y * y })(Tensor(5.0)) }, at: Tensor(3.0),
      along: Tensor(1.0))
    #expect(number(mixed.tangent) == 60)
  }

  @Test("the derivatives of x⁵, nested five deep in every mixture of forward and reverse")
  func deepNesting() throws {
    for mixture in 0..<32 {
      var f: (Tensor) throws -> Tensor = { $0 * $0 * $0 * $0 * $0 }
      for level in 0..<5 {
        let inner = f
        if mixture >> level & 1 == 0 {
          f = { try gradient(of: inner)($0) }
        } else {
          f = { x in try jvp(inner, at: x, along: Tensor(1.0)).tangent }
        }
      }
      #expect(number(try f(Tensor(1.7))) == 120)
    }
  }

  @Test("vmap, gradient, jvp, checkpoint and compile in every order give the same")
  func orders() throws {
    let x = sample([4, 3])
    func f(_ x: Tensor) -> Tensor { (sin(x) * exp(x)).sum() + x.product() }
    let gradients = gradient(of: { f($0) })
    let expected = try stack((0..<4).map { try gradients(x[$0]) })
    let perEntry = try vmap { (x: Tensor) in try gradient(of: { f($0) })(x) }(x)
    #expect(allClose(perEntry, expected, relativeTolerance: 1e-14))
    let ofMapped = try gradient(of: { (x: Tensor) in try vmap { f($0) }(x).sum() })(x)
    #expect(allClose(ofMapped, expected, relativeTolerance: 1e-14))
    let checkpointed = try gradient(of: { (x: Tensor) in try vmap(checkpoint { f($0) })(x).sum() })(x)
    #expect(allClose(checkpointed, expected, relativeTolerance: 1e-14))
    let compiled = compile(vmap(gradient(of: { (x: Tensor) in try checkpoint { f($0) }(x) })))
    #expect(allClose(try compiled(x), expected, relativeTolerance: 1e-14))
    let insideCompiled = compile { (x: Tensor) in f(x) }
    let ofCompiled = try vmap(gradient(of: { (x: Tensor) in try insideCompiled(x) }))(x)
    #expect(allClose(ofCompiled, expected, relativeTolerance: 1e-14))
    // The gradient of a mapped directional derivative, against the mapped Hessian.
    let direction = sample([4, 3], 2)
    let nested = try gradient(of: { (x: Tensor) in
      try vmap { (x: Tensor, t: Tensor) in try jvp({ f($0) }, at: x, along: t).tangent }(x, direction).sum()
    })(x)
    let hessians = try vmap(hessian(of: { f($0) }))(x)
    let products = matmul(hessians, direction.expandedDims(-1)).squeezed(-1)
    #expect(allClose(nested, products, relativeTolerance: 1e-12))
  }

  @Test("vmap nests over two axes")
  func nestedMapping() throws {
    let (x, y) = (sample([3, 5]), sample([4, 5], 2))
    let outer = vmap(
      { (x: Tensor) in try vmap({ (y: Tensor) in (sin(x) * y).sum() })(y) }, outAxis: 1)
    #expect(allClose(try outer(x), matmul(y, sin(x).transposed()), relativeTolerance: 1e-13))
  }

  @Test("the three ways to all second derivatives agree, also with differences")
  func hessians() throws {
    let x = sample([2, 2])
    func f(_ x: Tensor) throws -> Tensor { (exp(x) * x.transposed()).sum() + square(x).sum() * x[0, 0] }
    let h = try hessian(of: f)(x)
    #expect(h.shape == [2, 2, 2, 2])
    #expect(allClose(h, try jacobianReverse(of: gradient(of: f))(x), relativeTolerance: 1e-12))
    #expect(allClose(h, try jacobianForward(of: gradient(of: f))(x), relativeTolerance: 1e-12))
    #expect(allClose(h, try jacobianReverse(of: jacobianForward(of: f))(x), relativeTolerance: 1e-12))
    #expect(allClose(h, h.transposed(2, 3, 0, 1), relativeTolerance: 1e-12))
    for index in 0..<4 {
      var direction = Tensor.zeros([4], dtype: .float64)
      direction[index] = Tensor(1.0)
      direction = direction.reshaped(2, 2)
      let difference = try FunctionChecks.difference({ [try gradient(of: f)($0[0])] }, [x], [direction])[0]
      #expect(allClose(h.reshaped(2, 2, 4)[.ellipsis, index], difference, relativeTolerance: 1e-8))
    }
  }

  @Test("both Jacobians have the output's axes, then the input's")
  func jacobians() throws {
    let (x, w) = (sample([3]), sample([2, 3], 2))
    for jacobian in [jacobianForward(of: { tanh(matmul(w, $0)) }), jacobianReverse(of: { tanh(matmul(w, $0)) })] {
      let y = tanh(matmul(w, x))
      #expect(allClose(try jacobian(x), (1 - y * y).expandedDims(-1) * w, relativeTolerance: 1e-13))
    }
  }

  // MARK: Trees and arguments

  @Test("gradients have the structure of the argument: arrays, dictionaries, optionals and structures of trees")
  func trees() throws {
    typealias Parameters = [String: [AffineTree]]
    let parameters: Parameters = [
      "b": [AffineTree(weight: sample([3, 2]), bias: sample([2], 2))],
      "a": [
        AffineTree(weight: sample([4, 3], 3), bias: nil), AffineTree(weight: sample([3, 3], 4), bias: sample([], 5)),
      ],
    ]
    let x = sample([5, 4], 6)
    func f(_ parameters: Parameters, _ x: Tensor) -> Tensor {
      var h = x
      for key in ["a", "b"] {
        for layer in parameters[key] ?? [] {
          h = tanh(matmul(h, layer.weight))
          if let bias = layer.bias { h = h + bias }
        }
      }
      return square(h).sum()
    }
    let result = try valueAndGradient(of: f)(parameters, x)
    #expect(result.value == f(parameters, x))
    #expect(result.gradient["a"]?[0].bias == nil && result.gradient["a"]?[1].bias?.shape == [])
    #expect(result.gradient.structure == parameters.structure)
    let directions = FunctionChecks.directions(parameters.leaves, seed: 7)
    let difference = try FunctionChecks.difference(
      { [f(parameters.replacingLeaves($0), x)] }, parameters.leaves, directions)
    let product = FunctionChecks.product(result.gradient.leaves, directions)
    #expect(allClose(product, difference[0], relativeTolerance: 1e-9))
    // In the order of the sorted keys.
    #expect(parameters.leaves.map(\.shape) == [[4, 3], [3, 3], [], [3, 2], [2]])
    let steps = parameters.combined(with: result.gradient) { $0 - 0.01 * $1 }
    #expect(number(f(steps, x)) < number(result.value))
  }

  @Test("several arguments: the gradient is in the first, vjp in all, jvp along all")
  func arguments() throws {
    let (x, y, z) = (sample([3]), sample([3], 2), sample([], 3))
    func f(_ x: Tensor, _ y: Tensor, _ z: Tensor) throws -> Tensor { (x * x * y).sum() * z }
    #expect(allClose(try gradient(of: f)(x, y, z), 2 * x * y * z, relativeTolerance: 1e-14))
    let (value, pullback) = try vjp(f, at: x, y, z)
    #expect(value == (try f(x, y, z)))
    for scale in [1.0, 2.0] {
      let cotangents = try pullback(Tensor(scale))
      #expect(allClose(cotangents.0, scale * (2 * x * y * z), relativeTolerance: 1e-14))
      #expect(allClose(cotangents.1, scale * (x * x * z), relativeTolerance: 1e-14))
      #expect(allClose(cotangents.2, scale * (x * x * y).sum(), relativeTolerance: 1e-14))
    }
    let tangent = try jvp(f, at: (x, y, z), along: (y, z * x, z)).tangent
    let expected = (2 * x * y * y).sum() * z + (x * x * x).sum() * z * z + (x * x * y).sum() * z
    #expect(allClose(tangent, expected, relativeTolerance: 1e-13))
  }

  @Test("integers and bools among the arguments have zero derivatives")
  func integerArguments() throws {
    let (x, positions) = (sample([4]), Tensor([Int32(2), 0]))
    func f(_ x: Tensor, _ positions: Tensor) throws -> Tensor { square(x.taking(positions, axis: 0)).sum() }
    let cotangents = try vjp(f, at: x, positions).pullback(Tensor(1.0))
    #expect(cotangents.0.scalars(as: Double.self)[1] == 0)
    #expect(cotangents.1.isIdentical(to: Tensor([Int32(0), 0])))
    let swapped = try gradient(of: { (positions: Tensor, x: Tensor) in try f(x, positions) })(positions, x)
    #expect(swapped.isIdentical(to: Tensor([Int32(0), 0])))
    let tangent = try jvp(f, at: (x, positions), along: (Tensor.ones([4], dtype: .float64), Tensor([Int32(9), 9])))
      .tangent
    #expect(allClose(tangent, 2 * (x[2] + x[0]), relativeTolerance: 1e-14))
  }

  @Test("mapped axes: per argument, negative, none, and where outputs have them")
  func axes() throws {
    let (x, w) = (sample([3, 4]), sample([4], 2))
    let f = { (x: Tensor, w: Tensor) -> Tensor in x * w.sum() }
    let found = try vmap(f, inAxes: [1, nil], outAxis: -1)(x, w)
    #expect(allClose(found, x * w.sum(), relativeTolerance: 1e-14))
    let both = try vmap(f, inAxes: [-1, 0])(x, w)
    #expect(allClose(both, x.transposed() * w.expandedDims(-1), relativeTolerance: 1e-14))
    // What does not depend on the mapped argument is repeated.
    #expect(try vmap({ (x: Tensor) in w })(x).isIdentical(to: w.broadcast(to: [3, 4])))
  }

  // MARK: Linear functions

  @Test("the transpose of a linear function satisfies ⟨u, A v⟩ = ⟨Aᵀu, v⟩; of others there is none")
  func transposition() throws {
    let (w, x) = (sample([3, 4]), sample([4, 2], 2))
    let u = sample([3, 3], 3)
    let linear = { (x: Tensor) -> Tensor in
      concatenate([matmul(w, x), (2 * matmul(w, x)[.all, 0..<1]).reversed(0)], axis: 1)
    }
    let transposed = try linearTranspose(linear, at: x)
    #expect(try allClose((transposed(u) * x).sum(), (u * linear(x)).sum(), relativeTolerance: 1e-13))
    let wrong: [(String, (Tensor) throws -> Tensor)] = [
      ("multiply", { $0 * $0 }), ("tanh", { tanh($0) }), ("floor", { floor($0) }), ("absolute", { abs($0) }),
      ("maximum", { maximum($0, 0) }), ("select", { select($0 .> 0, $0, 0) }), ("value at 0", { 2 * $0 + 1 }),
      ("call checkpoint", { try checkpoint { exp($0) }($0) }),
    ]
    for (name, f) in wrong {
      do {
        _ = try linearTranspose(f, at: x)
        Issue.record("\(name) passed for linear")
      } catch let error as TensorError {
        #expect(error.description.contains(name == "select" ? "greater" : name), "\(error)")
        #expect(error.description.hasPrefix("linearTranspose: expected a linear function, found "))
      }
    }
    // Linear after all: the checkpoint of a linear function, and multiplyAdd with one factor fixed.
    let called = try linearTranspose({ try checkpoint { (x: Tensor) in multiplyAdd(x, 3, 0) }($0) }, at: x)
    #expect(allClose(try called(x), 3 * x))
  }

  // MARK: Functions with derivatives of their own

  @Test("a stopped gradient is a constant of the derivative and nothing else")
  func stopped() throws {
    let x = sample([3])
    let f = { (x: Tensor) -> Tensor in (x * stopGradient(sin(x))).sum() }
    #expect(f(x) == (x * sin(x)).sum())
    #expect(allClose(try gradient(of: f)(x), sin(x), relativeTolerance: 1e-14))
    #expect(allClose(try jvp(f, at: x, along: x).tangent, (sin(x) * x).sum(), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(gradient(of: f))(x.reshaped(3, 1)), sin(x).reshaped(3, 1), relativeTolerance: 1e-14))
  }

  @Test("a checkpoint keeps its inputs only and computes the same derivatives")
  func checkpoints() throws {
    let x = sample([6])
    func f(_ x: Tensor) -> Tensor { tanh(exp(sin(x)) * cos(x)) }
    let once = checkpoint { f($0) }
    let (plain, kept) = (
      try Linearization(trace({ f($0) }, at: x), active: [true]),
      try Linearization(trace({ try once($0) }, at: x), active: [true])
    )
    #expect(plain.primal.outputs.contains { $0 >= plain.primal.inputCount + plain.primal.constants.count })
    #expect(kept.primal.outputs.dropFirst().allSatisfy { $0 == 0 })
    // The reverse derivative computes the function again.
    let reverse = try trace(
      { (x: Tensor) in
        let (value, pullback) = try vjp({ try once($0) }, at: x)
        return [value, try pullback(x)]
      }, at: x)
    #expect(reverse.description.components(separatedBy: "= sin(").count == 3)
    #expect(
      allClose(
        try jacobianReverse(of: { try once($0) })(x), try jacobianReverse(of: { f($0) })(x), relativeTolerance: 1e-14))
    let nested = checkpoint { (x: Tensor) in try once(once(x)).sum() }
    #expect(
      allClose(
        try hessian(of: nested)(x), try hessian(of: { f(f($0)).sum() })(x), relativeTolerance: 1e-12,
        absoluteTolerance: 1e-13))
  }

  @Test("a checkpoint may use tensors of the functions around it")
  func capturingCheckpoint() throws {
    let (x, y) = (sample([3]), sample([3], 2))
    let found = try gradient(of: { (x: Tensor) in
      try gradient(of: { (y: Tensor) in try checkpoint { (y: Tensor) in (sin(x * y)).sum() }(y) })(y).sum()
    })(x)
    // ∂/∂x of x cos(x y).
    #expect(allClose(found, cos(x * y) - x * y * sin(x * y), relativeTolerance: 1e-13))
  }

  @Test("a forward derivative of one's own is used by all derivatives, transposed, mapped and differentiated")
  func ownJvp() throws {
    // Three times the true derivative of sin, to tell them apart.
    let f = withJvp({ (x: Tensor) in sin(x) }, rule: { (x: Tensor, t: Tensor) in 3 * cos(x) * t })
    let x = sample([4])
    #expect(try f(x) == sin(x))
    #expect(allClose(try jvp(f, at: x, along: x).tangent, 3 * cos(x) * x, relativeTolerance: 1e-14))
    #expect(allClose(try gradient(of: { try f($0).sum() })(x), 3 * cos(x), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(gradient(of: f))(x), 3 * cos(x), relativeTolerance: 1e-14))
    #expect(allClose(try gradient(of: { try vmap(f)($0).sum() })(x), 3 * cos(x), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(gradient(of: gradient(of: f)))(x), -3 * sin(x), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(hessian(of: f))(x), -3 * sin(x), relativeTolerance: 1e-14))
    #expect(allClose(try compile(gradient(of: { try f($0).sum() }))(x), 3 * cos(x), relativeTolerance: 1e-14))
    // Of a tree, with one part the same for all entries.
    let g = withJvp(
      { (x: [Tensor]) in x[0] * x[1] }, rule: { (x: [Tensor], t: [Tensor]) in 3 * (x[0] * t[1] + x[1] * t[0]) })
    let mapped = vmap({ (a: Tensor, b: Tensor) in try g([a, b]) }, inAxes: [0, nil])
    let cotangents = try vjp(mapped, at: x, Tensor(2.0)).pullback(Tensor.ones([4], dtype: .float64))
    #expect(allClose(cotangents.0, Tensor.ones([4], dtype: .float64) * 6))
    #expect(allClose(cotangents.1, 3 * x.sum(), relativeTolerance: 1e-14))
  }

  @Test("a reverse derivative of one's own is used by all derivatives, transposed, mapped and differentiated")
  func ownVjp() throws {
    let f = withVjp({ (x: Tensor) in sin(x) }, rule: { (x: Tensor, t: Tensor) in 3 * cos(x) * t })
    let x = sample([4])
    #expect(try f(x) == sin(x))
    #expect(allClose(try jvp(f, at: x, along: x).tangent, 3 * cos(x) * x, relativeTolerance: 1e-14))
    #expect(allClose(try gradient(of: { try f($0).sum() })(x), 3 * cos(x), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(gradient(of: f))(x), 3 * cos(x), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(gradient(of: gradient(of: f)))(x), -3 * sin(x), relativeTolerance: 1e-14))
    #expect(allClose(try vmap(hessian(of: f))(x), -3 * sin(x), relativeTolerance: 1e-14))
    #expect(allClose(try gradient(of: { try vmap(f)($0).sum() })(x), 3 * cos(x), relativeTolerance: 1e-14))
  }

  // MARK: Operations made of primitives

  @Test("operations made of primitives can be differentiated and mapped: einsum, subscripts, statistics, systems")
  func composites() throws {
    let functions: [(String, ([Tensor]) throws -> [Tensor], [[Int]])] = [
      ("einsum", { [einsum("ij,jk,ik->i", $0[0], $0[1], $0[2])] }, [[2, 3], [3, 4], [2, 4]]),
      ("einsum trace", { [einsum("ii,...i->...", $0[0], $0[1])] }, [[3, 3], [2, 3]]),
      ("subscripts", { [$0[0][1, .stride(by: -1), .newAxis] * $0[0][.ellipsis, 0]] }, [[2, 3]]),
      (
        "assignment",
        { x in
          var y = sin(x[0])
          y[0, 1...] = x[1] * 2
          y[.all, 0] += 3.0
          return [y * x[0]]
        }, [[2, 3], [2]]
      ),
      ("variance", { [$0[0].variance(axes: [1], correction: 1), $0[0].standardDeviation()] }, [[3, 4]]),
      ("mean", { [$0[0].mean(axis: 0, keepDims: true) - $0[0]] }, [[3, 2]]),
      ("stack and split", { x in [stack(x, axis: 1)] + x[0].split(2, axis: 0) }, [[2, 3], [2, 3]]),
      ("diagonals", { [$0[0].diagonal(offset: 1), $0[0].lowerTriangle(), $0[0].upperTriangle(offset: 1)] }, [[3, 4]]),
      ("clip", { [clip($0[0], -1, 1)] }, [[5]]),
      ("matmul", { [matmul($0[0], $0[1]), matmul($0[1], $0[2])] }, [[2, 1, 2, 3], [4, 3, 2], [2]]),
      ("blocks", { [$0[0].replacingBlock(at: Tensor([Int32(1), 0]), with: $0[1])] }, [[3, 3], [2, 2]]),
      (
        "log determinant",
        { x in
          let a = matmul(x[0], x[0].transposed()) + Tensor.eye(3, dtype: .float64)
          let factor = try cholesky(a)
          return [try logDeterminant(a), try inverse(cholesky: factor), try choleskySolve(factor, x[1])]
        }, [[3, 4], [3]]
      ),
    ]
    for (name, f, shapes) in functions {
      var checks = FunctionChecks(name)
      var numbers = TestNumbers(seed: 11)
      let samples = (0..<3).map { _ in shapes.map { numbers.real($0) } }
      try checks.checkTracing(f, samples[0], exactly: false)
      try checks.checkDerivatives(f, samples[0])
      try checks.checkSecondDerivatives(f, samples[0])
      try checks.checkMapping(f, samples: samples)
      for problem in checks.problems { Issue.record("\(problem)") }
    }
  }

  @Test("errors of the function and of factorisations come out of every transformation")
  func errors() throws {
    struct Refusal: Error {}
    let refuse: (Tensor) throws -> Tensor = { _ in throw Refusal() }
    let x = Tensor(1.0)
    #expect(throws: Refusal.self) { try gradient(of: refuse)(x) }
    #expect(throws: Refusal.self) { try vmap(refuse)(x.reshaped(1)) }
    #expect(throws: Refusal.self) { try compile(refuse)(x) }
    #expect(throws: Refusal.self) { try jvp(refuse, at: x, along: x) }
    let indefinite = -Tensor.eye(2, dtype: .float64)
    let f: (Tensor) throws -> Tensor = { try logDeterminant($0) }
    #expect(throws: TensorError.notPositiveDefinite(pivot: 0, size: 2)) { try gradient(of: f)(indefinite) }
    #expect(throws: TensorError.notPositiveDefinite(pivot: 0, size: 2)) { try compile(f)(indefinite) }
    #expect(throws: TensorError.notPositiveDefinite(pivot: 0, size: 2)) { try checkpoint(f)(indefinite) }
  }
}
