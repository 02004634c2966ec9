import CovarianceEngine
import Tensors

/// Writes the steps of a covariance program as tensor operations on pages and other arrays: what operations lower themselves
/// to on a device.
struct KernelBuilder: Lowering {
  /// What the steps read of single inputs.
  let input: (KernelInput) -> Tensor
  let goal: CovarianceGoal
  /// Whether both data sets are one and the block is on the diagonal.
  let isSymmetric: Bool
  let masked: Set<Int>
  private var step: CovarianceProgram.Step
  private var operands: [KernelValue]
  private var value: KernelValue

  /// The result of a step.
  ///
  /// - Throws: where it is not made of what pages can do.
  static func result(
    of step: CovarianceProgram.Step, _ operands: [KernelValue], goal: CovarianceGoal, isSymmetric: Bool,
    masked: Set<Int>, input: @escaping (KernelInput) -> Tensor
  ) throws(Obstacle) -> KernelValue {
    var builder = KernelBuilder(step, operands, goal, isSymmetric, masked, input)
    try step.operation.lower(to: &builder)
    builder.value.positions = goal.program.positions[step.result]
    if !goal.demand.isFull(step.result) { builder.value = builder.diagonal(builder.value) }
    if masked.contains(step.result) { builder.hideMasked() }
    return builder.value
  }

  private init(
    _ step: CovarianceProgram.Step, _ operands: [KernelValue], _ goal: CovarianceGoal, _ isSymmetric: Bool,
    _ masked: Set<Int>, _ input: @escaping (KernelInput) -> Tensor
  ) {
    (self.step, self.operands, self.goal, self.isSymmetric) = (step, operands, goal, isSymmetric)
    (self.masked, self.input, value) = (masked, input, operands[0])
  }

  private func layout(_ value: KernelValue) -> PackedLayout {
    PackedLayout(sizes: value.positions, zero: input(.zero))
  }

  // MARK: - Forms

  private func diagonal(_ value: KernelValue) -> KernelValue {
    var result: KernelValue
    switch value.form {
    case .diagonal: return value
    case .packed: result = value.map { layout(value).diagonal($0) }
    case .dense:
      let count = value.positions.product
      result = value.map { k in
        let batch = Array(k.shape.prefix(2))
        return k.reshaped(batch + [count, count]).diagonal().reshaped(batch + value.positions)
      }
    }
    result.form = .diagonal
    return result
  }

  private func packed(_ value: KernelValue) -> KernelValue {
    guard value.form == .dense else { return value }
    var result = value.map { layout(value).packed($0) }
    result.form = .packed
    return result
  }

  private func dense(_ value: KernelValue) -> KernelValue {
    guard value.form == .packed else { return value }
    var result = value.map { layout(value).dense($0) }
    result.form = .dense
    return result
  }

  /// Numbers of the inputs' positions, (A, P…) and (B, P…), as they broadcast to the value's arrays.
  private func spread(_ rows: Tensor, _ columns: Tensor) -> (rows: Tensor, columns: Tensor) {
    let sizes = Array(rows.shape.dropFirst())
    let ones = sizes.map { _ in 1 }
    switch value.form {
    case .diagonal: return (rows.expandedDims(1), columns.expandedDims(0))
    case .packed:
      return (layout(value).rows(rows), layout(value).columns(columns, input(.columnIndex(value.positions))))
    case .dense:
      return (
        rows.reshaped([rows.shape[0], 1] + sizes + ones), columns.reshaped([1, columns.shape[0]] + ones + sizes)
      )
    }
  }

  private func spread(_ need: KernelInput.PerInput) -> (rows: Tensor, columns: Tensor) {
    spread(input(.perInput(need, .first)), input(.perInput(need, .second)))
  }

  /// `a` where both inputs and both positions are the same, else `b`.
  private func atSame(_ a: Tensor, _ b: Tensor) -> Tensor {
    switch value.form {
    case .diagonal: return PackedLayout.atSameInput(a, b)
    case .packed: return layout(value).atSame(a, b)
    case .dense:
      let rank = value.positions.count
      var result = a
      for (axis, size) in value.positions.enumerated() {
        var shape = [Int](repeating: 1, count: b.rank)
        (shape[2 + axis], shape[2 + rank + axis]) = (size, size)
        result = select(Tensor.eye(size, dtype: .bool).reshaped(shape), result, b)
      }
      return PackedLayout.atSameInput(result, b)
    }
  }

