import Clusters
import CovarianceEngine
import Synchronization
import Tensors

/// The processes of a cluster as the one that leads sees them: matrices whose tiles and factors they hold among them.
///
/// ```swift
/// let posterior = try withTeam(of: cluster, matrices: { _ in try store.matrix(.nngp) }) { team in
///   try GaussianProcess(kTrainTrain: team.matrix(0), yTrain: y, regularizer: 1e-3, solver: .iterative)
/// }
/// ```
public final class ClusterTeam: Sendable {
  private let part: ClusterPart
  private let isFinished = Mutex(false)
  /// Processes, this one among them.
  public let count: Int
  /// Whether they can factor a matrix together.
  public let factors: Bool
  private let source: @Sendable (Int) throws -> any TiledMatrix

  init(_ cluster: any Cluster, source: @escaping @Sendable (Int) throws -> any TiledMatrix) {
    (count, factors, self.source) = (cluster.count, cluster.factors, source)
    part = ClusterPart(cluster, source: source)
  }

  /// A matrix of the team as what solvers read: products, factors and eigenvectors are everybody's work.
  ///
  /// Tiles are read into the memory of the processes when the first product is asked for, each by one of them; for factors every
  /// process reads those that have elements of its part.
  ///
  /// - Parameter id: a number that means the same matrix in all processes.
  /// - Throws: what opening the matrix throws.
  public func matrix(_ id: Int) throws -> any TiledMatrix { SharedMatrix(self, id, try source(id)) }

  /// What the processes are told to do; with the numbers of the order.
  enum Order: Int {
    case finish, diagonal, rows, multiply, factor, release, solve, halfSolve, logDeterminant, inverseDiagonal,
      eigenbasis
  }

  /// Tells all processes, and does this one's part.
  ///
  /// - Parameters:
  ///   - numbers: two at most, that the order needs.
  ///   - shift: a real number that it needs.
  func order<Result: Sendable>(
    _ order: Order, _ numbers: [Int] = [], shift: Double = 0, _ body: (ClusterPart) throws -> Result
  ) throws -> Result {
    try isFinished.withLock { isFinished in
      guard !isFinished else {
        throw ClusterError("ask the other processes", reason: "they were told that all is done")
      }
      var message = [order.rawValue] + numbers
      message += Array(repeating: 0, count: Self.messageLength - 1 - message.count)
      message.append(Int(Int64(bitPattern: shift.bitPattern)))
      try part.cluster.broadcast(&message)
      return try body(part)
    }
  }

  private static let messageLength = 4

  /// Tells the other processes that all is done; again does nothing.
  func finish() throws {
    try isFinished.withLock { isFinished in
      guard !isFinished else { return }
      isFinished = true
      var message = [Order.finish.rawValue] + Array(repeating: 0, count: Self.messageLength - 1)
      try part.cluster.broadcast(&message)
    }
  }

  /// What a process that does not lead does until it is told that all is done.
  static func work(_ cluster: any Cluster, source: @escaping (Int) throws -> any TiledMatrix) throws {
    let part = ClusterPart(cluster, source: source)
    while true {
      var message = [Int](repeating: 0, count: messageLength)
      try cluster.broadcast(&message)
      guard let order = Order(rawValue: message[0]) else {
        throw ClusterError("work together", reason: "order \(message[0]) is unknown: other versions of the program?")
      }
      let (first, second) = (message[1], message[2])
      let shift = Double(bitPattern: UInt64(bitPattern: Int64(message[messageLength - 1])))
      let key = ClusterPart.FactorKey(id: first, shift: shift)
      do {
        switch order {
        case .finish: return
        case .diagonal: _ = try part.diagonal(first)
        case .rows: _ = try part.rows(first, nil, count: second)
        case .multiply: _ = try part.multiply(first, nil, rows: second)
        case .factor: _ = try part.factor(key)
        case .release: part.release(key)
        case .solve: _ = try part.solve(key, nil, columns: second, half: false)
        case .halfSolve: _ = try part.solve(key, nil, columns: second, half: true)
        case .logDeterminant: _ = try part.logDeterminant(key)
        case .inverseDiagonal: _ = try part.inverseDiagonal(key)
        case .eigenbasis: _ = try part.eigenbasis(first)
        }
      } catch is ClusterFailure {
        // All processes know; the one that leads says so.
        continue
      }
    }
  }
}

/// Runs `body` in the process that leads, while the others work for its team.
///
/// - Parameters:
///   - cluster: the processes, each of which calls this function.
///   - matrices: the matrix of a number, opened in each process that reads tiles of it.
/// - Returns: what `body` returns; nil in the processes that do not lead.
/// - Throws: what `body` throws, and `ClusterError` where processes cannot be reached.
public func withTeam<Result>(
  of cluster: any Cluster, matrices: @escaping @Sendable (Int) throws -> any TiledMatrix,
  _ body: (ClusterTeam) throws -> Result
) throws -> Result? {
  guard cluster.leads else {
    try ClusterTeam.work(cluster, source: matrices)
    return nil
  }
  let team = ClusterTeam(cluster, source: matrices)
  do {
    let result = try body(team)
    try team.finish()
    return result
  } catch {
    try team.finish()
    throw error
  }
}
