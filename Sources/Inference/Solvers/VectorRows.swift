import Tensors

// Vectors of iterative solvers are the rows of float64 tensors. Sums over their elements are over pieces of fixed length, so that
// no result depends on the number of threads.

/// Elements of a piece.
private let pieceLength = 4096

/// The inner product of each row of `a` with the same row of `b`.
func rowProducts(_ a: Tensor, _ b: Tensor) -> [Double] {
  precondition(a.shape == b.shape, "expected as many vectors of one length, found \(a.shape) and \(b.shape)")
  return (a * b).sum(axis: 1).scalars(as: Double.self)
}

/// The inner products of all rows of `a` with all rows of `b`, shape (rows of a, rows of b).
func rowGram(_ a: Tensor, _ b: Tensor) -> Tensor {
  let (m, n, length) = (a.shape[0], b.shape[0], a.shape[1])
  precondition(b.shape[1] == length, "expected vectors of one length, found \(a.shape) and \(b.shape)")
  let pieces = (length + pieceLength - 1) / pieceLength
  nonisolated(unsafe) let (first, second) = (a.unsafePointer(to: Double.self), b.unsafePointer(to: Double.self))
  let partial = Tensor(shape: [pieces, m, n], of: Double.self) { buffer in
    nonisolated(unsafe) let target = buffer
    Threads.forEach(pieces) { piece in
      guard let target = target.baseAddress else { return }
      let start = piece * pieceLength
      TileProducts.multiply(
        transposeB: true, m: m, n: n, k: min(pieceLength, length - start), first + start, lda: length, second + start,
        ldb: length, target + piece * m * n, ldc: n)
    }
  }
  withExtendedLifetime((a, b)) {}
  return partial.sum(axis: 0)
}

/// `scale` · `base` + `weights` · `rows`: combinations of vectors, weights of shape (combinations, rows).
func combined(_ weights: Tensor, _ rows: Tensor, adding base: Tensor? = nil, times scale: Double = 1) -> Tensor {
  let (m, k, length) = (weights.shape[0], rows.shape[0], rows.shape[1])
  precondition(
    weights.shape == [m, k] && (base.map { $0.shape == [m, length] } ?? true),
    "expected a weight for each vector, found \(weights.shape) for \(rows.shape)")
  let pieces = (length + pieceLength - 1) / pieceLength
  nonisolated(unsafe) let (factors, source) = (
    weights.unsafePointer(to: Double.self), rows.unsafePointer(to: Double.self)
  )
  nonisolated(unsafe) let own = base?.unsafePointer(to: Double.self)
  let result = Tensor(shape: [m, length], of: Double.self) { buffer in
    nonisolated(unsafe) let target = buffer
    Threads.forEach(pieces) { piece in
      guard let target = target.baseAddress else { return }
      let start = piece * pieceLength
      let count = min(pieceLength, length - start)
      TileProducts.multiply(
        m: m, n: count, k: k, factors, lda: k, source + start, ldb: length, target + start, ldc: length)
      guard let own else { return }
      for row in 0..<m {
        let (out, from) = (target + row * length + start, own + row * length + start)
        for place in 0..<count { out[place] += scale * from[place] }
      }
    }
  }
  withExtendedLifetime((weights, rows, base)) {}
  return result
}
