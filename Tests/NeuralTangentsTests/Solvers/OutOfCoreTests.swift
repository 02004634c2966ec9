import Foundation
import NeuralTangents
import Testing

/// A factorisation in files is the one in memory, and goes on where it was stopped.
@Suite struct OutOfCoreTests {
  private let problem = SolverProblem(seed: 21)
  private let kernel: Tensor
  private let testTrain: Tensor
  private let testTest: Tensor
  private let folder = FileManager.default.temporaryDirectory.appending(path: "panels-\(UUID().uuidString)").path

  init() throws {
    kernel = try problem.network.kernel(problem.x).nngp
    testTrain = try problem.network.kernel(problem.test, problem.x).nngp
    testTest = try problem.network.kernel(problem.test).nngp
  }

  private func process(_ options: SolverOptions, _ regularizer: DiagonalRegularizer = 1e-3) throws -> GaussianProcess {
    try GaussianProcess(
      kTrainTrain: PackedMatrix(kernel, tileSize: 23, dtype: .float64), yTrain: problem.y, regularizer: regularizer,
      solver: .outOfCore, solverOptions: options)
  }

  @Test("means, covariances and evidence are those of a factorisation in memory", arguments: [1, 7, 16, 64, 1000])
  func agreement(width: Int) throws {
    let exact = try GaussianProcess(kTrainTrain: kernel, yTrain: problem.y, regularizer: 1e-3)
    let found = try process(SolverOptions(panelWidth: width))
    let (p, q) = (
      try exact.predict(kTestTrain: testTrain, kTestTest: testTest),
      try found.predict(kTestTrain: testTrain, kTestTest: testTest)
    )
    #expect(largestError(p.mean, q.mean, relativeTo: 1) < 1e-9)
    #expect(largestError(try #require(p.covariance), try #require(q.covariance), relativeTo: 1) < 1e-9)
    #expect(Swift.abs(try exact.logMarginalLikelihood().total - found.logMarginalLikelihood().total) < 1e-7)
  }

  @Test("panels that are there are not computed again; missing, damaged and foreign ones are")
  func resuming() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let steps = StepLog()
    let options = SolverOptions(folder: folder, panelWidth: 16, progress: { step, _ in steps.add(step) })
    let first = try process(options).predict(kTestTrain: testTrain).mean
    let count = steps.count
    #expect(count == (kernel.shape[0] + 15) / 16)
    #expect(sameBits(first, try process(options).predict(kTestTrain: testTrain).mean))
    #expect(steps.count == count)
    // Killed before the last one, with a part of it under another name.
    let last = "\(folder)/panel-\(count - 1)"
    try FileManager.default.moveItem(atPath: last, toPath: last + ".part")
    #expect(sameBits(first, try process(options).predict(kTestTrain: testTrain).mean))
    #expect(steps.count == count + 1)
    var bytes = try Data(contentsOf: URL(filePath: last))
    bytes[bytes.count - 3] ^= 4
    try bytes.write(to: URL(filePath: last))
    #expect(sameBits(first, try process(options).predict(kTestTrain: testTrain).mean))
    #expect(steps.count == count + 2)
    _ = try process(options, 1e-2)
    #expect(steps.count == 2 * count + 2)
  }

  @Test("where it is not positive definite the pivot is that of all rows")
  func pivot() throws {
    let twice = concatenate([kernel, kernel], axis: 0)
    let matrix = concatenate([twice, twice], axis: 1)
    let error = #expect(throws: PredictionError.self) {
      try GaussianProcess(
        kTrainTrain: matrix, yTrain: concatenate([problem.y, problem.y]), regularizer: .absolute(-0.0),
        solver: .outOfCore,
        solverOptions: SolverOptions(panelWidth: 16))
    }
    guard case .notPositiveDefinite(_, let pivot, let size, _) = error else {
      Issue.record("expected a pivot, found \(String(describing: error))")
      return
    }
    #expect(size == 2 * kernel.shape[0] && pivot > 16)
    #expect(error?.description.contains("raise the diagonal regularizer") == true)
  }

  @Test("a folder that cannot be made is an error that names it")
  func folderFailure() {
    let error = #expect(throws: PredictionError.self) { try process(SolverOptions(folder: "/proc/none/panels")) }
    #expect(error?.description.hasPrefix("/proc/none/panels: the folder cannot be made") == true)
  }
}

/// Steps that a solver told of, from any thread.
private final class StepLog: @unchecked Sendable {
  private let lock = NSLock()
  private var steps: [String] = []

  var count: Int { lock.withLock { steps.count } }
  func add(_ step: String) { lock.withLock { steps.append(step) } }
}
