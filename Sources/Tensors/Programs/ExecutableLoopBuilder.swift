import CVectorKernels

/// Makes a `FusedLoop` of elementwise equations of one shape.
struct FusedLoopBuilder {
  private struct Register: Hashable {
    let value: Int
    let strides: [Int]
  }

  /// An elementwise equation and, for each operand, the value it is read from and the strides along the loop's axes.
  struct Member {
    let equation: Program.Equation
    let reads: [StridedView]
  }

  private let program: Program
  /// Sizes of the axes of more than one element.
  private let shape: [Int]
  private var inputs: [FusedLoop.Input] = []
  private var known: [Register: Int] = [:]
  /// The index of the last operation that reads each input.
  private var lastRead: [Int] = []

  /// - Parameter shape: without axes of one element.
  init(_ program: Program, shape: [Int]) {
    self.program = program
    self.shape = shape
  }

  /// - Parameters:
  ///   - members: the equations in an order in which they can run.
  ///   - isRead: whether something outside reads a value.
  ///   - dies: whether nothing reads a value after this loop.
  mutating func build(_ all: [Member], isRead: (Int) -> Bool, dies: (Int) -> Bool) -> FusedLoop {
    let members = all.map(\.equation)
    let made = Set(members.map { $0.outputs.lowerBound })
    let contiguous = shape.rowMajorStrides
    // Every operand as the register of an input, or the value of an earlier member.
    enum Source { case input(Int), member(Int) }
    var sources: [[Source]] = []
    for (position, member) in all.enumerated() {
      var own: [Source] = []
      for read in member.reads {
        if made.contains(read.root) {
          own.append(.member(read.root))
          continue
        }
        let register = Register(value: read.root, strides: read.strides)
        let input = known[register] ?? inputs.count
        if input == inputs.count {
          let dtype = program.types[read.root].dtype
          known[register] = input
          inputs.append(FusedLoop.Input(value: read.root, byteCount: dtype.byteCount, strides: read.strides))
          lastRead.append(position)
        }
        lastRead[input] = position
        own.append(.input(input))
      }
      sources.append(own)
    }

    let merged = mergedAxes()
    let axes = merged.sizes.count
    let outputValues = members.map { $0.outputs.lowerBound }.filter(isRead)
    let outputs = outputValues.map { value in
      let written = members.firstIndex { $0.outputs.lowerBound == value } ?? 0
      let byteCount = program.types[value].dtype.byteCount
      return FusedLoop.Output(
        value: value, byteCount: byteCount,
        reusable: inputs.indices.filter { index in
          inputs[index].strides == contiguous && inputs[index].byteCount == byteCount && lastRead[index] <= written
            && program.types[inputs[index].value].count == shape.product && dies(inputs[index].value)
            && inputs.filter { $0.value == inputs[index].value }.count == 1
        })
    }

    // Scratch registers are reused once nothing reads them any more.
    var lastUse: [Int: Int] = [:]
    for (position, own) in sources.enumerated() {
      for case .member(let value) in own { lastUse[value] = position }
    }
    let firstScratch = inputs.count + outputs.count
    var scratch: [Int] = []
    var free: [Int] = []
    var registers: [Int: Int] = [:]
    for (index, value) in outputValues.enumerated() { registers[value] = inputs.count + index }
    func take(_ byteCount: Int) -> Int {
      if let index = free.lastIndex(where: { scratch[$0] == byteCount }) { return free.remove(at: index) }
      scratch.append(byteCount)
      return scratch.count - 1
    }

    var operations: [FusedLoop.Operation] = []
    for (position, equation) in members.enumerated() {
      let value = equation.outputs.lowerBound
      let dtype = program.types[value].dtype
      var operands = sources[position].map { source in
        switch source {
        case .input(let index): index
        case .member(let value): registers[value] ?? 0
        }
      }
      func strides(_ register: Int) -> [Int]? { register < inputs.count ? merged.strides[register] : nil }
      func isRepeated(_ register: Int) -> Bool { merged.sizes[axes - 1] > 1 && strides(register)?[axes - 1] == 0 }
      func isWhole(_ register: Int) -> Bool {
        guard let own = strides(register) else { return true }
        return own[axes - 1] == 1 && (merged.sizes[axes - 2] == 1 || own[axes - 2] == merged.sizes[axes - 1])
      }
      func isElement(_ register: Int) -> Bool {
        guard let own = strides(register) else { return false }
        return own[axes - 1] == 0 && own[axes - 2] == 0
      }
      // Kernels of one operand read all elements; those of two take at most one operand with repeated elements.
      var written: [Int] = []
      let mustWrite: Bool
      switch equation.primitive {
      case .unary, .convert: mustWrite = !isWhole(operands[0])
      case .binary, .compare: mustWrite = isRepeated(operands[0]) && isRepeated(operands[1])
      default: mustWrite = false
      }
      if mustWrite {
        let type = program.types[equation.inputs[0]].dtype
        let copy = take(type.byteCount)
        written.append(copy)
        operations.append(
          FusedLoop.Operation(
            kind: .copy(type.kernelType), operands: SIMD4(Int32(operands[0]), 0, 0, 0),
            target: Int32(firstScratch + copy), isFlat: false))
        operands[0] = firstScratch + copy
      }
      let dying = Set(
        sources[position].compactMap { source -> Int? in
          guard case .member(let operand) = source, lastUse[operand] == position else { return nil }
          return registers[operand].flatMap { $0 >= firstScratch ? $0 - firstScratch : nil }
        })
      let target: Int
      if let output = registers[value] {
        target = output
      } else {
        // An operation may work in place on elements of the same size.
        let inPlace = dying.filter { scratch[$0] == dtype.byteCount }.min()
        let index = inPlace ?? take(dtype.byteCount)
        target = firstScratch + index
        registers[value] = target
      }
      free += dying.filter { firstScratch + $0 != target } + written
      if lastUse[value] == nil, target >= firstScratch { free.append(target - firstScratch) }
      var lanes = SIMD4<Int32>(repeating: 0)
      for (index, operand) in operands.enumerated() { lanes[index] = Int32(operand) }
      operations.append(
        FusedLoop.Operation(
          kind: kind(of: equation, dtype), operands: lanes, target: Int32(target),
          isFlat: operands.allSatisfy { isWhole($0) || isElement($0) }))
    }
    return FusedLoop(
      inputs: zip(inputs, merged.strides).map {
        FusedLoop.Input(value: $0.value, byteCount: $0.byteCount, strides: $1)
      },
      outputs: outputs, operations: operations, scratchByteCounts: scratch, sizes: merged.sizes,
      work: members.reduce(0) { $0 + $1.primitive.elementWork })
  }

