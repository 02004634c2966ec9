import Tensors

/// The infinite-width limit of a network as a straight-line list of covariance operations.
///
/// A network appends its operations once for given input shapes; the reference and the fused executor run the same
/// list. Every operation maps the covariances K12, K11, K22 and the tangent kernel Θ of its operands to those of its
/// result.
public struct CovarianceProgram: Sendable {
  /// One operation, the values it reads and the value it defines.
  public struct Step: Sendable {
    /// What is applied.
    public let operation: CovarianceOperation
    /// The values that it reads.
    public let operands: [Int]
    /// The value that it makes.
    public let result: Int
  }

  /// The steps, each of which uses what is before it only.
  public private(set) var steps: [Step] = []
  /// Number of inputs: values `0 ..< inputCount`.
  public private(set) var inputCount = 0
  /// Sizes of the positions of every value, inputs included.
  public private(set) var positions: [[Int]] = []
  /// Whether a layer treats channels one by one in a way that depends on what is masked in each of them, while the
  /// input's channels are one group: exact only if all channels of an input are masked alike.
  package private(set) var needsChannelsApart = false

  public init() {}

  /// Number of values, inputs included.
  public var valueCount: Int { positions.count }

  /// A new input whose activations have `shape`, its channels in groups of the given sizes: one group by default.
  public mutating func input(
    shape: [Int], batchAxis: Int = 0, channelAxis: Int, isGaussian: Bool = false, groups: [Int]? = nil
  ) -> CovarianceValue {
    precondition(steps.isEmpty, "inputs come before operations")
    var value = CovarianceValue(
      groups: [], shape: shape, batchAxis: batchAxis, channelAxis: channelAxis, isGaussian: isGaussian,
      mean: isGaussian ? .zero : .varying, hasInputChannels: true)
    value.sources = [valueCount]
    for width in groups ?? [shape[channelAxis]] {
      value.groups.append(CovarianceValue.Group(id: valueCount, width: width))
      inputCount += 1
      positions.append(value.positions)
    }
    return value
  }

  /// Appends an operation that mixes the channels of its operand; the result has `shape` and `axes` (by default those of
  /// the operand) and channels that are all alike.
  public mutating func append(
    _ operation: CovarianceOperation, _ operand: CovarianceValue, shape: [Int]? = nil, axes: DataAxes? = nil,
    isGaussian: Bool
  ) -> CovarianceValue {
    var result = operand.with(shape: shape, axes: axes, isGaussian: isGaussian)
    result.hasInputChannels = false
    let id = append(operation, [merged(operand)], positions: result.positions)
    if operation.drawsWeights {
      result.sources = [id]
    } else if operand.mean == .zero {
      result.mean = .zero
    }
    result.groups = [CovarianceValue.Group(id: id, width: result.channels)]
    return result
  }

  /// Appends an operation on each group of channels by itself; all operands have as many channels as the result, whose
  /// shape and axes are by default those of the first.
  public mutating func appendByChannel(
    _ operation: CovarianceOperation, _ operands: [CovarianceValue], shape: [Int]? = nil, axes: DataAxes? = nil,
    isGaussian: Bool
  ) -> CovarianceValue {
    let refined = CovarianceValue.refined(operands)
    var result = operands[0].with(shape: shape, axes: axes, isGaussian: isGaussian)
    if !isGaussian { result.mean = operation.mean(of: operands.map(\.mean)) }
    result.hasInputChannels = operands.contains(where: \.hasInputChannels)
    result.sources = operands.reduce(into: []) { $0.formUnion($1.sources) }
    result.groups = refined[0].indices.map { index in
      CovarianceValue.Group(
        id: append(operation, refined.map { $0[index].id }, positions: result.positions), width: refined[0][index].width
      )
    }
    return result
  }

  /// Appends an operation that works channel by channel, so once for each kind of channel that `input` has.
  public mutating func appendByChannel(
    _ operation: CovarianceOperation, _ operand: CovarianceValue, shape: [Int]? = nil, axes: DataAxes? = nil,
    isGaussian: Bool
  ) -> CovarianceValue {
    appendByChannel(operation, [operand], shape: shape, axes: axes, isGaussian: isGaussian)
  }

