import CovarianceEngine
import Tensors

/// M̃ = L Lᵀ with L in the memory of all processes of a team, by ScaLAPACK; eigenvectors by ELPA, where they are asked for.
///
/// Eigenvectors as a whole are in the memory of the process that leads, since predictions at finite times use all of them.
final class DistributedSolver: Solver {
  private let kernel: RegularizedKernel
  private let matrix: SharedMatrix
  private let factored = Lazily<Bool>()
  private let key: ClusterPart.FactorKey
  private let basis = Lazily<Eigenbasis>()
  /// Points that are whitened at a time.
  private static let points = 512

  init(_ kernel: RegularizedKernel, _ matrix: SharedMatrix) {
    (self.kernel, self.matrix) = (kernel, matrix)
    key = ClusterPart.FactorKey(id: matrix.id, shift: kernel.shift)
  }

  deinit {
    // After the end of the team nobody has anything any more.
    if let key = factored.known.map({ _ in key }) { try? order(.release) { $0.release(key) } }
  }

  private func order<Result: Sendable>(
    _ order: ClusterTeam.Order, columns: Int = 0, _ body: (ClusterPart) throws -> Result
  ) throws -> Result {
    try matrix.team.order(order, [key.id, columns], shift: key.shift, body)
  }

  var name: String {
    let count = matrix.team.count
    return "Cholesky factorisation in \(count) \(count == 1 ? "process" : "processes")"
  }

  private func withFactor<Result>(_ body: () throws -> Result) throws(PredictionError) -> Result {
    _ = try factored { () throws(PredictionError) in
      let pivot = try reading(kernel.argument) { try order(.factor) { try $0.factor(key) } }
      if let pivot { throw kernel.notPositiveDefinite(pivot: pivot) }
      return true
    }
    return try reading(kernel.argument, body)
  }

  private func solved(_ b: Tensor, half: Bool) throws -> Tensor {
    let columns = b.shape[1]
    return try order(half ? .halfSolve : .solve, columns: columns) {
      try $0.solve(key, b, columns: columns, half: half)
    }
  }

  func solve(_ b: Tensor) throws(PredictionError) -> Tensor {
    try withFactor { try solved(b, half: false) }
  }

  /// (L⁻¹ xᵀ)ᵀ.
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor {
    try withFactor {
      var parts: [Tensor] = []
      for first in stride(from: 0, to: x.shape[0], by: Self.points) {
        let rows = x.sliced(axis: 0, first..<min(x.shape[0], first + Self.points))
        parts.append(try solved(rows.transposed(), half: true).transposed())
      }
      return parts.count == 1 ? parts[0] : concatenate(parts)
    }
  }

  func inverseDiagonal() throws(PredictionError) -> Tensor {
    try withFactor { try order(.inverseDiagonal) { try $0.inverseDiagonal(key) } }
  }

  func logDeterminant() throws(PredictionError) -> Double {
    try withFactor { try order(.logDeterminant) { try $0.logDeterminant(key) } }
  }

  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    try basis { () throws(PredictionError) in try kernel.eigenbasis() }
  }
}
