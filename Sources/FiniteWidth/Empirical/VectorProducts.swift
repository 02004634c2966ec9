import CovarianceEngine
import Tensors

/// The tangent kernel by its products with unit vectors: a reverse derivative at the second data set, then a forward one at the
/// first, for some rows at a time.
struct VectorProducts: Sendable {
  private let first: TangentProgram
  private let second: TangentProgram
  private let outputs: (Int, Int)
  private let layout: KernelLayout
  /// Inputs of the second data set, rows along the trace and rows along the pairs at a time.
  let block: (inputs: Int, k: Int, q: Int)
  /// How many of these blocks there are.
  var blockCount: Int {
    func blocks(_ size: Int, _ block: Int) -> Int { (size + block - 1) / block }
    return blocks(layout.f, block.inputs) * blocks(layout.k, block.k) * blocks(layout.q, block.q)
  }
  /// Estimated for the whole kernel.
  let seconds: Double
  let bytes: Double
  private let programs = Guarded<[[Int]: PreparedProgram]>([:])

  init(
    _ first: TangentProgram, _ second: TangentProgram, outputs: (Int, Int), _ layout: KernelLayout, budget: Double
  ) {
    (self.first, self.second, self.outputs, self.layout) = (first, second, outputs, layout)
    let parameters = second.active.reduce(0.0) { $0 + Double(second.primal.inputTypes[$1].byteCount) }
    func seconds(_ cost: Cost) -> Double {
      Double(cost.flops) / MachineRate.products + Double(cost.bytes) / MachineRate.memory
    }
    let rows = Double(layout.f * layout.g * layout.k * layout.q)
    let isShared = layout.role == .diagonal || layout.role == .trace
    // Half of the memory for tangents of the parameters, half for what is on the way.
    let count = max(1, Int(min(1e9, budget / 2 / max(1, parameters))))
    let each = layout.g * layout.k * layout.q
    if count >= each {
      block = (isShared ? 1 : max(1, min(layout.f, count / max(1, each))), layout.k, layout.q)
    } else {
      let k = max(1, min(layout.k, count / max(1, layout.g * layout.q)))
      block = (1, k, max(1, min(layout.q, count / max(1, layout.g * k))))
    }
    bytes = parameters * Double(block.inputs * layout.g * block.k * block.q)
    func blocks(_ size: Int, _ block: Int) -> Double { Double((size + block - 1) / block) }
    let calls = blocks(layout.f, block.inputs) * blocks(layout.k, block.k) * blocks(layout.q, block.q)
    // A block makes tangents and pushes them, as a tile makes a panel and contracts it.
    self.seconds =
      2 * calls * MachineRate.call + rows
      * (seconds(second.transposed[outputs.1].cost) + Double(isShared ? 1 : layout.e) * seconds(first.tangent.cost))
  }

  /// The kernel, with axes (g, e, p, f, q), summed over the trace.
  func callAsFunction(
    _ a: EmpiricalEngine.Values, _ b: EmpiricalEngine.Values, mapped: [Bool]?,
    progress: (@Sendable (GramProgress) -> Void)?
  ) throws -> Tensor {
    let isTraced = (a.parameters + a.inputs + b.parameters + b.inputs).contains(where: \.isTraced)
    let dtype = first.outputType(outputs.0).dtype
    if isTraced || !first.captured.isEmpty {
      let all = block(0..<layout.f, 0..<layout.k, 0..<layout.q)
      return try columns(a, b, all, mapped)
    }
    var assembly = TileAssembly(layout, dtype: dtype)
    let began = ContinuousClock.now
    func ranges(_ count: Int, _ size: Int) -> [Range<Int>] {
      stride(from: 0, to: count, by: max(1, size)).map { $0..<min($0 + size, count) }
    }
    let blocks = ranges(layout.f, block.inputs).flatMap { inputs in
      ranges(layout.k, block.k).flatMap { k in ranges(layout.q, block.q).map { block(inputs, k, $0) } }
    }
    for (index, columns) in blocks.enumerated() {
      try Task.checkCancellation()
      try Interruption.check()
      let isShared = layout.role == .diagonal || layout.role == .trace
      let rows = PanelBlock(
        inputs: isShared ? columns.inputs : 0..<layout.e, outputs: columns.outputs, pairs: 0..<layout.p)
      assembly.add(
        try self.columns(a, b, columns, mapped).asType(.float64), rows, columns, isMirrored: false)
      let entries = layout.flatShape.product
      progress?(
        GramProgress(
          tilesDone: index + 1, tileCount: blocks.count, entriesDone: entries * (index + 1) / blocks.count,
          entryCount: entries, elapsed: ContinuousClock.now - began, obstacle: nil))
    }
    return assembly.kernel
  }

  private func block(_ inputs: Range<Int>, _ k: Range<Int>, _ q: Range<Int>) -> PanelBlock {
    PanelBlock(inputs: inputs, outputs: k, pairs: q)
  }

