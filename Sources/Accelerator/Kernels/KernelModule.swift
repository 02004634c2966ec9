import CovarianceEngine
import Tensors

/// The program of a block of a Gram matrix: stages between them pages in memory, identical layers as loops.
struct KernelModule {
  let staged: StagedProgram
  /// What the host gives, in the order of the program's inputs.
  let inputs: [KernelInput]
  /// The value that every output is, without its tensors; those are the program's outputs in this order.
  let outputs: [KernelValue]

  /// - Parameters:
  ///   - rows: A, inputs of the first data set in a block.
  ///   - columns: B.
  ///   - isSymmetric: whether both are the same inputs.
  ///   - masked: values of the program that have masks.
  ///   - channels: of the data.
  /// - Throws: where a step is not made of what pages can do.
  init(
    _ goal: CovarianceGoal, rows: Int, columns: Int, isSymmetric: Bool, masked: Set<Int>
  ) throws(Obstacle) {
    var assembler = KernelAssembler(
      goal, rows: rows, columns: columns, isSymmetric: isSymmetric, masked: masked)
    try assembler.assemble()
    (staged, inputs, outputs) = (assembler.staged, assembler.inputs, assembler.outputs)
  }
}

/// Puts stages together.
private struct KernelAssembler {
  private let goal: CovarianceGoal
  private let counts: (rows: Int, columns: Int)
  private let isSymmetric: Bool
  private let masked: Set<Int>
  private var program: CovarianceProgram { goal.program }
  private(set) var staged = StagedProgram()
  private(set) var inputs: [KernelInput] = []
  private(set) var outputs: [KernelValue] = []
  /// Per value that has been made, what it is and which values of the staged program its tensors are.
  private var known: [Int: (value: KernelValue, places: [Int])] = [:]
  /// Stages with places of inputs as negative numbers, until the number of inputs is known.
  private var stages: [StagedProgram.Stage] = []
  private var stageOutputCount = 0
  /// What stages have made for all others.
  private var indexPlaces: [[Int]: Int] = [:]

  init(_ goal: CovarianceGoal, rows: Int, columns: Int, isSymmetric: Bool, masked: Set<Int>) {
    (self.goal, counts, self.isSymmetric, self.masked) = (goal, (rows, columns), isSymmetric, masked)
  }

  mutating func assemble() throws(Obstacle) {
    guard goal.inputs.allSatisfy({ $0.channels > 0 }), program.inputCount == 1 else {
      throw Obstacle(program.inputCount == 1 ? "a kernel for an input" : "several inputs, or kinds of channels of one")
    }
    guard !program.mixesInputs else { throw Obstacle("a layer that mixes the inputs of a data set") }
    let steps = program.steps.filter { goal.demand.isNeeded($0.result) }
    try begin()
    for segment in LayerRepetition.segments(of: steps, goal: goal, masked: masked) {
      switch segment {
      case .once(let range): for part in parts(of: steps[range]) { try straight(Array(part)) }
      case .repeated(let range, let period):
        try repeated(Array(steps[range]), period: period)
      }
    }
    try finish()
    let inputCount = inputs.count
    staged.inputTypes = inputs.map(type(of:))
    if let zero = inputs.firstIndex(of: .zero) { staged.zeros = [zero] }
    staged.stages = stages.map { stage in
      var stage = stage
      // Inputs come first, then what stages make.
      stage.inputs = stage.inputs.map { $0 < 0 ? -$0 - 1 : $0 + inputCount }
      return stage
    }
    staged.outputs = staged.outputs.map { $0 + inputCount }
  }

  /// Steps up to and including an activation each, and windows once at most: compilers would compute longer stages again and
  /// again, a window of windows for every one of its terms.
  private func parts(of steps: ArraySlice<CovarianceProgram.Step>) -> [[CovarianceProgram.Step]] {
    var result: [[CovarianceProgram.Step]] = [[]]
    var hasWindows = false
    for step in steps {
      if result[result.count - 1].isEmpty { hasWindows = false }
      if step.operation is PatchesOperation {
        if hasWindows { result.append([]) }
        hasWindows = true
      }
      result[result.count - 1].append(step)
      if step.operation is DualOperation { result.append([]) }
    }
    return result.filter { !$0.isEmpty }
  }

