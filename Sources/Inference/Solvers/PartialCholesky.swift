import Platform
import Tensors

/// F with F Fᵀ ≼ K: the first columns of a Cholesky factorisation whose pivots are drawn at random, each with the probability of
/// its remaining diagonal.
///
/// Pivots are proposed a block at a time and accepted one by one by what the earlier ones of the block leave of them, so that they
/// have the distribution that one at a time would have, while the matrix is read once a block.
///
/// *Sources:* Chen, Epperly, Tropp and Webber, Randomly pivoted Cholesky (arXiv 2207.06503), algorithm 2.1; Epperly, Tropp and
/// Webber, Embrace rejection (arXiv 2410.03969), algorithm 2.2.
struct PartialCholesky {
  /// Fᵀ: a row for every pivot, shape (rank, count).
  let factor: Tensor
  let pivots: [Int]
  /// The trace of K − F Fᵀ.
  let remainder: Double
  /// How often rows of the matrix were read.
  let reads: Int

  /// - Parameters:
  ///   - matrix: K, positive semidefinite.
  ///   - rank: pivots, at most.
  ///   - enough: a trace of K − F Fᵀ below which no more pivots are taken.
  ///   - block: pivots that are proposed at a time.
  /// - Throws: what the matrix throws.
  init(
    _ matrix: some SymmetricOperator, rank: Int, enough: Double, block: Int, key: RandomKey,
    progress: (Double) -> Void = { _ in }
  ) throws {
    try self.init(matrix, rank: rank, enough: enough, progress: progress) { diagonal, total, reads, room in
      let numbers = key.folding(in: UInt32(truncatingIfNeeded: reads)).uniform([2, min(block, room)], dtype: .float64)
        .scalars(as: Double.self)
      let half = numbers.count / 2
      return (Self.draw(Array(numbers[..<half]), diagonal, total: total), Array(numbers[half...]))
    }
  }

  /// The same with the largest remaining diagonal as the next pivot, one at a time.
  ///
  /// *Source:* Fine and Scheinberg, Efficient SVM training using low-rank kernel representations (JMLR 2, 2001).
  init(greedy matrix: some SymmetricOperator, rank: Int, enough: Double) throws {
    try self.init(matrix, rank: rank, enough: enough, progress: { _ in }) { diagonal, _, _, _ in
      ([diagonal.indices.reduce(0) { diagonal[$1] > diagonal[$0] ? $1 : $0 }], [0])
    }
  }

  /// - Parameter propose: from the remaining diagonal, its sum, how often rows were read and how many pivots there is room for, some
  ///   indices, and for each a number that it is accepted below, as a part of what remains of its diagonal.
  private init(
    _ matrix: some SymmetricOperator, rank: Int, enough: Double, progress: (Double) -> Void,
    propose: ([Double], Double, Int, Int) -> (indices: [Int], numbers: [Double])
  ) throws {
    let count = matrix.count
    let rank = min(rank, count)
    var diagonal = try matrix.diagonal().scalars(as: Double.self).map { max(0, $0) }
    // What is left of a diagonal and is rounding.
    let noise = (diagonal.max() ?? 0) * 1e-13
    var factor = Tensor.zeros([rank, count], dtype: .float64)
    var (pivots, reads) = ([Int](), 0)
    while pivots.count < rank {
      try Interruption.check()
      let total = diagonal.reduce(0, +)
      guard total > enough, total > noise * Double(count) else { break }
      let (proposed, numbers) = propose(diagonal, total, reads, rank - pivots.count)
      reads += 1
      let rows = try matrix.rows(proposed)
      let own = Self.columns(of: factor, at: proposed, rank: pivots.count)
      let (accepted, inner) = Self.accept(
        proposed, rows, own, pivots.count, diagonal, numbers, noise: noise)
      guard !accepted.isEmpty else { break }
      Self.extend(
        &factor, rows: rows, accepted, own: own, inner: inner, rank: pivots.count, diagonal: &diagonal)
      pivots += accepted.map { proposed[$0] }
      for index in pivots { diagonal[index] = 0 }
      progress(Double(pivots.count) / Double(rank))
    }
    remainder = diagonal.reduce(0, +)
    self.factor = pivots.count == rank ? factor : factor.sliced(axis: 0, 0..<pivots.count)
    (self.pivots, self.reads) = (pivots, reads)
  }

