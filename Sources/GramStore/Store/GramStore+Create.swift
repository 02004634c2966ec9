import DurableFiles
import CovarianceEngine
import Networks
import Platform
import Tensors

extension GramStore {
  /// Makes a store: a directory with the data sets and what is to be computed, and no tile yet.
  ///
  /// It is made under another name and renamed when it is whole, so that of two who make the same store at once one gets it and the
  /// other an error.
  ///
  /// - Parameters:
  ///   - path: of the directory; nothing, or an empty directory, may be there.
  ///   - network: a network with one output without positions, all of whose layers network files know.
  ///   - x1: inputs as `Layer.kernel` takes them.
  ///   - x2: inputs of the same shape but for N2; nil stands for `x1` and costs half.
  ///   - patterns: the graphs of the inputs, for `Aggregate`.
  ///   - maskConstant: inputs equal to it (or NaN, if it is NaN) are missing; nil when none is.
  ///   - kernels: which matrices the store has.
  ///   - options: precision and tiles.
  /// - Throws: `GramStoreError` when there is something of that name, the network does not fit the data or cannot be computed tile
  ///   by tile, or a file cannot be written.
  public static func create(
    at path: String, network: any Layer, x1: Tensor, x2: Tensor? = nil, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet = .all, options: Options = Options()
  ) throws(GramStoreError) -> GramStore {
    try create(
      at: path, network: network, x1: x1, x2: x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels,
      options: options, files: SystemFiles()
    ).store
  }

  /// The same, with how large its tiles are and why.
  package static func create(
    at path: String, network: any Layer, x1: Tensor, x2: Tensor?, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil, kernels: KernelSet, options: Options, files: some FileSystem
  ) throws(GramStoreError) -> (store: GramStore, reason: String) {
    let names = StoredKernel.all(of: kernels)
    let (text, computation, reason): (NodeValue, GramJob, String)
    do throws(NetworkError) {
      guard !names.isEmpty else { throw NetworkError(path: [.name("kernels")], expected: "a kernel", found: "none") }
      for (name, value) in [("tileSize", options.tileSize), ("workers", options.workers)] {
        try requireSize(name, value ?? 1)
      }
      text = try NodeValue(json: Array(NetworkFile(network).json().utf8))
    } catch {
      throw .computation(error)
    }
    (computation, reason) = try tiles(
      network, x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: names.contains(.ntk) ? .all : .nngp,
      options)
    // A second data set that is the first has no numbers of its own.
    let (second, graphs) = computation.isSymmetric ? (nil, nil) : (x2, patterns?.second)
    let data: [(name: String, numbers: Tensor)] = [
      ("x1", x1), ("x2", second), ("pattern1", patterns?.first), ("pattern2", graphs),
    ].compactMap { name, numbers in numbers.map { (name, $0) } }
    let job = JobDescription(
      network: text, data: Dictionary(uniqueKeysWithValues: data.map { ($0.name, JobDescription.DataSet($0.numbers)) }),
      maskConstant: maskConstant, isSymmetric: computation.isSymmetric, kernels: names, dtype: computation.dtype,
      tile: computation.tileSize, layout: options.layout == .upper && computation.isSymmetric ? .upper : .full)
    let store = try GramStore(path: withoutSlash(path), job: job, files: files)
    try store.make(data)
    return (store, reason)
  }

  /// The computation of the tiles, of a size that suits.
  private static func tiles(
    _ network: any Layer, _ x1: Tensor, _ x2: Tensor?, patterns: GraphPatterns?, maskConstant: Double?,
    kernels: KernelSet, _ options: Options
  ) throws(GramStoreError) -> (GramJob, reason: String) {
    func computation(tileSize: Int) throws(GramStoreError) -> GramJob {
      try self.computation(
        network, x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels,
        options: KernelOptions(precision: options.precision, tileSize: tileSize))
    }
    if let size = options.tileSize {
      let job = try computation(tileSize: size)
      return (
        job, reason: job.tileSize == size ? "as asked for" : "\(size) rounded to what the network's executor computes"
      )
    }
    let first = try computation(tileSize: TileSizeChoice.standard)
    let choice = TileSizeChoice(
      rows: first.rowCount, columns: first.columnCount, isSymmetric: first.isSymmetric, workers: options.workers,
      flopsPerPair: first.flopsPerPair)
    let job = choice.size == TileSizeChoice.standard ? first : try computation(tileSize: choice.size)
    let reason =
      job.tileSize == choice.size
      ? choice.reason
      : job.tileSize < choice.size
        ? "all rows at once"
        : "\(choice.size), \(choice.reason), rounded up to what the network's executor computes in one piece"
    return (job, reason)
  }

