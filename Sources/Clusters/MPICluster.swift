import CDistributed
import Platform

/// The processes that `mpirun` has started, in a package that is built with the trait MPI.
public struct MPICluster: Cluster {
  public let rank: Int
  public let count: Int
  public var factors: Bool { true }

  /// Whether the package was built with the trait MPI.
  public static var isBuilt: Bool { nt_cluster_is_built() }

  /// Whether this process was started by `mpirun` or the like. Where it was not, starting takes seconds and is for nothing.
  public static var isLaunched: Bool {
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"].contains { (name: String) in getenv(name) != nil }
  }

  /// Which of them this one is; zero where it says nothing.
  public static var launchedRank: Int {
    for name in ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"] {
      if let value = getenv(name), let rank = Int(String(cString: value)) { return rank }
    }
    return 0
  }

  /// How many processes `mpirun` says that it has started; one where it says nothing.
  public static var launchedCount: Int {
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
      if let value = getenv(name), let count = Int(String(cString: value)) { return count }
    }
    return 1
  }

  /// Begins to work together with the other processes; again returns the same. Without `mpirun` there is one.
  ///
  /// - Throws: `ClusterError` where the package was built without MPI, or MPI cannot be initialized.
  public static func start() throws(ClusterError) -> MPICluster {
    guard isBuilt else { throw Self.failure("work together with other processes") }
    var place = nt_cluster_place()
    guard nt_cluster_start(&place) == 0 else { throw Self.failure("start MPI") }
    return MPICluster(rank: Int(place.rank), count: Int(place.count))
  }

  private init(rank: Int, count: Int) {
    (self.rank, self.count) = (rank, count)
  }

  /// Ends the work, once and for all; every process has to.
  public func stop() { nt_cluster_stop() }

  /// Ends all processes at once, with a status.
  public func abort(status: Int32) -> Never { nt_cluster_abort(status) }

  static func failure(_ operation: String) -> ClusterError {
    ClusterError(operation, reason: String(cString: nt_cluster_error()))
  }

  public func sum(_ numbers: UnsafeMutableBufferPointer<Double>) throws(ClusterError) {
    guard let start = numbers.baseAddress else { return }
    guard nt_cluster_sum(start, numbers.count) == 0 else { throw Self.failure("sum over processes") }
  }

  public func broadcast(_ bytes: UnsafeMutableRawBufferPointer) throws(ClusterError) {
    guard let start = bytes.baseAddress else { return }
    guard nt_cluster_broadcast(start, bytes.count, 0) == 0 else { throw Self.failure("send to processes") }
  }

  public func dealtMatrix(rows: Int, columns: Int, block: Int) throws(ClusterError) -> DealtMatrix? {
    guard let matrix = nt_dealt_matrix_make(Int64(rows), Int64(columns), Int64(block)) else {
      throw Self.failure("hold a matrix of \(rows)x\(columns) in \(count) processes")
    }
    return DealtMatrix(matrix, rows: rows, columns: columns)
  }
}