  // MARK: - Types of inputs

  private func type(of input: KernelInput) -> TensorType {
    func count(_ dataSet: DataSet) -> Int { dataSet == .first ? counts.rows : counts.columns }
    func perInput(_ need: KernelInput.PerInput, _ dataSet: DataSet) -> TensorType {
      switch need {
      case .variance(let value), .root(let value), .factor(let value, _, _):
        TensorType(shape: [count(dataSet)] + program.positions[value], dtype: goal.dtype)
      case .mask(let value):
        TensorType(shape: [count(dataSet)] + program.positions[value], dtype: .bool)
      case .visible: TensorType(shape: [count(dataSet)], dtype: goal.dtype)
      }
    }
    switch input {
    case .data(let dataSet):
      return TensorType(
        shape: [count(dataSet)] + program.positions[0] + [goal.inputs[0].channels], dtype: goal.dtype)
    case .zero: return TensorType(shape: [], dtype: .int32)
    case .columnIndex(let sizes): return TensorType(shape: sizes + sizes, dtype: .int32)
    case .perInput(let need, let dataSet): return perInput(need, dataSet)
    case .stacked(let turns):
      let types = turns[0].map(type(of:))
      return TensorType(shape: [turns.count, types.reduce(0) { $0 + $1.count }], dtype: types[0].dtype)
    }
  }

  /// The place of an input among those of the module, as a negative number, or of what a stage makes of them.
  private mutating func place(_ input: KernelInput) throws(Obstacle) -> Int {
    if case .columnIndex(let sizes) = input {
      if let known = indexPlaces[sizes] { return known }
      let zero = try place(.zero)
      let stage = try trace([type(of: .zero)]) { tensors throws(Obstacle) in
        [PackedLayout(sizes: sizes, zero: tensors[0]).columnIndex]
      }
      append(stage, [zero], [])
      indexPlaces[sizes] = stageOutputCount
      stageOutputCount += 1
      return stageOutputCount - 1
    }
    if let index = inputs.firstIndex(of: input) { return -index - 1 }
    inputs.append(input)
    return -inputs.count
  }

  private mutating func places(of needs: [KernelInput]) throws(Obstacle) -> [Int] {
    var result: [Int] = []
    for need in needs { result.append(try place(need)) }
    return result
  }

  // MARK: - Stages

  /// The products of the inputs.
  private mutating func begin() throws(Obstacle) {
    let isPair = !isSymmetric
    let needs: [KernelInput] = isPair ? [.data(.first), .data(.second)] : [.data(.first)]
    var made: KernelValue?
    let program = try trace(needs.map(type(of:))) { tensors throws(Obstacle) in
      let data = ProgramData(x1: tensors[0], x2: isPair ? tensors[1] : nil, mask1: nil, mask2: nil)
      let request = BlockRequest(
        inputs: [.data(data)], patterns: nil, rows: 0..<counts.rows, columns: 0..<counts.columns, selfCovariances: [])
      do {
        let state = try ReferenceRun(goal, request, batch: .diagonal, isTraced: true).states(of: request.inputs)[0]
        let value = KernelValue(
          k: state.k12, theta: goal.tangent == .absent ? .absent : .zero, positions: self.program.positions[0],
          form: state.layout.isDiagonal ? .diagonal : .dense)
        made = value
        return value.tensors
      } catch {
        throw Obstacle("\(error)")
      }
    }
    guard let made else { preconditionFailure("a stage was not traced") }
    let places = try places(of: needs)
    append(program, places, [(0, made)])
  }

