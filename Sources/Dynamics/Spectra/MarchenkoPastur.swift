/// The eigenvalues of X Xᵀ/p for a matrix X of n rows and p columns with independent entries of mean zero and variance one, as both
/// become large: what a spectrum looks like that knows nothing.
///
/// *Source:* Marchenko and Pastur, Distribution of eigenvalues for some sets of random matrices (1967).
public struct MarchenkoPastur: Sendable, Hashable {
  /// n/p.
  public let ratio: Double

  /// - Throws: `DynamicsError` for a ratio that is not positive.
  public init(ratio: Double) throws(DynamicsError) {
    guard ratio > 0, ratio.isFinite else {
      throw .invalidValue(argument: "ratio", expected: "a positive number", found: "\(ratio)")
    }
    self.ratio = ratio
  }

  /// Where the eigenvalues are that are not zero: (1 ± √ratio)².
  public var support: ClosedRange<Double> {
    let root = ratio.squareRoot()
    return (1 - root) * (1 - root)...(1 + root) * (1 + root)
  }

  /// The share of eigenvalues that are zero, which there are if X has more rows than columns.
  public var zeroShare: Double { max(0, 1 - 1 / ratio) }

  /// The density of the others, whose integral is 1 − `zeroShare`.
  public func density(_ eigenvalue: Double) -> Double {
    let support = support
    guard eigenvalue > 0, support.contains(eigenvalue) else { return 0 }
    let width = (support.upperBound - eigenvalue) * (eigenvalue - support.lowerBound)
    return width.squareRoot() / (2 * .pi * ratio * eigenvalue)
  }
}
