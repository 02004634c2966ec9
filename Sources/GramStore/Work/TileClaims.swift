import DurableFiles
import Networks
import Platform

/// Claims of tiles: small files that say who computes a tile, so that nobody else does.
///
/// They only save work. A claim holds for a lease after it was last touched, which its owner does all the time; older ones, and those
/// of processes of this machine that are gone, are taken over: of all who rename an old claim one succeeds. That two own a
/// tile can still happen, where a takeover meets a fresh claim or a paused process wakes, and then both write the same bytes.
///
/// The age of a claim is the time of its last change against that of a file that was touched just now on the same file system, so
/// that no clock of a worker's machine matters.
struct TileClaims: Sendable {
  /// What a claim says.
  struct Claim: Sendable {
    var owner: WorkerIdentity?
    /// Seconds for which the owner need not touch it.
    var lease: Double
    /// Since it was touched.
    var age: Double

    /// A time in the future is that of a clock which has been set back since.
    var isStale: Bool { abs(age) > lease || (owner?.isGone ?? false) }
  }

  /// Files of workers and claims that are so many leases old are removed, as are temporary files.
  static let oldest = 10.0
  private static let workerPrefix = "worker."
  private static let stalePrefix = "stale."

  let directory: String
  let files: any FileSystem
  let identity: WorkerIdentity
  /// Seconds that every lease lasts at least.
  let shortestLease: Double

  // MARK: - The worker

  /// A file that says that this worker is there, and whose touching tells the time.
  var workerPath: String { "\(directory)/\(Self.workerPrefix)\(identity.name)" }

  /// Says that this worker is there.
  func enter() throws(FileFailure) {
    try files.makeDirectories(directory)
    try create(workerPath, lease: shortestLease)
  }

  func leave() { HeldFiles.remove(workerPath, owner: identity.name) }

  /// The time of the file system.
  func now() throws(FileFailure) -> Double {
    do {
      try files.touch(workerPath)
    } catch {
      // Somebody took this worker, which was paused, for one that is gone.
      guard error.code == ENOENT else { throw error }
      HeldFiles.remove(workerPath, owner: identity.name)
      try create(workerPath, lease: shortestLease)
    }
    return try files.status(of: workerPath).modified
  }

  /// Workers that have touched their file within a lease, this one among them.
  func workerCount() throws(FileFailure) -> Int {
    let now = try now()
    var count = 0
    for name in try files.names(in: directory) where name.hasPrefix(Self.workerPrefix) {
      if let claim = read("\(directory)/\(name)", now: now), !claim.isStale { count += 1 }
    }
    return max(1, count)
  }

  // MARK: - Claims

  func path(_ index: TileIndex) -> String { "\(directory)/\(index.row).\(index.column)" }

  /// Whether the tile is this worker's now.
  ///
  /// - Parameter lease: seconds for which the claim need not be touched.
  func take(_ index: TileIndex, lease: Double) throws(FileFailure) -> Bool {
    let path = path(index)
    if try tryCreate(path, lease: lease) { return true }
    guard let claim = read(path, now: try now()) else { return try tryCreate(path, lease: lease) }
    guard claim.isStale else { return false }
    guard removeStale(path) else { return false }
    return try tryCreate(path, lease: lease)
  }

  /// Gives the tile away, done or not.
  func release(_ index: TileIndex) { HeldFiles.remove(path(index), owner: identity.name) }

  /// Says that the tile is still being computed.
  func touch(_ index: TileIndex) {
    try? files.touch(path(index))
    try? files.touch(workerPath)
  }

  private func tryCreate(_ path: String, lease: Double) throws(FileFailure) -> Bool {
    do {
      try create(path, lease: lease)
      return true
    } catch {
      if error.code == EEXIST { return false }
      throw error
    }
  }

  private func create(_ path: String, lease: Double) throws(FileFailure) {
    let contents = contents(lease: lease)
    let file = try HeldFiles.create(path, contents: contents, owner: identity.name, files)
    do {
      try files.writePlain(contents, to: file)
    } catch {
      // Of an empty claim nobody could say whose it is.
      try? files.remove(path)
      HeldFiles.remove(path, owner: identity.name)
      throw error
    }
  }

  private func contents(lease: Double) -> [UInt8] {
    let value = NodeValue.object([
      "host": .string(identity.host), "process": .integer(Int(identity.process)),
      "worker": .integer(Int(identity.number)),
      "lease": .number(lease),
    ])
    return Array(value.json().utf8) + [0x0A]
  }

  /// Removes an old claim, and says whether it was this worker who did.
  private func removeStale(_ path: String) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let unique = "\(directory)/\(Self.stalePrefix)\(name).\(identity.name)"
    guard (try? files.rename(path, to: unique)) != nil else { return false }
    try? files.remove(unique)
    return true
  }

  /// nil where there is no such file any more. What cannot be read, because its owner has not written it yet or was killed before,
  /// has the shortest lease.
  private func read(_ path: String, now: Double) -> Claim? {
    guard let status = try? files.status(of: path) else { return nil }
    var claim = Claim(owner: nil, lease: shortestLease, age: now - status.modified)
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    if name.hasPrefix(Self.workerPrefix) { claim.owner = WorkerIdentity(endOf: name) }
    if let bytes = try? files.read(path), case .object(let members)? = try? NodeValue(json: bytes) {
      if case .string(let host)? = members["host"], case .integer(let process)? = members["process"],
        case .integer(let number)? = members["worker"]
      {
        claim.owner = WorkerIdentity(host: host, process: Int32(clamping: process), number: UInt32(clamping: number))
      }
      switch members["lease"] {
      case .number(let lease)?: claim.lease = max(claim.lease, lease)
      case .integer(let lease)?: claim.lease = max(claim.lease, Double(lease))
      default: break
      }
    }
    return claim
  }

  // MARK: - All of them

  /// Claims that hold, and those of owners who are gone.
  func counts() throws(FileFailure) -> (workers: Int, claims: Int, stale: Int) {
    let now = try now()
    var (workers, claims, stale) = (0, 0, 0)
    for name in try files.names(in: directory) where !name.hasPrefix(Self.stalePrefix) {
      let path = "\(directory)/\(name)"
      guard path != workerPath, let claim = read(path, now: now) else { continue }
      if name.hasPrefix(Self.workerPrefix) {
        if !claim.isStale { workers += 1 }
      } else if claim.isStale {
        stale += 1
      } else {
        claims += 1
      }
    }
    return (workers, claims, stale)
  }

  /// Removes what workers that are gone have left: claims, workers' files, and temporary files.
  func sweep(temporaries: String) throws(FileFailure) {
    let now = try now()
    for name in try files.namesIfAny(in: temporaries) {
      let path = "\(temporaries)/\(name)"
      guard let status = try? files.status(of: path) else { continue }
      let isGone = WorkerIdentity(endOf: name)?.isGone ?? false
      if isGone || now - status.modified > Self.oldest * shortestLease { try? files.remove(path) }
    }
    for name in try files.names(in: directory) {
      let path = "\(directory)/\(name)"
      guard path != workerPath, let claim = read(path, now: now) else { continue }
      if name.hasPrefix(Self.stalePrefix) || name.hasPrefix(Self.workerPrefix) {
        let isGone = name.hasPrefix(Self.workerPrefix) && (claim.owner?.isGone ?? false)
        if isGone || claim.age > Self.oldest * claim.lease { try? files.remove(path) }
      } else if claim.isStale {
        _ = removeStale(path)
      }
    }
  }
}
