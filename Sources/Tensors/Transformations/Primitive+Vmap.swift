extension Primitive {
  /// The results for every entry along the first axis of the inputs that are `mapped`; other inputs are the same for all.
  ///
  /// - Returns: results with the mapped axis first, or as they are when no input is mapped.
  func vmap(_ x: [Tensor], _ mapped: [Bool]) throws(TensorError) -> (results: [Tensor], mapped: Bool) {
    guard let first = mapped.firstIndex(of: true) else { return (try applyAll(self, x), false) }
    let size = x[first].shape[0]
    if size == 0 {
      let types = zip(x, mapped).map { TensorType(shape: $1 ? Array($0.shape.dropFirst()) : $0.shape, dtype: $0.dtype) }
      return (outputTypes(for: types).map { .zeros([0] + $0.shape, dtype: $0.dtype) }, true)
    }
    func all(_ index: Int) -> Tensor { mapped[index] ? x[index] : x[index].repeated(size) }
    switch self {
    case .unary, .binary, .compare, .multiplyAdd, .select, .convert, .stopGradient:
      let rank = zip(x, mapped).map { $0.rank - ($1 ? 1 : 0) }.max() ?? 0
      return ([apply(self, zip(x, mapped).map { $1 ? $0.withInnerRank(rank) : $0 })], true)
    case .reshape(let shape): return ([x[0].reshaped([size] + shape)], true)
    case .transpose(let permutation): return ([x[0].transposed([0] + permutation.map { $0 + 1 })], true)
    case .broadcast(let shape): return ([x[0].withInnerRank(shape.count).broadcast(to: [size] + shape)], true)
    case .reverse(let axes): return ([apply(.reverse(axes.map { $0 + 1 }), x)], true)
    case .slice(let starts, let limits, let strides):
      return ([apply(.slice(starts: [0] + starts, limits: [size] + limits, strides: [1] + strides), x)], true)
    case .assign(let starts, let limits, let strides):
      return (
        [apply(.assign(starts: [0] + starts, limits: [size] + limits, strides: [1] + strides), [all(0), all(1)])], true
      )
    case .pad(let low, let high, let interior):
      return ([Self.padded(all(0), x[1], isMapped: mapped[1], low, high, interior)], true)
    case .concatenate(let axis): return ([apply(.concatenate(axis: axis + 1), x.indices.map(all))], true)
    case .reduce(let reduction, let axes): return ([apply(.reduce(reduction, axes: axes.map { $0 + 1 }), x)], true)
    case .argReduce(let extreme, let axis): return ([apply(.argReduce(extreme, axis: axis + 1), x)], true)
    case .cumulativeSum(let axis): return ([apply(.cumulativeSum(axis: axis + 1), x)], true)
    case .sort(let axis): return ([apply(.sort(axis: axis + 1), x)], true)
    case .argSort(let axis): return ([apply(.argSort(axis: axis + 1), x)], true)
    case .iota: preconditionFailure("iota has no inputs")
    case .take(let axis): return ([Self.taking(x, mapped, axis, size)], true)
    case .scatterAdd(let axis, let length): return ([Self.scattering(x, mapped, axis, length, size)], true)
    case .takeAlong(let axis): return ([apply(.takeAlong(axis: axis + 1), [all(0), all(1)])], true)
    case .scatterAddAlong(let axis, let length):
      return ([apply(.scatterAddAlong(axis: axis + 1, size: length), [all(0), all(1)])], true)
    case .dynamicSlice(let sizes): return ([Self.block(x, mapped, sizes, size)], true)
    case .dynamicUpdateSlice: return ([Self.updatedBlock(x, mapped, size)], true)
    case .dotGeneral(let dimensions): return ([dimensions.vmap(x[0], mapped[0], x[1], mapped[1])], true)
    case .convolution(let geometry, let role):
      return ([geometry.vmap(role, x[0], mapped[0], x[1], mapped[1], size)], true)
    case .windowSum(let geometry): return ([apply(.windowSum(geometry.withLeadingAxis), x)], true)
    case .cholesky, .eigh: return (try applyAll(self, x), true)
    case .triangularSolve(let options):
      // One matrix serves all right-hand sides; otherwise both have all leading axes.
      if !mapped[0] {
        let isSingle = x[0].rank == 2
        return (try applyAll(.triangularSolve(options), [isSingle ? x[0] : all(0), x[1]]), true)
      }
      let leading = Array(x[1].shape.dropLast(2).dropFirst(mapped[1] ? 1 : 0))
      let a = x[0].rank == 3 && !leading.isEmpty
        ? x[0].withInnerRank(leading.count + 2).broadcast(to: [size] + leading + x[0].shape.suffix(2)) : x[0]
      return (try applyAll(.triangularSolve(options), [a, all(1)]), true)
    case .solve: return (try applyAll(.solve, [all(0), all(1)]), true)
    case .call(let subprogram): return (try applyAll(.call(subprogram.vmap(mapped, size)), x), true)
    }
  }

  private static func padded(
    _ x: Tensor, _ value: Tensor, isMapped: Bool, _ low: [Int], _ high: [Int], _ interior: [Int]
  ) -> Tensor {
    let pad = Primitive.pad(low: [0] + low, high: [0] + high, interior: [0] + interior)
    guard isMapped else { return apply(pad, [x, value]) }
    let inside = apply(pad, [x, .constant(0, dtype: x.dtype)])
    return Tensors.select(Self.isInside(pad, x.shape), inside, value.withInnerRank(x.rank - 1))
  }

  /// Rows of all entries below each other, and positions that count through them.
  private static func stackedPositions(_ positions: Tensor, _ length: Int, _ size: Int) -> Tensor {
    // Negative positions count from the end, which the stack does not know.
    let plain = Tensors.select(positions .< 0, positions + Double(length), positions)
    let starts = Tensor.arange(size) * Double(length)
    return plain + starts.reshaped([size] + [Int](repeating: 1, count: positions.rank - 1))
  }

  private static func taking(_ x: [Tensor], _ mapped: [Bool], _ axis: Int, _ size: Int) -> Tensor {
    switch (mapped[0], mapped[1]) {
    case (true, false): return apply(.take(axis: axis + 1), x)
    case (false, _): return apply(.take(axis: axis), x).movedAxis(from: axis, to: 0)
    case (true, true):
      let rows = x[0].movedAxis(from: axis + 1, to: 1)
      let length = rows.shape[1]
      let stacked = rows.reshaped([size * length] + rows.shape.dropFirst(2))
      // The axes are those of the mapping, the positions, and the rest; the positions' go to their place.
      let taken = apply(.take(axis: 0), [stacked, stackedPositions(x[1], length, size)])
      let count = x[1].rank - 1
      let order = [0] + (0..<axis).map { 1 + count + $0 } + (0..<count).map { 1 + $0 }
        + (axis..<rows.rank - 2).map { 1 + count + $0 }
      return taken.transposed(order)
    }
  }

  private static func scattering(_ x: [Tensor], _ mapped: [Bool], _ axis: Int, _ length: Int, _ size: Int) -> Tensor {
    guard mapped[1] else { return apply(.scatterAdd(axis: axis + 1, size: length), x) }
    let values = mapped[0] ? x[0] : x[0].repeated(size)
    let count = x[1].rank - 1
    let rest = [Int](1..<values.rank).filter { !(1 + axis..<1 + axis + count).contains($0) }
    let lined = values.transposed([0] + (0..<count).map { 1 + axis + $0 } + rest)
    let stacked = apply(.scatterAdd(axis: 0, size: size * length), [lined, stackedPositions(x[1], length, size)])
    return stacked.reshaped([size, length] + stacked.shape.dropFirst()).movedAxis(from: 1, to: 1 + axis)
  }

  /// Starts of blocks as columns of shape (size, 1), moved inside.
  private static func blockStart(_ starts: Tensor, _ axis: Int, _ count: Int, in length: Int) -> Tensor {
    clip(starts[.all, axis..<axis + 1], 0, Double(length - count))
  }

  private static func block(_ x: [Tensor], _ mapped: [Bool], _ sizes: [Int], _ size: Int) -> Tensor {
    guard mapped[1] else {
      let starts = Tensors.concatenate([Tensor([Int32(0)]), x[1]])
      return apply(.dynamicSlice(sizes: [size] + sizes), [x[0], starts])
    }
    // The first axis is taken for all entries from what they share; what that leaves is each entry's own.
    var (result, isMapped) = (x[0], mapped[0])
    for (axis, count) in sizes.enumerated() {
      let length = result.shape[isMapped ? axis + 1 : axis]
      let positions = blockStart(x[1], axis, count, in: length) + Tensor.arange(count)
      result = taking([result, positions], [isMapped, true], axis, size)
      isMapped = true
    }
    return isMapped ? result : result.repeated(size)
  }

  private static func updatedBlock(_ x: [Tensor], _ mapped: [Bool], _ size: Int) -> Tensor {
    let target = mapped[0] ? x[0] : x[0].repeated(size)
    var update = mapped[1] ? x[1] : x[1].repeated(size)
    guard mapped[2] else {
      return apply(.dynamicUpdateSlice, [target, update, Tensors.concatenate([Tensor([Int32(0)]), x[2]])])
    }
    // Every position of the target takes the element of the update that lies there, where one does.
    var isUpdated = Tensor(repeating: 1, shape: [size] + [Int](repeating: 1, count: target.rank - 1), dtype: .bool)
    for axis in 0..<target.rank - 1 {
      let (length, count) = (target.shape[axis + 1], update.shape[axis + 1])
      if count == 0 { return target }
      let offset = Tensor.arange(length) - blockStart(x[2], axis, count, in: length)
      var shape = [Int](repeating: 1, count: target.rank)
      (shape[0], shape[axis + 1]) = (size, length)
      isUpdated = isUpdated .& ((offset .>= 0) .& (offset .< Double(count))).reshaped(shape)
      update = taking([update, clip(offset, 0, Double(count - 1))], [true, true], axis, size)
    }
    return Tensors.select(isUpdated, update, target)
  }
}

