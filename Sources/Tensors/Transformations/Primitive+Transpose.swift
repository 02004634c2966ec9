extension Primitive {
  /// Cotangents of the linear operands, given those of the results.
  ///
  /// - Parameters:
  ///   - operands: the inputs; nil for those that the results are linear in (jointly) and whose cotangent is wanted.
  ///   - types: of all inputs.
  ///   - cotangents: of the results; nil is zero, and one at least is not.
  /// - Returns: per input the cotangent; nil is zero, and for inputs that are not linear.
  func transpose(_ operands: [Tensor?], _ types: [TensorType], _ cotangents: [Tensor?]) throws(TensorError) -> [Tensor?]
  {
    if case .call(let subprogram) = self { return try subprogram.transpose(operands, types, cotangents) }
    guard let t = cotangents[0] else { return operands.map { _ in nil } }
    func forLinear(_ cotangents: [Tensor?]) -> [Tensor?] { zip(operands, cotangents).map { $0 == nil ? $1 : nil } }
    switch self {
    case .unary(.negate): return [-t]
    case .binary(let function):
      switch (function, operands[0], operands[1]) {
      case (.add, _, _): return forLinear([t.summed(to: types[0].shape), t.summed(to: types[1].shape)])
      case (.subtract, _, let y):
        return forLinear([t.summed(to: types[0].shape), y == nil ? (-t).summed(to: types[1].shape) : nil])
      case (.multiply, nil, let y?): return [(t * y).summed(to: types[0].shape), nil]
      case (.multiply, let x?, nil): return [nil, (t * x).summed(to: types[1].shape)]
      case (.divide, nil, let y?): return [(t / y).summed(to: types[0].shape), nil]
      default: break
      }
    case .select:
      guard let mask = operands[0] else { break }
      return forLinear([
        nil, operands[1] == nil ? Tensors.select(mask, t, 0).summed(to: types[1].shape) : nil,
        operands[2] == nil ? Tensors.select(mask, 0, t).summed(to: types[2].shape) : nil,
      ])
    case .convert: return [t.asType(types[0].dtype)]
    case .reshape: return [t.reshaped(types[0].shape)]
    case .transpose(let permutation): return [t.transposed(permutation.inversePermutation)]
    case .broadcast: return [t.summed(to: types[0].shape)]
    case .reverse: return [apply(self, [t])]
    case .slice(let starts, let limits, let strides):
      return [
        apply(.assign(starts: starts, limits: limits, strides: strides), [.zeros(types[0].shape, dtype: t.dtype), t])
      ]
    case .assign(let starts, let limits, let strides):
      let region = Primitive.slice(starts: starts, limits: limits, strides: strides)
      return forLinear([
        operands[0] == nil ? apply(self, [t, .zeros(types[1].shape, dtype: t.dtype)]) : nil,
        operands[1] == nil ? apply(region, [t]) : nil,
      ])
    case .pad(let low, let high, let interior):
      return forLinear([
        operands[0] == nil ? Self.unpadded(t, types[0].shape, low, high, interior) : nil,
        operands[1] == nil ? Tensors.select(Self.isInside(self, types[0].shape), 0, t).sum() : nil,
      ])
    case .concatenate(let axis):
      return forLinear(t.split(sizes: types.map { $0.shape[axis] }, axis: axis))
    case .reduce(.sum, let axes):
      let kept = types[0].shape.indices.map { axes.contains($0) ? 1 : types[0].shape[$0] }
      return [t.reshaped(kept).broadcast(to: types[0].shape)]
    case .cumulativeSum(let axis):
      return [t.reversed(axis).cumulativeSum(axis: axis).reversed(axis)]
    case .take(let axis):
      guard let positions = operands[1] else { break }
      return [apply(.scatterAdd(axis: axis, size: types[0].shape[axis]), [t, positions]), nil]
    case .scatterAdd(let axis, _):
      return [operands[1].map { apply(.take(axis: axis), [t, $0]) }, nil]
    case .takeAlong(let axis):
      guard let positions = operands[1] else { break }
      return [apply(.scatterAddAlong(axis: axis, size: types[0].shape[axis]), [t, positions]), nil]
    case .scatterAddAlong(let axis, _):
      return [operands[1].map { apply(.takeAlong(axis: axis), [t, $0]) }, nil]
    case .dynamicSlice:
      guard let starts = operands[1] else { break }
      return [apply(.dynamicUpdateSlice, [.zeros(types[0].shape, dtype: t.dtype), t, starts]), nil]
    case .dynamicUpdateSlice:
      guard let starts = operands[2] else { break }
      return forLinear([
        operands[0] == nil ? apply(self, [t, .zeros(types[1].shape, dtype: t.dtype), starts]) : nil,
        operands[1] == nil ? apply(.dynamicSlice(sizes: types[1].shape), [t, starts]) : nil, nil,
      ])
    case .dotGeneral(let dimensions):
      switch (operands[0], operands[1]) {
      case (nil, let b?): return [dimensions.transposedInA(t, b, rank: types[0].rank), nil]
      case (let a?, nil): return [nil, dimensions.transposedInB(t, a, rank: types[1].rank)]
      default: break
      }
    case .convolution(let geometry, let role):
      switch (operands[0], operands[1]) {
      case (nil, let b?): return [geometry.transposed(role, inFirst: true, t, b), nil]
      case (let a?, nil): return [nil, geometry.transposed(role, inFirst: false, t, a)]
      default: break
      }
    case .windowSum(let geometry): return [geometry.transposed(t, types[0].shape)]
    case .triangularSolve(var options):
      guard let a = operands[0] else { break }
      options.transpose.toggle()
      let result = try applyAll(.triangularSolve(options), [a, t])[0]
      return [nil, result]
    case .solve:
      guard let a = operands[0] else { break }
      return [nil, try applyAll(.solve, [a.swappedAxes(-1, -2), t])[0]]
    default: break
    }
    preconditionFailure("\(name) is not linear in the inputs \(operands.indices.filter { operands[$0] == nil })")
  }

  /// Whether the results are linear in the `dependent` inputs jointly, up to an addend, when the others are fixed.
  func isLinear(in dependent: [Bool]) -> Bool {
    switch self {
    case .unary(let function): function == .negate
    case .binary(.add), .binary(.subtract): true
    case .binary(.multiply), .multiplyAdd, .dotGeneral, .convolution: !(dependent[0] && dependent[1])
    case .binary(.divide): !dependent[1]
    case .convert(let dtype): dtype.isFloatingPoint
    case .reshape, .transpose, .broadcast, .reverse, .slice, .assign, .pad, .concatenate, .reduce(.sum, _),
      .cumulativeSum, .windowSum:
      true
    case .take, .scatterAdd, .takeAlong, .scatterAddAlong, .dynamicSlice: !dependent[1]
    case .dynamicUpdateSlice: !dependent[2]
    case .select, .triangularSolve, .solve: !dependent[0]
    case .call(let subprogram): subprogram.program.firstNonlinear(in: dependent) == nil
    case .binary, .compare, .reduce, .argReduce, .iota, .sort, .argSort, .cholesky, .eigh, .stopGradient: false
    }
  }

  /// Where a tensor of the given shape lies inside of what `pad` makes of it.
  static func isInside(_ pad: Primitive, _ shape: [Int]) -> Tensor {
    apply(pad, [Tensor(repeating: 1, shape: shape, dtype: .bool), .constant(0, dtype: .bool)])
  }

  /// The elements of a padded tensor that come from the tensor itself; zeros for those that were cropped.
  private static func unpadded(_ t: Tensor, _ shape: [Int], _ low: [Int], _ high: [Int], _ interior: [Int]) -> Tensor {
    // Cropped elements come back as zeros, then every (interior + 1)-th one is an element.
    let restored = t.padded(zip(low, high).map { (low: max(0, -$0), high: max(0, -$1)) })
    let starts = low.map { max(0, $0) }
    let limits = shape.indices.map { axis in
      shape[axis] == 0 ? starts[axis] : starts[axis] + (shape[axis] - 1) * (interior[axis] + 1) + 1
    }
    return apply(.slice(starts: starts, limits: limits, strides: interior.map { $0 + 1 }), [restored])
  }
}

