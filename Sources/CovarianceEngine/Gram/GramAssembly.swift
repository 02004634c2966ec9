import Tensors

/// Some rows and columns of the Gram matrices of all outputs, put together tile by tile.
struct GramAssembly {
  private(set) var outputs: [CovarianceBlock] = []
  private let area: GramBlock
  private let isMirrored: Bool
  private let hasSecond: Bool
  private let dtype: DType?

  /// - Parameters:
  ///   - area: what is put together.
  ///   - isMirrored: whether each tile stands for its mirror image, too.
  ///   - hasSecond: whether tiles bring the self-covariances of the columns, all of them together.
  ///   - dtype: that of the whole; nil for the tiles'.
  init(_ area: GramBlock, isMirrored: Bool, hasSecond: Bool, dtype: DType? = nil) {
    (self.area, self.isMirrored, self.hasSecond, self.dtype) = (area, isMirrored, hasSecond, dtype)
  }

  mutating func insert(_ tiles: [CovarianceBlock], _ range: GramBlock) {
    if outputs.isEmpty { outputs = tiles.map(empty) }
    let rows = range.rows.moved(by: -area.rows.lowerBound)
    let columns = range.columns.moved(by: -area.columns.lowerBound)
    let isMirrored = isMirrored && !range.isOnDiagonal
    for (index, tile) in tiles.enumerated() {
      let k12 = tile.k12.asType(outputs[index].k12.dtype)
      outputs[index].k12[rows, columns] = k12
      if isMirrored { outputs[index].k12[columns, rows] = tile.exchanged(k12) }
      if let theta = tile.theta?.asType(k12.dtype) {
        outputs[index].theta?[rows, columns] = theta
        if isMirrored { outputs[index].theta?[columns, rows] = tile.exchanged(theta) }
      }
      insert(tile.k11?.asType(k12.dtype), at: rows, of: area.rows.count, into: &outputs[index].k11)
      insert(tile.mask1, at: rows, of: area.rows.count, into: &outputs[index].mask1)
      insert(tile.mask2, at: columns, of: area.columns.count, into: &outputs[index].mask2)
      if hasSecond {
        insert(tile.k22?.asType(k12.dtype), at: columns, of: area.columns.count, into: &outputs[index].k22)
      }
    }
  }

  /// Memory for the matrices, and nothing yet of what only some tiles bring.
  private func empty(like tile: CovarianceBlock) -> CovarianceBlock {
    func matrix(_ part: Tensor) -> Tensor {
      .unset([area.rows.count, area.columns.count] + part.shape.dropFirst(2), dtype: dtype ?? part.dtype)
    }
    return CovarianceBlock(k12: matrix(tile.k12), theta: tile.theta.map(matrix), layout: tile.layout)
  }

  private func insert(_ part: Tensor?, at range: Range<Int>, of count: Int, into whole: inout Tensor?) {
    guard let part else { return }
    if whole == nil { whole = .unset([count] + part.shape.dropFirst(), dtype: part.dtype) }
    whole?[range] = part
  }
}

extension Tensor {
  /// Memory that is not written to before it is filled, which for a large matrix takes as long as to fill it.
  fileprivate static func unset(_ shape: [Int], dtype: DType) -> Tensor {
    switch dtype {
    case .float32: Tensor(shape: shape, of: Float.self) { _ in }
    case .float64: Tensor(shape: shape, of: Double.self) { _ in }
    case .int32, .bool: .zeros(shape, dtype: dtype)
    }
  }
}

extension Range<Int> {
  fileprivate func moved(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}
