import Clusters
import CovarianceEngine
import Platform
import Tensors

/// What a process of a cluster does for its team. All processes call the same functions in the same order: the one that leads with
/// numbers, which the others receive.
final class ClusterPart: @unchecked Sendable {
  // One thread of a process at a time works for its team: the one with the team's lock, or the only one.
  let cluster: any Cluster
  private let source: (Int) throws -> any TiledMatrix
  private var matrices: [Int: any TiledMatrix] = [:]
  private var held: [Int: HeldTiles] = [:]
  private var factors: [FactorKey: (dealt: Dealt, users: Int)] = [:]

  /// Which factor: of which matrix, with what on its diagonal.
  struct FactorKey: Hashable {
    let id: Int
    let shift: Double
  }

  /// ScaLAPACK wants right-hand sides in blocks as large as those of the factor.
  private struct Dealt {
    let matrix: DealtMatrix
    let block: Int
  }

  init(_ cluster: any Cluster, source: @escaping (Int) throws -> any TiledMatrix) {
    (self.cluster, self.source) = (cluster, source)
  }

  // MARK: - Failures

  /// Runs what may fail in some processes: either none of them goes on, or all.
  private func together<Result>(_ body: () throws -> Result) throws -> Result {
    var flags = [Double](repeating: 0, count: cluster.count)
    let result = Swift.Result { try body() }
    var text: [UInt8] = []
    if case .failure(let error) = result {
      flags[cluster.rank] = 1
      text = Array("\(error)".utf8.prefix(Self.longestText))
    }
    try cluster.sum(&flags)
    guard let first = flags.firstIndex(where: { $0 > 0 }) else { return try result.get() }
    // What the first of them says.
    var bytes = [Double](repeating: 0, count: Self.longestText)
    if first == cluster.rank { for (place, byte) in text.enumerated() { bytes[place] = Double(byte) } }
    try cluster.sum(&bytes)
    if case .failure(let error) = result, first == cluster.rank, cluster.leads { throw error }
    let reason = String(decoding: bytes.prefix { $0 > 0 }.map { UInt8($0) }, as: UTF8.self)
    throw ClusterFailure(rank: first, reason: reason)
  }

  private static let longestText = 1000

  // MARK: - Tiles

  private func matrix(_ id: Int) throws -> any TiledMatrix {
    if let known = matrices[id] { return known }
    let matrix = try source(id)
    matrices[id] = matrix
    return matrix
  }

  /// This process's tiles, which it reads when they are first asked for.
  private func tiles(_ id: Int) throws -> HeldTiles {
    if let known = held[id] { return known }
    let own = try together { try HeldTiles(matrix(id), rank: cluster.rank, of: cluster.count) }
    held[id] = own
    return own
  }

  /// Of tiles that nobody need hold for that.
  func diagonal(_ id: Int) throws -> Tensor {
    var numbers = try together {
      let matrix = try matrix(id)
      var numbers = [Double](repeating: 0, count: matrix.count)
      for index in stride(from: cluster.rank, to: matrix.tilesPerRow, by: cluster.count) {
        let own = try matrix.tile(row: index, column: index).diagonal().asType(.float64).scalars(as: Double.self)
        numbers.replaceSubrange(matrix.range(ofTile: index), with: own)
      }
      return numbers
    }
    try cluster.sum(&numbers)
    return Tensor(numbers)
  }

  /// - Parameters:
  ///   - vectors: in rows; nil but in the process that leads.
  ///   - rows: how many.
  func multiply(_ id: Int, _ vectors: Tensor?, rows: Int) throws -> Tensor {
    let tiles = try tiles(id)
    let shape = [rows, tiles.count]
    let input = try received(vectors, shape)
    var result = try GramOperator(tiles).multiply(input).scalars(as: Double.self)
    try cluster.sum(&result)
    return Tensor(result, shape: shape)
  }

  func rows(_ id: Int, _ indices: [Int]?, count: Int) throws -> Tensor {
    let tiles = try tiles(id)
    var indices = indices ?? [Int](repeating: 0, count: count)
    try cluster.broadcast(&indices)
    var result = try GramOperator(tiles).rows(indices).scalars(as: Double.self)
    try cluster.sum(&result)
    return Tensor(result, shape: [count, tiles.count])
  }

