/// Sums products of `a` and `b` over the contracting axes, separately for each index of the batch axes.
///
/// The result has the batch axes, then the remaining axes of `a`, then those of `b`. Element types are promoted;
/// integers wrap around on overflow, Booleans count as integers.
///
/// - Parameters:
///   - contracting: axes of `a`, and the axes of `b` they are paired with; negative axes count from the end.
///   - batch: likewise for the batch axes.
///   - a: the first operand.
///   - b: the second operand.
/// - Precondition: paired axes have the same size, and no axis is named twice.
public func dotGeneral(
  _ a: Tensor, _ b: Tensor, contracting: ([Int], [Int]), batch: ([Int], [Int]) = ([], [])
) -> Tensor {
  func fromFront(_ axes: [Int], _ tensor: Tensor) -> [Int] { axes.map { $0 < 0 ? $0 + tensor.rank : $0 } }
  return dotGeneral(
    a, b,
    DotDimensions(
      contracting: (fromFront(contracting.0, a), fromFront(contracting.1, b)),
      batch: (fromFront(batch.0, a), fromFront(batch.1, b))))
}

/// `dotGeneral` with its axes as one value.
public func dotGeneral(_ a: Tensor, _ b: Tensor, _ dimensions: DotDimensions) -> Tensor {
  let dtype = a.dtype.promoted(with: b.dtype).promoted(with: .int32)
  return apply(.dotGeneral(dimensions), [a.asType(dtype), b.asType(dtype)])
}

/// The matrix product, as NumPy defines it: vectors are rows on the left and columns on the right, and leading axes are
/// broadcast against each other.
///
/// - Parameters:
///   - a: shape (…, m, k) or (k).
///   - b: shape (…, k, n) or (k).
/// - Returns: shape (…, m, n), without the axis that a vector lacks.
/// - Precondition: the inner sizes agree and the leading axes broadcast.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
  precondition(a.rank > 0 && b.rank > 0, "matmul: expected vectors or matrices, found \(a.shape) and \(b.shape)")
  if b.rank <= 2 {
    // Leading axes of `a` are rows of one product.
    return dotGeneral(a, b, contracting: ([-1], [b.rank == 1 ? 0 : -2]))
  }
  let aBatch = Array(a.shape.dropLast(2))
  let bBatch = Array(b.shape.dropLast(2))
  if a.rank <= 2 || aBatch.product == 1 && aBatch.count <= bBatch.count {
    // The free axes of `b` come last in the result: move the row of `a` behind the batch axes.
    let matrix = a.rank <= 2 ? a : a.reshaped(Array(a.shape.suffix(2)))
    let product = dotGeneral(matrix, b, contracting: ([-1], [-2]))
    guard matrix.rank == 2 else { return product }
    return product.transposed(Array(1..<product.rank - 1) + [0, product.rank - 1])
  }
  let batch = aBatch.broadcast(with: bBatch)
  let axes = Array(batch.indices)
  return dotGeneral(
    a.broadcast(to: batch + a.shape.suffix(2)), b.broadcast(to: batch + b.shape.suffix(2)),
    contracting: ([-1], [-2]), batch: (axes, axes))
}
