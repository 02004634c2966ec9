/// The steps that compute a program, decided once: which equations run together, which values are never written, and
/// when memory is free again.
struct ExecutablePlan: Sendable {
  enum Work: Sendable {
    case loop(FusedLoop)
    case contraction(ContractionPlan)
    /// Writes a transposed or repeated value out.
    case copy(StridedCopy)
    case primitive(Primitive)
  }

  struct Step: Sendable {
    let work: Work
    /// The values it reads, which own their memory; for a loop those of its inputs.
    let inputs: [Int]
    /// The types in which a primitive sees its inputs.
    let inputTypes: [TensorType]
    let outputs: Range<Int>
    /// Inputs that nothing reads after it.
    let dying: [Int]
    /// Outputs that nothing reads.
    let unread: [Int]
  }

  let steps: [Step]
  /// The values that hold the program's outputs.
  let outputs: [Int]
}

/// Decides on the steps of a program.
struct ExecutablePlanner {
  /// An equation, or several elementwise ones that run together.
  private struct Item {
    var equations: [Int]
    /// Sizes other than 1 of an elementwise equation's result; nil for what is no loop.
    var shape: [Int]?
    /// Whether another item reads what it makes.
    var isRead = false
  }

  private static let mostMembers = 48

  private let program: Program
  private let views: [StridedView]
  /// Values that are in memory of their own when they are read.
  private var isWritten: [Bool]
  /// For every equation that runs the memory that each operand is read from.
  private var reads: [[StridedView]?]
  private var items: [Item?] = []
  /// The item that makes a value.
  private var maker: [Int?]

  init(_ program: Program) {
    self.program = program.withoutTransposedProducts()
    views = self.program.stridedViews()
    isWritten = [Bool](repeating: false, count: self.program.types.count)
    reads = self.program.equations.map { _ in nil }
    maker = self.program.types.map { _ in nil }
  }

  mutating func plan() -> ExecutablePlan {
    chooseReads()
    for index in program.equations.indices where reads[index] != nil { place(index) }
    return steps()
  }

  // MARK: What is read from where

  private func contiguous(_ value: Int) -> StridedView {
    StridedView(root: value, strides: program.types[value].shape.rowMajorStrides)
  }

  /// The value that holds the elements of `value` in row-major order: another one when it is the same under another shape.
  private func owner(_ value: Int) -> Int {
    views[value].isContiguous(program.types[value].shape) ? views[value].root : value
  }

  private mutating func chooseReads() {
    for output in program.outputs { isWritten[owner(output)] = true }
    for index in program.equations.indices.reversed() {
      let equation = program.equations[index]
      guard equation.outputs.contains(where: { isWritten[$0] }) else { continue }
      let own = equation.inputs.indices.map { read(equation, $0) }
      reads[index] = own
      for read in own { isWritten[read.root] = true }
    }
  }

  /// Whether an equation only sees its input in another way.
  private func isView(_ equation: Program.Equation) -> Bool {
    views[equation.outputs.lowerBound].root != equation.outputs.lowerBound
  }

  /// Whether an equation runs as part of a loop; the strides of what it reads are then those along the axes of more than
  /// one element of its result.
  private func isLoop(_ equation: Program.Equation) -> Bool { equation.primitive.isElementwise && !isView(equation) }

  private func read(_ equation: Program.Equation, _ operand: Int) -> StridedView {
    let value = equation.inputs[operand]
    let view = views[value]
    let shape = program.types[value].shape
    if isLoop(equation) {
      let result = program.types[equation.outputs.lowerBound].shape
      let strides = view.strides(broadcasting: shape, to: result)
      // Kernels read neighbours or repeat one element.
      if let last = strides.last, last != 0 && last != 1 {
        return StridedView(root: value, strides: contiguous(value).strides(broadcasting: shape, to: result))
      }
      return StridedView(root: view.root, strides: strides)
    }
    switch equation.primitive {
    case .transpose, .broadcast, .reshape, .convert, .stopGradient: return view
    case .dotGeneral(let dimensions):
      // What BLAS cannot read is written out first, where that is enough, so that others can read it too.
      if readsInPlace(equation, dimensions, operand, { views[$0] }) { return view }
      return readsInPlace(equation, dimensions, operand, contiguous)
        ? StridedView(root: owner(value), strides: shape.rowMajorStrides) : view
    default: return StridedView(root: owner(value), strides: shape.rowMajorStrides)
    }
  }