extension Tensor {
  /// The sum over the axes along which `shape` was broadcast to the shape of this tensor.
  func summed(to shape: [Int]) -> Tensor {
    if self.shape == shape { return self }
    let leading = rank - shape.count
    let axes = self.shape.indices.filter { $0 < leading || (shape[$0 - leading] == 1 && self.shape[$0] != 1) }
    return sum(axes: axes).reshaped(shape)
  }
}

extension Array where Element == Int {
  /// Of an order of axes, the order that undoes it.
  package var inversePermutation: [Int] {
    var result = self
    for (index, place) in enumerated() { result[place] = index }
    return result
  }
}

extension DotDimensions {
  /// The cotangent of `a`, given `b` and that of the product.
  fileprivate func transposedInA(_ t: Tensor, _ b: Tensor, rank: Int) -> Tensor {
    let (free, bFree) = (freeAxesOfA(rank: rank), freeAxesOfB(rank: b.rank))
    let batch = Array(aBatch.indices)
    let product = dotGeneral(
      t, b, contracting: (bFree.indices.map { batch.count + free.count + $0 }, bFree), batch: (batch, bBatch))
    // The product has the batch axes, the free axes of a, and the contracted axes in the order that b has them.
    let order = bContracting.indices.sorted { bContracting[$0] < bContracting[$1] }
    return product.transposed((aBatch + free + order.map { aContracting[$0] }).inversePermutation)
  }