extension Tensor {
  /// `count` times along a new first axis.
  func repeated(_ count: Int) -> Tensor { broadcast(to: [count] + shape) }

  /// With axes of size 1 after the first, up to the given rank without the first.
  func withInnerRank(_ rank: Int) -> Tensor {
    let missing = rank - (self.rank - 1)
    return missing == 0 ? self : reshaped([shape[0]] + [Int](repeating: 1, count: missing) + shape.dropFirst())
  }
}

extension DotDimensions {
  fileprivate func vmap(_ a: Tensor, _ aMapped: Bool, _ b: Tensor, _ bMapped: Bool) -> Tensor {
    func moved(_ axes: [Int], _ isMapped: Bool) -> [Int] { isMapped ? axes.map { $0 + 1 } : axes }
    var result = DotDimensions(
      contracting: (moved(aContracting, aMapped), moved(bContracting, bMapped)),
      batch: (moved(aBatch, aMapped), moved(bBatch, bMapped)))
    if aMapped && bMapped {
      result.aBatch.insert(0, at: 0)
      result.bBatch.insert(0, at: 0)
      return dotGeneral(a, b, result)
    }
    let product = dotGeneral(a, b, result)
    // The mapped axis is the first free axis of its operand.
    if aMapped { return product.movedAxis(from: aBatch.count, to: 0) }
    let free = a.rank - aBatch.count - aContracting.count
    return product.movedAxis(from: aBatch.count + free, to: 0)
  }
}

