import CovarianceEngine
import Tensors

/// A symmetric matrix in memory, of which only tiles on and above the diagonal are kept: half the memory of a `Tensor`, and in
/// float32 a quarter of what a factorisation in float64 takes.
public struct PackedMatrix: ResidentTiles {
  public let count: Int
  public let tileSize: Int
  public let dtype: DType
  /// Row after row, from the diagonal on.
  private let tiles: [Tensor]

  /// - Parameters:
  ///   - matrix: symmetric, of which the part on and above the diagonal is read; shape (N, N).
  ///   - tileSize: rows and columns of a tile.
  ///   - dtype: of the elements that are kept.
  /// - Throws: `PredictionError.shapeMismatch` for a matrix that is not square.
  public init(_ matrix: Tensor, tileSize: Int = 1024, dtype: DType = .float32) throws(PredictionError) {
    precondition(tileSize > 0, "expected a positive tile size, found \(tileSize)")
    let dense = try DenseMatrix(matrix)
    (count, self.tileSize, self.dtype) = (dense.count, tileSize, dtype)
    let starts = Array(stride(from: 0, to: dense.count, by: tileSize))
    func range(_ start: Int) -> Range<Int> { start..<min(dense.count, start + tileSize) }
    tiles = starts.flatMap { row in
      starts.filter { $0 >= row }.map { matrix[range(row), range($0)].asType(dtype) }
    }
  }

  init(count: Int, tileSize: Int, dtype: DType, tiles: [Tensor]) {
    (self.count, self.tileSize, self.dtype, self.tiles) = (count, tileSize, dtype, tiles)
    precondition(tiles.count == tilesPerRow * (tilesPerRow + 1) / 2, "expected the tiles of half a matrix")
  }

  /// Bytes of half of a matrix.
  static func byteCount(rows: Int, tileSize: Int, dtype: DType) -> Double {
    let (n, tile) = (Double(rows), Double(min(rows, tileSize)))
    return Double(dtype.byteCount) * n * (n + tile) / 2
  }

  private func index(_ row: Int, _ column: Int) -> Int { row * tilesPerRow - row * (row - 1) / 2 + column - row }

  public func tile(row: Int, column: Int) -> Tensor { tiles[index(row, column)] }

  func withTile(row: Int, column: Int, _ body: (TileView) -> Void) {
    let tile = tiles[index(row, column)]
    tile.withElements {
      body(TileView(elements: $0, rows: tile.shape[0], columns: tile.shape[1], stride: tile.shape[1]))
    }
  }
}

extension PackedMatrix {
  /// The kernels of inputs with themselves, packed as they are computed.
  ///
  /// - Parameters:
  ///   - job: of the inputs with themselves; `precision: .float32` in its options halves the memory.
  ///   - kernels: which of them to keep.
  /// - Throws: `NetworkError` of the kernel, `PredictionError.memory` where there is not enough memory for it.
  public static func kernels(
    _ job: GramJob, _ kernels: KernelSet = .all
  ) throws -> (nngp: PackedMatrix?, ntk: PackedMatrix?) {
    precondition(job.isSymmetric, "expected a job of inputs with themselves")
    var (nngp, ntk): ([Tensor], [Tensor]) = ([], [])
    let needed =
      byteCount(rows: job.rowCount, tileSize: job.tileSize, dtype: job.dtype)
      * (kernels == .all ? 2 : 1)
    try MemoryNeed.require(needed, for: "half of a kernel of \(job.rowCount) inputs")
    try job.forEachTile { tile in
      if kernels.contains(.nngp) { nngp.append(tile.nngp) }
      if kernels.contains(.ntk), let theta = tile.ntk { ntk.append(theta) }
    }
    func packed(_ tiles: [Tensor]) -> PackedMatrix? {
      guard let first = tiles.first else { return nil }
      return PackedMatrix(count: job.rowCount, tileSize: job.tileSize, dtype: first.dtype, tiles: tiles)
    }
    return (packed(nngp), packed(ntk))
  }
}