  /// Axes that all operands step through alike are one; at least two remain.
  private func mergedAxes() -> (sizes: [Int], strides: [[Int]]) {
    var sizes: [Int] = []
    var strides = inputs.map { _ in [Int]() }
    for axis in shape.indices {
      let merges = !sizes.isEmpty && inputs.indices.allSatisfy {
        strides[$0][strides[$0].count - 1] == inputs[$0].strides[axis] * shape[axis]
      }
      if merges {
        sizes[sizes.count - 1] *= shape[axis]
        for index in inputs.indices { strides[index][strides[index].count - 1] = inputs[index].strides[axis] }
      } else {
        sizes.append(shape[axis])
        for index in inputs.indices { strides[index].append(inputs[index].strides[axis]) }
      }
    }
    while sizes.count < 2 {
      sizes.insert(1, at: 0)
      for index in inputs.indices { strides[index].insert(0, at: 0) }
    }
    // An operand of one element is repeated, whatever the axis' size.
    if sizes[sizes.count - 1] == 1 {
      for index in inputs.indices { strides[index][sizes.count - 1] = 1 }
    }
    return (sizes, strides)
  }

  private func kind(of equation: Program.Equation, _ dtype: DType) -> FusedLoop.Operation.Kind {
    let first = program.types[equation.inputs[0]].dtype
    switch equation.primitive {
    case .unary(let function): return .unary(function.kernel, dtype.kernelType)
    case .binary(let function): return .binary(function.kernel, dtype.kernelType)
    case .compare(let comparison): return .compare(comparison.kernel, first.kernelType)
    case .multiplyAdd: return .multiplyAdd(dtype.kernelType)
    case .select: return .select(dtype.kernelType)
    case .convert: return .convert(from: first.kernelType, to: dtype.kernelType)
    default: preconditionFailure("\(equation.primitive) is not elementwise")
    }
  }
}

extension Primitive {
  /// Time for an element, in that of an addition.
  fileprivate var elementWork: Int {
    switch self {
    case .unary(let function): function.isCheap ? 1 : 8
    case .binary(let function): function.isCheap ? 1 : 8
    default: 1
    }
  }
}
