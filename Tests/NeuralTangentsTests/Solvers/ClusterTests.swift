import Clusters
import Foundation
import Testing

@testable import Inference
@testable import NeuralTangents

/// Several processes with the tiles of a kernel among them solve like one that has all.
@Suite struct ClusterTests {
  private let problem = SolverProblem(seed: 31)
  private let kernel: Tensor
  private let testTrain: Tensor
  private let variances: Tensor

  init() throws {
    kernel = try problem.network.kernel(problem.x).nngp
    testTrain = try problem.network.kernel(problem.test, problem.x).nngp
    variances = try problem.network.kernel(problem.test).nngp.diagonal()
  }

  private func packed() throws -> PackedMatrix { try PackedMatrix(kernel, tileSize: 13, dtype: .float64) }

  /// The posterior of a solver over so many processes.
  private func predict(
    _ processes: Int, _ solver: SolverChoice, _ options: SolverOptions = SolverOptions()
  ) throws -> (prediction: Prediction, error: Double, evidence: Double?) {
    let (matrix, y) = (try packed(), problem.y)
    let (testTrain, variances) = (testTrain, variances)
    let result = try ThreadCluster.run(processes) { cluster in
      try withTeam(of: cluster, matrices: { _ in matrix }) { team in
        let process = try GaussianProcess(
          kTrainTrain: team.matrix(0), yTrain: y, regularizer: 1e-3, solver: solver, solverOptions: options)
        return (
          try process.predict(kTestTrain: testTrain, kTestTestDiagonal: variances),
          process.certificate?.largestError ?? 0, try? process.logMarginalLikelihood().total
        )
      }
    }
    return try #require(result)
  }

  @Test("conjugate gradients in 1, 2, 4 and 5 processes agree within what they certify", arguments: [1, 2, 4, 5])
  func conjugateGradients(processes: Int) throws {
    let exact = try GaussianProcess(kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-3)
      .predict(kTestTrain: testTrain, kTestTestDiagonal: variances)
    let found = try predict(processes, .iterative, SolverOptions(tolerance: 1e-4, rank: 20))
    #expect(found.error > 0)
    #expect(largestError(found.prediction.mean, exact.mean, relativeTo: 1) <= found.error)
    let (upper, lower) = (try #require(found.prediction.variance), try #require(found.prediction.leastVariance))
    let (a, b, c) = (
      lower.scalars(as: Double.self), try #require(exact.variance).scalars(as: Double.self),
      upper.scalars(as: Double.self)
    )
    for place in b.indices { #expect(a[place] <= b[place] + 1e-9 && b[place] <= c[place] + 1e-9) }
  }

  @Test("solvers that read tiles in one process, and factors there, give what they give alone")
  func otherSolvers() throws {
    let y = problem.y
    for solver in [SolverChoice.factorized, .outOfCore, .mixedPrecision, .spectral] {
      let alone = try GaussianProcess(kTrainTrain: packed(), yTrain: y, regularizer: 1e-3, solver: solver)
        .predict(kTestTrain: testTrain, kTestTestDiagonal: variances)
      let found = try predict(3, solver)
      #expect(largestError(found.prediction.mean, alone.mean, relativeTo: 1) < 1e-8, "\(solver)")
    }
  }

  @Test("every tile is in one process, and the processes have as many")
  func dealing() throws {
    let matrix = try packed()
    let parts = try (0..<4).map { try HeldTiles(matrix, rank: $0, of: 4) }
    var counts = [0, 0, 0, 0]
    for row in 0..<matrix.tilesPerRow {
      for column in row..<matrix.tilesPerRow {
        let holders = parts.indices.filter { parts[$0].holds(row: row, column: column) }
        try #require(holders.count == 1)
        counts[holders[0]] += 1
        #expect(sameBits(parts[holders[0]].tile(row: row, column: column), matrix.tile(row: row, column: column)))
      }
    }
    #expect(counts.max()! - counts.min()! <= 1)
  }

  @Test("diagonal, rows and products are those of the whole", arguments: [1, 3])
  func products(processes: Int) throws {
    let matrix = try packed()
    let vectors = RandomKey(seed: 3).normal([2, matrix.count], dtype: .float64)
    let result = try ThreadCluster.run(processes) { cluster in
      try withTeam(of: cluster, matrices: { _ in matrix }) { team in
        let whole = GramOperator(try team.matrix(0))
        return [try whole.diagonal(), try whole.rows([5, 0, 47]), try whole.multiply(vectors)]
      }
    }
    let found = try #require(result)
    let alone = GramOperator(matrix)
    #expect(sameBits(found[0], try alone.diagonal()))
    #expect(sameBits(found[1], try alone.rows([5, 0, 47])))
    #expect(largestError(found[2], try alone.multiply(vectors), relativeTo: 1) < 1e-12)
  }

  /// A matrix that one process cannot read.
  private struct Unreadable: TiledMatrix {
    struct Failure: Error, CustomStringConvertible { var description: String { "tile (0, 2) is gone" } }
    let whole: PackedMatrix
    let isBroken: Bool
    var count: Int { whole.count }
    var tileSize: Int { whole.tileSize }
    var dtype: DType { whole.dtype }

    func tile(row: Int, column: Int) throws -> Tensor {
      if isBroken { throw Failure() }
      return whole.tile(row: row, column: column)
    }
  }

  @Test("what one process cannot read is said by the one that leads, and the others go on")
  func failure() throws {
    let matrix = try packed()
    let y = problem.y
    let found = try ThreadCluster.run(3) { cluster in
      try withTeam(
        of: cluster, matrices: { id in Unreadable(whole: matrix, isBroken: id == 1 && cluster.rank == 2) }
      ) { team in
        var said = ""
        do {
          _ = try GaussianProcess(kTrainTrain: team.matrix(1), yTrain: y, regularizer: 1e-3, solver: .iterative)
        } catch {
          said = "\(error)"
        }
        // The others still work.
        _ = try GaussianProcess(kTrainTrain: team.matrix(0), yTrain: y, regularizer: 1e-3, solver: .iterative)
        return said
      }
    }
    #expect(found == "kTrainTrain: process 2: tile (0, 2) is gone")
  }

  @Test("a team that has been told that all is done works no more")
  func end() throws {
    let matrix = try packed()
    let team = try #require(try withTeam(of: SingleProcess(), matrices: { _ in matrix }) { $0 })
    #expect(throws: ClusterError.self) { try GramOperator(team.matrix(0)).diagonal() }
  }
}