  private func readsInPlace(
    _ equation: Program.Equation, _ dimensions: DotDimensions, _ operand: Int, _ view: (Int) -> StridedView
  ) -> Bool {
    let (a, b) = (equation.inputs[0], equation.inputs[1])
    let plan = ContractionPlan(
      program.types[a].dtype, program.types[a].shape, (operand == 0 ? view(a) : views[a]).strides,
      program.types[b].shape, (operand == 1 ? view(b) : views[b]).strides, dimensions)
    return operand == 0 ? plan.readsInPlace.a : plan.readsInPlace.b
  }

  // MARK: What runs together

  private mutating func place(_ index: Int) {
    let equation = program.equations[index]
    let own = reads[index] ?? []
    let makers = Set(own.compactMap { maker[$0.root] })
    guard isLoop(equation) else { return add(Item(equations: [index], shape: nil), makers) }
    let shape = program.types[equation.outputs.lowerBound].shape.filter { $0 != 1 }
    // Loops that may take the equation in: those that make its operands, and those that read one of them too.
    let related = makers.union(readers(of: own.map(\.root), count: shape.product))
    let candidates = related.filter { candidate in
      guard let item = items[candidate], item.shape == shape, item.equations.count < Self.mostMembers else {
        return false
      }
      return own.allSatisfy { maker[$0.root] != candidate || isIdentity($0, shape) }
    }
    // A loop that nothing else reads yet can run as late as now; any other where it is, if all operands are there.
    let movable = candidates.filter { items[$0]?.isRead == false }
    let fixed = candidates.filter { candidate in makers.allSatisfy { $0 <= candidate } }
    if movable.count > 1 || fixed.isEmpty && !movable.isEmpty {
      join(movable.sorted(), index, shape, makers)
    } else if let target = fixed.max(by: { rank($0, makers) < rank($1, makers) }) {
      items[target]?.equations.append(index)
      maker[equation.outputs.lowerBound] = target
      for maker in makers where maker != target { items[maker]?.isRead = true }
    } else {
      add(Item(equations: [index], shape: shape), makers)
    }
  }

  /// Makers of operands come before mere fellow readers, later items before earlier ones.
  private func rank(_ item: Int, _ makers: Set<Int>) -> Int { (makers.contains(item) ? items.count : 0) + item }

  /// Merges loops and an equation into one that runs last.
  private mutating func join(_ loops: [Int], _ index: Int, _ shape: [Int], _ makers: Set<Int>) {
    var merged = Item(equations: [index], shape: shape)
    var others = makers
    for loop in loops {
      guard let item = items[loop], merged.equations.count + item.equations.count <= Self.mostMembers else { continue }
      merged.equations += item.equations
      items[loop] = nil
      others.remove(loop)
    }
    merged.equations.sort()
    add(merged, others)
  }

  private mutating func add(_ item: Item, _ makers: Set<Int>) {
    items.append(item)
    for index in item.equations {
      for value in program.equations[index].outputs { maker[value] = items.count - 1 }
    }
    for maker in makers { items[maker]?.isRead = true }
  }

  /// Recent loops that read one of the values that have as many elements as the loop or more.
  private func readers(of values: [Int], count: Int) -> Set<Int> {
    let wanted = Set(values.filter { program.types[$0].count >= max(2, count) })
    if wanted.isEmpty { return [] }
    let recent = items.indices.suffix(32).filter { index in
      guard let item = items[index], item.shape != nil else { return false }
      return item.equations.contains { reads[$0]?.contains { wanted.contains($0.root) } ?? false }
    }
    return Set(recent)
  }

  private func isIdentity(_ read: StridedView, _ shape: [Int]) -> Bool {
    program.types[read.root].count == shape.product && read.strides == shape.rowMajorStrides
  }

  // MARK: Steps

