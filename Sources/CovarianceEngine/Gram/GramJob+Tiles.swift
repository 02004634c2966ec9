import Tensors

extension GramJob {
  /// Why nothing can be cut; nil where there are tiles.
  package var obstacle: String? { plan.obstacle }
  /// Estimated floating-point operations of one pair of inputs.
  package var flopsPerPair: Double { plan.computation.executor.flopsPerPair }
  /// Positions of an entry, P…, P…; empty where entries are numbers.
  package var entryShape: [Int] { Array(plan.computation.matrixTypes[0].shape.dropFirst(2)) }

  /// Computes tiles in any order, keeping from one to the next what the executor keeps.
  ///
  /// Tiles lie on the grid of the whole matrix and have the bits that they have in the whole, whoever computes them.
  package final class TileComputation {
    private let plan: GramPlan
    private let state: ExecutorState

    /// - Throws: `NetworkError` when a tile does not fit into memory.
    package init(_ job: GramJob) throws(NetworkError) {
      plan = job.plan
      state = ExecutorState(blockCount: plan.blockCount)
      let (rows, columns) = (min(plan.tileSize, plan.rowCount), min(plan.tileSize, plan.columnCount))
      try plan.computation.requireMemory(
        entries: 2 * Double(rows) * Double(columns), dtype: plan.dtype, rows: rows, columns: columns)
    }

    /// The tile of given rows and columns, which begin at multiples of the tile size; of a symmetric matrix on or above the diagonal.
    ///
    /// - Throws: `NetworkError` when numbers are not finite.
    package func tile(rows: Range<Int>, columns: Range<Int>) throws(NetworkError) -> GramTile {
      precondition(
        rows.lowerBound % plan.tileSize == 0 && columns.lowerBound % plan.tileSize == 0,
        "a tile at \(rows.lowerBound), \(columns.lowerBound) of a grid of \(plan.tileSize)")
      let range = GramBlock(rows: rows, columns: columns)
      let outputs = try plan.outputs(of: range, state)
      return GramTile(range, outputs[0].asType(plan.dtype), isSymmetric: plan.isSymmetric)
    }
  }

  /// Element type of the kernels.
  public var dtype: DType { plan.dtype }

  /// Calls `body` with every tile as it is computed, row after row; of a symmetric matrix those on and above the diagonal.
  ///
  /// - Throws: `NetworkError` when numbers are not finite, and what `body` throws.
  public func forEachTile(_ body: (GramTile) throws -> Void) throws {
    try plan.computation.requireMemory(
      entries: Double(tileSize) * Double(tileSize), dtype: plan.dtype, rows: tileSize, columns: tileSize)
    var run = GramPlan.Run(plan, plan.tiles, isMirrored: isSymmetric)
    while let (range, outputs) = try run.next() {
      try body(GramTile(range, outputs[0].asType(plan.dtype), isSymmetric: isSymmetric))
    }
  }

  /// The tile of some rows and columns, computed here and now, to the last bit what the whole kernel has there.
  ///
  /// - Precondition: both ranges begin at multiples of `tileSize`, and have no more elements.
  /// - Throws: `NetworkError` when numbers are not finite.
  public func tile(rows: Range<Int>, columns: Range<Int>) throws(NetworkError) -> GramTile {
    precondition(
      rows.lowerBound % tileSize == 0 && columns.lowerBound % tileSize == 0 && rows.count <= tileSize
        && columns.count <= tileSize, "expected a tile of the grid of \(tileSize), found \(rows) by \(columns)")
    let range = GramBlock(rows: rows, columns: columns)
    return GramTile(range, try plan.computeAlone(range)[0].asType(plan.dtype), isSymmetric: isSymmetric)
  }
}
