import Tensors

/// The concatenation of several branches along one axis.
///
/// Infinite width, along the channels: the mean of the branches' K and Θ weighted by their widths, no longer Gaussian.
/// Along the batch: block diagonal, because branches are independent; they must be Gaussian and stay so.
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
    if axis == first.channelAxis {
      let total = Double(shape[axis])
      return program.append(
        .weightedMean(branches.map { Double($0.channels) / total }), branches, shape: shape, isGaussian: false)
    }
    guard branches.allSatisfy(\.isGaussian) else {
      throw NetworkError(
        expected: "Gaussian branches, each ending in a dense layer, to concatenate along axis \(axis)",
        found: "a branch that ends in an activation, a product, a concatenation or dropout")
    }
    return program.append(.concatenateBatch, branches, shape: shape, isGaussian: true)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    axis = try arguments.integer("axis", default: -1)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("axis", axis, default: -1)
  }
}
