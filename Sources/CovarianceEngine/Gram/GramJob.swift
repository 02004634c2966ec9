import Tensors

/// The computation of a Gram matrix tile by tile: in memory or streamed, with progress, and cancellable.
///
/// ```swift
/// let job = try GramJob(network, x, options: KernelOptions(precision: .float32, accumulation: .float64))
/// let kernel = try await job.kernel()                       // the whole, in memory
/// for try await tile in job.tiles { try store(tile) }       // or a few tiles at a time
/// ```
///
/// A job is a value that computes nothing until it is asked, and may be asked several times. Its kernels are those of
/// `Layer.kernel` to the last bit, whatever the tile size and the number of threads. Tiles come one after another, each
/// computed on all threads that the options allow.
///
/// When both data sets are one, only tiles on and above the diagonal are computed; what is below are their mirror images,
/// and the NNGP's diagonal is exactly the variances. Layers that mix the inputs of a data set, such as a normalisation over
/// the batch, leave nothing to cut: the whole is one tile, and progress says so.
public struct GramJob: Sendable {
  let plan: GramPlan

  /// The job of a computation with one output.
  ///
  /// - Throws: `NetworkError` when one pair of inputs does not fit into memory.
  package init(_ computation: KernelComputation) throws(NetworkError) {
    precondition(computation.outputs.count == 1, "a job has one output, found \(computation.outputs.count)")
    plan = try GramPlan(computation)
  }

  /// Inputs of the first data set: rows of the matrix.
  public var rowCount: Int { plan.rowCount }
  /// Inputs of the second data set.
  public var columnCount: Int { plan.columnCount }
  /// Whether both data sets are one.
  public var isSymmetric: Bool { plan.isSymmetric }
  /// Rows and columns of a tile, but for the last ones: what the options say, rounded up to what the network's executor
  /// computes in one piece.
  public var tileSize: Int { plan.tileSize }
  /// How many tiles are computed.
  public var tileCount: Int { plan.tiles.count }

  /// Bytes that the executor says it takes for a tile beyond inputs and results.
  package var executorMemory: Double {
    plan.computation.executor.memory(
      rows: min(tileSize, rowCount), columns: min(tileSize, columnCount),
      threads: Threads.withLimit(plan.options.threads) { Threads.count })
  }

  /// The whole kernel, computed here and now.
  ///
  /// - Throws: `NetworkError` when it does not fit into memory or its numbers are not finite.
  public func run() throws(NetworkError) -> Kernel {
    kernel(try plan.run(plan.tiles))
  }

  /// The kernel in strips of some rows and all columns, from top to bottom, so that the memory of one strip is enough.
  ///
  /// Of a symmetric matrix the entries below the diagonal are computed, too, and equal those above to the last bit.
  ///
  /// - Parameters:
  ///   - rows: of a strip at most, unless a tile has more, at least 1; nil for strips of about 64 MB.
  ///   - body: called with the rows and their kernel with all inputs of the second data set; `cov2` of it is nil.
  /// - Throws: `NetworkError` as `run`, and what `body` throws.
  public func forEachStrip(rows: Int? = nil, _ body: (Range<Int>, Kernel) throws -> Void) throws {
    let entries = plan.computation.tangent == .absent ? 1 << 23 : 1 << 22
    try plan.forEachStrip(rows: rows ?? max(1, entries / columnCount)) { rows, outputs in
      try body(rows, kernel(outputs, rows: rows))
    }
  }

  func kernel(_ outputs: [CovarianceBlock], rows: Range<Int>? = nil) -> Kernel {
    plan.computation.blockKernels(outputs, rows: rows)[0]
  }
}
