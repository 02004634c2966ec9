import DurableFiles
import CovarianceEngine
import Networks
import Platform
import Tensors
import TestSupport
import Testing

@testable import GramStore

@Suite("Stores")
struct StoreTests {
  let folder = ScratchFolder()
  var path: String { folder.path + "/k.zarr" }

  /// The bits of two matrices, NaN included.
  private func areEqual(_ a: Tensor, _ b: Tensor) -> Bool {
    guard a.shape == b.shape, a.dtype == b.dtype else { return false }
    return memcmp(a.storage.bytes, b.storage.bytes, a.byteCount) == 0
  }

  @Test(
    "tiles in a store have the bits of the matrix in memory, whatever the executor, one data set or two",
    arguments: StoreCase.allCases, [false, true])
  func equalsMemory(_ name: StoreCase, hasSecond: Bool) throws {
    let (count, second) = (40, hasSecond ? 23 : nil)
    let kernel = try name.network.kernel(name.inputs(count), second.map { name.inputs($0, seed: 2) })
    for tileSize in [1, 20] {
      let path = "\(path)\(tileSize)"
      let store = try GramStore.make(name, at: path, count: count, second: second, tileSize: tileSize)
      #expect(store.isSymmetric != hasSecond && store.kernels == [.nngp, .ntk] && store.dtype == .float32)
      #expect(throws: GramStoreError.incomplete(store: path, missing: store.tileCount, tileCount: store.tileCount)) {
        try store.requireComplete()
      }
      #expect(try store.run() == .complete)
      try store.requireComplete()
      // From the files alone.
      let again = try GramStore.open(at: path)
      #expect(try areEqual(again.whole(.nngp), kernel.nngp) && areEqual(again.whole(.ntk), kernel.ntk ?? kernel.nngp))
      #expect(try SystemFiles().names(in: again.temporaries).isEmpty && SystemFiles().names(in: again.claims).isEmpty)
      #expect(try again.run() == .complete)
    }
  }

  @Test("grids of many tiles are used where executors allow them")
  func manyTiles() throws {
    for (name, tiles) in [(StoreCase.slices, 6), (.segments, 6)] {
      let store = try GramStore.make(name, at: "\(path)-\(name)", count: 40, tileSize: 16)
      #expect(store.tileSize == 16 && store.tileCount == tiles)
    }
    let rows = try GramStore.make(.rows, at: path, count: 700, tileSize: 200)
    #expect(rows.tileSize == 256 && rows.tileCount == 6)
    #expect(try rows.run() == .complete)
    #expect(
      try areEqual(rows.whole(.ntk), StoreCase.rows.network.kernel(StoreCase.rows.inputs(700)).ntk ?? .zeros([0])))
  }

  @Test("one kernel alone, and the upper half alone", arguments: [KernelSet.nngp, .ntk, .all])
  func parts(_ kernels: KernelSet) throws {
    let kernel = try StoreCase.slices.network.kernel(StoreCase.slices.inputs(40))
    for layout in GramStore.Layout.allCases {
      let store = try GramStore.make(
        .slices, at: "\(path)-\(layout)", count: 40, tileSize: 16, kernels: kernels, layout: layout)
      try store.run()
      for name in StoredKernel.all(of: kernels) {
        let expected = name == .ntk ? kernel.ntk ?? kernel.nngp : kernel.nngp
        #expect(try areEqual(store.whole(name), expected))
        let files = try (0..<3).map { try SystemFiles().names(in: store.rowPath(name, $0)).count }
        #expect(files == (layout == .full ? [3, 3, 3] : [3, 2, 1]))
      }
      #expect(store.kernels.count == (kernels == .all ? 2 : 1))
    }
  }

  @Test("a matrix is read tile by tile as solvers do")
  func matrix() throws {
    let store = try GramStore.make(.slices, at: path, count: 40, tileSize: 16)
    try store.run()
    let matrix: any TiledMatrix = try store.matrix(.ntk)
    let kernel = try StoreCase.slices.network.kernel(StoreCase.slices.inputs(40))
    #expect(matrix.count == 40 && matrix.tileSize == 16 && matrix.tilesPerRow == 3 && matrix.dtype == .float32)
    let tile = try matrix.tile(row: 1, column: 2)
    #expect(areEqual(tile, (kernel.ntk ?? kernel.nngp)[16..<32, 32..<40]))
    let rectangular = try GramStore.make(.slices, at: path + "2", count: 20, second: 40, tileSize: 16)
    #expect(throws: GramStoreError.self) { try rectangular.matrix(.ntk) }
    let one = try GramStore.make(.slices, at: path + "3", count: 20, tileSize: 16, kernels: .nngp)
    #expect(throws: GramStoreError.self) { try one.matrix(.ntk) }
  }

  @Test("masks, graphs, float64 and tokens are part of the job")
  func otherJobs() throws {
    var x = StoreCase.slices.inputs(20).asType(.float64)
    x[3, 1, 2, 0] = Tensor(Double.nan)
    let masked = try GramStore.create(
      at: path, network: StoreCase.slices.network, x1: x, maskConstant: .nan, options: .init(tileSize: 16))
    try masked.run()
    let again = try GramStore.open(at: path)
    #expect(again.dtype == .float64 && again.job.maskConstant?.isNaN == true)
    let kernel = try StoreCase.slices.network.kernel(x, maskConstant: .nan)
    #expect(try areEqual(again.whole(.nngp), kernel.nngp))
    let double = try GramStore.create(
      at: path + "2", network: StoreCase.rows.network, x1: StoreCase.rows.inputs(20), x2: StoreCase.rows.inputs(20),
      options: .init(precision: .float64))
    #expect(double.isSymmetric && double.dtype == .float64)
    try double.run()
    // The second data set was the first.
    try double.require(x1: StoreCase.rows.inputs(20), x2: StoreCase.rows.inputs(20))
    let graph = Serial {
      Aggregate()
      Flatten()
      Dense(1)
    }
    let (nodes, edges) = (StoreCase.segments.inputs(6)[0..<6, 0..<4], RandomKey(seed: 3).uniform([6, 4, 4]))
    let aggregated = try GramStore.create(at: path + "3", network: graph, x1: nodes, patterns: GraphPatterns(edges))
    try aggregated.run()
    #expect(
      try areEqual(
        GramStore.open(at: path + "3").whole(.ntk), graph.ntk2(nodes, GraphPatterns(edges))))
  }

  @Test("what cannot be a store is said before there is one")
  func refusals() throws {
    let x = StoreCase.slices.inputs(20)
    func refused(_ network: any Layer, _ x: Tensor, _ options: GramStore.Options = .init()) -> String {
      do {
        _ = try GramStore.create(at: path, network: network, x1: x, options: options)
        return ""
      } catch {
        return error.description
      }
    }
    #expect(refused(Conv(1, window: [3, 3]), x).contains("expected a network whose outputs have no positions"))
    #expect(
      refused(
        Serial {
          Flatten(); Dense(1); LayerNorm(axes: [0, 1]); Dense(1)
        }, x
      ).contains("a layer mixes the inputs"))
    #expect(refused(StoreCase.rows.network, x[0..<20, 0, 0], .init(precision: .int32)).contains("expected float32"))
    #expect(refused(StoreCase.slices.network, x, .init(tileSize: 0)).contains("tileSize: expected"))
    #expect(refused(StoreCase.slices.network, x, .init(workers: -1)).contains("workers: expected"))
    var wrong = x
    wrong[0, 0, 0, 0] = Tensor(Float.infinity)
    #expect(refused(StoreCase.slices.network, wrong).contains("expected finite numbers"))
    #expect(try SystemFiles().names(in: folder.path).isEmpty)
  }

  @Test("what is there already stays as it is")
  func existing() throws {
    let store = try GramStore.make(.slices, at: path, count: 20, tileSize: 16)
    try store.run()
    #expect(throws: GramStoreError.exists(path)) { try GramStore.make(.slices, at: path, count: 40, tileSize: 16) }
    #expect(try GramStore.open(at: path).rowCount == 20)
    let file = folder.path + "/file"
    try SystemFiles().writeNew("text", to: file)
    #expect(throws: GramStoreError.exists(file)) { try GramStore.make(.slices, at: file, count: 40, tileSize: 16) }
    try SystemFiles().makeDirectory(folder.path + "/empty")
    _ = try GramStore.make(.slices, at: folder.path + "/empty", count: 20, tileSize: 16)
    #expect(try Set(SystemFiles().names(in: folder.path)) == ["k.zarr", "file", "empty"])
  }

  @Test("of two who make one store at once one gets it")
  func race() async throws {
    let path = path
    let made = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask { (try? GramStore.make(.slices, at: path, count: 20, tileSize: 16)) != nil }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(made == 1)
    #expect(try SystemFiles().names(in: folder.path) == ["k.zarr"])
    #expect(try GramStore.open(at: path).run() == .complete)
  }

  @Test("another job is named by the field that differs")
  func otherJob() throws {
    let network = StoreCase.slices.network
    let store = try GramStore.create(at: path, network: network, x1: StoreCase.slices.inputs(20))
    try store.require(network: network, x1: StoreCase.slices.inputs(20), kernels: .all, precision: .float32)
    func message(_ body: () throws(GramStoreError) -> Void) -> String {
      do { try body() } catch { return error.description }
      return ""
    }
    let others: [(any Layer, String)] = [
      (
        Serial {
          Conv(1, window: [3, 3], padding: .same, weightStd: 1.5); Relu(); GlobalAvgPool(); Dense(1, biasStd: 0.2)
        },
        "serial[0].conv.weightStd is not set there, 1.5 here"
      ),
      (
        Serial {
          Conv(1, window: [3, 3], padding: .same); Relu(); GlobalAvgPool(); Dense(1, biasStd: 0.3)
        },
        "serial[3].dense.biasStd is 0.2 there, 0.3 here"
      ),
      (
        Serial {
          Conv(1, window: [3, 3], padding: .same); Erf(); GlobalAvgPool(); Dense(1, biasStd: 0.2)
        },
        "serial[1] is relu there, erf here"
      ),
      (
        Serial {
          Conv(1, window: [3, 3], padding: .same); Relu(); GlobalAvgPool()
        },
        "serial is of 4 elements there, of 3 here"
      ),
    ]
    for (other, text) in others {
      #expect(
        message { () throws(GramStoreError) in try store.require(network: other) }
          == "\(path): made for another network: \(text). Use another store, or drop the network argument to continue this one"
      )
    }
    #expect(
      message { () throws(GramStoreError) in try store.require(x1: StoreCase.slices.inputs(21)) }
        .contains("the shape of x1 is [20, 4, 4, 2] there, [21, 4, 4, 2] here"))
    #expect(
      message { () throws(GramStoreError) in try store.require(x1: StoreCase.slices.inputs(20, seed: 9)) }
        .contains("the SHA-256 of x1 is"))
    #expect(
      message { () throws(GramStoreError) in try store.require(x2: StoreCase.slices.inputs(3)) }
        .contains("x2 is not given there, given here"))
    #expect(
      message { () throws(GramStoreError) in try store.require(precision: .float64) }
        .contains("the precision is float32 there, float64 here"))
    #expect(
      message { () throws(GramStoreError) in try store.require(kernels: .nngp) }
        .contains("the list of kernels is nngp,ntk there, nngp here"))
    #expect(
      message { () throws(GramStoreError) in try store.require(tileSize: 17) }.contains("the tile size is"))
  }

  @Test("a run stops at its time limit and another goes on; progress counts")
  func timeLimit() throws {
    let store = try GramStore.make(.slices, at: path, count: 80, tileSize: 16)
    let seen = Guarded<[GramStore.Progress]>([])
    #expect(try store.run(timeLimit: .zero) == .timeLimit)
    #expect(try store.status().tilesDone == 0)
    let outcome = try store.run(timeLimit: nil) { p in seen.withLock { $0.append(p) } }
    #expect(outcome == .complete)
    let last = seen.withLock { $0.last }
    #expect(last?.tilesDone == 15 && last?.tileCount == 15 && last?.workers == 1)
    let status = try store.status()
    #expect(status.isComplete && status.tilesDone == 15 && status.workers == 0 && status.staleClaims == 0)
  }
}

extension Layer {
  fileprivate func ntk2(_ x: Tensor, _ patterns: GraphPatterns) throws -> Tensor {
    let kernel = try self.kernel(x, patterns: patterns)
    return kernel.ntk ?? kernel.nngp
  }
}