  /// Steps one after another.
  private mutating func straight(_ steps: [CovarianceProgram.Step]) throws(Obstacle) {
    guard let last = steps.last else { return }
    let made = Set(steps.map(\.result))
    let read = Array(Set(steps.flatMap(\.operands)).subtracting(made)).sorted()
    let wanted = made.sorted().filter { value in
      goal.outputs.contains(value)
        || program.steps.contains {
          $0.result > last.result && $0.operands.contains(value) && goal.demand.isNeeded($0.result)
        }
    }
    let needs = try needs(of: steps)
    let sources = read.map { value(of: $0) }
    let types = sources.flatMap { $0.value.tensors.map(\.type) } + needs.map(type(of:))
    var results: [KernelValue] = []
    let stage = try trace(types) { tensors throws(Obstacle) in
      var rest = tensors[...]
      var values: [Int: KernelValue] = [:]
      for (id, source) in zip(read, sources) {
        values[id] = source.value.replacing(Array(rest.prefix(source.places.count)))
        rest = rest.dropFirst(source.places.count)
      }
      let given = Dictionary(uniqueKeysWithValues: zip(needs, rest))
      try run(steps, &values) { given[$0]! }
      results = wanted.map { values[$0]! }
      return results.flatMap(\.tensors)
    }
    let places = sources.flatMap(\.places) + (try places(of: needs))
    append(stage, places, Array(zip(wanted, results)))
  }

  /// Layers that are alike: the first by itself, since it may begin without a tangent kernel, the others two to a turn of a
  /// loop. One writes to where the other has read, so that nothing has to be copied.
  private mutating func repeated(_ steps: [CovarianceProgram.Step], period: Int) throws(Obstacle) {
    let turns = (steps.count / period - 1) / 2
    guard turns > 1 else {
      for part in parts(of: steps[...]) { try straight(part) }
      return
    }
    let alone = steps.count - 2 * turns * period
    for start in stride(from: 0, to: alone, by: period) { try straight(Array(steps[start..<start + period])) }
    try loop(Array(steps[alone...]), period: 2 * period)
  }

  /// A layer that is repeated, or several.
  private mutating func loop(_ steps: [CovarianceProgram.Step], period: Int) throws(Obstacle) {
    let count = steps.count / period
    let body = Array(steps.prefix(period))
    let source = value(of: body[0].operands[0])
    let needs = try needs(of: body)
    // What changes from turn to turn comes from single inputs.
    let changes = needs.map { if case .perInput = $0 { true } else { false } }
    let fixed = zip(needs, changes).filter { !$1 }.map(\.0)
    let turns = try (0..<count).map { (turn: Int) throws(Obstacle) in
      zip(try self.needs(of: Array(steps[turn * period..<(turn + 1) * period])), changes).filter(\.1).map(\.0)
    }
    // All of it in one array: a device copies what a turn reads of every array for itself.
    let stacks = [goal.dtype, .bool].map { dtype in turns.map { turn in turn.filter { type(of: $0).dtype == dtype } } }
      .filter { !$0[0].isEmpty }
    let types =
      source.value.tensors.map(\.type)
      + stacks.map { turns in
        let stack = type(of: .stacked(turns))
        return TensorType(shape: [stack.shape[1]], dtype: stack.dtype)
      } + fixed.map(type(of:))
    var result: KernelValue?
    let stage = try trace(types) { tensors throws(Obstacle) in
      var rest = tensors[...]
      var values = [body[0].operands[0]: source.value.replacing(Array(rest.prefix(source.places.count)))]
      rest = rest.dropFirst(source.places.count)
      var given: [KernelInput: Tensor] = [:]
      for stack in stacks {
        guard let row = rest.popFirst() else { preconditionFailure("a loop without its numbers") }
        given.merge(numbers(in: row, of: stack[0])) { first, _ in first }
      }
      for (need, tensor) in zip(fixed, rest) { given[need] = tensor }
      try run(body, &values) { given[$0]! }
      result = values[body[period - 1].result]
      return result?.tensors ?? []
    }
    guard let result else { preconditionFailure("a stage was not traced") }
    let places = source.places + (try places(of: stacks.map { .stacked($0) })) + (try places(of: fixed))
    append(
      stage, places, [(steps[steps.count - 1].result, result)],
      loop: StagedProgram.Loop(count: count, carried: source.places.count, stacked: stacks.count))
  }

