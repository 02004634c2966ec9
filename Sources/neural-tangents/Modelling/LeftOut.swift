import NeuralTangents
import Tensors

/// Rows predicted from all rows with other inputs, by training to the end, for any targets and any noise from one
/// eigendecomposition.
///
/// With B = M̃⁻¹ and the rows G of a group the errors are B_GG⁻¹ (B y)_G and their covariance over f ~ N(0, K) is
/// B_GG⁻¹ (B K B)_GG B_GG⁻¹, to which comes the noise; for M = K together that is B_GG⁻¹.
struct LeftOut: Sendable {
  /// How far left-out rows were from their predictions.
  struct Residuals: Sendable {
    /// Per column of the targets, an error of each row.
    var errors: [[Double]]
    /// Of new measurements before scaling, one for each row.
    var variances: [Double]
  }

  private let isEnsemble: Bool
  /// M = V diag(values) Vᵀ, the kernel that is inverted.
  private let values: [Double]
  private let rows: Tensor
  private let squares: Tensor
  /// Vᵀ K V, for the ensemble.
  private let nngpInBasis: Tensor?
  private let matrix: Tensor
  private let meanDiagonal: Double
  private let nngpMeanDiagonal: Double
  /// The rows of every group that has more than one.
  let repeats: [[Int]]

  /// - Parameter groups: a number for each row; those with the same one are left out together.
  init(_ kernels: KernelPair, method: Recipe.Method, groups: [Int]) throws {
    isEnsemble = method == .ntk
    guard let nngp = kernels.nngp?.asType(.float64), let own = isEnsemble ? kernels.ntk?.asType(.float64) : nngp else {
      preconditionFailure("a kernel that was not computed")
    }
    matrix = own
    let (values, rows) = try eigenvectorRows(own)
    self.values = values.scalars(as: Double.self)
    self.rows = rows
    squares = square(rows)
    nngpInBasis = isEnsemble ? dotGeneral(matmul(rows, nngp), rows, contracting: ([1], [1])) : nil
    meanDiagonal = own.diagonal().mean().scalar(as: Double.self)
    nngpMeanDiagonal = nngp.diagonal().mean().scalar(as: Double.self)
    repeats = Dictionary(grouping: groups.indices) { groups[$0] }.values.filter { $0.count > 1 }
      .sorted { $0[0] < $1[0] }
  }

  var count: Int { values.count }

  /// What a regularizer adds to the diagonal.
  func shift(of regularizer: DiagonalRegularizer) -> Double {
    switch regularizer {
    case .absolute(let value): value
    case .relative(let value): value * meanDiagonal
    }
  }

  /// The regularizer as a variance of the NNGP: the same part of the mean diagonal.
  func noise(of regularizer: DiagonalRegularizer) -> Double {
    meanDiagonal > 0 ? shift(of: regularizer) * nngpMeanDiagonal / meanDiagonal : 0
  }

  /// - Parameter y: shape (N, columns), float64.
  /// - Throws: `TensorError.notPositiveDefinite` with too little noise for equal rows.
  func residuals(of y: Tensor, _ regularizer: DiagonalRegularizer) throws -> Residuals {
    let shift = shift(of: regularizer)
    if let least = values.first, let most = values.last, least + shift <= 1e-14 * most {
      // Throws, naming the row, as a rule.
      _ = try cholesky(matrix + Tensor.eye(count, dtype: .float64) * shift)
    }
    let inverses = Tensor(values.map { 1 / max($0 + shift, .leastNormalMagnitude) })
    let column = inverses.reshaped([-1, 1])
    // B y and the diagonal of B.
    let weighted = dotGeneral(rows, column * matmul(rows, y), contracting: ([0], [0]))
    let diagonal = matmul(inverses.reshaped([1, -1]), squares).reshaped([-1])
    let noise = isEnsemble ? self.noise(of: regularizer) : 0
    let spread = nngpInBasis.map { column * $0 * inverses }
    let variances: Tensor
    if let spread {
      variances = (matmul(spread, rows) * rows).sum(axis: 0) / square(diagonal) + noise
    } else {
      variances = 1 / diagonal
    }
    var errors = (weighted / diagonal.reshaped([-1, 1])).transposed().scalars(as: Double.self)
    var variance = variances.scalars(as: Double.self)
    let (count, width) = (count, y.shape[1])
    for group in repeats {
      let own = rows.taking(group, axis: 1)
      let inner = try inverse(cholesky: cholesky(dotGeneral(own, column * own, contracting: ([0], [0]))))
      let error = matmul(inner, weighted.taking(group, axis: 0)).scalars(as: Double.self)
      var covariance = inner
      if let spread {
        covariance = matmul(matmul(inner, dotGeneral(own, matmul(spread, own), contracting: ([0], [0]))), inner)
      }
      for (place, (row, value)) in zip(group, covariance.diagonal().scalars(as: Double.self)).enumerated() {
        for output in 0..<width { errors[output * count + row] = error[place * width + output] }
        variance[row] = value + noise
      }
    }
    return Residuals(
      errors: (0..<width).map { Array(errors[$0 * count..<($0 + 1) * count]) },
      variances: variance.map { max($0, .leastNormalMagnitude) })
  }
}

extension Tensor {
  /// The rows and the columns at `positions` of a matrix.
  func submatrix(_ positions: [Int]) -> Tensor {
    taking(positions, axis: 0).taking(positions, axis: 1)
  }
}
