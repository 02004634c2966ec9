/// Processes that share the work of one program, each with a part of what is too large for one machine.
///
/// The first of them leads: it runs the program as if it were alone, and what it asks of large matrices the others help with, as in
/// `ClusterWorker` of inference. All processes have to call each function of a cluster, in the same order.
public protocol Cluster: Sendable {
  /// From zero; zero leads.
  var rank: Int { get }
  /// Processes.
  var count: Int { get }
  /// Sums numbers of all processes, element by element, into all of them, with the same bits everywhere.
  ///
  /// - Throws: `ClusterError` where processes cannot be reached.
  func sum(_ numbers: UnsafeMutableBufferPointer<Double>) throws(ClusterError)
  /// Gives all processes the bytes of the one that leads.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer) throws(ClusterError)
  /// Whether its processes can factor a matrix together.
  var factors: Bool { get }
  /// A matrix of zeros that is dealt out to the processes in blocks, for factorisations; nil where there is nothing that factors one.
  func dealtMatrix(rows: Int, columns: Int, block: Int) throws(ClusterError) -> DealtMatrix?
}

extension Cluster {
  /// Whether this process runs the program.
  public var leads: Bool { rank == 0 }

  /// Gives all processes the numbers of the one that leads.
  package func broadcast<Element: BitwiseCopyable>(_ numbers: inout [Element]) throws(ClusterError) {
    // A typed error does not get through the closure of the standard library.
    let failure = numbers.withUnsafeMutableBytes { bytes -> ClusterError? in
      do throws(ClusterError) {
        try broadcast(bytes)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  package func sum(_ numbers: inout [Double]) throws(ClusterError) {
    let failure = numbers.withUnsafeMutableBufferPointer { buffer -> ClusterError? in
      do throws(ClusterError) {
        try sum(buffer)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }
}

/// A program that is alone.
public struct SingleProcess: Cluster {
  public init() {}

  public var rank: Int { 0 }
  public var count: Int { 1 }
  public var factors: Bool { false }
  public func sum(_ numbers: UnsafeMutableBufferPointer<Double>) {}
  public func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {}
  public func dealtMatrix(rows: Int, columns: Int, block: Int) -> DealtMatrix? { nil }
}

/// What keeps processes from working together.
public struct ClusterError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried.
  public let operation: String
  /// Why it failed.
  public let reason: String

  public init(_ operation: String, reason: String) {
    (self.operation, self.reason) = (operation, reason)
  }

  public var description: String { "cannot \(operation): \(reason)" }
}
