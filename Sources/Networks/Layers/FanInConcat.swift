import CovarianceEngine
import Tensors

/// The concatenation of several branches along one axis.
///
/// Infinite width, along the channels: each branch's channels keep their covariances, until a layer mixes the channels
/// and sees the mean of K and Θ weighted by widths. Along positions or the batch: block diagonal, because branches are
/// independent; where their means are not zero, the products of the means between the blocks (see `FanInSum`).
public struct FanInConcat: FanInLayer {
  public static let nodeName = "fanInConcat"

  public let axis: Int

  public init(axis: Int = -1) {
    self.axis = axis
  }

  func outputShape(_ branches: [[Int]]) throws(NetworkError) -> [Int] {
    let axis = try resolvedAxis(axis, rank: branches[0].count, name: "axis")
    var others = branches
    for index in others.indices {
      guard others[index].count == branches[0].count else {
        throw NetworkError(expected: "branches with \(branches[0].count) axes", found: "\(branches[index])")
      }
      others[index][axis] = 0
    }
    do {
      try requireEqual(others)
    } catch {
      throw NetworkError(
        expected: "branches whose shapes differ along axis \(axis) only", found: "\(branches)")
    }
    var result = branches[0]
    result[axis] = branches.reduce(0) { $0 + $1[axis] }
    return result
  }

  func apply(_ branches: [Tensor]) throws(NetworkError) -> Tensor {
    _ = try outputShape(branches.map(\.shape))
    return concatenate(branches, axis: axis)
  }

  func append(to program: inout CovarianceProgram, _ branches: [CovarianceValue]) throws(NetworkError)
    -> CovarianceValue
  {
    let shape = try outputShape(branches.map(\.shape))
    let axis = try resolvedAxis(axis, rank: shape.count, name: "axis")
    let first = branches[0]
    for branch in branches { try branch.require(first.axes) }
    if axis == first.channelAxis { return CovarianceValue.concatenatedChannels(branches) }
    let hasMeans = try CovarianceValue.requireKnownMeans(branches)
    let position = first.positionAxes.firstIndex(of: axis)
    return program.appendByChannel(
      ConcatenateOperation(position.map { .position($0) } ?? .batch, hasMeans: hasMeans), branches, shape: shape,
      isGaussian: branches.allSatisfy(\.isGaussian))
  }

  func outputMask(_ masks: [Tensor], branches: [[Int]]) throws(NetworkError) -> Tensor {
    let axis = try resolvedAxis(axis, rank: branches[0].count, name: "axis")
    // Masks may have size 1 where the branch has more.
    let sizes = masks[0].shape.indices.map { index in masks.map { $0.shape[index] }.max() ?? 1 }
    return concatenate(
      zip(masks, branches).map { mask, shape in
        var target = sizes
        target[axis] = shape[axis]
        return mask.broadcast(to: target)
      }, axis: axis)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    axis = try arguments.integer("axis", default: -1)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("axis", axis, default: -1)
  }
}