  private mutating func hideMasked() {
    let (rows, columns) = spread(.mask(value: step.result))
    value = value.map { select(rows, 0, select(columns, 0, $0)) }
  }

  /// An operation's own rule on dense arrays; it needs nothing of the inputs' covariances with themselves.
  private mutating func evaluate(_ operation: some CovarianceOperation) throws(Obstacle) {
    let source = dense(value)
    let layout = CovarianceLayout(
      positions: source.positions, isDiagonal: source.form == .diagonal, hasFullBatch: false)
    func nothing(_ count: Int) -> Tensor {
      .zeros([count] + source.k.shape.dropFirst(2), dtype: source.k.dtype)
    }
    let state = CovarianceState(
      k12: source.k, theta: source.theta, k11: nothing(source.k.shape[0]), k22: nothing(source.k.shape[1]),
      layout: layout)
    do {
      let result = try operation.evaluate([state], CovarianceContext(isSymmetric: isSymmetric))
      value = KernelValue(
        k: result.k12, theta: result.theta, positions: result.layout.positions,
        form: result.layout.isDiagonal ? .diagonal : .dense)
    } catch {
      throw Obstacle(error.description)
    }
  }

  // MARK: - Verbs

  mutating func affine(_ rule: AffineOperation) {
    let (old, new) = (value.k, value.k * rule.weightVariance.wrappedValue + rule.biasVariance.wrappedValue)
    value.k = new
    if case .absent = value.theta { return }
    var change: Tensor?
    func add(_ term: Tensor) { change = change.map { $0 + term } ?? term }
    if rule.inputScale != 0 { add(old * rule.inputScale) }
    if rule.outputScale != 0 { add(rule.outputScale == 1 ? new : new * rule.outputScale) }
    if case .matrix(let matrix) = value.theta { add(matrix * rule.weightVariance.wrappedValue) }
    let sum = change ?? old * 0
    value.theta = .matrix(rule.constant == 0 ? sum : sum + rule.constant)
  }

  /// Where only positions with themselves are wanted of what acts on every entry by itself, others of the operand, which
  /// another step may want, are left out before.
  private mutating func leaveOutUnneeded() {
    if !goal.demand.isFull(step.result) { value = diagonal(value) }
  }

  mutating func dual(_ dual: any Dual) throws(Obstacle) {
    leaveOutUnneeded()
    if let straight = StraightDual(dual, isSingle: goal.dtype == .float32) {
      let (rows, columns) = spread(.root(value: step.operands[0]))
      let k = isSymmetric ? atSame(rows * rows, value.k) : value.k
      let result = straight.values(k, rows, columns)
      value.k = result.dual
      if case .matrix(let matrix) = value.theta { value.theta = .matrix(matrix * result.derivative) }
      return
    }
    let (rows, columns) = spread(.variance(value: step.operands[0]))
    // Rounding would hide that an input is itself.
    let k = isSymmetric ? atSame(rows, value.k) : value.k
    do {
      let derivative = value.theta.matrix == nil ? nil : try dual.derivativeDual(k, rows, columns)
      value.k = try dual.dual(k, rows, columns).broadcast(to: value.k.shape)
      if case .matrix(let matrix) = value.theta, let derivative { value.theta = .matrix(matrix * derivative) }
    } catch {
      throw Obstacle(error.description)
    }
  }

