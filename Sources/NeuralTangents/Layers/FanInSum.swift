import Tensors

/// The sum of several branches.
///
/// Infinite width: K and Θ are the sums of the branches', which are independent of each other; every branch must be
/// Gaussian (end in a dense layer) unless there is only one.
public struct FanInSum: FanInLayer {
  public static let nodeName = "fanInSum"

  public init() {}

  func outputShape(_ branches: [[Int]]) throws(NetworkError) -> [Int] {
    try requireEqual(branches)
    return branches[0]
  }

  func apply(_ branches: [Tensor]) throws(NetworkError) -> Tensor {
    try requireEqual(branches.map(\.shape))
    return branches.dropFirst().reduce(branches[0]) { $0 + $1 }
  }

  func append(to program: inout CovarianceProgram, _ branches: [CovarianceValue]) throws(NetworkError)
    -> CovarianceValue
  {
    try requireEqual(branches.map(\.shape))
    guard branches.count == 1 || branches.allSatisfy(\.isGaussian) else {
      throw NetworkError(
        expected: "Gaussian branches: each ends in a dense layer",
        found: "a branch that ends in an activation, a product, a concatenation or dropout")
    }
    return program.appendByChannel(.sum, branches, isGaussian: branches.allSatisfy(\.isGaussian))
  }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
