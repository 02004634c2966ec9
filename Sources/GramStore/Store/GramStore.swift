import DurableFiles
import CovarianceEngine
import Networks
import Tensors

/// The Gram matrices of a network over one or two data sets, in a directory: tile by tile, by any number of processes on any
/// number of machines, killed at any moment and started again.
///
/// ```swift
/// let store = try GramStore.create(at: "train.zarr", network: network, x1: images)
/// try store.run()                                  // in this process and in others at once
/// let matrix = try store.matrix(.ntk)              // read tile by tile, every tile checked
/// ```
///
/// The directory is a Zarr group (version 3) with an array for each kernel, one chunk per tile, which `zarr` and `tensorstore`
/// read as it is at any moment: tiles that are missing are NaN. Beside them are the data sets, so that the directory is all that a
/// worker needs, and its attributes say what network, data, precision and tiles it was made for.
///
/// A tile is written under a temporary name, synchronized, and renamed: it is there in full or not at all. Workers claim
/// tiles, which saves work that would be done twice and is nothing that results depend on: tiles have the same bits whoever
/// computes them.
public struct GramStore: Sendable {
  /// Which tiles of a symmetric matrix are files.
  public enum Layout: String, Sendable, CaseIterable {
    /// All: other programs read the whole matrix.
    case full
    /// Those on and above the diagonal, which take half the space.
    case upper
  }

  /// How to make a store.
  public struct Options: Sendable {
    /// float32 or float64; nil for the precision of the data.
    public var precision: DType?
    /// Rows and columns of a tile, rounded up to what the network's executor computes in one piece; nil for what `workers` and the
    /// work of a tile say.
    public var tileSize: Int?
    /// How many workers will share the work; nil where that is not known.
    public var workers: Int?
    /// Which tiles of a symmetric matrix are files.
    public var layout: Layout

    public init(precision: DType? = nil, tileSize: Int? = nil, workers: Int? = nil, layout: Layout = .full) {
      (self.precision, self.tileSize, self.workers, self.layout) = (precision, tileSize, workers, layout)
    }
  }

  /// The directory.
  public let path: String
  let job: JobDescription
  let grid: TileGrid
  let files: any FileSystem
  /// What computes tiles in place of the network: for tests.
  var tileSource: (@Sendable (TileIndex) -> [Tensor])?
  private let loaded = Guarded<GramJob?>(nil)

  init(path: String, job: JobDescription, files: any FileSystem) throws(GramStoreError) {
    (self.path, self.job, self.files) = (path, job, files)
    let rows = job.data["x1"]?.shape.first ?? 0
    let columns = job.isSymmetric ? rows : (job.data["x2"] ?? job.data["x1"])?.shape.first ?? 0
    guard rows > 0, columns > 0 else {
      throw .malformed(path: path, expected: "data sets of at least one input", found: "\(rows) and \(columns)")
    }
    grid = TileGrid(rowCount: rows, columnCount: columns, tile: job.tile, isSymmetric: job.isSymmetric)
  }

  // MARK: - What it is

  /// Inputs of the first data set.
  public var rowCount: Int { grid.rowCount }
  /// Inputs of the second data set.
  public var columnCount: Int { grid.columnCount }
  /// Whether both data sets are one.
  public var isSymmetric: Bool { grid.isSymmetric }
  /// Rows and columns of a tile, but for the last ones.
  public var tileSize: Int { grid.tile }
  /// How many tiles are computed.
  public var tileCount: Int { grid.count }
  /// The matrices it has.
  public var kernels: [StoredKernel] { job.kernels }
  /// Of the elements.
  public var dtype: DType { job.dtype }
  /// Which tiles are files.
  public var layout: Layout { job.layout == .full ? .full : .upper }
  /// The version of the library that made it.
  public var libraryVersion: String { job.libraryVersion }

  /// The network that it was made for.
  ///
  /// - Throws: `GramStoreError.computation` where a layer is unknown here.
  public func network() throws(GramStoreError) -> any Layer {
    do {
      return try NetworkFile(json: job.network.json()).network
    } catch {
      throw .computation(error)
    }
  }

