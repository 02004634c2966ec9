import CovarianceEngine
import Synchronization
import Tensors

/// A tiled matrix as an operator: every product reads each tile once, for all vectors.
///
/// Elements are converted to float64 as they are read and multiplied in float64, however they are stored: with float32 products
/// residuals of iterative solvers stop shrinking at 1e-4 while their recurrences claim to go on. Tiles are shared out among threads
/// in blocks with sums of their own, which are added in a fixed order, so that products do not depend on the number of threads.
public struct GramOperator: SymmetricOperator {
  private let matrix: any TiledMatrix

  /// Groups of tile rows, at most; pairs of groups are what threads share out.
  private static let mostGroups = 16
  /// Bytes that the sums of all pairs of groups may take.
  private static let sumBytes = 1 << 28

  public init(_ matrix: any TiledMatrix) {
    self.matrix = matrix
  }

  public var count: Int { matrix.count }

  public func diagonal() throws -> Tensor {
    if let source = matrix as? any ProductSource { return try source.diagonal() }
    var result = [Double](repeating: 0, count: count)
    for index in 0..<matrix.tilesPerRow where matrix.isHere(row: index, column: index) {
      let range = matrix.range(ofTile: index)
      try matrix.read(row: index, column: index) { tile in
        for place in 0..<range.count { result[range.lowerBound + place] = value(tile, place, place) }
      }
    }
    return Tensor(result)
  }

  private func value(_ tile: TileView, _ row: Int, _ column: Int) -> Double {
    let place = row * tile.stride + column
    return matrix.dtype == .float32
      ? Double(tile.elements.assumingMemoryBound(to: Float.self)[place])
      : tile.elements.assumingMemoryBound(to: Double.self)[place]
  }

  public func rows(_ indices: [Int]) throws -> Tensor {
    if let source = matrix as? any RowSource { return try source.rows(indices) }
    // Places in `indices`, by tile row.
    var wanted: [Int: [Int]] = [:]
    for (place, index) in indices.enumerated() { wanted[index / matrix.tileSize, default: []].append(place) }
    let tiles = (0..<matrix.tilesPerRow).flatMap { row in
      (row..<matrix.tilesPerRow).filter {
        (wanted[row] != nil || wanted[$0] != nil) && matrix.isHere(row: row, column: $0)
      }.map { (row, $0) }
    }
    return try Tensor(shape: [indices.count, count], of: Double.self) { buffer in
      // What is in tiles elsewhere adds nothing.
      if matrix is any PartialTiles { buffer.update(repeating: 0) }
      nonisolated(unsafe) let target = buffer
      try forEach(tiles.count) { [wanted] index in
        let (row, column) = tiles[index]
        let (rows, columns) = (matrix.range(ofTile: row), matrix.range(ofTile: column))
        try matrix.read(row: row, column: column) { tile in
          for place in wanted[row] ?? [] {
            let start = place * count + columns.lowerBound
            for k in 0..<tile.columns { target[start + k] = value(tile, indices[place] - rows.lowerBound, k) }
          }
          guard row != column else { return }
          for place in wanted[column] ?? [] {
            let start = place * count + rows.lowerBound
            for k in 0..<tile.rows { target[start + k] = value(tile, k, indices[place] - columns.lowerBound) }
          }
        }
      }
    }
  }