  /// Appends an operation on each group of channels that also reads the covariances of all channels together.
  package mutating func appendWithAllChannels(_ operation: CovarianceOperation, _ operand: CovarianceValue)
    -> CovarianceValue
  {
    guard operand.groups.count > 1 else {
      return appendByChannel(operation, operand, isGaussian: operand.isGaussian)
    }
    let all = merged(operand)
    var result = operand
    result.groups = operand.groups.map { group in
      CovarianceValue.Group(
        id: append(operation, [group.id, all], positions: operand.positions), width: group.width)
    }
    return result
  }

  /// The value whose covariances are the means over all channels.
  package mutating func merged(_ value: CovarianceValue) -> Int {
    if value.groups.count == 1 { return value.groups[0].id }
    let total = Double(value.channels)
    return append(
      .weightedMean(value.groups.map { Double($0.width) / total }), value.groups.map(\.id), positions: value.positions)
  }

  /// States that the layer being appended looks at the masks of single channels of `value`.
  package mutating func requireChannelsApart(of value: CovarianceValue) {
    if value.hasInputChannels && value.groups.count == 1 { needsChannelsApart = true }
  }

  /// Some of the steps as a program of its own that starts from the values `inputs`, and where every value is in it.
  func part(steps included: [Int], inputs: [Int]) -> (program: CovarianceProgram, places: [Int: Int]) {
    var (part, places) = (CovarianceProgram(), [Int: Int]())
    for value in inputs {
      places[value] = part.valueCount
      part.positions.append(positions[value])
    }
    part.inputCount = inputs.count
    for index in included {
      let step = steps[index]
      places[step.result] = part.append(
        step.operation, step.operands.map { places[$0]! }, positions: positions[step.result])
    }
    return (part, places)
  }

  private mutating func append(_ operation: CovarianceOperation, _ operands: [Int], positions: [Int]) -> Int {
    steps.append(Step(operation: operation, operands: operands, result: valueCount))
    self.positions.append(positions)
    return valueCount - 1
  }
}

extension CovarianceOperation {
  /// Whether the result's channels are made by weights of their own.
  fileprivate var drawsWeights: Bool {
    switch self {
    case .affine, .rule: true
    default: false
    }
  }

  /// What is known of the mean of a result that is not Gaussian.
  fileprivate func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean {
    switch self {
    case .dual: .uniform
    case .dropout, .positions, .globalPool: operands[0]
    case .sum, .concatenate: CovarianceValue.Mean.combined(operands) ?? .unknown
    case .product:
      operands.contains(.zero)
        ? .zero : operands.contains(.unknown) ? .unknown : operands.contains(.varying) ? .varying : .uniform
    default: .unknown
    }
  }
}

/// The covariance of some layer's activations, as known while a program is built.
public struct CovarianceValue: Sendable {
  /// Channels that are identically distributed, and the value of the program that holds their covariances.
  public struct Group: Sendable {
    /// Its number in the program.
    public internal(set) var id: Int
    /// How many channels of the finite network are of this kind.
    public internal(set) var width: Int
  }

  /// The channels in their order: one group, unless a concatenation of different branches made several.
  public internal(set) var groups: [Group]
  /// Shape of the activations; the size along `batchAxis` stands for any number of inputs.
  public package(set) var shape: [Int]
  /// Where the finite outputs have the batch.
  public package(set) var batchAxis: Int
  /// Where the finite outputs have the channels.
  public package(set) var channelAxis: Int
  /// Whether the channels of each group are independent zero-mean Gaussians given the network's input, which activations
  /// need.
  public internal(set) var isGaussian: Bool
  /// What is known of the mean over the network's parameters.
  package var mean: Mean
  /// Whose randomness the channels have, one by one: the inputs and the weights whose results they are functions of.
  fileprivate(set) var sources: Set<Int> = []
  /// Whether channels are still those of the network's input, which may be masked one by one.
  var hasInputChannels: Bool

  /// How many channels the finite network has here.
  public var channels: Int { shape[channelAxis] }