  /// Whether a tile below the diagonal is a file of its own.
  var isMirrored: Bool { isSymmetric && job.layout == .full }

  /// Bytes of all tiles when all are there.
  package var wholeByteCount: Double {
    let tiles = isMirrored ? grid.rows * grid.columns : grid.count
    return Double(tiles) * Double(kernels.count) * Double(matrixArray.chunkByteCount)
  }

  /// The metadata of each matrix.
  var matrixArray: ZarrArray {
    ZarrArray(
      shape: [rowCount, columnCount], dtype: dtype,
      chunkShape: [min(tileSize, rowCount), min(tileSize, columnCount)], dimensionNames: ["row", "column"])
  }

  // MARK: - Paths

  /// Both are inside of an array: Python's `zarr`, which lists what is in a group, warns of what it does not know there.
  private static let (claimDirectory, temporaryDirectory) = (".claims", ".tmp")

  func path(_ kernel: StoredKernel) -> String { "\(path)/\(kernel.rawValue)" }
  func rowPath(_ kernel: StoredKernel, _ row: Int) -> String { "\(path(kernel))/c/\(row)" }
  func path(_ kernel: StoredKernel, _ index: TileIndex) -> String { "\(rowPath(kernel, index.row))/\(index.column)" }
  var claims: String { "\(path(kernels[0]))/\(Self.claimDirectory)" }
  var temporaries: String { "\(path(kernels[0]))/\(Self.temporaryDirectory)" }

  // MARK: - The job

  /// The computation of its tiles, from the data in the store.
  ///
  /// - Throws: where the data are damaged, or this library would compute other tiles.
  func computation() throws(GramStoreError) -> GramJob {
    try loaded.withLock { (loaded) throws(GramStoreError) in
      if let job = loaded { return job }
      let result = try kernelJob(on: nil)
      loaded = result
      return result
    }
  }

  /// The same on a device; nil for the processors.
  func kernelJob(on device: (any KernelDevice)?) throws(GramStoreError) -> GramJob {
    let (x1, x2) = (try dataSet("x1"), try dataSet("x2"))
    let (pattern1, pattern2) = (try dataSet("pattern1"), try dataSet("pattern2"))
    guard let x1 else { throw .malformed(path: path, expected: "a data set x1", found: "none") }
    let result = try Self.computation(
      network(), x1, x2, patterns: pattern1.map { GraphPatterns($0, pattern2) }, maskConstant: job.maskConstant,
      kernels: job.kernels.contains(.ntk) ? .all : .nngp,
      options: KernelOptions(
        precision: job.dtype, tileSize: job.tile,
        device: device.map { ($0 as? any ExecutorProvider)?.aligned(to: job.tile) ?? $0 }))
    guard result.tileSize == job.tile, result.isSymmetric == isSymmetric else {
      throw .otherJob(
        store: path, what: "library", field: "the tile", there: "\(job.tile)", here: "\(result.tileSize)",
        remedy: "use version \(libraryVersion) of the library")
    }
    return result
  }

  static func computation(
    _ network: any Layer, _ x1: Tensor, _ x2: Tensor?, patterns: GraphPatterns?, maskConstant: Double?,
    kernels: KernelSet, options: KernelOptions
  ) throws(GramStoreError) -> GramJob {
    do throws(NetworkError) {
      let job = try GramJob(
        network, x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options)
      if let obstacle = job.obstacle {
        throw NetworkError(expected: "a kernel that can be computed tile by tile", found: obstacle)
      }
      guard job.entryShape.isEmpty else {
        throw NetworkError(
          expected: "a network whose outputs have no positions (flatten or pool them)",
          found: "positions of shape \(job.entryShape)")
      }
      return job
    } catch {
      throw .computation(error)
    }
  }

  /// A data set as it was given; nil where there was none.
  func dataSet(_ name: String) throws(GramStoreError) -> Tensor? {
    guard let expected = job.data[name] else { return nil }
    return try StoredData.read(path + "/" + name, shape: expected.shape, dtype: expected.dtype, files)
  }
}
