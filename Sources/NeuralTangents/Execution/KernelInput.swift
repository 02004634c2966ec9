import Tensors

/// One pair of data sets, checked: finite, of shapes that fit each other, batch first and channels last.
struct KernelInput {
  private let first: DataSet
  private let second: DataSet?
  private let axes: DataAxes
  private let areIdentical: Bool

  private struct DataSet {
    /// The shape as given.
    var shape: [Int]
    /// Shape (N, P…, C), zero where masked.
    var values: Tensor
    /// Shape (N, P…, C).
    var mask: Tensor?
  }

  init(x1: Tensor, x2: Tensor?, axes: DataAxes, maskConstant: Double?, tokenCount: Int?) throws(NetworkError) {
    func dataSet(_ x: Tensor, _ name: String) throws(NetworkError) -> DataSet {
      do {
        var (input, constant) = (x, maskConstant)
        if let tokenCount, !x.dtype.isFloatingPoint {
          (input, constant) = try Embedding.encoded(x, count: tokenCount, maskConstant: maskConstant)
        }
        let resolved = try axes.resolved(for: input.shape)
        return try KernelInput.dataSet(input, axes: resolved, maskConstant: constant)
      } catch {
        throw error.inside(.name(name))
      }
    }
    first = try dataSet(x1, "x1")
    self.axes = try axes.resolved(rank: first.shape.count)
    let shape = first.shape
    func otherShape(_ found: [Int]) -> NetworkError {
      NetworkError(
        path: [.name("x2")], expected: "the shape \(shape) of x1 but for the number of inputs", found: "\(found)")
    }
    // Tokens have no channels yet.
    if let x2, tokenCount == nil, x2.rank != x1.rank { throw otherShape(x2.shape) }
    second = try x2.map { (x2: Tensor) throws(NetworkError) in try dataSet(x2, "x2") }
    if let second {
      var expected = first.shape
      if second.shape.count == expected.count { expected[self.axes.batch] = second.shape[self.axes.batch] }
      guard second.shape == expected else { throw otherShape(second.shape) }
    }
    areIdentical = x2.map { $0.isIdentical(to: x1) } ?? true
  }

  private static func dataSet(_ x: Tensor, axes: DataAxes, maskConstant: Double?) throws(NetworkError) -> DataSet {
    guard !x.shape.contains(0) else {
      throw NetworkError(
        expected: "at least one input, position and channel", found: "shape \(x.shape)")
    }
    let values = x.dtype.isFloatingPoint ? x : x.asType(.float64)
    let masked = MaskedTensor(values, maskConstant: maskConstant)
    do {
      try masked.values.requireFinite(context: "x")
    } catch {
      throw NetworkError(expected: "finite numbers", found: error.firstNonFinite)
    }
    let positions = x.shape.indices.filter { $0 != axes.batch && $0 != axes.channel }
    let order = [axes.batch] + positions + [axes.channel]
    return DataSet(
      shape: x.shape, values: masked.values.transposed(order), mask: masked.mask.map { $0.transposed(order) })
  }

  var counts: (n1: Int, n2: Int) { (first.values.shape[0], (second ?? first).values.shape[0]) }

  /// Whether both data sets have the same numbers, up to 1e-12; traced ones are the same when they are one tensor.
  var areSame: Bool {
    guard let second else { return true }
    guard first.values.shape == second.values.shape else { return false }
    if first.values.isTraced || second.values.isTraced { return areIdentical }
    if let mask1 = first.mask, let mask2 = second.mask, (mask1 .^ mask2).any().scalar(as: Bool.self) { return false }
    let difference = abs(first.values.asType(.float64) - second.values.asType(.float64)).max()
    return difference.scalar(as: Double.self) < 1e-12
  }

  func source(asOne: Bool) -> KernelComputation.Source {
    let axis = first.values.rank - 1
    func positionMask(_ set: DataSet) -> Tensor? { set.mask.map { $0.all(axis: axis) } }
    func hasMixedChannels(_ set: DataSet) -> Bool {
      guard let mask = set.mask, !mask.isTraced else { return false }
      return (mask.any(axis: axis) .^ mask.all(axis: axis)).any().scalar(as: Bool.self)
    }
    let other = asOne ? nil : second ?? first
    var source = KernelComputation.Source(
      input: .data(
        CovarianceData(
          x1: first.values, x2: other?.values, mask1: positionMask(first), mask2: other.flatMap(positionMask))),
      shape1: first.shape, shape2: (second ?? first).shape, axes: axes, isGaussian: false)
    if let mask = first.mask, hasMixedChannels(first) || other.map(hasMixedChannels) ?? false {
      source.channelMasks = (mask, other?.mask)
    }
    return source
  }
}

extension GraphPatterns {
  /// Whether both data sets have the same graphs.
  var areSame: Bool {
    guard let second else { return true }
    if second.isIdentical(to: first) { return true }
    if first.isTraced || second.isTraced || first.shape != second.shape { return false }
    return (first .== second).all().scalar(as: Bool.self)
  }

  func check(counts: (n1: Int, n2: Int), hasSecond: Bool) throws(NetworkError) {
    for (name, pattern, count) in [("first", first, counts.n1), ("second", second ?? first, counts.n2)]
    where pattern.rank == 0 || pattern.shape[0] != count {
      throw NetworkError(
        path: [.name("patterns"), .name(name)], expected: "one graph for each of \(count) inputs",
        found: "shape \(pattern.shape)")
    }
  }
}
