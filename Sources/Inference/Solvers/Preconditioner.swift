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
    let products = rowGram(vectors, factor)
    let weights = try Threads.withLimit(1) { () throws(TensorError) in
      try choleskySolve(inner, products.transposed()).transposed()
    }
    return combined(weights * (-1 / shift), factor, adding: vectors, times: 1 / shift)
  }

  func bounds(_ residuals: Tensor, solved: Tensor) -> [Double] { rowProducts(residuals, solved).map { max(0, $0) } }
}
