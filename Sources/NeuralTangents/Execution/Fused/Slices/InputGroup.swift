import Tensors

/// As many inputs of one data set as a slice has lanes: their data and all the factors that slices need of them.
final class InputGroup<Scalar: SliceScalar>: @unchecked Sendable {
  /// The inputs of the data set that it holds, one per lane; further lanes repeat the last of them.
  let inputs: [Int]
  /// Per input of the network: shape (positions, channels, lanes); empty for one that is a kernel.
  let data: [Scratch<Scalar>?]
  /// All factor sets, shape (numbers, lanes).
  let factors: Scratch<Scalar>
  /// The same with the numbers of every input together, shape (lanes, numbers).
  private(set) var ownFactors: Scratch<Scalar>?

  /// Numbers per input, at least one.
  let factorCount: Int

  /// - Parameter masks: per factor set that is made of masks, its values for the whole data set, shape (N, positions).
  init(_ plan: SlicePlan, _ inputs: Range<Int>, data sources: [Tensor?], maskFactors: [Int: Tensor]) {
    let inputs = Array(inputs)
    factorCount = max(1, plan.factorCount)
    self.inputs = inputs
    data = sources.map { source in
      guard let source else { return nil }
      return Self.transposed(source, inputs)
    }
    factors = Scratch(factorCount * Scalar.lanes)
    for (set, values) in maskFactors {
      let part = Self.transposed(values, inputs)
      let factor = plan.factorSets[set]
      (factors.pointer + factor.offset * Scalar.lanes)
        .update(from: part.pointer, count: factor.count * factor.sizes.product * Scalar.lanes)
    }
  }

  /// Inputs of several groups, whose factors are all there.
  init(_ plan: SlicePlan, _ inputs: [Int], of groups: [InputGroup], data sources: [Tensor?]) {
    factorCount = max(1, plan.factorCount)
    self.inputs = inputs
    data = sources.map { source in
      guard let source else { return nil }
      return Self.transposed(source, inputs)
    }
    let (count, lanes) = (factorCount, Scalar.lanes)
    let own = Scratch<Scalar>(count * lanes)
    for lane in 0..<lanes {
      let index = min(lane, inputs.count - 1)
      let group = groups[index]
      guard let place = group.inputs.firstIndex(of: inputs[index]), let factors = group.ownFactors else {
        preconditionFailure("input \(inputs[index]) is not in its group")
      }
      (own.pointer + lane * count).update(from: factors.pointer + place * count, count: count)
    }
    factors = Scratch(count * lanes)
    Scalar.transpose(rows: lanes, columns: count, own.pointer, stride: count, to: factors.pointer, stride: lanes)
    ownFactors = own
  }

  /// Rows of numbers of some inputs, one input per lane.
  private static func transposed(_ source: Tensor, _ inputs: [Int]) -> Scratch<Scalar> {
    let (size, lanes) = (source.count / max(1, source.shape[0]), Scalar.lanes)
    let result = Scratch<Scalar>(size * lanes)
    let start = source.unsafePointer(to: Scalar.self)
    for lane in 0..<lanes {
      let row = start + inputs[min(lane, inputs.count - 1)] * size
      for index in 0..<size { result.pointer[index * lanes + lane] = row[index] }
    }
    return result
  }

  /// Makes what the group needs to be the first of two.
  func prepareAsFirst() {
    guard ownFactors == nil else { return }
    let (count, lanes) = (factorCount, Scalar.lanes)
    let result = Scratch<Scalar>(count * lanes)
    Scalar.transpose(rows: count, columns: lanes, factors.pointer, stride: lanes, to: result.pointer, stride: count)
    ownFactors = result
  }

  /// Bytes that a group of inputs keeps, without what it needs to be the first.
  static func byteCount(_ plan: SlicePlan, dataSizes: [Int]) -> Int {
    (plan.factorCount + dataSizes.reduce(0, +)) * Scalar.lanes * MemoryLayout<Scalar>.stride
  }
}
