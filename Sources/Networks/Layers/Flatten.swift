import CovarianceEngine
import Tensors

/// All axes but the batch become one of channels, in row-major order.
///
/// Infinite width: K becomes the mean over positions p of K[p, p], and Θ alike. Channels are then no longer alike, so a
/// dense layer must come before the next activation, unless there were no positions.
public struct Flatten: SingleInputLayer {
  public static let nodeName = "flatten"

  /// Where inputs have the batch.
  public let batchAxis: Int
  /// Where the batch is afterwards: 0 or 1.
  public let batchAxisOut: Int

  /// - Precondition: `batchAxisOut` is 0, 1, −1 or −2.
  public init(batchAxis: Int = 0, batchAxisOut: Int = 0) {
    precondition((-2...1).contains(batchAxisOut), "expected a batch axis of 0 or 1, found \(batchAxisOut)")
    self.batchAxis = batchAxis
    self.batchAxisOut = batchAxisOut
  }

  public var dataAxes: DataAxes? { .batchOnly(batchAxis) }

  private var isBatchLast: Bool { batchAxisOut == 1 || batchAxisOut == -1 }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    let axis = try resolved(input)
    let channels = input.indices.filter { $0 != axis }.map { input[$0] }
    guard channels.reduce(1.0, { $0 * Double($1) }) < 0x1p53 else {
      throw NetworkError(expected: "fewer than 2^53 channels of an input", found: "shape \(input)")
    }
    let count = channels.reduce(1, *)
    return isBatchLast ? [count, input[axis]] : [input[axis], count]
  }

  private func resolved(_ input: [Int]) throws(NetworkError) -> Int {
    guard input.count >= 2 else {
      throw NetworkError(expected: "an input with a batch and a channel axis", found: "shape \(input)")
    }
    return try resolvedAxis(batchAxis, rank: input.count, name: "batchAxis")
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    flattened(input, batch: try resolved(input.shape))
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    let axis = try resolved(input)
    var shape = input
    shape[axis] = mask.shape[axis]
    return flattened(mask.broadcast(to: shape), batch: axis)
  }

  private func flattened(_ x: Tensor, batch axis: Int) -> Tensor {
    let matrix = x.movedAxis(from: axis, to: 0).reshaped([x.shape[axis], -1])
    return isBatchLast ? matrix.transposed() : matrix
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let axis = try resolved(input.shape)
    guard axis == input.batchAxis else {
      throw NetworkError(
        path: [.name("batchAxis")], expected: "\(input.batchAxis), as the layers before", found: "\(axis)")
    }
    let shape = try outputShape(input.shape)
    let axes = isBatchLast ? DataAxes(batch: 1, channel: 0) : DataAxes(batch: 0, channel: 1)
    return input.positionAxes.isEmpty
      ? input.moved(to: axes, shape: shape)
      : program.append(FlattenOperation(), input, shape: shape, axes: axes, isGaussian: false)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    batchAxis = try arguments.integer("batchAxis", default: 0)
    batchAxisOut = try arguments.integer("batchAxisOut", default: 0)
    guard (-2...1).contains(batchAxisOut) else {
      throw NetworkError(path: [.name("batchAxisOut")], expected: "0 or 1", found: "\(batchAxisOut)")
    }
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("batchAxis", batchAxis, default: 0)
    arguments.set("batchAxisOut", batchAxisOut, default: 0)
  }
}
