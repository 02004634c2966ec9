import Tensors

extension CovarianceState {
  /// See `CovarianceOperation.patches`.
  func patches(_ rule: PatchRule) throws(NetworkError) -> CovarianceState {
    var output = layout
    output.positions = rule.axes.map(\.outputSize)
    let scale = 1 / Double(rule.offsetCount)
    var result = try map(layout: output) { k, batchAxes in
      var k = k
      for (index, axis) in rule.axes.enumerated() where !axis.isIdentity {
        let row = batchAxes + index
        let column = layout.isDiagonal ? nil : row + layout.positions.count
        k = axis.prepared(k, axis: row)
        if let column { k = axis.prepared(k, axis: column) }
        var total: Tensor?
        for offset in 0..<axis.window {
          var part = axis.read(k, offset: offset, axis: row)
          if let column { part = axis.read(part, offset: offset, axis: column) }
          total = total.map { $0 + part } ?? part
        }
        k = total ?? k
      }
      return k * scale
    }
    (result.mask1, result.mask2) = mapMasks { mask in
      rule.isMaskedByAny ? rule.anyMask(mask, axesBefore: 1) : rule.centreMask(mask, axesBefore: 1)
    }
    return result
  }

  /// See `CovarianceOperation.positions`.
  func mapped(by map: PositionMap) throws(NetworkError) -> CovarianceState {
    var output = layout
    output.positions = map.outputPositions(layout.positions)
    let wasDiagonal = layout.isDiagonal
    output.isDiagonal = wasDiagonal || output.positions.isEmpty
    let rank = layout.positions.count
    var result = try self.map(layout: output) { k, batchAxes in
      var k = k
      // From the last axis to the first, so that axes that disappear do not move those to come.
      for side in wasDiagonal ? [0] : [1, 0] {
        for (index, axis) in map.axes.enumerated().reversed() {
          k = axis.apply(to: k, axis: batchAxes + side * rank + index, squared: wasDiagonal)
        }
      }
      if let batch = map.batch {
        for axis in 0..<batchAxes { k = batch(k.shape[axis]).apply(to: k, axis: axis, squared: batchAxes == 1) }
      }
      return k
    }
    (result.mask1, result.mask2) = mapMasks { map.mask($0) }
    return result
  }

  func flattened() throws(NetworkError) -> CovarianceState {
    var output = layout
    output.positions = []
    output.isDiagonal = true
    let rank = layout.positions.count
    var result = try diagonal().map(layout: output) { k, batchAxes in
      rank == 0 ? k : k.mean(axes: Array(batchAxes..<batchAxes + rank))
    }
    (result.mask1, result.mask2) = mapMasks { allMasked($0) }
    return result
  }

  func globallyPooled(isMean: Bool) throws(NetworkError) -> CovarianceState {
    var output = layout
    output.positions = []
    output.isDiagonal = true
    let count = layout.positionCount
    var result = try map(layout: output) { k, batchAxes in
      k.rank == batchAxes ? k : k.sum(axes: Array(batchAxes..<k.rank))
    }
    (result.mask1, result.mask2) = mapMasks { allMasked($0) }
    guard isMean && count > 0 else { return result }
    if mask1 == nil && mask2 == nil { return try result.map { k, _ in k / (Double(count) * Double(count)) } }
    let (visible1, visible2) = (visibleCount(.first), visibleCount(.second))
    return try result.mapScaled(visible1, visible2) { $0 / ($1 * $2) }
  }

  /// The number of positions that are not masked, at least 1, shape (N).
  func visibleCount(_ dataSet: DataSet) -> Tensor {
    let mask = mask(dataSet)
    let visible = (.!mask).asType(k12.dtype)
    return maximum(mask.rank == 1 ? visible : visible.sum(axes: Array(1..<mask.rank)), 1)
  }

  /// Masked if all positions are.
  private func allMasked(_ mask: Tensor) -> Tensor {
    mask.rank == 1 ? mask : mask.all(axes: Array(1..<mask.rank))
  }