  private func received(_ numbers: Tensor?, _ shape: [Int]) throws -> Tensor {
    var elements = numbers?.asType(.float64).scalars(as: Double.self) ?? [Double](repeating: 0, count: shape.product)
    try cluster.broadcast(&elements)
    return Tensor(elements, shape: shape)
  }

  // MARK: - Factors

  /// Rows and columns of a block: a divisor of the tile, small enough that no process is without work.
  private func block(_ matrix: any TiledMatrix) -> Int {
    let most = max(1, min(256, matrix.count / cluster.count))
    return (1...min(most, matrix.tileSize)).last { matrix.tileSize.isMultiple(of: $0) } ?? 1
  }

  private func dealt(_ rows: Int, _ columns: Int, block: Int) throws -> Dealt {
    try everywhere {
      guard let result = try cluster.dealtMatrix(rows: rows, columns: columns, block: block) else {
        throw ClusterError("factor a matrix", reason: "this cluster has no ScaLAPACK")
      }
      return Dealt(matrix: result, block: block)
    }
  }

  /// Runs what fails in all processes where it fails in one.
  private func everywhere<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as ClusterError {
      throw ClusterFailure(rank: nil, reason: error.description)
    }
  }

  /// K + shift · I, dealt out: every process reads the tiles that have elements of its part.
  ///
  /// - Parameter isWhole: otherwise what is above the diagonal may be zero.
  private func dealt(_ id: Int, shift: Double, isWhole: Bool) throws -> Dealt {
    let matrix = try together { try self.matrix(id) }
    let result = try dealt(matrix.count, matrix.count, block: block(matrix))
    try together {
      try result.matrix.withElements { elements, rows, columns in
        let (size, height) = (matrix.tileSize, rows.count)
        // Places in this process's part, by the tile that they are in.
        let (rowsOf, columnsOf) = (Self.places(rows, size), Self.places(columns, size))
        for i in 0..<matrix.tilesPerRow {
          for j in i..<matrix.tilesPerRow {
            let below = (rowsOf[j] ?? [], columnsOf[i] ?? [])
            let above = isWhole && i != j ? (rowsOf[i] ?? [], columnsOf[j] ?? []) : ([], [])
            guard !(below.0.isEmpty || below.1.isEmpty) || !(above.0.isEmpty || above.1.isEmpty) else { continue }
            let tile = try matrix.tile(row: i, column: j).asType(.float64)
            let width = tile.shape[1]
            tile.withUnsafeBuffer(of: Double.self) { tile in
              for column in below.1 {
                let from = (columns[column] - i * size) * width - j * size
                for row in below.0 { elements[column * height + row] = tile[from + rows[row]] }
              }
              for column in above.1 {
                let from = columns[column] - j * size
                for row in above.0 { elements[column * height + row] = tile[(rows[row] - i * size) * width + from] }
              }
            }
          }
        }
        let diagonal = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
        for (place, column) in columns.enumerated() {
          if let row = diagonal[column] { elements[place * height + row] += shift }
        }
      }
    }
    return result
  }

  private static func places(_ indices: [Int], _ size: Int) -> [Int: [Int]] {
    Dictionary(grouping: indices.indices) { indices[$0] / size }
  }

  /// L of K + shift · I, kept until whoever asked for it releases it.
  ///
  /// - Returns: nil, or the first row at which that is not positive definite.
  func factor(_ key: FactorKey) throws -> Int? {
    if factors[key] != nil {
      factors[key]?.users += 1
      return nil
    }
    let dealt = try dealt(key.id, shift: key.shift, isWhole: false)
    let pivot = try everywhere { try dealt.matrix.factor() }
    if pivot == nil { factors[key] = (dealt, 1) }
    return pivot
  }

  func release(_ key: FactorKey) {
    factors[key]?.users -= 1
    if factors[key]?.users == 0 { factors[key] = nil }
  }

  private func known(_ key: FactorKey) -> Dealt {
    guard let factor = factors[key] else { preconditionFailure("matrix \(key.id) has not been factored") }
    return factor.dealt
  }

  /// A⁻¹ b for b of shape (rows, columns), or with `half` L⁻¹ b.
  func solve(_ key: FactorKey, _ b: Tensor?, columns: Int, half: Bool) throws -> Tensor {
    let factor = known(key)
    let shape = [factor.matrix.rows, columns]
    let input = try received(b, shape)
    let dealt = try dealt(shape[0], columns, block: factor.block).matrix
    dealt.withElements { elements, rows, own in
      input.withUnsafeBuffer(of: Double.self) { input in
        for (j, column) in own.enumerated() {
          for (i, row) in rows.enumerated() { elements[j * rows.count + i] = input[row * columns + column] }
        }
      }
    }
    try everywhere { try factor.matrix.solve(dealt, half: half) }
    var result = [Double](repeating: 0, count: shape.product)
    dealt.withElements { elements, rows, own in
      for (j, column) in own.enumerated() {
        for (i, row) in rows.enumerated() { result[row * columns + column] = elements[j * rows.count + i] }
      }
    }
    try cluster.sum(&result)
    return Tensor(result, shape: shape)
  }

  /// Σ log of the squares of the diagonal of L.
  func logDeterminant(_ key: FactorKey) throws -> Double {
    var sum = known(key).matrix.withElements { elements, rows, columns in
      let places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
      var sum = 0.0
      for (j, column) in columns.enumerated() {
        if let i = places[column] { sum += 2 * log(elements[j * rows.count + i]) }
      }
      return [sum]
    }
    try cluster.sum(&sum)
    return sum[0]
  }

  /// The diagonal of A⁻¹: squares of the columns of L⁻¹, some columns at a time.
  func inverseDiagonal(_ key: FactorKey) throws -> Tensor {
    let factor = known(key)
    let count = factor.matrix.rows
    var sums = [Double](repeating: 0, count: count)
    let width = 256
    for first in stride(from: 0, to: count, by: width) {
      let identity = try dealt(count, min(width, count - first), block: factor.block).matrix
      identity.withElements { elements, rows, own in
        for (j, column) in own.enumerated() {
          for (i, row) in rows.enumerated() where row == first + column { elements[j * rows.count + i] = 1 }
        }
      }
      try everywhere { try factor.matrix.solve(identity, half: true) }
      identity.withElements { elements, rows, own in
        for (j, column) in own.enumerated() {
          for i in rows.indices {
            let value = elements[j * rows.count + i]
            sums[first + column] += value * value
          }
        }
      }
    }
    try cluster.sum(&sums)
    return Tensor(sums)
  }

  /// Eigenvalues of K, ascending, and in the process that leads eigenvectors in rows.
  func eigenbasis(_ id: Int) throws -> (values: [Double], rows: Tensor?) {
    let count = try together {
      let count = try matrix(id).count
      guard cluster.leads else { return count }
      try MemoryNeed.require(8 * Double(count) * Double(count), for: "the eigenvectors of \(count) rows as a whole")
      return count
    }
    let dealt = try dealt(id, shift: 0, isWhole: true)
    let vectors = try self.dealt(count, count, block: dealt.block).matrix
    let values = try everywhere { try dealt.matrix.eigenvalues(vectors) }
    var parts: [Tensor] = []
    let width = 64
    for first in stride(from: 0, to: count, by: width) {
      let own = first..<min(count, first + width)
      var part = [Double](repeating: 0, count: own.count * count)
      vectors.withElements { elements, rows, columns in
        for (j, column) in columns.enumerated() where own.contains(column) {
          for (i, row) in rows.enumerated() { part[(column - first) * count + row] = elements[j * rows.count + i] }
        }
      }
      try cluster.sum(&part)
      if cluster.leads { parts.append(Tensor(part, shape: [own.count, count])) }
    }
    return (values, cluster.leads ? concatenate(parts) : nil)
  }
}

/// What went wrong in a process of a cluster, and is known to all of them.
struct ClusterFailure: Error, CustomStringConvertible {
  /// Nil where it went wrong in all.
  let rank: Int?
  let reason: String

  var description: String { rank.map { "process \($0): \(reason)" } ?? reason }
}
