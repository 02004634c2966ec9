import CovarianceEngine
import Tensors

/// A tiled matrix that is factored where it is, such as in the memory of several processes, rather than gathered first.
protocol SelfFactoringMatrix: TiledMatrix {
  /// Whether the library for that is there.
  var factorsItself: Bool { get }
  /// A solver of systems with `kernel`, whose source this matrix is.
  func factorizedSolver(_ kernel: RegularizedKernel) -> any Solver
  /// Eigenvalues, ascending, and eigenvectors in rows.
  func eigenvectorRows() throws -> (values: [Double], rows: Tensor)
}

extension RegularizedKernel {
  /// The matrix itself, if it does its own factorisations.
  var selfFactoring: (any SelfFactoringMatrix)? {
    guard case .tiles(let tiles) = source, let matrix = tiles as? any SelfFactoringMatrix, matrix.factorsItself else {
      return nil
    }
    return matrix
  }
}