  func permuted(_ order: [Int]) throws(NetworkError) -> CovarianceState {
    var output = layout
    output.positions = order.map { layout.positions[$0] }
    let rank = order.count
    var result = try map(layout: output) { k, batchAxes in
      let batch = Array(0..<batchAxes)
      let rows = order.map { batchAxes + $0 }
      return k.transposed(batch + rows + (layout.isDiagonal ? [] : rows.map { $0 + rank }))
    }
    (result.mask1, result.mask2) = mapMasks { $0.transposed([0] + order.map { $0 + 1 }) }
    return result
  }

  /// See `NormalizationRule`.
  func normalized(_ rule: NormalizationRule, variancesOf source: CovarianceState) throws(NetworkError)
    -> CovarianceState
  {
    func factor(_ dataSet: DataSet) -> Tensor {
      let variances = source.variances(dataSet)
      let axes = (rule.overBatch ? [0] : []) + rule.positionAxes.map { $0 + 1 }
      guard !axes.isEmpty else { return rsqrt(variances + rule.epsilon) }
      let mean: Tensor
      if (dataSet == .first ? mask1 : mask2) != nil {
        let visible = (.!mask(dataSet)).asType(variances.dtype)
        mean =
          (variances * visible).sum(axes: axes, keepDims: true) / maximum(visible.sum(axes: axes, keepDims: true), 1)
      } else {
        mean = variances.mean(axes: axes, keepDims: true)
      }
      return rsqrt(mean + rule.epsilon).broadcast(to: variances.shape)
    }
    // A variance of zero, as of what is masked, divides nothing but zeros.
    return try mapScaled(factor(.first), factor(.second)) { k, rows, columns in
      let scaled = k * (rows * columns)
      return rule.epsilon == 0 ? select(k .== 0, 0, scaled) : scaled
    }
  }

  static func concatenated(_ states: [CovarianceState], along axis: ConcatenationAxis) throws(NetworkError)
    -> CovarianceState
  {
    var result = states[0]
    let layout = result.layout
    func blocks(_ tensors: [Tensor], _ rows: Int, _ columns: Int?) -> Tensor {
      columns.map { blockDiagonal(tensors, rows, $0) } ?? concatenate(tensors, axis: rows)
    }
    func axes(_ batchAxes: Int) -> (Int, Int?) {
      switch axis {
      case .batch: (0, batchAxes == 2 ? 1 : nil)
      case .position(let index):
        (batchAxes + index, layout.isDiagonal ? nil : batchAxes + index + layout.positions.count)
      }
    }
    func joined(_ tensors: [Tensor], _ batchAxes: Int) -> Tensor {
      let (rows, columns) = axes(batchAxes)
      return blocks(tensors, rows, columns)
    }
    result.k12 = joined(states.map(\.k12), 2)
    result.k11 = joined(states.map(\.k11), layout.selfBatchAxes)
    result.k22 = joined(states.map(\.k22), layout.selfBatchAxes)
    if states.contains(where: { $0.theta.matrix != nil }) {
      result.theta = .matrix(
        joined(states.map { $0.theta.matrix ?? .zeros($0.k12.shape, dtype: $0.k12.dtype) }, 2))
    }
    let maskAxis = if case .position(let index) = axis { index + 1 } else { 0 }
    if states.contains(where: { $0.mask1 != nil || $0.mask2 != nil }) {
      result.mask1 = concatenate(states.map { $0.mask(.first) }, axis: maskAxis)
      result.mask2 = concatenate(states.map { $0.mask(.second) }, axis: maskAxis)
    }
    if case .position(let index) = axis {
      result.layout.positions[index] = states.reduce(0) { $0 + $1.layout.positions[index] }
    }
    guard states.contains(where: { $0.mean1 != nil }) else { return result }
    // The concatenation is the sum of branches with zeros where the others are.
    return try result.addingProducts(
      ofMeans: zip(
        padded(states.map { $0.mean(.first) }, along: maskAxis),
        padded(states.map { $0.mean(.second) }, along: maskAxis)
      ).map { ($0, $1) })
  }

