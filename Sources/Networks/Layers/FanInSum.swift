import CovarianceEngine
import Tensors

/// The sum of several branches.
///
/// Infinite width, for branches that are independent of each other: Θ is the sum of the branches', and K = Σᵢ Kᵢ +
/// Σ_{i≠j} mᵢ mⱼ' with mᵢ the mean of branch i over its parameters, which is zero for a Gaussian one (ending in a dense
/// layer). Means are propagated through activations, dropout, products and pools, where that is exact.
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
    let hasMeans = try CovarianceValue.requireKnownMeans(branches)
    return program.appendByChannel(
      SumOperation(hasMeans: hasMeans), branches, isGaussian: branches.allSatisfy(\.isGaussian))
  }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
