import Platform
import Synchronization
import Tensors

/// Runs a fused plan over tiles of the Gram matrix on all cores.
///
/// A tile of x1·x2ᵀ comes from BLAS; then every row of it runs through the whole plan while it is in the L1 cache. Tiles
/// lie on a fixed grid, so the numbers depend neither on the thread count nor on who computes which tile. When both data
/// sets are one, only tiles on and above the diagonal are computed, and the diagonal comes from the self-covariances.
struct RowRun<Scalar: LoopScalar>: Sendable {
  let plan: RowPlan
  let inputs: [ProgramInput]
  let tangent: Tangent
  let isSymmetric: Bool
  let n1: Int
  let n2: Int
  let self1: SelfCovariances<Scalar>
  let self2: SelfCovariances<Scalar>
  /// Those of the outputs, in float64: they are the largest entries of a kernel, and rounding them in every layer would
  /// be its largest error.
  let exact1: SelfCovariances<Double>?
  /// nil where nobody asks for them.
  private let exact2: SelfCovariances<Double>?
  /// Where the first entry is in the Gram matrix.
  let origin: (row: Int, column: Int)

  /// Rows and columns of a tile: large enough for BLAS to reach its full speed, small enough for K and Θ to stay in a
  /// second-level cache together.
  static var tileSize: Int { 256 }

  init(_ plan: RowPlan, _ block: BlockRequest, tangent: Tangent) throws(NetworkError) {
    let inputs = block.inputs
    self.plan = plan
    self.inputs = inputs
    self.tangent = tangent
    origin = (block.rows.lowerBound, block.columns.lowerBound)
    let isSymmetric = inputs.allSatisfy(\.isSymmetric)
    self.isSymmetric = isSymmetric
    (n1, n2) = inputs[0].counts
    let variances1 = inputs.map { $0.variances(of: .first) }
    let variances2 = isSymmetric ? variances1 : inputs.map { $0.variances(of: .second) }
    let thetas = inputs.map { isSymmetric ? $0.selfThetas : nil }
    self1 = try SelfCovariances(plan, count: n1, variances: variances1, thetas: thetas)
    let wanted = block.selfCovariances
    exact1 =
      isSymmetric || wanted.contains(.first)
      ? try SelfCovariances(plan, count: n1, variances: variances1, thetas: thetas) : nil
    if isSymmetric {
      (self2, exact2) = (self1, exact1)
    } else {
      let none = inputs.map { _ in nil as Tensor? }
      self2 = try SelfCovariances(plan, count: n2, variances: variances2, thetas: none)
      exact2 =
        wanted.contains(.second) ? try SelfCovariances(plan, count: n2, variances: variances2, thetas: none) : nil
    }
  }

  func run() throws(NetworkError) -> [CovarianceBlock] {
    let results = plan.outputs.map { _ in RowResult<Scalar>(n1: n1, n2: n2, tangent: tangent) }
    let tiles = tiles()
    let failure = Mutex<NetworkError?>(nil)
    Threads.forEachWorker(tiles.count) { next in
      let worker = RowInterpreter(self, results)
      while let index = next() {
        if failure.withLock({ $0 != nil }) { break }
        do throws(NetworkError) {
          try worker.compute(tiles[index])
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return results.enumerated().map { index, result in
      CovarianceBlock(
        k12: result.k12, theta: result.theta,
        k11: exact1.map { Tensor(copying: $0.outputVariances(index), shape: [n1]).asType(Scalar.dtype) },
        k22: isSymmetric
          ? nil : exact2.map { Tensor(copying: $0.outputVariances(index), shape: [n2]).asType(Scalar.dtype) })
    }
  }

  /// The tiles to compute, those on the diagonal, which are less work, last: so threads finish together.
  private func tiles() -> [Tile] {
    let tiles = stride(from: 0, to: n1, by: Self.tileSize).flatMap { row in
      stride(from: isSymmetric ? row : 0, to: n2, by: Self.tileSize).map { column in
        Tile(
          row: row, column: column, rowCount: min(Self.tileSize, n1 - row),
          columnCount: min(Self.tileSize, n2 - column), isOnDiagonal: isSymmetric && row == column)
      }
    }
    return tiles.filter { !$0.isOnDiagonal } + tiles.filter { $0.isOnDiagonal }
  }
}

/// One tile of the Gram matrix.
struct Tile: Sendable {
  let row: Int
  let column: Int
  let rowCount: Int
  let columnCount: Int
  /// Whether it lies on the diagonal of a symmetric matrix; then only what is on and above that is computed.
  let isOnDiagonal: Bool
}

/// The matrices of one output. Threads write to disjoint tiles of them.
final class RowResult<Scalar: LoopScalar>: @unchecked Sendable {
  let k12: Tensor
  let theta: Tensor?
  let k: UnsafeMutablePointer<Scalar>
  let thetaPointer: UnsafeMutablePointer<Scalar>?

  init(n1: Int, n2: Int, tangent: Tangent) {
    (k12, k) = Self.matrix(n1, n2)
    let theta = tangent == .absent ? nil : Self.matrix(n1, n2)
    self.theta = theta?.0
    thetaPointer = theta?.1
  }

  private static func matrix(_ n1: Int, _ n2: Int) -> (Tensor, UnsafeMutablePointer<Scalar>) {
    var pointer: UnsafeMutablePointer<Scalar>?
    let tensor = Tensor(shape: [n1, n2], of: Scalar.self) { pointer = $0.baseAddress }
    guard let pointer else { preconditionFailure("a matrix without memory") }
    return (tensor, pointer)
  }
}

extension ProgramInput {
  /// Variances of the inputs of one of the data sets in float64, shape (N).
  func variances(of dataSet: DataSet) -> Tensor {
    switch self {
    case .data(let data):
      let x = dataSet == .second ? data.x2 ?? data.x1 : data.x1
      return x.dtype == .float32 ? Self.meanSquares(of: x, Float.self) : Self.meanSquares(of: x, Double.self)
    case .kernel(let kernel): return (dataSet == .second ? kernel.cov2 ?? kernel.cov1 : kernel.cov1).asType(.float64)
    }
  }

  private static func meanSquares<Scalar: LoopScalar>(of x: Tensor, _ type: Scalar.Type) -> Tensor {
    let channels = x.shape[1]
    nonisolated(unsafe) let source = x.unsafePointer(to: Scalar.self)
    return Tensor(shape: [x.shape[0]], of: Double.self) { variances in
      nonisolated(unsafe) let target = variances
      Threads.forEachRange(variances.count, grain: 1 + 65536 / channels) { rows in
        for row in rows { target[row] = Scalar.sumOfSquares(channels, source + row * channels) / Double(channels) }
      }
    }
  }

  /// Θ of every input with itself, shape (N); nil when there is none yet.
  var selfThetas: Tensor? {
    guard case .kernel(let kernel) = self else { return nil }
    return kernel.ntk?.diagonal()
  }
}
