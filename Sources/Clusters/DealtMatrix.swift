import CDistributed
import Tensors

/// A matrix in float64 whose blocks are dealt out to the processes of a cluster, for ScaLAPACK and ELPA.
///
/// All processes have to call each function, in the same order.
public final class DealtMatrix: @unchecked Sendable {
  // Only one thread of a process works for its cluster at a time.
  private let matrix: OpaquePointer
  /// Of the whole matrix.
  public let rows: Int
  /// Of the whole matrix.
  public let columns: Int

  init(_ matrix: OpaquePointer, rows: Int, columns: Int) {
    (self.matrix, self.rows, self.columns) = (matrix, rows, columns)
  }

  deinit { nt_dealt_matrix_free(matrix) }

  private var localRows: Int { Int(nt_dealt_matrix_local_rows(matrix)) }
  private var localColumns: Int { Int(nt_dealt_matrix_local_columns(matrix)) }

  /// Calls `body` with this process's elements, column after column, and where in the whole their rows and columns are.
  package func withElements<Result>(
    _ body: (_ elements: UnsafeMutablePointer<Double>, _ rows: [Int], _ columns: [Int]) throws -> Result
  ) rethrows -> Result {
    try body(
      nt_dealt_matrix_elements(matrix), (0..<localRows).map { Int(nt_dealt_matrix_row(matrix, Int64($0))) },
      (0..<localColumns).map { Int(nt_dealt_matrix_column(matrix, Int64($0))) })
  }

  /// L with A = L Lᵀ in the lower triangle.
  ///
  /// - Returns: nil, or the first row at which A is not positive definite.
  package func factor() throws(ClusterError) -> Int? {
    var pivot: Int64 = 0
    guard nt_dealt_matrix_cholesky(matrix, &pivot) == 0 else { throw MPICluster.failure("factor a matrix") }
    return pivot > 0 ? Int(pivot) - 1 : nil
  }

  /// A⁻¹ b in place of b, for this factor of A; with `half` L⁻¹ b.
  package func solve(_ b: DealtMatrix, half: Bool) throws(ClusterError) {
    let status = half ? nt_dealt_matrix_solve_lower(matrix, b.matrix) : nt_dealt_matrix_solve(matrix, b.matrix)
    guard status == 0 else { throw MPICluster.failure("solve with a matrix") }
  }

  /// Eigenvalues, ascending; eigenvectors become the columns of `vectors`, and this matrix is lost.
  package func eigenvalues(_ vectors: DealtMatrix) throws(ClusterError) -> [Double] {
    var values = [Double](repeating: 0, count: rows)
    guard nt_dealt_matrix_eigen(matrix, &values, vectors.matrix) == 0 else {
      throw MPICluster.failure("find eigenvalues of a matrix")
    }
    return values
  }
}
