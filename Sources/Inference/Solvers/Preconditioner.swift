import CovarianceEngine
import Tensors

/// A matrix P near A = K + λ I that is cheap to solve with.
protocol Preconditioner: Sendable {
  /// P⁻¹ applied to each row of `vectors`.
  func solve(_ vectors: Tensor) throws(TensorError) -> Tensor
  /// Numbers that no rᵀ A⁻¹ r exceeds, for residuals r in rows and `solved` = P⁻¹ r.
  func bounds(_ residuals: Tensor, solved: Tensor) -> [Double]
}

/// P = F Fᵀ + λ I with F Fᵀ ≼ K, so that P ≼ A and A⁻¹ ≼ P⁻¹: rᵀ A⁻¹ r ≤ rᵀ P⁻¹ r.
///
/// P⁻¹ r = (r − F (λ I + Fᵀ F)⁻¹ Fᵀ r) / λ (Woodbury). All sums are over fixed pieces, so that nothing depends on the number of
/// threads.
struct LowRankPreconditioner: Preconditioner {
  /// Fᵀ, shape (rank, count).
  private let factor: Tensor
  private let shift: Double
  /// The Cholesky factor of λ I + Fᵀ F.
  private let inner: Tensor?

  private static let piece = 4096

  /// - Throws: `TensorError.notPositiveDefinite` where λ is lost in the rounding of Fᵀ F.
  init(_ factor: Tensor, shift: Double) throws(TensorError) {
    (self.factor, self.shift) = (factor, shift)
    guard factor.shape[0] > 0 else {
      inner = nil
      return
    }
    let gram = addingToDiagonal(Self.gram(factor), shift)
    inner = try Threads.withLimit(1) { () throws(TensorError) in try cholesky(gram) }
  }

  var rank: Int { factor.shape[0] }

  /// Fᵀ F, in blocks of rows and columns.
  private static func gram(_ factor: Tensor) -> Tensor {
    let (rank, count) = (factor.shape[0], factor.shape[1])
    let size = 192
    let blocks = (rank + size - 1) / size
    let pairs = (0..<blocks).flatMap { row in (0...row).map { (row, $0) } }
    nonisolated(unsafe) let source = factor.unsafePointer(to: Double.self)
    let result = Tensor(shape: [rank, rank], of: Double.self) { buffer in
      nonisolated(unsafe) let target = buffer
      Threads.forEach(pairs.count) { index in
        guard let target = target.baseAddress else { return }
        let (i, j) = (pairs[index].0 * size, pairs[index].1 * size)
        let (m, n) = (min(size, rank - i), min(size, rank - j))
        TileProducts.multiply(
          transposeB: true, m: m, n: n, k: count, source + i * count, lda: count, source + j * count, ldb: count,
          target + i * rank + j, ldc: rank)
        for a in 0..<m { for b in 0..<n { target[(j + b) * rank + i + a] = target[(i + a) * rank + j + b] } }
      }
    }
    withExtendedLifetime(factor) {}
    return result
  }

  func solve(_ vectors: Tensor) throws(TensorError) -> Tensor {
    guard let inner else { return vectors * (1 / shift) }
    let (rank, count, number) = (factor.shape[0], factor.shape[1], vectors.shape[0])
    let pieces = (count + Self.piece - 1) / Self.piece
    nonisolated(unsafe) let (source, rows) = (
      factor.unsafePointer(to: Double.self), vectors.unsafePointer(to: Double.self)
    )
    // Fᵀ r of every piece of the vectors.
    let partial = Tensor(shape: [pieces, number, rank], of: Double.self) { buffer in
      nonisolated(unsafe) let target = buffer
      Threads.forEach(pieces) { piece in
        guard let target = target.baseAddress else { return }
        let first = piece * Self.piece
        TileProducts.multiply(
          transposeB: true, m: number, n: rank, k: min(Self.piece, count - first), rows + first, lda: count,
          source + first, ldb: count, target + piece * number * rank, ldc: rank)
      }
    }
    let weights = try Threads.withLimit(1) { () throws(TensorError) in
      try choleskySolve(inner, partial.sum(axis: 0).transposed()).transposed()
    }
    nonisolated(unsafe) let weightElements = weights.unsafePointer(to: Double.self)
    let scale = 1 / shift
    let result = Tensor(shape: [number, count], of: Double.self) { buffer in
      nonisolated(unsafe) let target = buffer
      Threads.forEach(pieces) { piece in
        guard let target = target.baseAddress else { return }
        let first = piece * Self.piece
        let columns = min(Self.piece, count - first)
        TileProducts.multiply(
          m: number, n: columns, k: rank, alpha: -scale, weightElements, lda: rank, source + first, ldb: count,
          target + first, ldc: count)
        for row in 0..<number {
          let (out, own) = (target + row * count + first, rows + row * count + first)
          for k in 0..<columns { out[k] += scale * own[k] }
        }
      }
    }
    withExtendedLifetime((factor, vectors, weights)) {}
    return result
  }

  func bounds(_ residuals: Tensor, solved: Tensor) -> [Double] { rowProducts(residuals, solved).map { max(0, $0) } }
}