  /// Each tensor with zeros along `axis` where the others are when all are concatenated.
  private static func padded(_ tensors: [Tensor], along axis: Int) -> [Tensor] {
    let total = tensors.reduce(0) { $0 + $1.shape[axis] }
    var start = 0
    return tensors.map { tensor in
      var widths = [(low: Int, high: Int)](repeating: (0, 0), count: tensor.rank)
      let end = start + tensor.shape[axis]
      widths[axis] = (start, total - end)
      start = end
      return tensor.padded(widths)
    }
  }

  /// Independent blocks along two axes of the same sizes.
  private static func blockDiagonal(_ tensors: [Tensor], _ rows: Int, _ columns: Int) -> Tensor {
    concatenate(padded(tensors, along: columns), axis: rows)
  }
}

extension PositionMap.Axis {
  /// `x` mapped along `axis`; with the squared weights for variances of uncorrelated inputs.
  package func apply(to x: Tensor, axis: Int, squared: Bool) -> Tensor {
    switch self {
    case .unchanged: return x
    case .selected(let positions): return x.taking(positions, axis: axis)
    case .removed(let position): return x.sliced(axis: axis, from: position, to: position + 1).squeezed(axis)
    case .weighted(let weights):
      let values = squared ? weights.map { $0.map { $0 * $0 } } : weights
      let matrix = Tensor(values.flatMap { $0 }, shape: [values.count, x.shape[axis]]).asType(x.dtype)
      return dotGeneral(x, matrix, contracting: ([axis], [1])).movedAxis(from: -1, to: axis)
    }
  }
}

extension PositionMap {
  /// What is masked after the map; `mask` has the batch axis in front.
  func mask(_ mask: Tensor) -> Tensor {
    var result = mask
    switch maskRule {
    case .centres(let centres):
      for (index, positions) in centres.enumerated() { result = result.taking(positions, axis: index + 1) }
    case .all:
      var visible = (.!mask).asType(.float32)
      for (index, axis) in axes.enumerated().reversed() {
        visible = axis.dependence.apply(to: visible, axis: index + 1, squared: false)
      }
      if let batch { visible = batch(mask.shape[0]).dependence.apply(to: visible, axis: 0, squared: false) }
      result = visible .<= 0
    }
    if case .centres = maskRule, let batch { result = batch(mask.shape[0]).apply(to: result, axis: 0, squared: false) }
    return result
  }
}

extension PositionMap.Axis {
  /// The same with ones for weights: which inputs an output depends on.
  package var dependence: PositionMap.Axis {
    if case .weighted(let weights) = self { return .weighted(weights.map { $0.map { $0 == 0 ? 0 : 1 } }) }
    return self
  }
}

extension PatchAxis {
  var isIdentity: Bool {
    window == 1 && stride == 1 && spread == 1 && paddingLow == 0 && paddingHigh == 0
  }
}

extension PatchRule {
  /// The mask after a convolution; the axes of positions follow `axesBefore` others.
  package func centreMask(_ mask: Tensor, axesBefore: Int) -> Tensor {
    var result = mask
    for (index, axis) in axes.enumerated() { result = result.taking(axis.centres, axis: axesBefore + index) }
    return result
  }

  /// The mask after a transposed convolution.
  package func anyMask(_ mask: Tensor, axesBefore: Int) -> Tensor {
    var count = mask.asType(.float32)
    for (index, axis) in axes.enumerated() where !axis.isIdentity {
      let prepared = axis.prepared(count, axis: axesBefore + index)
      count = (1..<axis.window).reduce(axis.read(prepared, offset: 0, axis: axesBefore + index)) {
        $0 + axis.read(prepared, offset: $1, axis: axesBefore + index)
      }
    }
    return count .> 0
  }
}