  private func columns(
    _ a: EmpiricalEngine.Values, _ b: EmpiricalEngine.Values, _ block: PanelBlock, _ mapped: [Bool]?
  ) throws -> Tensor {
    func cut(_ tensors: [Tensor], _ range: Range<Int>) -> [Tensor] {
      guard let mapped else { return tensors }
      return zip(tensors, mapped).map { $1 && $0.shape[0] != range.count ? $0.sliced(axis: 0, range) : $0 }
    }
    let isShared = layout.role == .diagonal || layout.role == .trace
    let x1 = isShared ? cut(a.inputs, block.inputs) : a.inputs
    let x2 = cut(b.inputs, block.inputs)
    let e = isShared ? block.inputs.count : layout.e
    let (type1, type2) = (first.outputType(outputs.0), second.outputType(outputs.1))
    let basis2 = layout.basis(
      layout.shape2, k: block.outputs, p: block.pairs, dtype: type2.dtype, like: type2.shape)
    let basis1 = layout.basis(layout.shape1, k: block.outputs, p: 0..<layout.p, dtype: type1.dtype, like: type1.shape)
    let key = [e, block.inputs.count, block.outputs.count, block.pairs.count]
    let program = try programs.withLock { programs throws(TensorError) in
      if let known = programs[key] { return known }
      let new = try made(mapped, e: e, f: block.inputs.count, basis1.type, basis2.type)
      programs[key] = new
      return new
    }
    let (k, q) = (block.outputs.count, block.pairs.count)
    let products = try program(
      a.parameters + x1 + first.captured + b.parameters + x2 + second.captured + [basis1, basis2])[0]
    // (e, f, g, k, q, g, k, p)
    let split = products.reshaped([
      e, block.inputs.count, layout.g, k, q, layout.g, k, layout.p,
    ])
    switch layout.role {
    case .pairs, nil: return einsum("efgkqgkp->gepfq", split)
    case .diagonal:
      return einsum("eegkqgkp->gepq", split).reshaped([layout.g, e, layout.p, 1, q])
    case .trace: return einsum("eegkqgkp->gpq", split).reshaped([layout.g, 1, layout.p, 1, q])
    }
  }

  /// Of the values of both data sets and both bases; gives the products, with axes (inputs, inputs′, rows′, rows).
  private func made(
    _ mapped: [Bool]?, e: Int, f: Int, _ basis1: TensorType, _ basis2: TensorType
  ) throws(TensorError) -> PreparedProgram {
    let (first, second, outputs) = (self.first, self.second, outputs)
    func primal(_ tangents: TangentProgram, _ count: Int) throws(TensorError) -> (program: Program, mapped: [Bool]) {
      guard let mapped else { return (tangents.primal, tangents.primal.outputs.map { _ in false }) }
      let isMapped =
        (0..<tangents.parameterCount).map { _ in false } + mapped + tangents.captured.map { _ in false }
      return try tangents.primal.vmapProgramOfMapped(isMapped, count)
    }
    let (primal1, primal2) = (try primal(first, e), try primal(second, f))
    let rowCount = basis2.shape[0]
    let residuals2 = Array(primal2.mapped[second.outputCount...])
    let reverse = try second.transposed[outputs.1].vmapProgram(residuals2.map { _ in false } + [true], rowCount)
    let reverseOfInputs =
      mapped == nil ? reverse : try reverse.vmapProgram(residuals2 + [false], f)
    let residuals1 = Array(primal1.mapped[first.outputCount...])
    let forward = try first.tangent.returning([first.tangent.outputs[outputs.0]]).vmapProgram(
      first.active.map { _ in true } + residuals1.map { _ in false }, f * rowCount)
    let forwardOfInputs =
      mapped == nil ? forward : try forward.vmapProgram(first.active.map { _ in false } + residuals1, e)
    let count1 = primal1.program.inputCount
    let types = primal1.program.inputTypes + primal2.program.inputTypes + [basis1, basis2]
    let program = try Program.build(types) { values throws(TensorError) in
      let (basis1, basis2) = (values[values.count - 2], values[values.count - 1])
      let results2 = try primal2.program(Array(values[count1..<values.count - 2]))
      let cotangents = try reverseOfInputs(Array(results2[second.outputCount...]) + [basis2])
      let results1 = try primal1.program(Array(values[..<count1]))
      let tangents = zip(cotangents, first.active).map { cotangent, parameter in
        cotangent.reshaped([f * rowCount] + first.primal.inputTypes[parameter].shape)
      }
      let pushed = try forwardOfInputs(tangents + Array(results1[first.outputCount...]))[0]
      let elements = basis1.shape.dropFirst().product
      return [
        dotGeneral(
          pushed.reshaped([e * f * rowCount, elements]), basis1.reshaped([basis1.shape[0], elements]),
          contracting: ([1], [1]))
      ]
    }
    return PreparedProgram(program)
  }
}

extension Sequence<Int> {
  /// The product of all.
  var product: Int { reduce(1, *) }
}