  /// The numbers of single inputs that one turn of a loop reads, out of its row.
  private func numbers(in row: Tensor, of needs: [KernelInput]) -> [KernelInput: Tensor] {
    var result: [KernelInput: Tensor] = [:]
    var start = 0
    for need in needs {
      let shape = type(of: need).shape
      result[need] = row.sliced(axis: 0, start..<start + shape.product).reshaped(shape)
      start += shape.product
    }
    return result
  }

  /// The outputs as kernels return them.
  private mutating func finish() throws(Obstacle) {
    let sources = goal.outputs.map { value(of: $0) }
    let needs: [KernelInput] = sources.contains { $0.value.form == .packed } ? [.zero] : []
    let types = sources.flatMap { $0.value.tensors.map(\.type) } + needs.map(type(of:))
    var results: [KernelValue] = []
    let stage = try trace(types) { tensors throws(Obstacle) in
      var rest = tensors[...]
      for source in sources {
        var value = source.value.replacing(Array(rest.prefix(source.places.count)))
        rest = rest.dropFirst(source.places.count)
        if value.form == .packed {
          let layout = PackedLayout(sizes: value.positions, zero: tensors[tensors.count - 1])
          value = value.map { layout.dense($0) }
          value.form = .dense
        }
        results.append(value)
      }
      return results.flatMap(\.tensors)
    }
    outputs = results
    let places = sources.flatMap(\.places) + (try places(of: needs))
    let first = stageOutputCount
    append(stage, places, [])
    let count = results.reduce(0) { $0 + $1.tensors.count }
    stageOutputCount = first + count
    staged.outputs = Array(first..<first + count)
  }

  private func run(
    _ steps: [CovarianceProgram.Step], _ values: inout [Int: KernelValue], _ input: @escaping (KernelInput) -> Tensor
  ) throws(Obstacle) {
    for step in steps {
      values[step.result] = try KernelBuilder.result(
        of: step, step.operands.map { values[$0]! }, goal: goal, isSymmetric: isSymmetric, masked: masked, input: input)
    }
  }

  /// What steps read of single inputs, and the number that index arithmetic starts from.
  private func needs(of steps: [CovarianceProgram.Step]) throws(Obstacle) -> [KernelInput] {
    var result: [KernelInput] = [.zero]
    for step in steps {
      let needs = try KernelNeeds.of(step, masked: masked, dtype: goal.dtype)
      let sizes = program.positions[step.result]
      let index = KernelInput.columnIndex(sizes)
      if !needs.isEmpty && goal.demand.isFull(step.result) && !sizes.isEmpty && !result.contains(index) {
        result.append(index)
      }
      for need in needs {
        for dataSet in [DataSet.first, .second] {
          let input = KernelInput.perInput(need, dataSet)
          if !result.contains(input) { result.append(input) }
        }
      }
    }
    return result
  }

  private func value(of id: Int) -> (value: KernelValue, places: [Int]) {
    guard let value = known[id] else { preconditionFailure("value \(id) is read before it is made") }
    return value
  }

  private mutating func append(
    _ program: Program, _ places: [Int], _ values: [(id: Int, value: KernelValue)], loop: StagedProgram.Loop? = nil
  ) {
    stages.append(StagedProgram.Stage(program: program, inputs: places, loop: loop))
    for (id, value) in values {
      let count = value.tensors.count
      known[id] = (value, Array(stageOutputCount..<stageOutputCount + count))
      stageOutputCount += count
    }
  }

  private func trace(_ types: [TensorType], _ body: ([Tensor]) throws(Obstacle) -> [Tensor]) throws(Obstacle) -> Program
  {
    var obstacle: Obstacle?
    do {
      return try Program.build(types) { (tensors) throws(TensorError) -> [Tensor] in
        do throws(Obstacle) {
          return try LeftOutIntegrals.tracing { () throws(Obstacle) in try body(tensors) }
        } catch {
          obstacle = error
          throw .transformation("a kernel on a device", expected: "operations with a device form", found: "\(error)")
        }
      }
    } catch {
      throw obstacle ?? Obstacle("\(error)")
    }
  }
}
