import Tensors

/// Between which positions of two inputs a covariance is needed, by their displacement Δ = p' − p.
///
/// Along every axis of positions a set of displacements; needed are all combinations.
public struct DisplacementDemand: Sendable, Hashable {
  /// Sizes along the axes of positions.
  public let positions: [Int]
  /// Sorted, one list per axis of positions.
  public let displacements: [[Int]]

  /// Whether covariances between different positions are wanted, even where there is one position only.
  public let hasPairs: Bool

  /// Number of displacements needed.
  public var count: Int { displacements.reduce(1) { $0 * $1.count } }
  /// Number of displacements there are.
  public var total: Int { positions.reduce(1) { $0 * (2 * $1 - 1) } }

  /// Whether only the covariances of positions with themselves are needed.
  public var isDiagonal: Bool { displacements.allSatisfy { $0 == [0] } }
  public var isAll: Bool { count == total }

  /// Number of covariances: pairs of positions with such a displacement.
  public var entries: Int {
    zip(positions, displacements).reduce(1) { product, axis in
      product * axis.1.reduce(0) { $0 + axis.0 - abs($1) }
    }
  }

  /// - Parameter hasPairs: whether covariances between different positions are wanted.
  public init(positions: [Int], displacements: [Set<Int>], hasPairs: Bool) {
    self.positions = positions
    self.displacements = zip(positions, displacements).map { size, axis in axis.filter { abs($0) < size }.sorted() }
    self.hasPairs = hasPairs
  }

  /// Those of positions with themselves.
  public static func diagonal(_ positions: [Int]) -> DisplacementDemand {
    DisplacementDemand(positions: positions, displacements: positions.map { _ in [0] }, hasPairs: false)
  }

  /// Those between all positions.
  public static func all(_ positions: [Int]) -> DisplacementDemand {
    DisplacementDemand(positions: positions, displacements: positions.map { Set(1 - $0..<$0) }, hasPairs: true)
  }

  /// The same displacements between other numbers of positions; displacements beyond their ends drop out.
  public func resized(to positions: [Int]) -> DisplacementDemand {
    DisplacementDemand(positions: positions, displacements: displacements.map { Set($0) }, hasPairs: hasPairs)
  }

  package func union(_ other: DisplacementDemand) -> DisplacementDemand {
    DisplacementDemand(
      positions: positions,
      displacements: zip(displacements, other.displacements).map { Set($0).union($1) },
      hasPairs: hasPairs || other.hasPairs)
  }
}
