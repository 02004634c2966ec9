import NeuralTangents
import Testing

/// A matrix that is not in memory as far as solvers know, and that may fail.
private struct ReadMatrix: TiledMatrix {
  let matrix: Tensor
  let tileSize: Int
  var broken: Int?

  struct Failure: Error, CustomStringConvertible {
    var description: String { "tile is gone" }
  }

  var count: Int { matrix.shape[0] }
  var dtype: DType { matrix.dtype }

  func tile(row: Int, column: Int) throws -> Tensor {
    if row == broken { throw Failure() }
    let end = { min(count, ($0 + 1) * tileSize) }
    return matrix[row * tileSize..<end(row), column * tileSize..<end(column)]
  }
}

/// A Gram matrix as an operator is the matrix, wherever its elements are.
@Suite struct OperatorTests {
  private let network = Serial {
    Dense(8, weightStd: 1.4, biasStd: 0.2)
    Relu()
    Dense(8, weightStd: 1.2, biasStd: 0.1)
    Erf()
    Dense(1)
  }
  private let x = RandomKey(seed: 3).normal([2100, 9], dtype: .float64)
  private let vectors = RandomKey(seed: 4).normal([12, 2100], dtype: .float64)
  private let kernel: Kernel

  init() throws {
    kernel = try network.kernel(x)
  }

  /// Forms of a symmetric matrix, with what rounding their elements may change.
  private func forms(_ matrix: Tensor) throws -> [(name: String, tiles: any TiledMatrix, error: Double)] {
    let job = try GramJob(network, x, options: KernelOptions(tileSize: 512))
    return [
      ("dense", try DenseMatrix(matrix), 1e-12),
      ("dense float32", try DenseMatrix(matrix.asType(.float32)), 2e-6),
      ("packed float64", try PackedMatrix(matrix, tileSize: 300, dtype: .float64), 1e-12),
      ("packed float32", try PackedMatrix(matrix, tileSize: 1000), 2e-6),
      ("packed job", try #require(try PackedMatrix.kernels(job, .all).ntk), 1e-12),
      ("computed", try ComputedMatrix(network, x, kernel: .ntk), 1e-12),
      ("read", ReadMatrix(matrix: matrix, tileSize: 77), 1e-12),
      ("read float32", ReadMatrix(matrix: matrix.asType(.float32), tileSize: 2500), 2e-6),
    ]
  }

  @Test("products, rows and the diagonal are those of the matrix, from memory, from tiles and computed")
  func products() throws {
    let matrix = try #require(kernel.ntk)
    let expected = matmul(vectors, matrix)
    let size = abs(expected).max().scalar(as: Double.self)
    let rows = [5, 2099, 0, 1024, 77, 76]
    for (name, tiles, error) in try forms(matrix) {
      let form = GramOperator(tiles)
      #expect(largestError(try form.multiply(vectors), expected, relativeTo: size) < error, "\(name)")
      #expect(
        largestError(try form.rows(rows), matrix.taking(rows, axis: 0), relativeTo: 10) < error, "rows of \(name)")
      #expect(largestError(try form.diagonal(), matrix.diagonal(), relativeTo: 10) < error, "diagonal of \(name)")
    }
  }

  @Test("products of float32 tiles are sums in float64")
  func accumulation() throws {
    let rounded = kernel.nngp.asType(.float32)
    let expected = matmul(vectors, rounded.asType(.float64))
    let found = try GramOperator(PackedMatrix(rounded, tileSize: 512)).multiply(vectors)
    #expect(largestError(found, expected, relativeTo: abs(expected).max().scalar(as: Double.self)) < 1e-13)
  }

  @Test("products do not depend on the number of threads in a single bit")
  func threads() throws {
    for (name, tiles, _) in try forms(kernel.nngp) where name != "packed job" && name != "computed" {
      let results = try [1, 2, 5].map { threads in
        try Threads.withLimit(threads) { try GramOperator(tiles).multiply(vectors) }
      }
      #expect(sameBits(results[0], results[1]) && sameBits(results[0], results[2]), "\(name)")
    }
  }

  @Test("tiles of a job are parts of its kernel to the last bit")
  func tiles() throws {
    let job = try GramJob(network, x, options: KernelOptions(tileSize: 512))
    let whole = try job.run()
    let tile = try job.tile(rows: 512..<1024, columns: 1024..<1536)
    #expect(sameBits(tile.nngp, whole.nngp[512..<1024, 1024..<1536]))
    let theta = try #require(whole.ntk)
    var count = 0
    try job.forEachTile { tile in
      count += 1
      #expect(sameBits(tile.ntk, theta[tile.rows, tile.columns]))
    }
    #expect(count == job.tileCount)
  }

  @Test("a tile that cannot be read is an error that names the kernel")
  func failure() throws {
    let matrix = ReadMatrix(matrix: kernel.nngp, tileSize: 512, broken: 2)
    let error = #expect(throws: PredictionError.self) {
      try GaussianProcess(kTrainTrain: matrix, yTrain: vectors.transposed(), regularizer: 0.1, solver: .iterative)
    }
    #expect(error?.description == "kTrainTrain: tile is gone")
  }
}
