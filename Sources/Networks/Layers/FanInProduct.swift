import CovarianceEngine
import Tensors

/// The elementwise product of several branches.
///
/// Infinite width, for independent branches: K = Π Kᵢ and Θ = Σᵢ Θᵢ Π_{j≠i} Kⱼ.
public struct FanInProduct: FanInLayer {
  public static let nodeName = "fanInProduct"

  public init() {}

  func outputShape(_ branches: [[Int]]) throws(NetworkError) -> [Int] {
    try requireEqual(branches)
    return branches[0]
  }

  func apply(_ branches: [Tensor]) throws(NetworkError) -> Tensor {
    try requireEqual(branches.map(\.shape))
    return branches.dropFirst().reduce(branches[0]) { $0 * $1 }
  }

  func append(to program: inout CovarianceProgram, _ branches: [CovarianceValue]) throws(NetworkError)
    -> CovarianceValue
  {
    try requireEqual(branches.map(\.shape))
    try CovarianceValue.requireIndependent(branches)
    guard branches.count(where: { $0.mean == .varying || $0.mean == .unknown }) <= 1 else {
      throw NetworkError(
        expected: "at most one branch whose channels are not alike",
        found: "several of the network's inputs, or of branches flattened after an activation")
    }
    return program.appendByChannel(
      ProductOperation(), branches, isGaussian: branches.count == 1 && branches[0].isGaussian)
  }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
