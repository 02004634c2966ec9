import CVectorKernels

/// A covariance program as instructions on a few registers, each a row of K and of Θ that stays in cache.
struct FusedPlan: @unchecked Sendable {
  /// An operation that mixes inputs, which a row by itself cannot.
  struct Unsupported: Error {
    let operation: String
  }

  enum Instruction: @unchecked Sendable {
    case copy(from: Int, to: Int, hasTheta: Bool)
    case affine(Int, nt_affine, thetaIsZero: Bool)
    case dual(Int, DualRoutine, factor: Int, hasTheta: Bool)
    case normalize(Int, epsilon: Double, overBatch: Bool, factor: Int, hasTheta: Bool)
    case dropout(Int, keepRate: Double, hasTheta: Bool)
    case combine(into: Int, from: Int, Combination, intoHasTheta: Bool, fromHasTheta: Bool)
  }

  /// How a branch is taken into another.
  enum Combination: Sendable {
    case sum
    case product
    case weightedSum(into: Double, from: Double)
  }

  /// How the duals of an activation are computed on a row. Holds no references, whose counting would show in every row.
  enum DualRoutine: @unchecked Sendable {
    case vector(UnsafePointer<nt_dual>)
    /// By the tensor functions of the activation with this index, for one without a vector kernel.
    case tensor(Int)

    /// Arrays of per-input factors that it needs.
    var factorCount: Int {
      switch self {
      case .vector(let dual): Int(nt_dual_factor_count(dual))
      case .tensor: 1
      }
    }

    var isABRelu: Bool {
      if case .vector(let dual) = self { dual.pointee.kind == nt_dual_ab_relu } else { false }
    }
  }

  private(set) var instructions: [Instruction] = []
  private(set) var registerCount: Int
  /// Arrays of per-input factors in all.
  private(set) var factorCount = 0
  /// The registers of the outputs, and whether their Θ was ever set.
  private(set) var outputs: [(register: Int, hasTheta: Bool)] = []
  let inputCount: Int
  /// What the instructions' pointers point to.
  private var descriptions = DualDescriptions()
  /// The activations without a vector kernel.
  private(set) var activations: [any Activation] = []

  /// - Throws: `Unsupported` for a program with operations that are not row by row.
  init(_ program: CovarianceProgram, outputs: [Int], withNTK: Bool, inputsWithNTK: [Bool]) throws(Unsupported) {
    inputCount = program.inputCount
    registerCount = program.inputCount
    var allocation = RegisterAllocation(program, outputs: outputs)
    var hasTheta = [Bool](repeating: false, count: program.valueCount)
    for input in 0..<inputCount { hasTheta[input] = withNTK && inputsWithNTK[input] }

    for (index, step) in program.steps.enumerated() {
      let target = own(step, at: index, &allocation, hasTheta: hasTheta[step.operands[0]])
      switch step.operation {
      case .affine(let rule):
        instructions.append(.affine(target, rule.description, thetaIsZero: !hasTheta[step.operands[0]]))
        hasTheta[step.result] = withNTK
      case .dual(let activation):
        let routine = routine(of: activation)
        hasTheta[step.result] = hasTheta[step.operands[0]]
        instructions.append(.dual(target, routine, factor: factorCount, hasTheta: hasTheta[step.result]))
        factorCount += routine.factorCount
      case .normalize(let rule):
        guard step.operands.count == 1 else {
          throw Unsupported(operation: "a layer normalisation of several kinds of channels")
        }
        hasTheta[step.result] = hasTheta[step.operands[0]]
        instructions.append(
          .normalize(
            target, epsilon: rule.epsilon, overBatch: rule.overBatch, factor: factorCount,
            hasTheta: hasTheta[step.result]))
        factorCount += 1
      case .dropout(let keepRate):
        hasTheta[step.result] = hasTheta[step.operands[0]]
        instructions.append(.dropout(target, keepRate: keepRate, hasTheta: hasTheta[step.result]))
      case .sum(hasMeans: true):
        throw Unsupported(operation: "a sum of branches that do not have zero mean")
      case .sum, .product, .weightedMean:
        hasTheta[step.result] = step.operands.contains { hasTheta[$0] }
        combine(step, into: target, allocation, hasTheta: hasTheta)
      case .concatenate:
        throw Unsupported(operation: "a concatenation along the batch axis")
      case .patches, .localize, .positions, .flatten, .globalPool, .permutePositions:
        throw Unsupported(operation: "a layer that works on positions")
      case .rule(let rule):
        throw Unsupported(operation: rule.name)
      }
      allocation.define(step.result, target)
      allocation.release(step.operands, at: index, except: target)
    }
    self.outputs = outputs.map { (allocation.register(of: $0), hasTheta[$0]) }
    registerCount = allocation.count
  }