extension ConvolutionGeometry {
  /// Entries become images where images are mapped and shared by one filter, channels where one operand is mapped that
  /// the other has no entries for, and groups of channels of their own where both are mapped.
  fileprivate func vmap(
    _ role: ConvolutionRole, _ a: Tensor, _ aMapped: Bool, _ b: Tensor, _ bMapped: Bool, _ size: Int
  ) -> Tensor {
    if aMapped && bMapped {
      var grouped = self
      grouped.groups = groups * size
      // The last axis, of images the channels and of filters the output channels, has the groups outermost.
      let result = apply(
        .convolution(grouped, role),
        [Self.merged(a, axis: a.rank - 2, parts: 1), Self.merged(b, axis: b.rank - 2, parts: 1)])
      return Self.split(result, axis: result.rank - 1, parts: 1, size)
    }
    switch (role, aMapped) {
    case (.output, true), (.input, true):
      let images = a.reshaped([size * a.shape[1]] + a.shape.dropFirst(2))
      let result = apply(.convolution(self, role), [images, b])
      return result.reshaped([size, a.shape[1]] + result.shape.dropFirst())
    case (.output, false), (.filter, false):
      // More output channels in every group.
      let result = apply(.convolution(self, role), [a, Self.merged(b, axis: b.rank - 2, parts: groups)])
      return Self.split(result, axis: result.rank - 1, parts: groups, size)
    case (.input, false):
      // More input channels in every group, which a filter counts one group at a time.
      let result = apply(.convolution(self, role), [a, Self.merged(b, axis: b.rank - 3, parts: 1)])
      return Self.split(result, axis: result.rank - 1, parts: groups, size)
    case (.filter, true):
      let result = apply(.convolution(self, role), [Self.merged(a, axis: a.rank - 2, parts: groups), b])
      return Self.split(result, axis: result.rank - 2, parts: 1, size)
    }
  }

  /// The first axis merged into axis `axis` of the rest, which has `parts` parts: each then has all entries of it.
  private static func merged(_ x: Tensor, axis: Int, parts: Int) -> Tensor {
    var shape = Array(x.shape.dropFirst())
    let apart = shape[..<axis] + [parts, shape[axis] / parts] + shape[(axis + 1)...]
    shape[axis] *= x.shape[0]
    return x.reshaped([x.shape[0]] + apart).movedAxis(from: 0, to: axis + 1).reshaped(shape)
  }

  /// Undoes `merged`.
  private static func split(_ x: Tensor, axis: Int, parts: Int, _ size: Int) -> Tensor {
    var shape = x.shape
    shape[axis] /= size
    let apart = x.shape[..<axis] + [parts, size, shape[axis] / parts] + x.shape[(axis + 1)...]
    return x.reshaped(Array(apart)).movedAxis(from: axis + 1, to: 0).reshaped([size] + shape)
  }
}

extension WindowGeometry {
  fileprivate var withLeadingAxis: WindowGeometry {
    WindowGeometry(
      window: [1] + window, strides: [1] + strides, paddingLow: [0] + paddingLow, paddingHigh: [0] + paddingHigh,
      windowDilation: [1] + windowDilation)
  }
}
