import CovarianceEngine
import Networks
import Tensors

/// The checked inputs of a finite network as batches of one floating-point type.
struct FiniteBatches: Sendable {
  /// Inputs of a network and, if given, their graphs: tensors that are mapped together.
  typealias Batch = [Tensor]

  /// The data sets that differ: one or two.
  let batches: [Batch]
  /// Whether a second data set was given, equal or not.
  let hasSecond: Bool
  /// What marks missing inputs in the batches.
  let maskConstant: Double?
  private let batchAxis: Int

  init(
    _ x1: Tensor, _ x2: Tensor?, patterns: GraphPatterns?, maskConstant: Double?, network: any Layer
  ) throws(NetworkError) {
    let checked = try CheckedInputs(
      x1: x1, x2: x2, axes: network.dataAxes ?? DataAxes(), maskConstant: maskConstant, tokenCount: network.tokenCount)
    try patterns?.check(counts: checked.counts, hasSecond: x2 != nil)
    self.maskConstant = checked.maskConstant
    batchAxis = checked.axes.batch
    let (first, second) = (checked.numbers1, checked.numbers2)
    let dtype = first.dtype.promoted(with: second?.dtype ?? first.dtype)
    var batches = [[first.asType(dtype)] + (patterns.map { [$0.first] } ?? [])]
    if let second, !(checked.isSymmetric && patterns?.isSymmetric ?? true) {
      batches.append([second.asType(dtype)] + (patterns.map { [$0.second ?? $0.first] } ?? []))
    }
    self.batches = batches
    hasSecond = x2 != nil
  }

  /// Shape and type of the first data set's inputs.
  var inputType: TensorType { batches[0][0].type }

  func count(of batch: Batch) -> Int { batch[0].shape[batchAxis] }

  /// The inputs one by one, as batches of one: x has the shape (inputs, …, 1, …).
  func examples(of batch: Batch) -> Batch {
    // Graphs have their batch first.
    zip(batch, [batchAxis, 0]).map { tensor, axis in
      var shape = tensor.shape
      shape[axis] = 1
      return tensor.movedAxis(from: axis, to: 0).reshaped([tensor.shape[axis]] + shape)
    }
  }

  /// The first input, as a batch of one.
  var example: Batch {
    examples(of: batches[0]).map { $0[0..<1].reshaped(Array($0.shape.dropFirst())) }
  }
}

/// A finite network whose outputs are arranged as (batch, positions…, channels).
struct FiniteForward: Sendable {
  let network: any Layer
  /// Where the network's own outputs have the batch and the channels.
  let axes: DataAxes
  let maskConstant: Double?

  /// The outputs of `count` inputs.
  func callAsFunction(
    _ parameters: Parameters, _ batch: FiniteBatches.Batch, count: Int, key: RandomKey?
  ) throws -> Tensor {
    let y = try network(
      parameters, batch[0], key: key, pattern: batch.count > 1 ? batch[1] : nil, maskConstant: maskConstant)
    let axes = try axes.resolved(rank: y.rank)
    guard y.shape[axes.batch] == count else {
      throw NetworkError(
        path: [.name("batchAxis")], expected: "the axis of the outputs that counts \(count) inputs",
        found: "axis \(axes.batch) of shape \(y.shape)")
    }
    return y.transposed([axes.batch] + axes.positionAxes(rank: y.rank) + [axes.channel])
  }

  /// Whether the outputs of every input of a batch are those it has alone and without random numbers.
  ///
  /// Not so where a layer normalises over the batch or draws numbers for each input of it: then only the outputs of the
  /// whole data set mean anything. It is found by trying, because no layer has to say it.
  func takesInputsOneByOne(_ parameters: Parameters, _ data: FiniteBatches, key: RandomKey?) throws -> Bool {
    let batch = data.batches[0]
    let together = try self(parameters, batch, count: data.count(of: batch), key: key)
    let one = vmap { (batch: FiniteBatches.Batch) in try self(parameters, batch, count: 1, key: nil) }
    guard let alone = try? one(data.examples(of: batch)), alone.count == together.count else { return false }
    let difference = abs(alone.reshaped(together.shape) - together).max().asType(.float64).scalar(as: Double.self)
    let largest = abs(together).max().asType(.float64).scalar(as: Double.self)
    return difference <= (together.dtype == .float32 ? 1e-4 : 1e-10) * largest
  }
}