  /// What is known of the mean of activations over the network's parameters.
  package enum Mean: Sendable {
    case zero
    /// The same in all channels of a group.
    case uniform
    /// Not the same in all channels; what is known is its mean over them, which is enough where it meets a uniform one.
    case varying
    /// Not the same in all channels, and not known.
    case unknown

    /// That of the sum, or the concatenation, of independent branches; nil where the covariance is not a function of what
    /// is known.
    static func combined(_ means: [Mean]) -> Mean? {
      let others = means.filter { $0 != .zero }
      if others.count <= 1 { return others.first ?? .zero }
      let special = others.filter { $0 != .uniform }
      if special.isEmpty { return .uniform }
      return special == [.varying] ? .varying : nil
    }
  }

  /// The axes of positions, in order.
  public var positionAxes: [Int] { shape.indices.filter { $0 != batchAxis && $0 != channelAxis } }
  /// The sizes along them.
  public var positions: [Int] { positionAxes.map { shape[$0] } }

  /// - Throws: where two branches are functions of the same weights, channel by channel, so that their covariance with
  ///   each other would be needed.
  package static func requireIndependent(_ branches: [CovarianceValue]) throws(NetworkError) {
    var seen: Set<Int> = []
    for branch in branches {
      guard seen.isDisjoint(with: branch.sources) else {
        throw NetworkError(
          expected: "independent branches: a dense layer, or another with weights, of its own in all but one of them",
          found: "branches that work on the same channels")
      }
      seen.formUnion(branch.sources)
    }
  }

  /// Whether several of these independent branches have means that are not zero.
  ///
  /// - Throws: where the covariance of their sum does not follow from what is known of the means.
  package static func requireKnownMeans(_ branches: [CovarianceValue]) throws(NetworkError) -> Bool {
    try requireIndependent(branches)
    let means = branches.map(\.mean)
    guard Mean.combined(means) != nil else {
      throw NetworkError(
        expected: "branches of zero mean (each ends in a dense layer), or of which at most one is not the output of an "
          + "activation on all channels alike",
        found: means.contains(.unknown)
          ? "several others, one of them flattened or mapped after its activation" : "several of the network's inputs")
    }
    return means.count { $0 != .zero } > 1
  }

  /// The same covariances of activations whose axes are elsewhere.
  package func moved(to axes: DataAxes, shape: [Int]) -> CovarianceValue {
    var result = with(shape: shape, axes: axes, isGaussian: isGaussian)
    result.mean = mean
    return result
  }

  /// The channels of all branches, each group with its covariances.
  package static func concatenatedChannels(_ branches: [CovarianceValue]) -> CovarianceValue {
    var result = branches[0]
    result.groups = branches.flatMap(\.groups)
    result.sources = branches.reduce(into: []) { $0.formUnion($1.sources) }
    result.shape[result.channelAxis] = branches.reduce(0) { $0 + $1.channels }
    result.isGaussian = branches.allSatisfy(\.isGaussian)
    // Means are kept by group.
    let means = branches.map(\.mean)
    result.mean =
      [.unknown, .varying, .uniform].first(where: means.contains) ?? .zero
    result.hasInputChannels = branches.contains(where: \.hasInputChannels)
    return result
  }

  fileprivate func with(shape: [Int]?, axes: DataAxes?, isGaussian: Bool) -> CovarianceValue {
    var result = self
    result.shape = shape ?? self.shape
    result.batchAxis = axes?.batch ?? batchAxis
    result.channelAxis = axes?.channel ?? channelAxis
    result.isGaussian = isGaussian
    result.mean = isGaussian ? .zero : .unknown
    return result
  }

  /// Groups of equal widths for values of equal numbers of channels: where one value has a border between groups, all
  /// are split.
  fileprivate static func refined(_ values: [CovarianceValue]) -> [[Group]] {
    var borders = Set<Int>()
    for value in values {
      var end = 0
      for group in value.groups {
        end += group.width
        borders.insert(end)
      }
    }
    let ends = borders.sorted()
    return values.map { value in
      var (index, groupEnd, start) = (0, value.groups[0].width, 0)
      return ends.map { end in
        while groupEnd < end {
          index += 1
          groupEnd += value.groups[index].width
        }
        defer { start = end }
        return Group(id: value.groups[index].id, width: end - start)
      }
    }
  }
}