  mutating func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) {
    leaveOutUnneeded()
    let (rows, columns) = spread(.factor(value: step.operands[0], epsilon: epsilon, axes: positionAxes))
    value = value.map { k in
      let scaled = k * (rows * columns)
      return epsilon == 0 ? select(k .== 0, 0, scaled) : scaled
    }
  }

  mutating func dropout(keepRate: Double) {
    guard isSymmetric else { return }
    value = value.map { atSame($0 / keepRate, $0) }
  }

  mutating func scale(_ factor: Double) { value = value.map { $0 * factor } }

  mutating func localize() throws(Obstacle) {
    guard goal.demand.isFull(step.result) else {
      value = diagonal(value)
      return
    }
    let count = value.positions.product
    switch value.form {
    case .packed: value = value.map { layout(value).localized($0) }
    case .dense, .diagonal:
      // From what positions have with themselves.
      let local = diagonal(value)
      let sizes = value.positions
      value = local.map { k in
        let batch = Array(k.shape.prefix(2))
        return select(
          Tensor.eye(count, dtype: .bool), k.reshaped(batch + [count, 1]), 0
        ).reshaped(batch + sizes + sizes)
      }
      value.form = count > 1 || !sizes.isEmpty ? .dense : .diagonal
    }
  }

  mutating func combine(_ combination: BranchCombination) throws(Obstacle) {
    var branches = operands
    let forms = Set(branches.map(\.form))
    if forms.count > 1 {
      if forms.contains(.diagonal) { throw Obstacle("branches of different demands") }
      branches = branches.map { packed($0) }
    }
    var weights = branches.map { _ in 1.0 }
    if case .weightedSum(let given) = combination { weights = given }
    if case .product = combination {
      value = branches.dropFirst().reduce(branches[0]) { $0.times($1) }
      return
    }
    let scaled = zip(branches, weights).map { branch, weight in weight == 1 ? branch : branch.map { $0 * weight } }
    value = scaled.dropFirst().reduce(scaled[0]) { $0.plus($1) }
  }

  mutating func windows(_ axes: [PatchAxis]) throws(Obstacle) {
    let keepsSizes = axes.allSatisfy { $0.outputSize == $0.size && $0.stride == 1 && $0.spread == 1 }
    guard keepsSizes, value.form != .diagonal else {
      let count = axes.reduce(1) { $0 * $1.window }
      try evaluate(PatchesOperation(axes: axes))
      // The operation gives means.
      if count > 1 { scale(Double(count)) }
      return
    }
    value = packed(value)
    let layout = layout(value)
    let offsets = axes.map { axis in (0..<axis.window).map { $0 * axis.dilation - axis.paddingLow } }
    value = value.map { layout.windowSum($0, offsets, wraps: axes.map(\.wraps)) }
  }

  mutating func map(_ axes: [PositionMapOperation.Axis]) throws(Obstacle) {
    try evaluate(PositionMapOperation(axes: axes))
  }

  mutating func permute(_ order: [Int]) throws(Obstacle) { try evaluate(PermuteOperation(order: order)) }

  mutating func flatten() {
    let local = diagonal(value)
    let rank = value.positions.count
    value = local.map { k in rank == 0 ? k : k.mean(axes: Array(2..<2 + rank)) }
    value.positions = []
  }

  mutating func globalPool(isMean: Bool) {
    let count = Double(value.positions.product)
    let (rank, isDiagonal) = (value.positions.count, value.form == .diagonal)
    value = value.map { k in
      if k.rank == 2 { return k }
      if isDiagonal { return k.sum(axes: Array(2..<k.rank)) }
      // A million numbers in float32 would lose digits: a page is summed up in it, the sums of pages in float64.
      let pages = k.sum(axes: Array(2 + rank..<k.rank))
      return pages.asType(.float64).sum(axes: Array(2..<2 + rank)).asType(k.dtype)
    }
    (value.positions, value.form) = ([], .diagonal)
    guard isMean && count > 0 else { return }
    if masked.contains(step.operands[0]) {
      let (rows, columns) = spread(.visible(value: step.operands[0]))
      value = value.map { $0 * (rows * columns) }
    } else {
      scale(1 / (count * count))
    }
  }
}

extension KernelValue {
  /// Of the sum of independent branches.
  fileprivate func plus(_ other: KernelValue) -> KernelValue {
    var result = self
    result.k = k + other.k
    switch (theta, other.theta) {
    case (.matrix(let x), .matrix(let y)): result.theta = .matrix(x + y)
    case (.matrix, _): break
    default: result.theta = other.theta
    }
    return result
  }

  /// Of their product.
  fileprivate func times(_ other: KernelValue) -> KernelValue {
    var result = self
    result.k = k * other.k
    switch (theta, other.theta) {
    case (.matrix(let x), .matrix(let y)): result.theta = .matrix(x * other.k + k * y)
    case (.matrix(let x), _): result.theta = .matrix(x * other.k)
    case (_, .matrix(let y)): result.theta = .matrix(k * y)
    default: break
    }
    return result
  }
}
