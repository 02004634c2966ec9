import CovarianceEngine
import Tensors

/// The user's inputs, one or two data sets, checked once for infinite and finite networks: finite, of shapes that fit each
/// other.
package struct CheckedInputs: Sendable {
  private let first: Checked
  private let second: Checked?
  /// Where the batch and the channels are, counted from the front.
  package let axes: DataAxes

  private struct Checked {
    /// Floating-point numbers with the axes as given; tokens are one-hot vectors.
    var numbers: Tensor
    /// What marks those that are missing.
    var maskConstant: Double?
    /// Shape (N, P…, C), zero where masked.
    var values: Tensor
    /// Shape (N, P…, C).
    var mask: Tensor?
  }

  /// - Parameters:
  ///   - x1: the first data set.
  ///   - x2: the second; nil stands for `x1`.
  ///   - axes: where the network has the batch and the channels.
  ///   - tokenCount: how many tokens there are, where integers stand for tokens.
  package init(x1: Tensor, x2: Tensor?, axes: DataAxes, maskConstant: Double?, tokenCount: Int?) throws(NetworkError) {
    func dataSet(_ x: Tensor, _ name: String) throws(NetworkError) -> Checked {
      do {
        var (input, constant) = (x, maskConstant)
        if let tokenCount, !x.dtype.isFloatingPoint {
          (input, constant) = try Embedding.encoded(x, count: tokenCount, maskConstant: maskConstant)
        }
        let resolved = try axes.resolved(for: input.shape)
        return try CheckedInputs.dataSet(input, axes: resolved, maskConstant: constant)
      } catch {
        throw error.inside(.name(name))
      }
    }
    first = try dataSet(x1, "x1")
    let shape = first.numbers.shape
    self.axes = try axes.resolved(rank: shape.count)
    func otherShape(_ found: [Int]) -> NetworkError {
      NetworkError(
        path: [.name("x2")], expected: "the shape \(shape) of x1 but for the number of inputs", found: "\(found)")
    }
    // Tokens have no channels yet.
    if let x2, tokenCount == nil, x2.rank != x1.rank { throw otherShape(x2.shape) }
    second = try x2.map { (x2: Tensor) throws(NetworkError) in try dataSet(x2, "x2") }
    if let second {
      let found = second.numbers.shape
      var expected = shape
      if found.count == expected.count { expected[self.axes.batch] = found[self.axes.batch] }
      guard found == expected else { throw otherShape(found) }
    }
  }

  private static func dataSet(_ x: Tensor, axes: DataAxes, maskConstant: Double?) throws(NetworkError) -> Checked {
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
    return Checked(
      numbers: values, maskConstant: maskConstant, values: masked.values.transposed(order),
      mask: masked.mask.map { $0.transposed(order) })
  }

  package var counts: (n1: Int, n2: Int) { (first.values.shape[0], (second ?? first).values.shape[0]) }

  /// The numbers of the first data set with the axes as given.
  package var numbers1: Tensor { first.numbers }
  /// Those of the second data set; nil when there is one only.
  package var numbers2: Tensor? { second?.numbers }
  /// What marks missing numbers in them.
  package var maskConstant: Double? { first.maskConstant }

  /// Whether both data sets are one: the same numbers, and the same of them missing.
  package var isSymmetric: Bool {
    guard let second else { return true }
    if first.numbers.hasSameElements(as: second.numbers) { return true }
    // Numbers in place of missing ones do not count.
    guard first.values.hasSameElements(as: second.values) else { return false }
    guard let mask1 = first.mask, let mask2 = second.mask else { return true }
    return mask1.hasSameElements(as: mask2)
  }

  func source(isSymmetric: Bool) -> KernelRequest.Source {
    let axis = first.values.rank - 1
    func positionMask(_ set: Checked) -> Tensor? { set.mask.map { $0.all(axis: axis) } }
    func hasMixedChannels(_ set: Checked) -> Bool {
      guard let mask = set.mask, !mask.isTraced else { return false }
      return (mask.any(axis: axis) .^ mask.all(axis: axis)).any().scalar(as: Bool.self)
    }
    let other = isSymmetric ? nil : second ?? first
    var source = KernelRequest.Source(
      input: .data(
        ProgramData(
          x1: first.values, x2: other?.values, mask1: positionMask(first), mask2: other.flatMap(positionMask))),
      shape1: first.numbers.shape, shape2: (second ?? first).numbers.shape, axes: axes, isGaussian: false)
    if let mask = first.mask, hasMixedChannels(first) || other.map(hasMixedChannels) ?? false {
      source.channelMasks = (mask, other?.mask)
    }
    return source
  }
}

extension GraphPatterns {
  /// Whether both data sets have the same graphs.
  package var isSymmetric: Bool {
    second.map { first.hasSameElements(as: $0) } ?? true
  }

  package func check(counts: (n1: Int, n2: Int), hasSecond: Bool) throws(NetworkError) {
    for (name, pattern, count) in [("first", first, counts.n1), ("second", second ?? first, counts.n2)]
    where pattern.rank == 0 || pattern.shape[0] != count {
      throw NetworkError(
        path: [.name("patterns"), .name(name)], expected: "one graph for each of \(count) inputs",
        found: "shape \(pattern.shape)")
    }
  }
}
