import CVectorKernels

/// A covariance program as instructions on a few registers, each a row of K and of Θ that stays in cache.
struct RowPlan: @unchecked Sendable {
  enum Instruction: @unchecked Sendable {
    case copy(from: Int, to: Int, tangent: Tangent)
    case affine(Int, nt_affine, tangent: Tangent)
    case dual(Int, DualRoutine, factor: Int, tangent: Tangent)
    case normalize(Int, epsilon: Double, overBatch: Bool, factor: Int, tangent: Tangent)
    case dropout(Int, keepRate: Double, tangent: Tangent)
    case combine(into: Int, from: Int, PairCombination, intoTangent: Tangent, fromTangent: Tangent)
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

  fileprivate(set) var instructions: [Instruction] = []
  fileprivate(set) var registerCount: Int
  /// Arrays of per-input factors in all.
  fileprivate(set) var factorCount = 0
  /// The registers of the outputs.
  fileprivate(set) var outputs: [(register: Int, tangent: Tangent)] = []
  let inputCount: Int
  /// What the instructions' pointers point to.
  private var descriptions = DualDescriptions(.long)
  /// The activations without a vector kernel.
  private(set) var activations: [any Dual] = []

  /// - Throws: `Obstacle` for a program with operations that are not row by row.
  init(_ goal: CovarianceGoal) throws(Obstacle) {
    var builder = RowPlanBuilder(goal)
    for (index, step) in goal.program.steps.enumerated() { try builder.compile(step, at: index) }
    self = builder.plan(outputs: goal.outputs)
  }

  fileprivate init(inputCount: Int) {
    (self.inputCount, registerCount) = (inputCount, inputCount)
  }
}

/// Compiles covariance programs for rows.
private struct RowPlanBuilder: Lowering {
  /// Given where it is wanted.
  private let tangent: Tangent
  private var plan: RowPlan
  private var allocation: RegisterAllocation
  /// Per value.
  private var tangents: [Tangent]
  private var step: CovarianceProgram.Step!
  /// The register that holds what has been made of the step so far.
  private var target = 0
  private var targetTangent = Tangent.absent

  init(_ goal: CovarianceGoal) {
    tangent = goal.tangent
    plan = RowPlan(inputCount: goal.program.inputCount)
    allocation = RegisterAllocation(goal.program, outputs: goal.outputs)
    tangents = Array(repeating: min(.zero, goal.tangent), count: goal.program.valueCount)
    for (input, known) in goal.inputs.enumerated() { tangents[input] = min(known.tangent, tangent) }
  }

  mutating func compile(_ step: CovarianceProgram.Step, at index: Int) throws(Obstacle) {
    self.step = step
    target = ownRegister(at: index)
    targetTangent = tangents[step.operands[0]]
    try step.operation.lower(to: &self)
    tangents[step.result] = targetTangent
    allocation.define(step.result, target)
    allocation.release(step.operands, at: index, except: target)
  }

  func plan(outputs: [Int]) -> RowPlan {
    var plan = plan
    plan.outputs = outputs.map { (allocation.register(of: $0), tangents[$0]) }
    plan.registerCount = allocation.count
    return plan
  }

  /// A register with the value of the step's first operand that may be overwritten: its own if nobody else reads it,
  /// or a copy.
  private mutating func ownRegister(at index: Int) -> Int {
    let operand = step.operands[0]
    let register = allocation.register(of: operand)
    if allocation.isLastUse(of: operand, at: index) && !step.operands.dropFirst().contains(operand) { return register }
    let copy = allocation.allocate()
    plan.instructions.append(.copy(from: register, to: copy, tangent: tangents[operand]))
    return copy
  }

  mutating func affine(_ rule: AffineOperation) {
    plan.instructions.append(.affine(target, rule.loopDescription, tangent: targetTangent))
    targetTangent = tangent
  }

  mutating func scale(_ factor: Double) {
    let rule = AffineOperation(weightVariance: HyperParameter(factor), outputScale: 0)
    plan.instructions.append(.affine(target, rule.loopDescription, tangent: targetTangent))
  }

  mutating func dual(_ dual: any Dual) {
    let routine = plan.routine(of: dual)
    plan.instructions.append(.dual(target, routine, factor: plan.factorCount, tangent: targetTangent))
    plan.factorCount += routine.factorCount
  }

  mutating func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) {
    plan.instructions.append(
      .normalize(target, epsilon: epsilon, overBatch: overBatch, factor: plan.factorCount, tangent: targetTangent))
    plan.factorCount += 1
  }

  mutating func dropout(keepRate: Double) {
    plan.instructions.append(.dropout(target, keepRate: keepRate, tangent: targetTangent))
  }

  mutating func combine(_ combination: BranchCombination) {
    for (position, operand) in step.operands.enumerated().dropFirst() {
      plan.instructions.append(
        .combine(
          into: target, from: allocation.register(of: operand), combination.pair(at: position),
          intoTangent: targetTangent, fromTangent: tangents[operand]))
      targetTangent = max(targetTangent, tangents[operand])
    }
  }

  private static let worksOnPositions = Obstacle("a layer that works on positions")

  func localize() throws(Obstacle) { throw Self.worksOnPositions }
  func windows(_ axes: [PatchAxis]) throws(Obstacle) { throw Self.worksOnPositions }
  func map(_ axes: [PositionMapOperation.Axis]) throws(Obstacle) { throw Self.worksOnPositions }
  func permute(_ order: [Int]) throws(Obstacle) { throw Self.worksOnPositions }
  func flatten() throws(Obstacle) { throw Self.worksOnPositions }
  func globalPool(isMean: Bool) throws(Obstacle) { throw Self.worksOnPositions }
}

extension RowPlan {
  fileprivate mutating func routine(of activation: any Dual) -> DualRoutine {
    guard let dual = activation.vectorDual else {
      activations.append(activation)
      return .tensor(activations.count - 1)
    }
    return .vector(descriptions.description(of: dual).pointer)
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