  private func steps() -> ExecutablePlan {
    let order = items.compactMap { $0 }
    let outputs = program.outputs.map(owner)
    // Who reads a value last, and whether anything but its own loop does.
    var readCount = [Int](repeating: 0, count: program.types.count)
    var lastReader = [Int](repeating: -1, count: program.types.count)
    for output in outputs {
      readCount[output] += 1
      lastReader[output] = Int.max
    }
    for (step, item) in order.enumerated() {
      let made = Set(item.equations.flatMap { Array(program.equations[$0].outputs) })
      for index in item.equations {
        for read in reads[index] ?? [] where !made.contains(read.root) {
          readCount[read.root] += 1
          lastReader[read.root] = max(lastReader[read.root], step)
        }
      }
    }
    var result: [ExecutablePlan.Step] = []
    for (step, item) in order.enumerated() {
      let first = program.equations[item.equations[0]]
      let work: ExecutablePlan.Work
      var inputs: [Int] = []
      var types: [TensorType] = []
      if let shape = item.shape {
        var builder = FusedLoopBuilder(program, shape: shape)
        let members = item.equations.map { FusedLoopBuilder.Member(equation: program.equations[$0], reads: reads[$0] ?? []) }
        let loop = builder.build(members, isRead: { readCount[$0] > 0 }, dies: { lastReader[$0] == step })
        inputs = loop.inputs.map(\.value)
        work = .loop(loop)
      } else {
        let own = reads[item.equations[0]] ?? []
        inputs = own.map(\.root)
        types = first.inputs.map { program.types[$0] }
        work = self.work(first, item.equations[0], own)
      }
      let unread = item.shape == nil ? first.outputs.filter { readCount[$0] == 0 } : []
      result.append(
        ExecutablePlan.Step(
          work: work, inputs: inputs, inputTypes: types, outputs: first.outputs,
          dying: Set(inputs).filter { lastReader[$0] == step }.sorted(), unread: unread))
    }
    return ExecutablePlan(steps: result, outputs: outputs)
  }

  private func work(_ equation: Program.Equation, _ index: Int, _ reads: [StridedView]) -> ExecutablePlan.Work {
    let value = equation.outputs.lowerBound
    let type = program.types[value]
    switch equation.primitive {
    case .dotGeneral(let dimensions):
      let (a, b) = (program.types[equation.inputs[0]], program.types[equation.inputs[1]])
      return .contraction(
        ContractionPlan(type.dtype, a.shape, reads[0].strides, b.shape, reads[1].strides, dimensions))
    case .reshape, .transpose, .broadcast, .stopGradient, .convert:
      return .copy(copy(equation, reads[0], type))
    default:
      return .primitive(equation.primitive)
    }
  }

  /// Writes a value out that is seen by other means so far.
  private func copy(_ equation: Program.Equation, _ read: StridedView, _ type: TensorType) -> StridedCopy {
    // Reshaping keeps the order of elements, so that the copy may go by the shape of either side.
    if case .reshape = equation.primitive {
      let shape = program.types[equation.inputs[0]].shape
      return StridedCopy(type.dtype, shape: shape, source: read.strides, target: shape.rowMajorStrides)
    }
    let strides = views[equation.outputs.lowerBound].strides
    return StridedCopy(type.dtype, shape: type.shape, source: strides, target: type.shape.rowMajorStrides)
  }
}

extension Program {
  /// The same program with transpositions of products replaced by products of the swapped operands.
  fileprivate func withoutTransposedProducts() -> Program {
    var makers: [Int: Int] = [:]
    for (index, equation) in equations.enumerated() where equation.outputs.count == 1 {
      makers[equation.outputs.lowerBound] = index
    }
    var equations = equations
    for (index, equation) in equations.enumerated() {
      guard case .transpose(let permutation) = equation.primitive, let made = makers[equation.inputs[0]],
        case .dotGeneral(let dimensions) = equations[made].primitive
      else { continue }
      let product = equations[made]
      let (a, b) = (types[product.inputs[0]].rank, types[product.inputs[1]].rank)
      let batch = dimensions.aBatch.count
      let (rows, columns) = (dimensions.freeAxesOfA(rank: a).count, dimensions.freeAxesOfB(rank: b).count)
      let swapped = Array(0..<batch) + Array(batch + rows..<batch + rows + columns) + Array(batch..<batch + rows)
      guard permutation == swapped else { continue }
      equations[index] = Equation(
        primitive: .dotGeneral(
          DotDimensions(
            contracting: (dimensions.bContracting, dimensions.aContracting), batch: (dimensions.bBatch, dimensions.aBatch))),
        inputs: [product.inputs[1], product.inputs[0]], outputs: equation.outputs)
    }
    return Program(types: types, inputCount: inputCount, constants: constants, equations: equations, outputs: outputs)
  }
}
