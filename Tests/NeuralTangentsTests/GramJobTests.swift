import Foundation
import NeuralTangents
import Tensors
import Testing

/// Networks with the inputs that they are tested on.
struct GramCase: Sendable, CustomTestStringConvertible {
  var name: String
  var network: any Layer
  /// Shape of an input and how many there are of each data set.
  var shape: [Int]
  var counts: (Int, Int)
  var executor = KernelOptions.Executor.automatic

  var testDescription: String { name }

  func data(_ count: Int, seed: Int, _ dtype: DType) -> Tensor {
    FusedExecutorTests.data(count, shape.reduce(1, *), seed: seed, dtype: dtype).reshaped([count] + shape)
  }

  func x1(_ dtype: DType) -> Tensor { data(counts.0, seed: 21, dtype) }
  func x2(_ dtype: DType) -> Tensor { data(counts.1, seed: 22, dtype) }

  static let connected = GramCase(
    name: "fully connected", network: FusedExecutorTests.network, shape: [17], counts: (700, 530))

  static let convolutional = GramCase(
    name: "convolutional",
    network: Serial {
      Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.2)
      Relu()
      AvgPool(window: [2, 2], strides: [2, 2])
      Conv(4, window: [2, 2], padding: .valid)
      Erf()
      GlobalAvgPool()
      Dense(2)
    }, shape: [4, 4, 2], counts: (90, 45))

  static let attention = GramCase(
    name: "attention",
    network: Serial {
      GlobalSelfAttention(
        outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, biasStd: 0.3, mechanism: .softmax)
      Relu()
      Flatten()
      Dense(1)
    }, shape: [5, 2], counts: (430, 70))

  /// The reference executor's blocks of a matrix of inputs and channels have 2896 rows.
  static let reference = GramCase(
    name: "fully connected, reference executor", network: FusedExecutorTests.network, shape: [3],
    counts: (2900, 20), executor: .reference)

  static let all = [connected, convolutional, attention, reference]
}

func sameBits(_ a: Tensor?, _ b: Tensor?) -> Bool {
  guard let a, let b else { return a == nil && b == nil }
  func areSame<Scalar: TensorScalar>(_ type: Scalar.Type) -> Bool {
    a.withUnsafeBuffer(of: type) { a in
      b.withUnsafeBuffer(of: type) { b in UnsafeRawBufferPointer(a).elementsEqual(UnsafeRawBufferPointer(b)) }
    }
  }
  return a.type == b.type && (a.dtype == .float32 ? areSame(Float.self) : areSame(Double.self))
}

func sameBits(_ a: Kernel, _ b: Kernel) -> Bool {
  sameBits(a.nngp, b.nngp) && sameBits(a.ntk, b.ntk) && sameBits(a.cov1, b.cov1) && sameBits(a.cov2, b.cov2)
    && a.shape1 == b.shape1 && a.shape2 == b.shape2 && a.isSymmetric == b.isSymmetric && a.layout == b.layout
}

/// Collects what progress says, from any thread.
final class GramProgressLog: @unchecked Sendable {
  private let lock = NSLock()
  private var log: [GramProgress] = []

  var reports: [GramProgress] { lock.withLock { log } }
  var closure: @Sendable (GramProgress) -> Void { { progress in self.lock.withLock { self.log.append(progress) } } }
}

@Suite("Gram jobs", .serialized)
struct GramJobTests {
  @Test(
    "neither tile size nor thread count changes a bit", arguments: GramCase.all, [DType.float32, .float64])
  func deterministic(_ item: GramCase, _ dtype: DType) throws {
    for second in [nil, item.x2(dtype)] {
      let x1 = item.x1(dtype)
      let whole = try item.network.kernel(x1, second, options: KernelOptions(executor: item.executor))
      var tileCounts: Set<Int> = []
      for (tileSize, threads) in [(1, 1), (7, 2), (64, 3), (256, 1), (300, 2), (1000, 3)] {
        // Few are enough where each takes long.
        if item.counts.0 > 1000 ? tileSize > 1 : item.counts.0 < 100 && tileSize == 1 && dtype == .float32 { continue }
        let options = KernelOptions(executor: item.executor, tileSize: tileSize, threads: threads)
        let job = try GramJob(item.network, x1, second, options: options)
        // No tile is larger than the matrix.
        let most = max(job.rowCount, job.columnCount)
        #expect(job.tileSize >= min(tileSize, most) && job.isSymmetric == (second == nil))
        tileCounts.insert(job.tileCount)
        let tiled = try job.run()
        #expect(sameBits(tiled, whole), "tiles of \(tileSize), \(threads) threads")
      }
      #expect(tileCounts.contains { $0 > 1 }, "all jobs had one tile")
    }
  }

  @Test("the diagonal is bitwise the variances, and the matrix bitwise its transpose", arguments: GramCase.all)
  func symmetric(_ item: GramCase) throws {
    let kernel = try GramJob(
      item.network, item.x1(.float32), options: KernelOptions(executor: item.executor, tileSize: 20)
    ).run()
    #expect(sameBits(kernel.nngp.diagonal(), kernel.cov1))
    #expect(sameBits(kernel.nngp, kernel.nngp.transposed()))
    let ntk = try #require(kernel.ntk)
    #expect(sameBits(ntk, ntk.transposed()))
  }

