import CovarianceEngine
import Inference
import Networks
import Tensors
import Testing

@testable import GramStore

@Suite("Predictions from stores")
struct StorePredictionTests {
  @Test("are those from kernels in memory", arguments: StoreCase.allCases)
  func predictions(name: StoreCase) throws {
    let folder = ScratchFolder()
    let store = try GramStore.make(name, at: folder.path + "/k.zarr", count: 40, tileSize: 16)
    let (x, test) = (name.inputs(40), name.inputs(7, seed: 5))
    let y = RandomKey(seed: 9).normal([40, 2], dtype: .float64)
    #expect(try store.firstInputs() == x)
    #expect(try store.run() == .complete)
    let (whole, rows) = (try name.network.kernel(x), try name.network.kernel(test, x))
    let found = try store.job(of: test).run()
    #expect(found.nngp == rows.nngp && found.ntk == rows.ntk && found.cov1 == rows.cov1)
    #expect(try store.variances(of: test) == rows.cov1)
    // Quadrature of five points is not positive definite.
    guard name != .reference else { return }
    for (kernel, chosen, matrix) in [
      (StoredKernel.nngp, KernelSet.nngp, whole.nngp), (.ntk, .ntk, try #require(whole.ntk)),
    ] {
      let exact = try GaussianProcess(
        kTrainTrain: matrix, yTrain: y, regularizer: 1e-2, precision: .float64
      ).predict(kTestTrain: try #require(chosen == .nngp ? rows.nngp : rows.ntk))
      for solver in [SolverChoice.factorized, .iterative, .outOfCore] {
        let process = try GaussianProcess(
          kTrainTrain: store.matrix(kernel), yTrain: y, regularizer: 1e-2, solver: solver,
          solverOptions: SolverOptions(tolerance: 1e-6))
        let mean = try process.predict(store.job(of: test), kernel: chosen).mean
        let largest = abs(mean - exact.mean).max().scalar(as: Double.self)
        #expect(largest <= 1e-9 + (process.certificate?.largestError ?? 0), "\(name) \(kernel) \(solver): \(largest)")
      }
    }
  }

  @Test("of inputs that do not fit, and of networks that need graphs, are refused")
  func refusals() throws {
    let folder = ScratchFolder()
    let store = try GramStore.make(.rows, at: folder.path + "/k.zarr", count: 20, tileSize: 16)
    #expect(throws: GramStoreError.self) { try store.job(of: Tensor.zeros([3, 4])) }
    let x = RandomKey(seed: 1).normal([6, 4, 3])
    let patterns = GraphPatterns(Tensor.zeros([6, 4, 4]) + 1)
    let graphs = try GramStore.create(
      at: folder.path + "/g.zarr",
      network: Serial {
        Dense(1)
        Aggregate()
        GlobalAvgPool()
        Dense(1)
      }, x1: x, patterns: patterns)
    let error = #expect(throws: GramStoreError.self) { try graphs.job(of: x) }
    #expect(error?.description.contains("graphs of the training inputs only") == true)
  }

  @Test("with rows of a store for something else are refused")
  func rows() throws {
    let folder = ScratchFolder()
    let training = try GramStore.make(.rows, at: folder.path + "/k.zarr", count: 20, tileSize: 16)
    func test(_ x2: Tensor?, _ name: String) throws -> GramStore {
      try GramStore.create(
        at: "\(folder.path)/\(name)", network: StoreCase.rows.network, x1: StoreCase.rows.inputs(5, seed: 3), x2: x2)
    }
    try test(StoreCase.rows.inputs(20), "good").requireRows(for: training)
    for (index, x2) in [nil, StoreCase.rows.inputs(20, seed: 8), StoreCase.rows.inputs(21)].enumerated() {
      let error = #expect(throws: GramStoreError.self) { try test(x2, "bad-\(index)").requireRows(for: training) }
      #expect(error?.description.contains("made for another data: the second data set is of shape") == true)
    }
  }
}
