import Synchronization

/// A program ready to run on concrete tensors, any number of times and from any thread.
///
/// Elementwise equations run together, strip by strip; reshapes, transpositions and repetitions are read where their
/// input lies; memory is released with its last reader, or taken over by it.
package final class Executable: Sendable {
  private let program: Program
  private let types: [TensorType]
  private let inputCount: Int
  private let constants: [Tensor]
  private let outputs: [TensorType]
  private let plan: ExecutablePlan
  /// The same made ready by the runner that last asked for it.
  private let elsewhere = Mutex<(owner: ObjectIdentifier, program: any RunnableProgram)?>(nil)

  package init(_ program: Program) {
    self.program = program
    types = program.types
    inputCount = program.inputCount
    constants = program.constants
    outputs = program.outputTypes
    var planner = ExecutablePlanner(program)
    plan = planner.plan()
  }

  /// The program's outputs; memory of inputs that nothing else refers to is written to.
  ///
  /// - Throws: what factorisations throw, and `TensorError.interrupted` between two steps.
  package func run(_ inputs: consuming [Tensor]) throws(TensorError) -> [Tensor] {
    if let runner = ProgramRunners.current { return try prepared(by: runner).run(inputs) }
    var values = [TensorStorage?](repeating: nil, count: types.count)
    for index in 0..<inputCount { values[index] = inputs[index].storage }
    for index in constants.indices { values[inputCount + index] = constants[index].storage }
    inputs = []
    let interruption = Interruption.current
    for index in plan.steps.indices {
      if let interruption, interruption.isRequested { throw .interrupted }
      try run(plan.steps[index], &values)
    }
    var result: [Tensor] = []
    result.reserveCapacity(outputs.count)
    for (value, type) in zip(plan.outputs, outputs) {
      result.append(Tensor(shape: type.shape, dtype: type.dtype, storage: Self.storage(values, value)))
    }
    return result
  }

  private func prepared(by runner: any ProgramRunner) throws(TensorError) -> any RunnableProgram {
    let owner = ObjectIdentifier(runner)
    if let known = elsewhere.withLock({ $0 }), known.owner == owner { return known.program }
    let result = try runner.prepare(program)
    elsewhere.withLock { $0 = (owner, result) }
    return result
  }

  private func run(_ step: ExecutablePlan.Step, _ values: inout [TensorStorage?]) throws(TensorError) {
    let output = step.outputs.lowerBound
    switch step.work {
    case .loop(let loop):
      Self.run(loop, &values)
      for value in step.dying { values[value] = nil }
    case .contraction(let contraction):
      let result = TensorStorage(byteCount: types[output].byteCount)
      contraction.run(
        Self.storage(values, step.inputs[0]).bytes, Self.storage(values, step.inputs[1]).bytes, result.bytes)
      for value in step.dying { values[value] = nil }
      values[output] = result
    case .copy(let copy):
      let result = TensorStorage(byteCount: types[output].byteCount)
      copy(from: Self.storage(values, step.inputs[0]).bytes, to: result.bytes)
      for value in step.dying { values[value] = nil }
      values[output] = result
    case .primitive(let primitive):
      var operands: [Tensor] = []
      operands.reserveCapacity(step.inputs.count)
      for (value, type) in zip(step.inputs, step.inputTypes) {
        operands.append(Tensor(shape: type.shape, dtype: type.dtype, storage: Self.storage(values, value)))
      }
      for value in step.dying { values[value] = nil }
      if primitive.canFail {
        for (value, result) in zip(step.outputs, try Evaluator.evaluateAll(primitive, operands)) {
          values[value] = result.storage
        }
      } else {
        values[output] = Evaluator.evaluate(primitive, &operands, types[output]).storage
      }
    }
    for value in step.unread { values[value] = nil }
  }

  private static func run(_ loop: FusedLoop, _ values: inout [TensorStorage?]) {
    let (inputs, outputs) = (loop.inputs.count, loop.outputs.count)
    withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: inputs + outputs) { addresses in
      guard let base = addresses.baseAddress else { return }
      for index in 0..<inputs { (base + index).initialize(to: storage(values, loop.inputs[index].value).bytes) }
      for index in 0..<outputs {
        let output = loop.outputs[index]
        var result: TensorStorage?
        for candidate in output.reusable where isKnownUniquelyReferenced(&values[loop.inputs[candidate].value]) {
          result = values[loop.inputs[candidate].value].take()
          break
        }
        let memory = result ?? TensorStorage(byteCount: loop.count * output.byteCount)
        (base + inputs + index).initialize(to: memory.bytes)
        values[output.value] = memory
      }
      loop.run(base)
    }
  }

  private static func storage(_ values: [TensorStorage?], _ value: Int) -> TensorStorage {
    guard let storage = values[value] else { preconditionFailure("value \(value) is read before it is made") }
    return storage
  }
}
