import Tensors

/// How a kernel is cut into tiles, and what their computation starts from.
///
/// Tiles lie on the grid of the executor, so an entry is the same to the last bit in every tile that holds it: kernels
/// depend neither on the tile size nor on the number of threads. A tile is computed on all threads, one after another.
struct GramPlan: Sendable {
  /// Floating-point operations of a tile per thread: a second's worth and less of the fused executors, some seconds' worth
  /// of the reference executor.
  private static let operationsPerTile = 2e10
  /// A tile of two kernels in float64 takes 64 MB.
  private static let largestTile = 2048

  let computation: KernelComputation
  let rowCount: Int
  let columnCount: Int
  let isSymmetric: Bool
  let tileSize: Int
  let obstacle: String?
  /// Blocks of the executor's grid in the whole.
  let blockCount: Int

  var options: KernelOptions { computation.options }
  /// Element type of what is put together.
  var dtype: DType { options.accumulation ?? computation.inputs[0].dtype }

  init(_ computation: KernelComputation) throws(NetworkError) {
    self.computation = computation
    try computation.options.check()
    (rowCount, columnCount) = computation.inputs[0].counts
    isSymmetric = computation.inputs.allSatisfy(\.isSymmetric)
    obstacle = Self.obstacle(computation)
    // One pair at least must fit, before anything is counted that could overflow.
    try computation.requireMemory(entries: 1, dtype: computation.inputs[0].dtype, rows: 1, columns: 1)
    let grid = computation.executor.grid
    func blocks(_ count: Int) -> Int { (count + grid - 1) / grid }
    let (rows, columns) = (blocks(rowCount), blocks(columnCount))
    blockCount = isSymmetric ? rows * (rows + 1) / 2 : rows * columns
    if obstacle == nil {
      let wanted = computation.options.tileSize ?? Self.automaticTileSize(computation)
      tileSize = blocks(min(wanted, max(rowCount, columnCount))) * grid
    } else {
      tileSize = max(rowCount, columnCount)
    }
  }

  private static func obstacle(_ computation: KernelComputation) -> String? {
    if computation.isTraced { return "a function that is traced is computed in one piece" }
    if computation.options.batch == .all {
      return "covariances between all inputs of a data set are computed in one piece"
    }
    return computation.program.mixesInputs ? "a layer mixes the inputs of a data set, so nothing can be cut" : nil
  }

  private static func automaticTileSize(_ computation: KernelComputation) -> Int {
    let pair = computation.executor.flopsPerPair
    let threads = Double(Threads.withLimit(computation.options.threads) { Threads.count })
    let size = (operationsPerTile * threads / max(1, pair)).squareRoot()
    // Pieces that go elsewhere are done when the last one is, so there should be many.
    let pieces = Double(16 * computation.executor.piecesAtOnce).squareRoot().rounded(.up)
    return max(1, min(largestTile, max(Int(min(size, 1e6)), Int(pieces) * computation.executor.grid)))
  }

  /// The tiles, row after row; of a symmetric matrix those on and above the diagonal.
  var tiles: [GramBlock] {
    GramBlock.tiles(rows: rowCount, columns: columnCount, size: tileSize, isSymmetric: isSymmetric)
  }

  var whole: GramBlock { GramBlock(rows: 0..<rowCount, columns: 0..<columnCount) }

  /// The whole as one tile, which spares it being put together, unless the options are about tiles.
  var tilesIfAsked: [GramBlock] {
    let isAsked = options.tileSize != nil || options.progress != nil || dtype != computation.inputs[0].dtype
    return isAsked ? tiles : [whole]
  }

  // MARK: - Computing

  /// The whole matrices, put together from `tiles`.
  func run(_ tiles: [GramBlock]) throws(NetworkError) -> [CovarianceBlock] {
    try computation.requireMemory(
      entries: Double(whole.entryCount), dtype: dtype, rows: min(tileSize, rowCount),
      columns: min(tileSize, columnCount))
    var run = Run(self, tiles, isMirrored: isSymmetric)
    var assembly = GramAssembly(whole, isMirrored: isSymmetric, hasSecond: !isSymmetric, dtype: dtype)
    while let (range, outputs) = try run.next() {
      if tiles.count == 1 { return outputs.map { $0.asType(dtype) } }
      assembly.insert(outputs, range)
    }
    return assembly.outputs
  }

