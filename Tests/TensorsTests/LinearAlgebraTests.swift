import Foundation
import Tensors
import Testing

@Suite("Linear algebra")
struct LinearAlgebraTests {
  typealias Naive = NaiveLinearAlgebra

  static func tolerance(_ dtype: DType, _ size: Int) -> Double { (dtype == .float32 ? 4e-6 : 1e-14) * Double(size + 4) }

  static let cases: [(size: Int, batch: [Int])] = [
    (0, []), (1, []), (2, []), (5, []), (70, []), (6, [3]), (9, [2, 7]), (4, [0]),
  ]

  @Test(
    "the Cholesky factor is lower triangular and reproduces the matrix", arguments: cases.indices,
    [DType.float32, .float64])
  func choleskyReconstructs(_ index: Int, _ dtype: DType) throws {
    let (size, batch) = Self.cases[index]
    var random = Naive(seed: UInt64(index))
    let a = random.positiveDefinite(size, batch: batch, dtype)
    let factor = try cholesky(a)
    #expect(factor.shape == a.shape && factor.dtype == dtype)
    for (l, matrix) in zip(factor.matrices, a.matrices) {
      #expect(Naive.largestDifference(Naive.product(l, Naive.transpose(l)), matrix) <= Self.tolerance(dtype, size))
      for row in 0..<size {
        #expect(l[row][row] > 0)
        for column in row + 1..<max(size, row + 1) { #expect(l[row][column] == 0) }
      }
    }
  }

  @Test("the upper triangle is not read")
  func choleskyReadsLowerTriangle() throws {
    let factor = try cholesky(Tensor(rows: [[4, .nan], [2, 5]] as [[Double]]))
    #expect(factor.doubles == [2, 0, 1, 2])
  }

  @Test(
    "a matrix that is not positive definite is refused at its first bad pivot", arguments: [DType.float32, .float64])
  func notPositiveDefinite(_ dtype: DType) throws {
    var random = Naive(seed: 3)
    for bad in [0, 1, 40, 149] {
      var rows = random.positiveDefinite(150, dtype).matrices[0]
      rows[bad][bad] = -1
      let a = Naive.tensor(rows.flatMap { $0 }, [150, 150], dtype)
      #expect(throws: TensorError.notPositiveDefinite(pivot: bad, size: 150)) { try cholesky(a) }
    }
    let semidefinite = Naive.tensor([1, 1, 1, 1], [2, 2], dtype)
    #expect(throws: TensorError.notPositiveDefinite(pivot: 1, size: 2)) { try cholesky(semidefinite) }
    let stack = Naive.tensor([1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1], [3, 2, 2], dtype)
    #expect(throws: TensorError.notPositiveDefinite(pivot: 1, size: 2)) { try cholesky(stack) }
  }

  @Test("NaN and infinity are refused with their position", arguments: [Double.nan, .infinity, -.infinity])
  func notFinite(_ value: Double) throws {
    var values = [Double](repeating: 0, count: 2 * 9)
    for index in 0..<18 where index % 9 % 4 == 0 { values[index] = 1 }
    values[9 + 7] = value
    for dtype in [DType.float32, .float64] {
      let a = Naive.tensor(values, [2, 3, 3], dtype)
      #expect(throws: TensorError.notFinite(context: "cholesky", index: [1, 2, 1])) { try cholesky(a) }
      #expect(throws: TensorError.notFinite(context: "eigh", index: [1, 2, 1])) { try eigh(a) }
      #expect(throws: TensorError.notFinite(context: "svd", index: [1, 2, 1])) { try svd(a) }
      #expect(throws: TensorError.notFinite(context: "solve", index: [1, 2, 1])) { try solve(a, a) }
    }
  }

  @Test("overflow inside the factorisation is not mistaken for success")
  func overflow() throws {
    let a = Tensor(rows: [[1e-300, 1e200], [1e200, 1]] as [[Double]])
    #expect(throws: TensorError.notPositiveDefinite(pivot: 1, size: 2)) { try cholesky(a) }
  }

  @Test(
    "triangularSolve inverts multiplication in all its variants", arguments: [true, false],
    [DType.float32, .float64])
  func triangularSolveInverts(_ lower: Bool, _ dtype: DType) throws {
    var random = Naive(seed: 4)
    for batch in [[], [5]] as [[Int]] {
      let size = 6
      var values = random.tensor(batch + [size, size], dtype).doubles
      for index in values.indices where index % (size * size) % (size + 1) == 0 { values[index] += 3 }
      let a = Naive.tensor(values, batch + [size, size], dtype)
      for transpose in [false, true] {
        for unitDiagonal in [false, true] {
          for side in [MatrixSide.left, .right] {
            let b = random.tensor(batch + (side == .left ? [size, 4] : [4, size]), dtype)
            let x = try triangularSolve(
              a, b, lower: lower, transpose: transpose, unitDiagonal: unitDiagonal, side: side)
            for ((matrix, b), x) in zip(zip(a.matrices, b.matrices), x.matrices) {
              var triangle = matrix
              for row in 0..<size {
                for column in 0..<size where lower ? column > row : column < row { triangle[row][column] = 0 }
                if unitDiagonal { triangle[row][row] = 1 }
              }
              if transpose { triangle = Naive.transpose(triangle) }
              let product = side == .left ? Naive.product(triangle, x) : Naive.product(x, triangle)
              #expect(Naive.largestDifference(product, b) < (dtype == .float32 ? 1e-4 : 1e-12))
            }
          }
        }
      }
    }
  }

  @Test("one triangular matrix serves right-hand sides with any leading axes, and vectors")
  func triangularSolveBroadcasts() throws {
    var random = Naive(seed: 5)
    let factor = try cholesky(random.positiveDefinite(5))
    let left = random.tensor([3, 2, 5, 4])
    let solved = try triangularSolve(factor, left)
    let right = random.tensor([3, 2, 4, 5])
    let solvedRight = try triangularSolve(factor, right, side: .right)
    for index in 0..<6 {
      #expect(
        Naive.largestDifference(Naive.product(factor.matrices[0], solved.matrices[index]), left.matrices[index]) < 1e-12
      )
      #expect(
        Naive.largestDifference(Naive.product(solvedRight.matrices[index], factor.matrices[0]), right.matrices[index])
          < 1e-12)
    }
    let vector = random.tensor([5])
    let x = try triangularSolve(factor, vector)
    #expect(x.shape == [5])
    #expect(
      Naive.largestDifference(Naive.product(factor.matrices[0], x.doubles.map { [$0] }), vector.doubles.map { [$0] })
        < 1e-12)
  }

  @Test("a zero on the diagonal is singular")
  func singularTriangle() throws {
    let a = Tensor(rows: [[1, 0], [5, 0]] as [[Double]])
    #expect(throws: TensorError.singular(pivot: 1, size: 2)) { try triangularSolve(a, Tensor([1, 1] as [Double])) }
    #expect(try triangularSolve(a, Tensor([1, 7] as [Double]), unitDiagonal: true).doubles == [1, 2])
    #expect(throws: TensorError.singular(pivot: 1, size: 2)) {
      try solve(Tensor(rows: [[1, 2], [2, 4]] as [[Double]]), Tensor([1, 1] as [Double]))
    }
  }

  @Test("solve, choleskySolve and the inverse undo the product", arguments: cases.indices, [DType.float32, .float64])
  func solves(_ index: Int, _ dtype: DType) throws {
    let (size, batch) = Self.cases[index]
    var random = Naive(seed: UInt64(20 + index))
    let a = random.positiveDefinite(size, batch: batch, dtype)
    let b = random.tensor(batch + [size, 3], dtype)
    let factor = try cholesky(a)
    let inverted = try inverse(cholesky: factor)
    for x in [try solve(a, b), try choleskySolve(factor, b)] {
      #expect(x.shape == b.shape)
      for ((a, b), x) in zip(zip(a.matrices, b.matrices), x.matrices) where size > 0 {
        #expect(Naive.largestDifference(Naive.product(a, x), b) < 20 * Self.tolerance(dtype, size))
      }
    }
    for (a, inverse) in zip(a.matrices, inverted.matrices) {
      let identity = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0 } }
      #expect(Naive.largestDifference(Naive.product(a, inverse), identity) < 20 * Self.tolerance(dtype, size))
      #expect(inverse == Naive.transpose(inverse))
    }
  }

  @Test("solve handles matrices that need pivoting and are not symmetric")
  func solvePivots() throws {
    let a = Tensor(rows: [[0, 2, 1], [1, 0, 0], [3, 0, 4]] as [[Double]])
    let x = try solve(a, Tensor([7, 1, 15] as [Double]))
    #expect(zip(x.doubles, [1.0, 2, 3]).allSatisfy { abs($0 - $1) < 1e-14 })
  }

  @Test("the log determinant is the sum of the logarithms of the eigenvalues")
  func logDeterminants() throws {
    var random = Naive(seed: 6)
    let a = random.positiveDefinite(12, batch: [3])
    let values = try eigenvaluesSymmetric(a).doubles
    let result = try logDeterminant(a)
    #expect(result.shape == [3])
    for index in 0..<3 {
      let expected = values[index * 12..<(index + 1) * 12].reduce(0) { $0 + log($1) }
      #expect(abs(result.doubles[index] - expected) < 1e-12)
    }
    #expect(try logDeterminant(Tensor.zeros([0, 0], dtype: .float64)).doubles == [0])
  }

  @Test(
    "eigenvectors are orthonormal, eigenvalues ascend, and both reproduce the matrix", arguments: cases.indices,
    [DType.float32, .float64])
  func eigenReconstructs(_ index: Int, _ dtype: DType) throws {
    let (size, batch) = Self.cases[index]
    var random = Naive(seed: UInt64(40 + index))
    let a = random.positiveDefinite(size, batch: batch, dtype)
    let (values, vectors) = try eigh(a)
    #expect(values.shape == batch + [size] && vectors.shape == a.shape)
    let tolerance = 4 * Self.tolerance(dtype, size)
    for (index, (matrix, v)) in zip(a.matrices, vectors.matrices).enumerated() {
      let lambda = Array(values.doubles[index * size..<(index + 1) * size])
      #expect(lambda == lambda.sorted())
      let scaled = v.map { row in zip(row, lambda).map { $0 * $1 } }
      #expect(Naive.largestDifference(Naive.product(scaled, Naive.transpose(v)), matrix) <= tolerance)
      let identity = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0 } }
      #expect(Naive.largestDifference(Naive.product(Naive.transpose(v), v), identity) <= tolerance)
    }
    let alone = try eigenvaluesSymmetric(a)
    #expect(zip(alone.doubles, values.doubles).allSatisfy { abs($0 - $1) <= tolerance })
  }

  @Test("the eigenvalues of the second-difference matrix are those of the formula")
  func eigenvaluesOfSecondDifferences() throws {
    let size = 300
    var rows = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
    for index in 0..<size {
      rows[index][index] = 2
      if index > 0 { rows[index][index - 1] = -1 }
    }
    let values = try eigenvaluesSymmetric(Tensor(rows: rows)).doubles
    for index in 0..<size {
      let expected = 2 - 2 * cos(Double(index + 1) * .pi / Double(size + 1))
      #expect(abs(values[index] - expected) < 1e-12)
    }
    // Neighbouring eigenvalues at the top differ by 1e-4 of their size: the hard case for an iteration.
    let largest = try largestEigenvalue(Tensor(rows: rows))
    #expect(abs(largest - (2 + 2 * cos(.pi / Double(size + 1)))) < 1e-12)
  }

  @Test(
    "the largest eigenvalue equals the last of all of them", arguments: [1, 2, 60, 129, 400], [DType.float32, .float64])
  func largest(_ size: Int, _ dtype: DType) throws {
    var random = Naive(seed: UInt64(size))
    let a = random.positiveDefinite(size, dtype)
    let all = try eigenvaluesSymmetric(a).doubles
    #expect(abs(try largestEigenvalue(a) - all[size - 1]) <= (dtype == .float32 ? 1e-5 : 1e-13) * all[size - 1])
  }

  @Test("the largest eigenvalue of matrices with few distinct ones, or none positive")
  func largestOfSpecialMatrices() throws {
    let size = 200
    func diagonal(_ value: (Int) -> Double) -> Tensor {
      Tensor((0..<size * size).map { $0 % (size + 1) == 0 ? value($0 / (size + 1)) : 0 }, shape: [size, size])
    }
    #expect(abs(try largestEigenvalue(diagonal { _ in 3 }) - 3) < 1e-12)
    #expect(try largestEigenvalue(diagonal { _ in 0 }) == 0)
    #expect(abs(try largestEigenvalue(diagonal { -1 - Double($0) }) + 1) < 1e-12)
    #expect(abs(try largestEigenvalue(diagonal { $0 == 77 ? 5 : 1 }) - 5) < 1e-12)
    #expect(abs(try largestEigenvalue(Tensor.ones([size, size], dtype: .float64)) - 200) < 1e-10)
  }

  static let rectangles: [(rows: Int, columns: Int, batch: [Int])] = [
    (1, 1, []), (5, 3, []), (3, 5, []), (60, 40, []), (40, 60, []), (4, 4, [6]), (5, 3, [2, 3]), (0, 3, []), (3, 0, []),
  ]

  @Test(
    "singular vectors are orthonormal and reproduce the matrix", arguments: rectangles.indices,
    [DType.float32, .float64])
  func svdReconstructs(_ index: Int, _ dtype: DType) throws {
    let (rows, columns, batch) = Self.rectangles[index]
    var random = Naive(seed: UInt64(60 + index))
    let a = random.tensor(batch + [rows, columns], dtype)
    let rank = min(rows, columns)
    let tolerance = 4 * Self.tolerance(dtype, max(rows, columns))
    for vectors in [SingularVectors.thin, .full] {
      let (u, values, v) = try svd(a, vectors: vectors)
      #expect(u.shape == batch + [rows, vectors == .thin ? rank : rows])
      #expect(v.shape == batch + [vectors == .thin ? rank : columns, columns])
      for (index, (matrix, (u, v))) in zip(a.matrices, zip(u.matrices, v.matrices)).enumerated() {
        let sigma = Array(values.doubles[index * rank..<(index + 1) * rank])
        #expect(sigma == sigma.sorted(by: >) && sigma.allSatisfy { $0 >= 0 })
        let scaled = u.map { row in zip(row, sigma).map { $0 * $1 } }
        let product = rank == 0 ? matrix : Naive.product(scaled, Array(v.prefix(rank)))
        #expect(Naive.largestDifference(product, matrix) <= tolerance)
        for (gram, size) in [
          (Naive.product(Naive.transpose(u), u), u.first?.count ?? 0), (Naive.product(v, Naive.transpose(v)), v.count),
        ] {
          let identity = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0 } }
          #expect(Naive.largestDifference(gram, identity) <= tolerance)
        }
      }
      let alone = try singularValues(a)
      #expect(zip(alone.doubles, values.doubles).allSatisfy { abs($0 - $1) <= tolerance })
    }
  }

  @Test(
    "q has orthonormal columns, r is triangular, and their product is the matrix", arguments: rectangles.indices,
    [DType.float32, .float64])
  func qrReconstructs(_ index: Int, _ dtype: DType) throws {
    let (rows, columns, batch) = Self.rectangles[index]
    var random = Naive(seed: UInt64(80 + index))
    let a = random.tensor(batch + [rows, columns], dtype)
    let (q, r) = try qr(a)
    let rank = min(rows, columns)
    #expect(q.shape == batch + [rows, rank] && r.shape == batch + [rank, columns])
    let tolerance = Self.tolerance(dtype, max(rows, columns))
    for (matrix, (q, r)) in zip(a.matrices, zip(q.matrices, r.matrices)) where rank > 0 {
      #expect(Naive.largestDifference(Naive.product(q, r), matrix) <= tolerance)
      let identity = (0..<rank).map { row in (0..<rank).map { $0 == row ? 1.0 : 0 } }
      #expect(Naive.largestDifference(Naive.product(Naive.transpose(q), q), identity) <= tolerance)
      for row in 0..<rank { for column in 0..<row { #expect(r[row][column] == 0) } }
    }
  }
}
