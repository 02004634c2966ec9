import Tensors

/// The text of a module with one function, `main`, and the tensors that it takes beyond its program's inputs.
struct HLOModule {
  private(set) var text = ""
  /// The last arguments: constants that are too large for text.
  let constants: [Tensor]
  /// The program's outputs, and where elements can make it fail a Boolean behind them: whether they did not.
  let outputTypes: [TensorType]
  let hasCheck: Bool

  /// - Precondition: no equation is one of the host's.
  init(_ program: Program) {
    self.init(program.inputTypes) { emitter, inputs in emitter.emit(program, inputs) }
  }

  init(_ staged: StagedProgram) {
    self.init(staged.inputTypes, zeros: staged.zeros) { emitter, inputs in emitter.emit(staged, inputs) }
  }

  private init(
    _ inputTypes: [TensorType], zeros: Set<Int> = [], _ body: (inout ProgramEmitter, [HLOValue]) -> [HLOValue]
  ) {
    var emitter = ProgramEmitter()
    let inputs = inputTypes.enumerated().map { index, type in
      HLOValue(name: "%input\(index)", type: type, largest: zeros.contains(index) ? 0 : nil)
    }
    var outputs = body(&emitter, inputs)
    hasCheck = !emitter.checks.isEmpty
    if let first = emitter.checks.first {
      outputs.append(emitter.checks.dropFirst().reduce(first) { emitter.writer.same("and", $0, $1) })
    }
    constants = emitter.constants.map(\.tensor)
    outputTypes = outputs.map(\.type)
    let arguments = (inputs + emitter.constants.map(\.value)).map { "\($0.name): \($0.type.hlo)" }
    let types = outputs.map(\.type.hlo).joined(separator: ", ")
    let results = outputs.map(\.name).joined(separator: ", ")
    text = """
      module @neural_tangents {
        func.func public @main(\(arguments.joined(separator: ", "))) -> (\(types)) {
      \(emitter.writer.lines.joined(separator: "\n"))
          return\(outputs.isEmpty ? "" : " \(results) : \(types)")
        }
      }

      """
  }
}

extension ProgramEmitter {
  /// The outputs of staged programs.
  mutating func emit(_ staged: StagedProgram, _ inputs: [HLOValue]) -> [HLOValue] {
    var values = inputs
    for (index, stage) in staged.stages.enumerated() {
      let arguments = stage.inputs.map { values[$0] }
      var results = stage.loop.map { emit(stage.program, $0, arguments) } ?? emit(stage.program, arguments)
      // Compilers would compute a stage again inside of the next one.
      if index < staged.stages.count - 1 && stage.loop == nil { results = barrier(results) }
      values += results
    }
    return staged.outputs.map { values[$0] }
  }

  private mutating func barrier(_ values: [HLOValue]) -> [HLOValue] {
    guard !values.isEmpty else { return [] }
    let name = writer.name()
    let types = values.map(\.type.hlo).joined(separator: ", ")
    writer.line(
      "\(name)\(values.count == 1 ? "" : ":\(values.count)") = stablehlo.optimization_barrier "
        + "\(values.map(\.name).joined(separator: ", ")) : \(types)")
    return values.indices.map {
      HLOValue(name: values.count == 1 ? name : "\(name)#\($0)", type: values[$0].type, largest: values[$0].largest)
    }
  }

  /// A loop; everything that its body reads is carried along, but for large constants, which are arguments of the module.
  private mutating func emit(_ body: Program, _ loop: StagedProgram.Loop, _ arguments: [HLOValue]) -> [HLOValue] {
    let carried = [writer.scalar(0, .int32)] + arguments
    let (stacked, fixed) = (1 + loop.carried, 1 + loop.carried + loop.stacked)
    // What the body makes may be larger than what came in.
    let inner = carried.enumerated().map { place, value in
      HLOValue(name: writer.name(), type: value.type, largest: place < stacked ? nil : value.largest)
    }
    let name = writer.name()
    let pairs = zip(inner, carried).map { "\($0.name) = \($1.name)" }.joined(separator: ", ")
    let types = carried.map(\.type.hlo).joined(separator: ", ")
    writer.line("\(name):\(carried.count) = stablehlo.while(\(pairs)) : \(types)")
    writer.line("cond {")
    writer.beginRegion()
    let goesOn = writer.compare("LT", inner[0], writer.scalar(Double(loop.count), .int32))
    writer.line("stablehlo.return \(goesOn.name) : \(goesOn.type.hlo)")
    writer.endRegion()
    writer.line("} do {")
    writer.beginRegion()
    var inputs = Array(inner[1..<stacked])
    for value in inner[stacked..<fixed] { inputs.append(part(of: value, inner[0])) }
    let results = emit(body, inputs + inner[fixed...])
    precondition(checks.isEmpty, "a factorisation in a loop")
    let next = writer.same("add", inner[0], writer.scalar(1, .int32))
    let made = [next] + results + inner[stacked...]
    writer.line("stablehlo.return \(made.map(\.name).joined(separator: ", ")) : \(types)")
    writer.endRegion()
    writer.line("}")
    return (0..<loop.carried).map { HLOValue(name: "\(name)#\($0 + 1)", type: arguments[$0].type) }
  }

  /// Entry `index` along the first axis.
  private mutating func part(of value: HLOValue, _ index: HLOValue) -> HLOValue {
    let rest = Array(value.shape.dropFirst())
    let type = TensorType(shape: [1] + rest, dtype: value.dtype)
    let zero = writer.scalar(0, .int32)
    let operands = [value, index] + rest.map { _ in zero }
    let part = writer.apply(
      "stablehlo.dynamic_slice \(operands.map(\.name).joined(separator: ", ")), sizes = \(hloList(type.shape))",
      "(\(operands.map(\.type.hlo).joined(separator: ", "))) -> \(type.hlo)", type)
    return writer.reshape(part, rest)
  }
}