  /// Strips of whole rows from top to bottom, each of some tiles.
  func forEachStrip(
    rows: Int, _ body: (Range<Int>, [CovarianceBlock]) throws -> Void
  ) throws {
    try requireSize("rows", rows, atMost: .max)
    let size = rows >= rowCount ? rowCount : max(1, rows / tileSize) * tileSize
    try computation.requireMemory(
      entries: Double(min(size, rowCount)) * Double(columnCount), dtype: dtype, rows: min(tileSize, rowCount),
      columns: min(tileSize, columnCount))
    let tiles = GramBlock.tiles(rows: rowCount, columns: columnCount, size: tileSize, isSymmetric: false)
    var run = Run(self, tiles, isMirrored: false)
    for start in stride(from: 0, to: rowCount, by: size) {
      let strip = GramBlock(rows: start..<min(start + size, rowCount), columns: 0..<columnCount)
      var assembly = GramAssembly(strip, isMirrored: false, hasSecond: false, dtype: dtype)
      for _ in 0..<GramBlock.tileCount(strip, size: tileSize) {
        guard let (range, outputs) = try run.next() else { break }
        assembly.insert(outputs, range)
      }
      try body(strip.rows, assembly.outputs)
    }
  }

  /// Works through tiles, one with every call of `next`.
  struct Run {
    private let plan: GramPlan
    private let tiles: [GramBlock]
    private let isMirrored: Bool
    private let state: ExecutorState
    private let began = ContinuousClock.now
    private var tilesDone = 0
    private var entriesDone = 0

    /// - Parameter isMirrored: whether a tile gives its mirror image, too.
    init(_ plan: GramPlan, _ tiles: [GramBlock], isMirrored: Bool) {
      (self.plan, self.tiles, self.isMirrored) = (plan, tiles, isMirrored)
      state = ExecutorState(blockCount: plan.blockCount)
      report()
    }

    /// The next tile; nil after the last.
    ///
    /// - Throws: `NetworkError.interrupted`, and what the executor throws.
    mutating func next() throws(NetworkError) -> (range: GramBlock, outputs: [CovarianceBlock])? {
      guard tilesDone < tiles.count else { return nil }
      try NetworkError.checkInterruption()
      let range = tiles[tilesDone]
      let outputs = try plan.outputs(of: range, state)
      tilesDone += 1
      entriesDone += range.entryCount * (isMirrored && !range.isOnDiagonal ? 2 : 1)
      report()
      return (range, outputs)
    }

    private func report() {
      plan.options.progress?(
        GramProgress(
          tilesDone: tilesDone, tileCount: tiles.count, entriesDone: entriesDone,
          entryCount: plan.whole.entryCount, elapsed: ContinuousClock.now - began, obstacle: plan.obstacle))
    }
  }

  /// The covariances of all outputs over a tile, computed on all threads that the options allow.
  func outputs(of range: GramBlock, _ state: ExecutorState) throws(NetworkError) -> [CovarianceBlock] {
    try Threads.withLimit(options.threads) { () throws(NetworkError) in try compute(range, state) }
  }

  private func compute(_ range: GramBlock, _ state: ExecutorState) throws(NetworkError) -> [CovarianceBlock] {
    let blocks = try computeScaled(range, state)
    guard let scales = computation.scales else { return blocks }
    return blocks.map { scales.undone($0, rows: range.rows, columns: range.columns) }
  }

  /// The covariances of the inputs as they have been multiplied.
  private func computeScaled(
    _ range: GramBlock, _ state: ExecutorState
  ) throws(NetworkError) -> [CovarianceBlock] {
    if isSymmetric && range.rows.lowerBound > range.columns.lowerBound {
      return try computeScaled(range.mirrored, state).map(\.mirrored)
    }
    // Those of every input in one tile of its row or column, which costs as little as it can.
    var selfCovariances: SelfCovarianceSet = range.isOnDiagonal && isSymmetric ? .first : []
    if !isSymmetric && range.columns.lowerBound == 0 { selfCovariances.insert(.first) }
    if !isSymmetric && range.rows.lowerBound == 0 { selfCovariances.insert(.second) }
    guard let limit = computation.executor.largestBlock, max(range.rows.count, range.columns.count) > limit else {
      return try computation.executor.run(request(range, selfCovariances, state))
    }
    let isOnDiagonal = isSymmetric && range.isOnDiagonal
    var assembly = GramAssembly(range, isMirrored: isOnDiagonal, hasSecond: !isOnDiagonal)
    for block in range.blocks(size: limit, isSymmetric: isOnDiagonal) {
      try NetworkError.checkInterruption()
      assembly.insert(try computation.executor.run(request(block, selfCovariances, state)), block)
    }
    return assembly.outputs
  }

  private func request(_ block: GramBlock, _ selfCovariances: SelfCovarianceSet, _ state: ExecutorState) -> BlockRequest
  {
    BlockRequest(
      inputs: computation.inputs.map { $0.part(rows: block.rows, columns: block.columns) },
      patterns: computation.patterns?.part(rows: block.rows, columns: block.columns, isSymmetric: isSymmetric),
      rows: block.rows, columns: block.columns, selfCovariances: selfCovariances, state: state)
  }
}

extension GramPlan {
  /// One block by itself, without what executors keep between blocks.
  func computeAlone(_ range: GramBlock) throws(NetworkError) -> [CovarianceBlock] {
    try Threads.withLimit(options.threads) { () throws(NetworkError) in
      try compute(range, ExecutorState(blockCount: blockCount))
    }
  }
}
