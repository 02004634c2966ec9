// Changes of shape. Negative axes count from the last.

extension Tensor {
  /// The same elements in row-major order under another shape; one size may be -1 and follows from the others.
  public consuming func reshaped(_ shape: [Int]) -> Tensor {
    var target = shape
    if let unknown = shape.firstIndex(of: -1) {
      target[unknown] = 1
      let known = target.product
      precondition(known > 0 && count % known == 0, "a tensor of shape \(self.shape) has no shape \(shape)")
      target[unknown] = count / known
    }
    precondition(
      target.allSatisfy { $0 >= 0 } && target.product == count, "a tensor of shape \(self.shape) has no shape \(shape)")
    if target == self.shape { return self }
    return apply(.reshape(target), [self])
  }

  /// The same elements in row-major order under another shape; one size may be -1 and follows from the others.
  public consuming func reshaped(_ shape: Int...) -> Tensor { reshaped(shape) }

  /// All elements along one axis.
  public consuming func flattened() -> Tensor { reshaped([-1]) }

  /// Axes in another order: axis `k` of the result is axis `axes[k]`. Without an order, all axes reversed.
  public consuming func transposed(_ axes: [Int]? = nil) -> Tensor {
    let rank = self.rank
    let permutation = axes.map { $0.map { normalizedAxis($0, rank: rank) } } ?? Array((0..<rank).reversed())
    precondition(permutation.sorted() == Array(0..<rank), "\(permutation) does not order \(rank) axes")
    if permutation == Array(0..<rank) { return self }
    return apply(.transpose(permutation), [self])
  }

  /// Axes in another order: axis `k` of the result is axis `axes[k]`.
  public consuming func transposed(_ axes: Int...) -> Tensor { transposed(axes) }

  /// Two axes exchanged.
  public consuming func swappedAxes(_ first: Int, _ second: Int) -> Tensor {
    var permutation = Array(0..<rank)
    permutation.swapAt(normalizedAxis(first, rank: rank), normalizedAxis(second, rank: rank))
    return transposed(permutation)
  }

  /// One axis moved to another place, the others in order.
  public consuming func movedAxis(from source: Int, to target: Int) -> Tensor {
    var permutation = Array(0..<rank)
    let axis = permutation.remove(at: normalizedAxis(source, rank: rank))
    permutation.insert(axis, at: normalizedAxis(target, rank: rank))
    return transposed(permutation)
  }

  /// With new axes of size 1 at the given places of the result.
  public consuming func expandedDims(_ axes: Int...) -> Tensor {
    let places = normalizedAxes(axes, rank: rank + axes.count)
    var shape = self.shape
    for axis in places { shape.insert(1, at: axis) }
    return reshaped(shape)
  }

  /// Without the given axes, which have size 1; without any axis of size 1 when none are given.
  public consuming func squeezed(_ axes: Int...) -> Tensor {
    let shape = self.shape
    let removed = axes.isEmpty ? shape.indices.filter { shape[$0] == 1 } : normalizedAxes(axes, rank: shape.count)
    precondition(removed.allSatisfy { shape[$0] == 1 }, "axes \(removed) of shape \(shape) are not of size 1")
    return reshaped(shape.removing(axes: removed))
  }

  /// Repeated along new leading axes and axes of size 1, up to `shape`.
  public consuming func broadcast(to shape: [Int]) -> Tensor {
    if shape == self.shape { return self }
    precondition(self.shape.broadcasts(to: shape), "shape \(self.shape) does not broadcast to \(shape)")
    return apply(.broadcast(shape), [self])
  }

  /// In reverse order along the given axes; along all when none are given.
  public consuming func reversed(_ axes: Int...) -> Tensor {
    let places = normalizedAxes(axes.isEmpty ? nil : axes, rank: rank)
    return apply(.reverse(places), [self])
  }
}
