import Testing

@testable import Tensors

/// Programs run as a whole against the same programs run equation by equation.
@Suite struct ExecutableTests {
  /// Grows a random function: every step applies an elementwise operation to earlier values, sometimes seen in another
  /// shape, and now and then something that is not elementwise.
  private struct RandomFunction {
    var generator: SplitMix64
    let shapes: [[Int]]
    let allowsReductions: Bool

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(generator.next() % UInt64(values.count))] }

    mutating func callAsFunction(_ inputs: [Tensor], steps: Int) -> [Tensor] {
      var values = inputs
      for _ in 0..<steps { values.append(step(values)) }
      // Some of the intermediate values too.
      return [values[values.count - 1]] + values.dropFirst(inputs.count).filter { _ in generator.next() % 6 == 0 }
    }

    private mutating func step(_ values: [Tensor]) -> Tensor {
      let recent = Array(values.suffix(6)) + values.prefix(2)
      let x = pick(recent)
      switch generator.next() % 16 {
      case 0: return x.dtype == .bool ? x : tanh(x)
      case 1: return x.dtype == .bool ? apply(.unary(.not), [x]) : -x
      case 2: return abs(x)
      case 3: return x.dtype == .bool ? x.asType(.float32) : floor(x.asType(.float32))
      case 4: return x.asType(pick([.float32, .float64, .int32, .bool]))
      case 5: return seen(x)
      case 6: return allowsReductions ? x.asType(.float32).sum(axis: x.rank - 1, keepDims: true) : x + 0.5
      case 7: return select(fitting(x, recent) .> 0, x, 0.25)
      case 8: return multiplyAdd(x.asType(.float32), fitting(x, recent).asType(.float32), Tensor(Float(0.5)))
      case 9: return stopGradient(x)
      case 10: return maximum(x.asType(.float32), 0.125)
      case 11: return fitting(x, recent).asType(.float32) - x.asType(.float32)
      case 12: return minimum(x.asType(.int32), fitting(x, recent).asType(.int32))
      case 13: return fitting(x, recent).asType(.float64) / (1 + abs(x.asType(.float64)))
      default: return x.asType(.float32) * fitting(x, recent).asType(.float32)
      }
    }

    /// Another value that broadcasts with `x`.
    private mutating func fitting(_ x: Tensor, _ values: [Tensor]) -> Tensor {
      let y = pick(values)
      return y.shape.broadcasts(to: x.shape) || x.shape.broadcasts(to: y.shape) ? y : x
    }

    private mutating func seen(_ x: Tensor) -> Tensor {
      switch generator.next() % 5 {
      case 0: return x.reshaped([1] + x.shape).broadcast(to: [1] + x.shape).reshaped(x.shape)
      case 1 where x.rank >= 2 && x.shape[0] == x.shape[1]: return x.transposed([1, 0] + Array(2..<x.rank))
      case 2: return x.reshaped([x.count]).reshaped(x.shape)
      case 3 where x.rank >= 1: return x.sliced(axis: 0, 0..<1).broadcast(to: x.shape)
      default: return x
      }
    }
  }

  @Test("running programs as a whole gives the bits that running their equations one by one gives", arguments: 0..<60)
  func fusionKeepsBits(seed: Int) throws {
    var random = SplitMix64(state: UInt64(seed) &* 977 &+ 3)
    let shapes: [[[Int]]] = [
      [[70, 70], [70, 70], [70], [70, 1]], [[5000], [1], [5000]], [[3, 70, 1, 9], [70, 1, 9], [3, 1, 1, 1]],
      [[], []], [[4, 4, 700], [4, 1, 700], [4, 4, 1]], [[200_000], [200_000]], [[0, 3], [3]],
    ]
    let chosen = shapes[seed % shapes.count]
    let key = RandomKey(seed: UInt64(seed))
    let inputs = zip(chosen, key.split(into: chosen.count)).map { shape, key in key.normal(shape) }
    let types = inputs.map(\.type)
    let steps = 4 + Int(random.next() % 40)
    var function = RandomFunction(generator: random, shapes: chosen, allowsReductions: true)
    let (traced, _) = Program.trace(types) { function($0, steps: steps) }
    let program = traced.simplified()
    let expected = try program.interpreted(inputs)
    let executable = Executable(program)
    let before = inputs.map { copied($0) }
    for _ in 0..<2 {
      let results = try executable.run(inputs)
      for (result, expected) in zip(results, expected) { #expect(bits(result) == bits(expected), "\(program)") }
    }
    // Inputs that someone still holds are as they were.
    for (input, before) in zip(inputs, before) { #expect(bits(input) == bits(before)) }
    // Inputs that nobody holds may be written to, which changes nothing.
    let consumed = try executable.run(before.map { copied($0) })
    for (result, expected) in zip(consumed, expected) { #expect(bits(result) == bits(expected), "\(program)") }
  }

  @Test("results do not depend on the number of threads")
  func threadCount() throws {
    let x = RandomKey(seed: 5).normal([300, 1000])
    let (program, _) = Program.trace([x.type, x.type]) { x in
      let y = tanh(x[0] * x[1]) + exp(-x[0])
      return [y, (y * y).sum(axis: 0), y.sum()]
    }
    let executable = Executable(program.simplified())
    let before = Threads.count
    defer { Threads.count = before }
    let results = try [1, 2, 5].map { count in
      Threads.count = count
      return try executable.run([x, x]).map(bits)
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test("memory of inputs that nothing else refers to is taken over, that of outputs and constants is not")
  func memory() throws {
    let constant = Tensor((0..<1000).map(Float.init))
    let (program, _) = Program.trace([constant.type]) { x in
      let y = x[0] * constant
      return [y, y + 1, x[0] - constant]
    }
    let executable = Executable(program.simplified())
    var x = [Tensor(repeating: 2, shape: [1000], dtype: .float32)]
    let address = x[0].storage.bytes
    let results = try executable.run(x.exchange(with: []))
    #expect(results.map { $0.storage.bytes }.contains(address))
    #expect(results[0].scalars(as: Float.self) == (0..<1000).map { 2 * Float($0) })
    #expect(results[1].scalars(as: Float.self) == (0..<1000).map { 2 * Float($0) + 1 })
    #expect(results[2].scalars(as: Float.self) == (0..<1000).map { 2 - Float($0) })
    #expect(constant.scalars(as: Float.self) == (0..<1000).map(Float.init))
  }

  @Test("a chain of elementwise operations is one step without intermediate memory")
  func chainIsOneLoop() throws {
    let type = TensorType(shape: [100, 30], dtype: .float32)
    let (program, _) = Program.trace([type, TensorType(shape: [30], dtype: .float32)]) { x in
      let y = tanh(x[0] * 2 + x[1])
      return [sqrt((1 - y * y) * x[0].reshaped([100, 1, 30]).reshaped([100, 30]) + y)]
    }
    var planner = ExecutablePlanner(program.simplified())
    let plan = planner.plan()
    #expect(plan.steps.count == 1)
    guard case .loop(let loop) = plan.steps[0].work else {
      Issue.record("the step is no loop")
      return
    }
    #expect(loop.outputs.count == 1 && loop.operations.count == 7 && loop.scratchByteCounts.count <= 2)
  }

  @Test("products read transposed and repeated operands where they lie")
  func productsInPlace() throws {
    let key = RandomKey(seed: 8).split(into: 3)
    let inputs = [key[0].normal([6, 5, 7]), key[1].normal([7, 6, 4]), key[2].normal([7, 3])]
    let (program, _) = Program.trace(inputs.map(\.type)) { x in
      [
        matmul(x[0], x[1].transposed([1, 0, 2])), matmul(x[0], x[2].broadcast(to: [6, 7, 3])),
        matmul(x[0].transposed([0, 2, 1]), x[0]), matmul(x[2].transposed(), x[2]).transposed(),
      ]
    }
    let simplified = program.simplified()
    var planner = ExecutablePlanner(simplified)
    let plan = planner.plan()
    #expect(
      plan.steps.allSatisfy {
        guard case .contraction(let contraction) = $0.work else { return false }
        return contraction.readsInPlace == (true, true)
      })
    for (result, expected) in zip(try Executable(simplified).run(inputs), try program.interpreted(inputs)) {
      #expect(allClose(result, expected, relativeTolerance: 1e-5, absoluteTolerance: 1e-5))
    }
  }

  private func copied(_ tensor: Tensor) -> Tensor {
    var result = tensor
    result.makeUnique()
    return result
  }

  /// The elements' bits, because NaN is not equal to itself.
  private func bits(_ tensor: Tensor) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: tensor.storage.bytes, count: tensor.count * tensor.dtype.byteCount))
  }
}

extension Array {
  fileprivate mutating func exchange(with other: [Element]) -> [Element] {
    let result = self
    self = other
    return result
  }
}

private struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
