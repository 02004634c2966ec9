import CVectorKernels

/// Whose covariances are being computed: one input of the first data set with as many of the second as there are lanes, as
/// many inputs of one data set each with itself, or any pairs.
struct LanePair<Scalar: SliceScalar>: @unchecked Sendable {
  /// Whether every lane is an input with itself.
  let isOfItself: Bool
  /// Whether the first input differs between lanes.
  let firstHasLanes: Bool
  /// Which data set the first input is of.
  let dataSet: DataSet
  /// Given where that of inputs with themselves is wanted.
  let selfTangent: Tangent
  let first: LaneGroup<Scalar>
  let second: LaneGroup<Scalar>
  /// Per lane, where its pair is among all covariances of inputs with themselves, or of pairs of inputs.
  let places: [Int]
  /// Per lane, where its pair is among all pairs of inputs.
  let crossPlaces: [Int]
  /// Where the first input is in its group, if it is one.
  let lane: Int
  /// The data of the first input, per input of the network.
  private let data: [UnsafePointer<Scalar>?]

  /// The inputs of a group with themselves.
  init(itself group: LaneGroup<Scalar>, of dataSet: DataSet, selfTangent: Tangent, inputCount: Int) {
    (isOfItself, firstHasLanes) = (true, true)
    self.dataSet = dataSet
    self.selfTangent = selfTangent
    (first, second, lane) = (group, group, 0)
    data = []
    places = (0..<Scalar.lanes).map { group.inputs[min($0, group.inputs.count - 1)] }
    crossPlaces = places.map { $0 * inputCount + $0 }
  }

  /// An input of the first data set with those of a group; `inputCount` is the size of the second data set.
  init(
    _ input: Int, of first: LaneGroup<Scalar>, with second: LaneGroup<Scalar>, data: [UnsafePointer<Scalar>?],
    inputCount: Int
  ) {
    (isOfItself, firstHasLanes, dataSet, selfTangent) = (false, false, .first, .absent)
    (self.first, self.second, self.data) = (first, second, data)
    lane = input - first.inputs[0]
    places = (0..<Scalar.lanes).map { input * inputCount + second.inputs[min($0, second.inputs.count - 1)] }
    crossPlaces = places
  }

  /// The inputs of a group each with that in the same lane of another; `inputCount` is the size of the second data set.
  init(_ first: LaneGroup<Scalar>, with second: LaneGroup<Scalar>, inputCount: Int) {
    (isOfItself, firstHasLanes, dataSet, selfTangent) = (false, true, .first, .absent)
    (self.first, self.second, lane) = (first, second, 0)
    data = first.data.map { $0.map { UnsafePointer($0.pointer) } }
    places = (0..<Scalar.lanes).map { lane in
      let index = min(lane, first.inputs.count - 1)
      return first.inputs[index] * inputCount + second.inputs[index]
    }
    crossPlaces = places
  }

  func firstData(_ input: Int) -> UnsafePointer<Scalar> {
    if isOfItself { return secondData(input) }
    guard let data = data[input] else { preconditionFailure("input \(input) is a kernel") }
    return data
  }

  func secondData(_ input: Int) -> UnsafePointer<Scalar> {
    guard let data = second.data[input] else { preconditionFailure("input \(input) is a kernel") }
    return UnsafePointer(data.pointer)
  }

  /// Where the factors are.
  var factors: PairFactors<Scalar> {
    let columns = UnsafePointer(second.factors.pointer)
    if firstHasLanes {
      return PairFactors(
        first: UnsafePointer(first.factors.pointer), second: columns, firstHasLanes: true, firstSetWidth: Scalar.lanes,
        firstLane: 0)
    }
    guard let own = first.ownFactors else { preconditionFailure("a group that is not prepared to be the first") }
    if first.keepsSetsApart {
      return PairFactors(
        first: UnsafePointer(own.pointer), second: columns, firstHasLanes: false, firstSetWidth: Scalar.lanes,
        firstLane: lane)
    }
    return PairFactors(
      first: UnsafePointer(own.pointer + lane * first.factorCount), second: columns, firstHasLanes: false,
      firstSetWidth: 1, firstLane: 0)
  }
}

/// Where the factors of a pair of inputs are: plain pointers, to be read in every step.
struct PairFactors<Scalar: SliceScalar> {
  let first: UnsafePointer<Scalar>
  let second: UnsafePointer<Scalar>
  let firstHasLanes: Bool
  /// What a number of the sets before takes in the first input's memory, and which input of a set's it is.
  let firstSetWidth: Int
  let firstLane: Int

  /// What a plane of a slice reads of both inputs, from positions `firstPosition` and `secondPosition` on.
  @inline(__always)
  func plane(_ set: SliceGraph.FactorSet, first firstPosition: Int, second secondPosition: Int) -> nt_slice_factors {
    let (positions, row, lanes) = (set.sizes.product, set.sizes[3], Scalar.lanes)
    let width = firstHasLanes ? lanes : 1
    let start = set.offset * firstSetWidth + firstLane * set.count * positions
    if set.isInterleaved {
      let count = set.count
      return nt_slice_factors(
        first: first + (start + firstPosition * count * width),
        second: second + (set.offset + secondPosition * count) * lanes, first_stride: width, second_stride: lanes,
        first_row: row * count, second_row: row * count, first_has_lanes: firstHasLanes ? 1 : 0)
    }
    return nt_slice_factors(
      first: first + (start + firstPosition * width), second: second + (set.offset + secondPosition) * lanes,
      first_stride: positions * width, second_stride: positions * lanes, first_row: row, second_row: row,
      first_has_lanes: firstHasLanes ? 1 : 0)
  }
}
