import CovarianceEngine
import Tensors

/// A matrix of a team, in the process that leads.
struct SharedMatrix: ProductSource, SelfFactoringMatrix {
  let team: ClusterTeam
  let id: Int
  /// As this process reads it itself.
  private let own: any TiledMatrix

  init(_ team: ClusterTeam, _ id: Int, _ own: any TiledMatrix) {
    (self.team, self.id, self.own) = (team, id, own)
  }

  var count: Int { own.count }
  var tileSize: Int { own.tileSize }
  var dtype: DType { own.dtype }

  func tile(row: Int, column: Int) throws -> Tensor { try own.tile(row: row, column: column) }

  func diagonal() throws -> Tensor { try team.order(.diagonal, [id]) { try $0.diagonal(id) } }

  func multiply(_ vectors: Tensor) throws -> Tensor {
    try team.order(.multiply, [id, vectors.shape[0]]) { try $0.multiply(id, vectors, rows: vectors.shape[0]) }
  }

  func rows(_ indices: [Int]) throws -> Tensor {
    try team.order(.rows, [id, indices.count]) { try $0.rows(id, indices, count: indices.count) }
  }

  var factorsItself: Bool { team.factors }

  func factorizedSolver(_ kernel: RegularizedKernel) -> any Solver { DistributedSolver(kernel, self) }

  func eigenvectorRows() throws -> (values: [Double], rows: Tensor) {
    let (values, rows) = try team.order(.eigenbasis, [id]) { try $0.eigenbasis(id) }
    guard let rows else { preconditionFailure("eigenvectors belong to the process that leads") }
    return (values, rows)
  }
}