  @Test("covariances between positions, masks and graphs are cut as well", arguments: [true, false])
  func positions(isSymmetric: Bool) throws {
    let network = Serial {
      Conv(3, window: [3], padding: .same)
      Aggregate()
      Relu()
    }
    let item = GramCase(name: "", network: network, shape: [4, 2], counts: (13, 9))
    var (x1, x2) = (item.x1(.float64), item.x2(.float64))
    x1[5, 2] = Tensor(7.0)
    x2[3, 1] = Tensor(7.0)
    func graphs(_ count: Int) -> Tensor { RandomKey(seed: count).uniform([count, 4, 4], dtype: .float64) }
    let patterns = GraphPatterns(graphs(13), isSymmetric ? nil : graphs(9))
    let second = isSymmetric ? nil : x2
    let whole = try network.kernel(x1, second, patterns: patterns, maskConstant: 7)
    let expectedNTK = try #require(whole.ntk)
    for tileSize in [1, 4, 5] {
      let job = try GramJob(
        network, x1, second, patterns: patterns, maskConstant: 7, options: KernelOptions(tileSize: tileSize))
      let kernel = try job.run()
      #expect(allClose(kernel.nngp, whole.nngp, relativeTolerance: 1e-14, absoluteTolerance: 1e-15))
      let ntk = try #require(kernel.ntk)
      #expect(allClose(ntk, expectedNTK, relativeTolerance: 1e-14, absoluteTolerance: 1e-15))
      #expect(kernel.mask1 == whole.mask1 && kernel.mask2 == whole.mask2 && kernel.layout == whole.layout)
    }
  }

  @Test("float32 kernels put together in float64 are the float32 kernels converted", arguments: GramCase.all)
  func accumulation(_ item: GramCase) throws {
    for second in [nil, item.x2(.float32)] {
      let single = try item.network.kernel(
        item.x1(.float32), second, options: KernelOptions(executor: item.executor))
      for tileSize in [nil, 16, 5000] {
        let double = try item.network.kernel(
          item.x1(.float32), second,
          options: KernelOptions(executor: item.executor, accumulation: .float64, tileSize: tileSize))
        #expect(sameBits(double.nngp, single.nngp.asType(.float64)))
        #expect(sameBits(double.ntk, single.ntk?.asType(.float64)))
        #expect(sameBits(double.cov1, single.cov1.asType(.float64)))
        #expect(sameBits(double.cov2, single.cov2?.asType(.float64)))
      }
    }
  }

  @Test("progress begins at nothing, only grows, and ends complete", arguments: [nil, 530])
  func progress(_ second: Int?) throws {
    let item = GramCase.connected
    let log = GramProgressLog()
    let job = try GramJob(
      item.network, item.x1(.float32), second.map { item.data($0, seed: 4, .float32) },
      options: KernelOptions(tileSize: 256, progress: log.closure))
    _ = try job.run()
    let reports = log.reports
    #expect(reports.map(\.tilesDone) == Array(0...job.tileCount))
    #expect(job.tileCount == (second == nil ? 6 : 9))
    for (earlier, later) in zip(reports, reports.dropFirst()) {
      #expect(later.entriesDone > earlier.entriesDone && later.elapsed >= earlier.elapsed)
    }
    let (first, last) = (try #require(reports.first), try #require(reports.last))
    #expect(first.timeLeft == nil && first.rate == 0 && first.fraction == 0)
    #expect(last.entriesDone == 700 * (second ?? 700) && last.entryCount == last.entriesDone && last.fraction == 1)
    #expect(last.timeLeft == .zero && last.rate > 0 && last.obstacle == nil)
  }

  @Test("a layer that mixes the inputs leaves one tile, and progress says why")
  func mixing() throws {
    let network = Serial {
      Dense(4)
      LayerNorm(axes: [0, -1])
      Relu()
    }
    let log = GramProgressLog()
    let x = GramCase.connected.x1(.float64)
    let job = try GramJob(network, x, options: KernelOptions(tileSize: 10, progress: log.closure))
    let (tiled, whole) = (try job.run(), try network.kernel(x))
    #expect(job.tileCount == 1 && sameBits(tiled, whole))
    #expect(log.reports.count == 2 && log.reports.allSatisfy { $0.obstacle?.contains("mixes") ?? false })
  }

  @Test("strips of rows are rows of the whole", arguments: GramCase.all)
  func strips(_ item: GramCase) throws {
    for second in [nil, item.x2(.float64)] {
      let options = KernelOptions(executor: item.executor, tileSize: 16)
      let job = try GramJob(item.network, item.x1(.float64), second, options: options)
      let whole = try job.run()
      let ntk = try #require(whole.ntk)
      var next = 0
      try job.forEachStrip(rows: 40) { rows, strip in
        #expect(rows.lowerBound == next)
        next = rows.upperBound
        #expect(sameBits(strip.nngp, whole.nngp[rows]) && sameBits(strip.ntk, ntk[rows]))
        #expect(sameBits(strip.cov1, whole.cov1[rows]) && strip.shape1[0] == rows.count)
      }
      #expect(next == item.counts.0)
    }
  }

  @Test("an error inside a tile says where in the whole matrix it is")
  func errorInside() throws {
    let network = Serial {
      Dense(1)
      Exp()
      Dense(1)
    }
    // Of variance 200, whose exponential is too large for float32.
    var x = GramCase.connected.x1(.float32)
    x[610] = Tensor([Float](repeating: 14.2, count: 17))
    for executor in [KernelOptions.Executor.reference, .fused] {
      let job = try GramJob(
        network, x, GramCase.connected.x2(.float32), options: KernelOptions(executor: executor, tileSize: 256))
      let error = try #require(throws: NetworkError.self) { try job.run() }
      #expect(error.description.contains("[610, "), "\(error)")
    }
  }

  @Test("a network with several outputs is refused")
  func severalOutputs() throws {
    #expect(throws: NetworkError.self) { try GramJob(FanOut(2), GramCase.connected.x1(.float64)) }
  }
}