  private mutating func routine(of activation: any Activation) -> DualRoutine {
    guard let dual = activation.vectorDual else {
      activations.append(activation)
      return .tensor(activations.count - 1)
    }
    return .vector(descriptions.description(of: dual).pointer)
  }

  /// A register with the value of the step's first operand that may be overwritten: its own if nobody else reads it,
  /// or a copy.
  private mutating func own(
    _ step: CovarianceProgram.Step, at index: Int, _ allocation: inout RegisterAllocation, hasTheta: Bool
  ) -> Int {
    let operand = step.operands[0]
    let register = allocation.register(of: operand)
    if allocation.isLastUse(of: operand, at: index) && !step.operands.dropFirst().contains(operand) { return register }
    let copy = allocation.allocate()
    instructions.append(.copy(from: register, to: copy, hasTheta: hasTheta))
    return copy
  }

  private mutating func combine(
    _ step: CovarianceProgram.Step, into target: Int, _ allocation: RegisterAllocation, hasTheta: [Bool]
  ) {
    var targetHasTheta = hasTheta[step.operands[0]]
    for (position, operand) in step.operands.enumerated().dropFirst() {
      let combination: Combination
      switch step.operation {
      case .weightedMean(let weights):
        combination = .weightedSum(into: position == 1 ? weights[0] : 1, from: weights[position])
      case .product: combination = .product
      default: combination = .sum
      }
      instructions.append(
        .combine(
          into: target, from: allocation.register(of: operand), combination, intoHasTheta: targetHasTheta,
          fromHasTheta: hasTheta[operand]))
      targetHasTheta = targetHasTheta || hasTheta[operand]
    }
  }
}

/// Gives values registers, and registers back when their value is read for the last time.
private struct RegisterAllocation {
  private var registers: [Int: Int] = [:]
  private var available: [Int] = []
  private var lastUse: [Int]
  private(set) var count: Int

  init(_ program: CovarianceProgram, outputs: [Int]) {
    count = program.inputCount
    lastUse = Array(repeating: -1, count: program.valueCount)
    for (index, step) in program.steps.enumerated() {
      for operand in step.operands { lastUse[operand] = index }
    }
    for output in outputs { lastUse[output] = program.steps.count }
    for input in 0..<program.inputCount { registers[input] = input }
  }

  func register(of value: Int) -> Int { registers[value]! }

  func isLastUse(of value: Int, at step: Int) -> Bool { lastUse[value] == step }

  mutating func allocate() -> Int {
    if let register = available.popLast() { return register }
    count += 1
    return count - 1
  }

  mutating func define(_ value: Int, _ register: Int) { registers[value] = register }

  /// Frees the registers of the operands that are not read after `step`, but for the one that holds the result.
  mutating func release(_ operands: [Int], at step: Int, except target: Int) {
    for operand in Set(operands) where lastUse[operand] == step && registers[operand] != target {
      if let register = registers.removeValue(forKey: operand) { available.append(register) }
    }
  }
}