  /// Calls `body` for every index on all threads, each of which computes on itself alone.
  private func forEach(_ count: Int, _ body: @Sendable (Int) throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    Threads.forEach(count) { index in
      guard failure.withLock({ $0 == nil }) else { return }
      do {
        try Threads.withLimit(1) { try body(index) }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  public func multiply(_ vectors: Tensor) throws -> Tensor {
    precondition(
      vectors.rank == 2 && vectors.shape[1] == count,
      "expected vectors of \(count) elements in rows, found shape \(vectors.shape)")
    if let source = matrix as? any ProductSource { return try source.multiply(vectors) }
    let x = vectors.asType(.float64)
    let groups = groups(vectors: x.shape[0])
    let pairs = groups.indices.flatMap { first in (first..<groups.count).map { (first, $0) } }
    let sums = Mutex([[Tensor]](repeating: [], count: pairs.count))
    try forEach(pairs.count) { index in
      let (first, second) = pairs[index]
      let own = try products(x, rows: groups[first], columns: groups[second], isOnDiagonal: first == second)
      sums.withLock { $0[index] = own }
    }
    let found = sums.withLock { $0 }
    // Of each group in the order of the pairs.
    return concatenate(
      groups.indices.map { group in
        var total: Tensor?
        for (index, pair) in pairs.enumerated() {
          for (side, member) in [pair.0, pair.1].enumerated() where member == group && side < found[index].count {
            total = total.map { $0 + found[index][side] } ?? found[index][side]
          }
        }
        return total ?? Tensor.zeros([x.shape[0], 0], dtype: .float64)
      }, axis: 1)
  }

  /// Ranges of tile rows; they depend on the matrix and the number of vectors only.
  private func groups(vectors: Int) -> [Range<Int>] {
    let tiles = matrix.tilesPerRow
    let affordable = Self.sumBytes / max(1, 8 * vectors * count)
    let groups = max(1, min(tiles, Self.mostGroups, max(4, affordable)))
    return (0..<groups).map { tiles * $0 / groups..<tiles * ($0 + 1) / groups }
  }

  /// What the tiles of some rows and columns add to the products: for those rows, and, unless they are on the diagonal, for those
  /// columns.
  private func products(
    _ x: Tensor, rows: Range<Int>, columns: Range<Int>, isOnDiagonal: Bool
  ) throws -> [Tensor] {
    let vectors = x.shape[0]
    func places(_ tiles: Range<Int>) -> Range<Int> {
      tiles.lowerBound * matrix.tileSize..<min(count, tiles.upperBound * matrix.tileSize)
    }
    let (rowPlaces, columnPlaces) = (places(rows), places(columns))
    var toRows = Tensor.zeros([vectors, rowPlaces.count], dtype: .float64)
    var toColumns = Tensor.zeros([vectors, isOnDiagonal ? 0 : columnPlaces.count], dtype: .float64)
    let input = x.unsafePointer(to: Double.self)
    try toRows.withUnsafeMutableBuffer(of: Double.self) { toRows in
      try toColumns.withUnsafeMutableBuffer(of: Double.self) { toColumns in
        guard let rowSums = toRows.baseAddress else { return }
        let (columnSums, columnStride) =
          isOnDiagonal ? (rowSums, rowPlaces.count) : (toColumns.baseAddress ?? rowSums, columnPlaces.count)
        for row in rows {
          for column in columns where column >= row && matrix.isHere(row: row, column: column) {
            let (own, other) = (matrix.range(ofTile: row), matrix.range(ofTile: column))
            try matrix.read(row: row, column: column) { tile in
              let isSquare = row == column
              func add<Scalar: TensorScalar>(_ type: Scalar.Type) {
                TileProducts.add(
                  tile.elements.assumingMemoryBound(to: type), rows: tile.rows, columns: tile.columns,
                  stride: tile.stride, vectors: vectors, vectorStride: count,
                  columnParts: input + other.lowerBound,
                  toRows: rowSums + (own.lowerBound - rowPlaces.lowerBound), rowsStride: rowPlaces.count,
                  rowParts: isSquare ? nil : input + own.lowerBound,
                  toColumns: isSquare ? nil : columnSums + (other.lowerBound - columnPlaces.lowerBound),
                  columnsStride: columnStride)
              }
              matrix.dtype == .float32 ? add(Float.self) : add(Double.self)
            }
          }
        }
      }
    }
    withExtendedLifetime(x) {}
    return isOnDiagonal ? [toRows] : [toRows, toColumns]
  }
}
