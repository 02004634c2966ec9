/// A tile's rows and columns in the Gram matrix.
struct GramBlock: Sendable, Hashable {
  let rows: Range<Int>
  let columns: Range<Int>

  /// Whether it holds, of a symmetric matrix, as much of what is above the diagonal as of what is below.
  var isOnDiagonal: Bool { rows == columns }
  var entryCount: Int { rows.count * columns.count }
  var mirrored: GramBlock { GramBlock(rows: columns, columns: rows) }

  /// The blocks of a matrix, row after row; of a symmetric one those on and above the diagonal.
  static func tiles(rows: Int, columns: Int, size: Int, isSymmetric: Bool) -> [GramBlock] {
    GramBlock(rows: 0..<rows, columns: 0..<columns).blocks(size: size, isSymmetric: isSymmetric)
  }

  /// The blocks of at most `size` rows and columns that it is made of, row after row; of a symmetric one those on and above
  /// the diagonal.
  func blocks(size: Int, isSymmetric: Bool) -> [GramBlock] {
    func ranges(_ range: Range<Int>) -> [Range<Int>] {
      stride(from: range.lowerBound, to: range.upperBound, by: size).map { $0..<min($0 + size, range.upperBound) }
    }
    let all = ranges(columns)
    return ranges(rows).flatMap { rows in
      all.filter { !isSymmetric || $0.lowerBound >= rows.lowerBound }.map { GramBlock(rows: rows, columns: $0) }
    }
  }

  /// How many tiles of a grid of `size` a range is made of.
  static func tileCount(_ range: GramBlock, size: Int) -> Int {
    ((range.rows.count + size - 1) / size) * ((range.columns.count + size - 1) / size)
  }
}