  private func make(_ data: [(name: String, numbers: Tensor)]) throws(GramStoreError) {
    let above = parent(of: path)
    do {
      if let names = try? files.names(in: path) {
        guard names.isEmpty else { throw GramStoreError.exists(path) }
      } else if !files.isMissing(path) {
        throw GramStoreError.exists(path)
      }
      let partial = "\(path).\(WorkerIdentity.next().name).partial"
      try HeldFiles.makeDirectory(partial, files)
      do {
        for (name, numbers) in data { try StoredData.write(numbers, to: "\(partial)/\(name)", files) }
        for kernel in kernels { try makeMatrix("\(partial)/\(kernel.rawValue)") }
        for directory in [claims, temporaries] {
          try files.makeDirectory(partial + directory.dropFirst(path.count))
        }
        try files.synchronizeDirectory(parent(of: partial + claims.dropFirst(path.count)))
        try files.writeNew(ZarrGroup.json(attributes: job.json).json(), to: "\(partial)/\(ZarrArray.fileName)")
        try files.synchronizeDirectory(partial)
        try HeldFiles.rename(partial, to: path, files)
      } catch {
        HeldFiles.remove(partial)
        throw error
      }
      try files.synchronizeDirectory(above)
    } catch let error as GramStoreError {
      throw error
    } catch let failure as FileFailure {
      if [EEXIST, ENOTEMPTY, ENOTDIR].contains(failure.code) { throw .exists(path) }
      throw .init(writing: "the store \(path)", failure)
    } catch {
      throw .cannotWrite(what: "the store \(path)", reason: "\(error)", advice: "")
    }
  }

  /// All directories of tiles, so that no worker need make one.
  private func makeMatrix(_ directory: String) throws(FileFailure) {
    try files.makeDirectory(directory)
    try files.writeNew(matrixArray.json.json(), to: "\(directory)/\(ZarrArray.fileName)")
    try files.makeDirectory("\(directory)/c")
    for row in 0..<grid.rows { try files.makeDirectory("\(directory)/c/\(row)") }
    try files.synchronizeDirectory("\(directory)/c")
    try files.synchronizeDirectory(directory)
  }

  /// A name as other names can be made of it.
  private static func withoutSlash(_ path: String) -> String {
    var path = path
    while path.hasSuffix("/"), path.count > 1 { path.removeLast() }
    return path
  }

  // MARK: - Opening

  /// Opens a store, whether it is complete or not.
  ///
  /// - Throws: `GramStoreError` when there is none, or its files are not what a store has.
  public static func open(at path: String) throws(GramStoreError) -> GramStore {
    try open(at: path, files: SystemFiles())
  }

  package static func open(at path: String, files: some FileSystem) throws(GramStoreError) -> GramStore {
    let path = withoutSlash(path)
    let file = "\(path)/\(ZarrArray.fileName)"
    let attributes = try ZarrGroup.attributes(StoredData.readJSON(file, files), path: file)
    let job = try JobDescription(attributes, path: file)
    let store = try GramStore(path: path, job: job, files: files)
    for kernel in store.kernels { try StoredData.requireArray(store.matrixArray, at: store.path(kernel), files) }
    return store
  }

  /// Compares what somebody means to go on with, field by field; what is nil is not compared.
  ///
  /// - Throws: `GramStoreError.otherJob` with the first field that differs.
  public func require(
    network: (any Layer)? = nil, x1: Tensor? = nil, x2: Tensor? = nil, patterns: GraphPatterns? = nil,
    maskConstant: Double? = nil,
    kernels: KernelSet? = nil, precision: DType? = nil, tileSize: Int? = nil
  ) throws(GramStoreError) {
    if let network {
      let other: NodeValue
      do throws(NetworkError) {
        other = try NodeValue(json: Array(NetworkFile(network).json().utf8))
      } catch {
        throw .computation(error)
      }
      try job.require(network: other, store: path)
    }
    if let x1 { try job.require("x1", JobDescription.DataSet(x1), store: path) }
    if let x2 {
      let other = JobDescription.DataSet(x2)
      if job.data["x2"] != nil || other != job.data["x1"] { try job.require("x2", other, store: path) }
    }
    if let patterns {
      try job.require("pattern1", JobDescription.DataSet(patterns.first), store: path)
      if let second = patterns.second {
        let other = JobDescription.DataSet(second)
        if job.data["pattern2"] != nil || other != job.data["pattern1"] {
          try job.require("pattern2", other, store: path)
        }
      }
    }
    if let maskConstant {
      let there = job.maskConstant.map { "\($0)" } ?? "none"
      try job.require("mask constant", there: there, here: "\(maskConstant)", store: path)
    }
    let here = kernels.map { StoredKernel.all(of: $0).map(\.rawValue).joined(separator: ",") }
    try job.require(
      "list of kernels", there: job.kernels.map(\.rawValue).joined(separator: ","), here: here, store: path)
    try job.require("precision", there: dtype.rawValue, here: precision?.rawValue, store: path)
    try job.require("tile size", there: "\(self.tileSize)", here: tileSize.map { "\($0)" }, store: path)
  }
}
