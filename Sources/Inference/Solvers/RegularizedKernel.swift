import CovarianceEngine
import Tensors

/// Where the elements of a train-train kernel are.
enum KernelSource: Sendable {
  case matrix(Tensor)
  case tiles(any TiledMatrix)

  var count: Int {
    switch self {
    case .matrix(let matrix): matrix.shape[0]
    case .tiles(let tiles): tiles.count
    }
  }

  var dtype: DType {
    switch self {
    case .matrix(let matrix): matrix.dtype
    case .tiles(let tiles): tiles.dtype
    }
  }
}

/// A train-train kernel and the multiple of the identity that is added to it.
struct RegularizedKernel: Sendable {
  /// Not regularized.
  let source: KernelSource
  let regularizer: DiagonalRegularizer
  let shift: Double
  /// What the matrix is called in errors.
  let argument: String

  init(_ matrix: Tensor, regularizer: DiagonalRegularizer, argument: String) throws(PredictionError) {
    try requireFinite(matrix, argument)
    (source, self.argument) = (.matrix(matrix), argument)
    self.regularizer = try regularizer.checked()
    shift = regularizer.shift(of: matrix)
  }

  init(_ tiles: any TiledMatrix, regularizer: DiagonalRegularizer, argument: String) throws(PredictionError) {
    (source, self.argument) = (.tiles(tiles), argument)
    self.regularizer = try regularizer.checked()
    shift = try regularizer.shift(ofDiagonal: { () throws(PredictionError) in
      try reading(argument) { try GramOperator(tiles).diagonal() }
    })
  }

  var count: Int { source.count }

  /// Not regularized.
  var tiles: any TiledMatrix {
    get throws(PredictionError) {
      switch source {
      case .matrix(let matrix): try DenseMatrix(matrix)
      case .tiles(let tiles): tiles
      }
    }
  }

  /// The whole matrix in memory, not regularized.
  ///
  /// - Throws: `PredictionError.memory` where tiles do not fit in there.
  func matrix() throws(PredictionError) -> Tensor {
    switch source {
    case .matrix(let matrix): matrix
    case .tiles(let tiles): try assembled(tiles, dtype: .float64)
    }
  }

  /// The whole matrix in memory, regularized.
  func shifted(dtype: DType? = nil) throws(PredictionError) -> Tensor {
    switch source {
    case .matrix(let matrix):
      addingToDiagonal(matrix.asType(dtype ?? matrix.dtype), shift)
    case .tiles(let tiles):
      addingToDiagonal(try assembled(tiles, dtype: dtype ?? .float64), shift)
    }
  }

  private func assembled(_ tiles: any TiledMatrix, dtype: DType) throws(PredictionError) -> Tensor {
    let count = tiles.count
    try MemoryNeed.require(
      Double(dtype.byteCount) * Double(count) * Double(count), for: "\(argument) of \(count) rows as a whole")
    return try reading(argument) {
      func assemble<Scalar: TensorScalar & BinaryFloatingPoint>(_ type: Scalar.Type) throws -> Tensor {
        try Tensor(shape: [count, count], of: type) { buffer in
          for row in 0..<tiles.tilesPerRow {
            for column in row..<tiles.tilesPerRow {
              let tile = try tiles.tile(row: row, column: column).asType(Scalar.dtype)
              let (i, j) = (row * tiles.tileSize, column * tiles.tileSize)
              let (height, width) = (tile.shape[0], tile.shape[1])
              tile.withUnsafeBuffer(of: type) { tile in
                for a in 0..<height {
                  for b in 0..<width { buffer[(i + a) * count + j + b] = tile[a * width + b] }
                }
                guard row != column else { return }
                for b in 0..<width {
                  for a in 0..<height { buffer[(j + b) * count + i + a] = tile[a * width + b] }
                }
              }
            }
          }
        }
      }
      return dtype == .float32 ? try assemble(Float.self) : try assemble(Double.self)
    }
  }

  func notPositiveDefinite(pivot: Int) -> PredictionError {
    .notPositiveDefinite(argument: argument, pivot: pivot, size: count, regularizer: regularizer)
  }

  /// What an error of a factorisation says of the kernel.
  func meaning(of error: TensorError) -> PredictionError {
    if case .notPositiveDefinite(let pivot, _) = error { return notPositiveDefinite(pivot: pivot) }
    return .linearAlgebra(argument: argument, error)
  }

  /// M̃ = V diag(values) Vᵀ. The shift moves eigenvalues only, and adding it afterwards loses nothing.
  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    if let selfFactoring {
      let (values, rows) = try reading(argument) { try selfFactoring.eigenvectorRows() }
      return Eigenbasis(values: values.map { $0 + shift }, rows: rows)
    }
    let matrix = try matrix()
    let (values, rows) = try onBehalf(of: argument) { () throws(TensorError) in try eigenvectorRows(matrix) }
    return Eigenbasis(values: values.asType(.float64).scalars(as: Double.self).map { $0 + shift }, rows: rows)
  }
}

/// Runs what reads a matrix from wherever it is, so that its errors name it.
func reading<Result>(_ argument: String, _ body: () throws -> Result) throws(PredictionError) -> Result {
  do {
    return try body()
  } catch let error as PredictionError {
    throw error
  } catch let error as TensorError {
    throw .linearAlgebra(argument: argument, error)
  } catch {
    throw .storage(argument: argument, reason: "\(error)")
  }
}
