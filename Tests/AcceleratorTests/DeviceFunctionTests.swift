import FiniteWidth
import Networks
import TestSupport
import Testing

@testable import Accelerator
@testable import Tensors

@Suite("Functions on devices", .enabled(if: TestPlugins.isThere))
struct DeviceFunctionTests {
  private static let network = Serial {
    Conv(4, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.2)
    Relu()
    AvgPool(window: [2, 2], strides: [2, 2])
    Flatten()
    Dense(5, weightStd: 1.3, biasStd: 0.1)
    Gelu()
    Dense(2)
  }

  private func data(_ shape: [Int], _ dtype: DType = .float64) -> Tensor {
    RandomKey(seed: 5).normal(shape, dtype: dtype)
  }

  @Test("finite networks are initialised and applied on a device", arguments: [DType.float64, .float32])
  func network(dtype: DType) throws {
    let device = try TestPlugins.device()
    let x = data([3, 6, 6, 2], dtype)
    let parameters = try Self.network.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: dtype)
    let apply = compile({ (p: Parameters, x: Tensor) in try Self.network(p, x) }, device: device)
    let expected = try Self.network(parameters, x)
    let tolerance = dtype == .float64 ? 1e-12 : 2e-6
    #expect(largestDifference(try apply(parameters, x), expected) < tolerance)
    // Initialisation takes draws, which are made on the host.
    let initialize = compile(
      { (scale: Tensor) in
        try Self.network.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: dtype).mapTensors { $0 * scale }
      }, device: device)
    let made = try initialize(Tensor(1.0).asType(dtype))
    for (found, leaf) in zip(made.leaves, parameters.leaves) { #expect(largestDifference(found, leaf) < tolerance) }
  }

  @Test("training steps leave their state on the device, and end where those of the host end")
  func training() throws {
    let device = try TestPlugins.device()
    let (x, y) = (data([4, 6, 6, 2]), data([4, 2]))
    let start = try Self.network.initialize(RandomKey(seed: 2), inputShape: x.shape, dtype: .float64)
    let rule = Adam(learningRate: 0.01)
    func step(_ state: TrainingState<Parameters>, _ x: Tensor, _ y: Tensor) throws -> TrainingState<Parameters> {
      let gradient = try gradient(of: { (p: Parameters) in halfMeanSquaredError(try Self.network(p, x), y) })(
        state.parameters)
      return rule.step(state, gradient: gradient)
    }
    let here = compile(step)
    let there = compile(step, device: device)
    var (expected, found) = (rule.start(start), rule.start(start))
    let program = try there.program(at: found, x, y)
    var state = try found.leaves.map { try DeviceTensor($0, on: device) }
    let batch = try [x, y].map { try DeviceTensor($0, on: device) }
    for _ in 0..<10 {
      expected = try here(expected, x, y)
      found = try there(found, x, y)
      state = try program(state + batch)
    }
    let resident = try state.map { try $0.download() }
    for (index, leaf) in expected.leaves.enumerated() {
      #expect(largestDifference(found.leaves[index], leaf) < 1e-10)
      #expect(resident[index].storage.hasSameBytes(as: found.leaves[index].storage))
    }
  }

  @Test("linearisations and empirical kernels of finite networks run on a device")
  func empirical() throws {
    let device = try TestPlugins.device()
    let (x1, x2) = (data([3, 6, 6, 2]), RandomKey(seed: 8).normal([2, 6, 6, 2], dtype: .float64))
    let parameters = try Self.network.initialize(RandomKey(seed: 3), inputShape: x1.shape, dtype: .float64)
    func jacobianKernel(_ p: Parameters, _ x1: Tensor, _ x2: Tensor) throws -> Tensor {
      func rows(_ x: Tensor) throws -> [Tensor] {
        let (y, pullback) = try vjp({ (p: Parameters) in try Self.network(p, x) }, at: p)
        let basis = Tensor.eye(y.count, dtype: y.dtype).reshaped([y.count] + y.shape)
        return try vmap { (direction: Tensor) in try pullback(direction) }(basis).leaves.map {
          $0.reshaped([y.count, -1])
        }
      }
      return try zip(rows(x1), rows(x2)).map { matmul($0, $1.transposed(1, 0)) }.reduce(Tensor(0.0)) { $0 + $1 }
    }
    let expected = try jacobianKernel(parameters, x1, x2)
    let f = compile(jacobianKernel, device: device)
    #expect(largestDifference(try f(parameters, x1, x2), expected) < 1e-10)
    let tangent = compile(
      { (p: Parameters, x: Tensor) in
        try jvp({ (p: Parameters) in try Self.network(p, x) }, at: p, along: p.mapTensors { $0 * 0.5 }).tangent
      }, device: device)
    let here = try jvp(
      { (p: Parameters) in try Self.network(p, x1) }, at: parameters, along: parameters.mapTensors { $0 * 0.5 }
    ).tangent
    #expect(largestDifference(try tangent(parameters, x1), here) < 1e-12)
  }

  @Test("programs that the library prepares run on the device of the task, and there only inside")
  func task() throws {
    let device = try TestPlugins.device()
    let f = compile { (x: Tensor) in sin(x) * x + exp(x).sum() }
    let x = data([5, 3])
    let expected = try f(x)
    let found = try device.run { try f(x) }
    #expect(largestDifference(found, expected) < 1e-13)
    #expect(try f(x).storage.hasSameBytes(as: expected.storage))
  }

  @Test("systems and eigenvalues are computed on the host between pieces of the device, which notes say")
  func hostEquations() throws {
    let device = try TestPlugins.device()
    var numbers = TestNumbers(seed: 4)
    let (a, b) = (numbers.positiveDefinite([], 4), numbers.real([4, 2]))
    func body(_ a: Tensor, _ b: Tensor) throws -> [Tensor] {
      let x = try solve(a * 2, b)
      let (values, vectors) = try eigh(a + a.transposed(1, 0))
      return [exp(-x), values.sum(), abs(vectors), try cholesky(a)]
    }
    let f = compile(body, device: device)
    for (found, expected) in zip(try f(a, b), try body(a, b)) {
      #expect(largestDifference(found, expected) < 1e-11)
    }
    let notes = try f.program(at: a, b).notes
    #expect(notes.count == 2)
    #expect(notes.allSatisfy { $0.contains("has no device form: computed on the host") })
    #expect(notes.contains { $0.contains(", solve, ") } && notes.contains { $0.contains(", eigh, ") })
    // Inside of what another function wraps, too.
    let wrapped = compile({ (a: Tensor, b: Tensor) in try checkpoint({ try solve($0, b) })(a) }, device: device)
    #expect(largestDifference(try wrapped(a, b), try solve(a, b)) < 1e-11)
  }

  @Test("a factorisation that fails throws what the native evaluator throws")
  func failures() throws {
    let device = try TestPlugins.device()
    let indefinite = Tensor(rows: [[1.0, 2.0], [2.0, 1.0]])
    let factor = compile({ (a: Tensor) in try cholesky(a) }, device: device)
    #expect(throws: TensorError.notPositiveDefinite(pivot: 1, size: 2)) { try factor(indefinite) }
    #expect(throws: (any Error).self) { try factor(Tensor(rows: [[Double.nan, 0], [0, 1]])) }
    let triangular = compile({ (a: Tensor, b: Tensor) in try triangularSolve(a, b) }, device: device)
    #expect(throws: TensorError.singular(pivot: 1, size: 2)) {
      try triangular(Tensor(rows: [[1.0, 0.0], [2.0, 0.0]]), Tensor([1.0, 2.0]))
    }
    #expect(throws: TensorError.notPositiveDefinite(pivot: 1, size: 2)) {
      try device.run { try compile { (a: Tensor) in try cholesky(a) }(indefinite) }
    }
  }

  @Test("devices of one process give the same bits, also at the same time")
  func several() async throws {
    let devices = try Device.all("cpu", plugin: TestPlugins.paths[0].path)
    let x = data([40, 40], .float32)
    let results = try await withThrowingTaskGroup(of: Tensor.self) { group in
      for device in devices {
        group.addTask { try compile({ (x: Tensor) in tanh(matmul(x, x)).sum(axis: 0) }, device: device)(x) }
      }
      return try await group.reduce(into: [Tensor]()) { $0.append($1) }
    }
    #expect(results.count == devices.count && devices.count >= 2)
    for result in results { #expect(result.storage.hasSameBytes(as: results[0].storage)) }
  }
}
