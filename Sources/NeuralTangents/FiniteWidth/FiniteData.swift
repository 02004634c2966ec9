import Tensors

/// One or two data sets for a finite network, checked and of one floating-point type.
struct FiniteData: Sendable {
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
    let (first, constant) = try FiniteData.checked(x1, "x1", network, maskConstant)
    let second = try x2.map { (x2: Tensor) throws(NetworkError) in
      try FiniteData.checked(x2, "x2", network, maskConstant).values
    }
    self.maskConstant = constant
    batchAxis = try (network.dataAxes ?? DataAxes()).resolved(rank: first.rank).batch
    if let second {
      var shape = first.shape
      if second.rank == first.rank { shape[batchAxis] = second.shape[batchAxis] }
      guard second.shape == shape else {
        throw NetworkError(
          path: [.name("x2")], expected: "the shape \(first.shape) of x1 but for the number of inputs",
          found: "\(second.shape)")
      }
    }
    try patterns?.check(
      counts: (first.shape[batchAxis], (second ?? first).shape[batchAxis]), hasSecond: second != nil)
    let dtype = first.dtype.promoted(with: second?.dtype ?? first.dtype)
    var batches = [[first.asType(dtype)] + (patterns.map { [$0.first] } ?? [])]
    if let second = second?.asType(dtype) {
      let areSame = patterns?.areSame ?? true && FiniteData.areSame(batches[0][0], second, constant)
      if !areSame { batches.append([second] + (patterns.map { [$0.second ?? $0.first] } ?? [])) }
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

  /// The same numbers up to 1e-12, as infinite networks tell data sets apart.
  private static func areSame(_ x1: Tensor, _ x2: Tensor, _ maskConstant: Double?) -> Bool {
    guard x1.shape == x2.shape else { return false }
    let (first, second) = (
      MaskedTensor(x1, maskConstant: maskConstant), MaskedTensor(x2, maskConstant: maskConstant)
    )
    if let mask1 = first.mask, let mask2 = second.mask, (mask1 .^ mask2).any().scalar(as: Bool.self) { return false }
    return abs(first.values.asType(.float64) - second.values.asType(.float64)).max().scalar(as: Double.self) < 1e-12
  }

  /// The data set as floating-point numbers; tokens as one-hot vectors.
  private static func checked(
    _ x: Tensor, _ name: String, _ network: any Layer, _ maskConstant: Double?
  ) throws(NetworkError) -> (values: Tensor, maskConstant: Double?) {
    var (values, maskConstant) = (x, maskConstant)
    if !x.dtype.isFloatingPoint {
      if let count = network.tokenCount {
        do {
          (values, maskConstant) = try Embedding.encoded(x, count: count, maskConstant: maskConstant)
        } catch {
          throw error.inside(.name(name))
        }
      } else {
        values = x.asType(.float64)
      }
    }
    guard values.rank >= 2 else {
      throw NetworkError(
        path: [.name(name)], expected: "inputs with a batch and a channel axis", found: "shape \(x.shape)")
    }
    guard values.count > 0 else {
      throw NetworkError(path: [.name(name)], expected: "at least one input and one channel", found: "shape \(x.shape)")
    }
    do {
      try MaskedTensor(values, maskConstant: maskConstant).values.requireFinite(context: name)
    } catch {
      throw NetworkError(path: [.name(name)], expected: "finite numbers", found: error.firstNonFinite)
    }
    return (values, maskConstant)
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
    _ parameters: Parameters, _ batch: FiniteData.Batch, count: Int, key: RandomKey?
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
  func takesInputsOneByOne(_ parameters: Parameters, _ data: FiniteData, key: RandomKey?) throws -> Bool {
    let batch = data.batches[0]
    let together = try self(parameters, batch, count: data.count(of: batch), key: key)
    let one = vmap { (batch: FiniteData.Batch) in try self(parameters, batch, count: 1, key: nil) }
    guard let alone = try? one(data.examples(of: batch)), alone.count == together.count else { return false }
    let difference = abs(alone.reshaped(together.shape) - together).max().asType(.float64).scalar(as: Double.self)
    let largest = abs(together).max().asType(.float64).scalar(as: Double.self)
    return difference <= (together.dtype == .float32 ? 1e-4 : 1e-10) * largest
  }
}
