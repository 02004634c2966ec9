import CVectorKernels

/// Whose covariances are being computed: one input of the first data set with as many of the second as there are lanes, or
/// as many inputs of one data set each with itself.
struct InputPair<Scalar: SliceScalar>: @unchecked Sendable {
  /// Whether every lane is an input with itself.
  let isOfItself: Bool
  /// Whether that is of the first data set.
  let isOfFirst: Bool
  /// Whether Θ of inputs with themselves is wanted.
  let wantsSelfTheta: Bool
  let second: InputGroup<Scalar>
  /// Per lane, where its pair is among all covariances of inputs with themselves, or of pairs of inputs.
  let places: [Int]
  /// Per lane, where its pair is among all pairs of inputs.
  let crossPlaces: [Int]
  private let first: InputGroup<Scalar>
  private let lane: Int
  /// The data of the first input, per input of the network.
  private let data: [UnsafePointer<Scalar>?]

  /// The inputs of a group with themselves.
  init(itself group: InputGroup<Scalar>, isOfFirst: Bool, wantsSelfTheta: Bool, inputCount: Int) {
    isOfItself = true
    self.isOfFirst = isOfFirst
    self.wantsSelfTheta = wantsSelfTheta
    (first, second, lane) = (group, group, 0)
    data = []
    places = (0..<Scalar.lanes).map { min(group.inputs.lowerBound + $0, group.inputs.upperBound - 1) }
    crossPlaces = places.map { $0 * inputCount + $0 }
  }

  /// An input of the first data set with those of a group; `inputCount` is the size of the second data set.
  init(
    _ input: Int, of first: InputGroup<Scalar>, with second: InputGroup<Scalar>, data: [UnsafePointer<Scalar>?],
    inputCount: Int
  ) {
    (isOfItself, isOfFirst, wantsSelfTheta) = (false, true, false)
    (self.first, self.second, self.data) = (first, second, data)
    lane = input - first.inputs.lowerBound
    places = (0..<Scalar.lanes).map {
      input * inputCount + min(second.inputs.lowerBound + $0, second.inputs.upperBound - 1)
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

  /// What a plane of a slice reads of both inputs, from positions `first` and `second` on.
  func factors(_ set: SlicePlan.FactorSet, first firstPosition: Int, second secondPosition: Int, _ plan: SlicePlan)
    -> nt_slice_factors
  {
    let (positions, row, lanes) = (set.sizes.product, set.sizes[3], Scalar.lanes)
    let columns = second.factors.pointer + (set.offset + secondPosition) * lanes
    if isOfItself {
      return nt_slice_factors(
        first: first.factors.pointer + (set.offset + firstPosition) * lanes, second: columns,
        first_stride: positions * lanes, second_stride: positions * lanes, first_row: row, second_row: row,
        first_has_lanes: 1)
    }
    guard let own = first.ownFactors else { preconditionFailure("a group that is not prepared to be the first") }
    return nt_slice_factors(
      first: own.pointer + lane * max(1, plan.factorCount) + set.offset + firstPosition, second: columns,
      first_stride: positions, second_stride: positions * lanes, first_row: row, second_row: row, first_has_lanes: 0)
  }
}
