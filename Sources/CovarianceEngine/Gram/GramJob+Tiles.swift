import Tensors

extension GramJob {
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