  /// The cotangent of `b`, given `a` and that of the product.
  fileprivate func transposedInB(_ t: Tensor, _ a: Tensor, rank: Int) -> Tensor {
    let (aFree, free) = (freeAxesOfA(rank: a.rank), freeAxesOfB(rank: rank))
    let batch = Array(bBatch.indices)
    let product = dotGeneral(a, t, contracting: (aFree, aFree.indices.map { batch.count + $0 }), batch: (aBatch, batch))
    // The product has the batch axes, the contracted axes in the order that a has them, and the free axes of b.
    let order = aContracting.indices.sorted { aContracting[$0] < aContracting[$1] }
    return product.transposed((bBatch + order.map { bContracting[$0] } + free).inversePermutation)
  }
}

extension ConvolutionGeometry {
  /// The cotangent of one operand of the convolution in `role`, given the other one: of input, filter and output one is
  /// the result `t` belongs to and one is known, so the third is what that other role computes.
  fileprivate func transposed(_ role: ConvolutionRole, inFirst: Bool, _ t: Tensor, _ known: Tensor) -> Tensor {
    switch (role, inFirst) {
    case (.output, true): apply(.convolution(self, .input), [t, known])
    case (.output, false): apply(.convolution(self, .filter), [known, t])
    case (.input, true): apply(.convolution(self, .output), [t, known])
    case (.input, false): apply(.convolution(self, .filter), [t, known])
    case (.filter, true): apply(.convolution(self, .input), [known, t])
    case (.filter, false): apply(.convolution(self, .output), [known, t])
    }
  }
}

extension WindowGeometry {
  /// The cotangent of the input: every output spreads over its window, which is a window sum over the outputs moved
  /// apart by the strides.
  fileprivate func transposed(_ t: Tensor, _ shape: [Int]) -> Tensor {
    if window.contains(0) { return .zeros(shape, dtype: t.dtype) }
    let reach = zip(window, windowDilation).map { ($0 - 1) * $1 }
    let apart = t.padded(shape.map { _ in (low: 0, high: 0) }, interior: strides.map { $0 - 1 })
    let low = zip(reach, paddingLow).map { $0 - $1 }
    let high = shape.indices.map { shape[$0] + reach[$0] - low[$0] - apart.shape[$0] }
    return apply(
      .windowSum(
        WindowGeometry(
          window: window, strides: strides.map { _ in 1 }, paddingLow: low, paddingHigh: high,
          windowDilation: windowDilation)),
      [apart])
  }
}
