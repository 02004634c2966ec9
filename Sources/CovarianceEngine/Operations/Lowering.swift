/// What operations are made of in the executors that keep covariances in cache: chains on rows of a matrix, or on slices
/// K[p, p + Δ] of one displacement Δ.
///
/// An operation calls one or several of these verbs; each works on what the one before has made, the first on the
/// operation's operands. A verb that an executor cannot carry out throws what stands in its way.
public protocol Lowering {
  /// K ← σw² K + σb², Θ with it: see `AffineOperation`.
  mutating func affine(_ rule: AffineOperation) throws(Obstacle)
  /// K ← κ(K11, K, K22), Θ ← Θ κ̇.
  mutating func dual(_ dual: any Dual) throws(Obstacle)
  /// K and Θ divided by √(v + ε) of either input, v its variances averaged over some axes of positions, and over all
  /// inputs where `overBatch` says so.
  mutating func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) throws(Obstacle)
  /// The covariance of an input with itself at one position divided by `keepRate`.
  mutating func dropout(keepRate: Double) throws(Obstacle)
  /// K and Θ times a number.
  mutating func scale(_ factor: Double) throws(Obstacle)
  /// K ← 0 between different positions.
  mutating func localize() throws(Obstacle)
  /// All operands taken together, Θ with them.
  mutating func combine(_ combination: BranchCombination) throws(Obstacle)
  /// The window means of a convolution.
  mutating func windows(_ axes: [PatchAxis]) throws(Obstacle)
  /// K ← A K Aᵀ, one matrix per axis of positions.
  mutating func map(_ axes: [PositionMapOperation.Axis]) throws(Obstacle)
  /// Axis k of the result is axis `order[k]` of the operand.
  mutating func permute(_ order: [Int]) throws(Obstacle)
  /// The mean over all positions of their covariances with themselves.
  mutating func flatten() throws(Obstacle)
  /// The sum over all pairs of positions, or the mean over those that are not masked.
  mutating func globalPool(isMean: Bool) throws(Obstacle)
}

/// How branches are taken together.
public enum BranchCombination: Sendable, Hashable {
  case sum
  /// Θ by the product rule.
  case product
  /// Weights of the branches.
  case weightedSum([Double])
}

/// Why an operation, or a whole program, cannot be computed by an executor.
public struct Obstacle: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// Carries out nothing: finds out what stands in the way of an operation that could be lowered by itself.
package struct LoweringProbe: Lowering {
  package static func obstacle(of operation: any CovarianceOperation) -> Obstacle? {
    var probe = LoweringProbe()
    do throws(Obstacle) {
      try operation.lower(to: &probe)
      return nil
    } catch {
      return error
    }
  }

  package func affine(_ rule: AffineOperation) {}
  package func dual(_ dual: any Dual) {}
  package func dropout(keepRate: Double) {}
  package func scale(_ factor: Double) {}
  package func localize() {}
  package func combine(_ combination: BranchCombination) {}
  package func windows(_ axes: [PatchAxis]) {}
  package func map(_ axes: [PositionMapOperation.Axis]) {}
  package func permute(_ order: [Int]) {}
  package func flatten() {}
  package func globalPool(isMean: Bool) {}

  package func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) throws(Obstacle) {
    if overBatch { throw Obstacle("a normalisation over the inputs of a data set") }
  }
}