  /// Different indices, each with the probability of its diagonal, in the order in which they are drawn.
  private static func draw(_ numbers: [Double], _ diagonal: [Double], total: Double) -> [Int] {
    var sums: [Double] = []
    sums.reserveCapacity(diagonal.count)
    var sum = 0.0
    for value in diagonal {
      sum += value
      sums.append(sum)
    }
    var seen = Set<Int>()
    return numbers.compactMap { number in
      let goal = number * sum
      var (low, high) = (0, sums.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if sums[middle] > goal { high = middle } else { low = middle + 1 }
      }
      return diagonal[low] > 0 && seen.insert(low).inserted ? low : nil
    }
  }

  /// The rows of F at some indices, one after another.
  private static func columns(of factor: Tensor, at indices: [Int], rank: Int) -> [Double] {
    let count = factor.shape[1]
    return factor.withUnsafeBuffer(of: Double.self) { factor in
      indices.flatMap { index in (0..<rank).map { factor[$0 * count + index] } }
    }
  }

  /// The places of the proposals that are accepted, and the Cholesky factor of what is left of the matrix on them.
  private static func accept(
    _ proposed: [Int], _ rows: Tensor, _ own: [Double], _ rank: Int, _ diagonal: [Double], _ numbers: [Double],
    noise: Double
  ) -> (places: [Int], factor: [[Double]]) {
    let (size, count) = (proposed.count, diagonal.count)
    // What is left of the matrix on the proposals.
    var left = [[Double]](repeating: Array(repeating: 0, count: size), count: size)
    rows.withUnsafeBuffer(of: Double.self) { rows in
      own.withUnsafeBufferPointer { own in
        for i in 0..<size {
          for j in 0...i {
            var value = rows[i * count + proposed[j]]
            for k in 0..<rank { value -= own[i * rank + k] * own[j * rank + k] }
            (left[i][j], left[j][i]) = (value, value)
          }
        }
      }
    }
    var (places, columns) = ([Int](), [[Double]]())
    for place in 0..<size {
      let pivot = left[place][place]
      guard pivot > noise, numbers[place] * diagonal[proposed[place]] < pivot else { continue }
      let root = pivot.squareRoot()
      let column = (0..<size).map { left[$0][place] / root }
      places.append(place)
      columns.append(column)
      for i in 0..<size {
        for j in 0..<size { left[i][j] -= column[i] * column[j] }
      }
    }
    return (places, places.indices.map { row in (0...row).map { columns[$0][places[row]] } })
  }

  /// New rows of Fᵀ: L⁻¹ (K[pivots, :] − (F Fᵀ)[pivots, :]), piece by piece of the columns.
  private static func extend(
    _ factor: inout Tensor, rows: Tensor, _ places: [Int], own: [Double], inner: [[Double]], rank: Int,
    diagonal: inout [Double]
  ) {
    let (size, count) = (places.count, diagonal.count)
    // The rows of F at the pivots, shape (size, rank).
    let own: [Double] = rank == 0 ? [0] : places.flatMap { own[$0 * rank..<($0 + 1) * rank] }
    var lower = [Double](repeating: 0, count: size * size)
    for (i, row) in inner.enumerated() { for (j, value) in row.enumerated() { lower[i * size + j] = value } }
    let width = 2048
    let source = rows.unsafePointer(to: Double.self)
    factor.withUnsafeMutableBuffer(of: Double.self) { factor in
      diagonal.withUnsafeMutableBufferPointer { diagonal in
        lower.withUnsafeBufferPointer { lower in
          own.withUnsafeBufferPointer { own in
            guard let factor = factor.baseAddress, let diagonal = diagonal.baseAddress, let lower = lower.baseAddress,
              let own = own.baseAddress
            else { return }
            nonisolated(unsafe) let (factor_, diagonal_, lower_, own_, source_) = (factor, diagonal, lower, own, source)
            Threads.forEach((count + width - 1) / width) { piece in
              let first = piece * width
              let columns = min(width, count - first)
              let target = factor_ + rank * count + first
              if rank > 0 {
                TileProducts.multiply(
                  m: size, n: columns, k: rank, alpha: -1, own_, lda: rank, factor_ + first, ldb: count, target,
                  ldc: count)
              }
              for i in 0..<size {
                let row = source_ + places[i] * count + first
                let out = target + i * count
                for k in 0..<columns { out[k] = rank > 0 ? out[k] + row[k] : row[k] }
              }
              TileProducts.solveLower(n: size, columns: columns, lower_, lda: size, target, ldb: count)
              for i in 0..<size {
                let out = target + i * count
                for k in 0..<columns { diagonal_[first + k] -= out[k] * out[k] }
              }
              for k in 0..<columns { diagonal_[first + k] = max(0, diagonal_[first + k]) }
            }
          }
        }
      }
    }
    withExtendedLifetime(rows) {}
  }
}
