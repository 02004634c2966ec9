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
    public let operation: any CovarianceOperation
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
    _ operation: any CovarianceOperation, _ operand: CovarianceValue, shape: [Int]? = nil, axes: DataAxes? = nil,
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
    _ operation: any CovarianceOperation, _ operands: [CovarianceValue], shape: [Int]? = nil, axes: DataAxes? = nil,
    isGaussian: Bool
  ) -> CovarianceValue {
    let refined = CovarianceValue.refined(operands)
    var result = operands[0].with(shape: shape, axes: axes, isGaussian: isGaussian)
    if !isGaussian { result.mean = operation.mean(of: operands.map(\.mean)) }
    result.hasInputChannels = operands.contains(where: \.hasInputChannels)
    result.sources = CovarianceValue.sources(of: operands).union
    result.groups = refined[0].indices.map { index in
      CovarianceValue.Group(
        id: append(operation, refined.map { $0[index].id }, positions: result.positions), width: refined[0][index].width
      )
    }
    return result
  }

  /// Appends an operation that works channel by channel, so once for each kind of channel that `input` has.
  public mutating func appendByChannel(
    _ operation: any CovarianceOperation, _ operand: CovarianceValue, shape: [Int]? = nil, axes: DataAxes? = nil,
    isGaussian: Bool
  ) -> CovarianceValue {
    appendByChannel(operation, [operand], shape: shape, axes: axes, isGaussian: isGaussian)
  }

  /// Appends a normalisation of each group of channels by the variances of all channels together.
  package mutating func append(_ operation: NormalizeOperation, _ operand: CovarianceValue) -> CovarianceValue {
    guard operand.groups.count > 1 else {
      return appendByChannel(operation, operand, isGaussian: operand.isGaussian)
    }
    var operation = operation
    operation.hasSourceOfVariances = true
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
      WeightedMeanOperation(weights: value.groups.map { Double($0.width) / total }), value.groups.map(\.id),
      positions: value.positions)
  }

  /// States that the layer being appended looks at the masks of single channels of `value`.
  package mutating func requireChannelsApart(of value: CovarianceValue) {
    if value.hasInputChannels && value.groups.count == 1 { needsChannelsApart = true }
  }

  /// How many steps have parameters of their own: layers with weights, in the order of the network and as often as it repeats
  /// them.
  public var weightedStepCount: Int { steps.count { $0.operation.drawsWeights } }

  /// The program whose Θ is that of layers which learn at rates of their own, Σ c_l Θ_l.
  ///
  /// - Parameter rates: c, one for each step with parameters.
  /// - Throws: `NetworkError` where they are not as many, or negative, or a layer does not know what its parameters add to Θ.
  public func withLearningRates(_ rates: [Double]) throws(NetworkError) -> CovarianceProgram {
    guard rates.count == weightedStepCount else {
      throw NetworkError(
        path: [.name("layerRates")], expected: "\(weightedStepCount) numbers, one for each layer with weights",
        found: "\(rates.count)")
    }
    if let index = rates.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw NetworkError(
        path: [.name("layerRates"), .index(index)], expected: "zero or a positive number", found: "\(rates[index])")
    }
    var (result, rest) = (self, rates[...])
    for index in steps.indices where steps[index].operation.drawsWeights {
      let step = steps[index]
      guard let rate = rest.popFirst(), let operation = step.operation.withLearningRate(rate) else {
        throw NetworkError(
          expected: "layers that know what their parameters add to the tangent kernel (withLearningRate)",
          found: step.operation.name)
      }
      result.steps[index] = Step(operation: operation, operands: step.operands, result: step.result)
    }
    return result
  }

  /// Some of the steps as a program of its own that starts from the values `inputs`, and where every value is in it.
  package func part(steps included: [Int], inputs: [Int]) -> (program: CovarianceProgram, places: [Int: Int]) {
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

  private mutating func append(_ operation: any CovarianceOperation, _ operands: [Int], positions: [Int]) -> Int {
    steps.append(Step(operation: operation, operands: operands, result: valueCount))
    self.positions.append(positions)
    return valueCount - 1
  }
}

extension CovarianceProgram: CustomStringConvertible {
  /// One line per value: its number, the sizes of its positions, and the operation that defines it with its operands.
  public var description: String {
    let inputs = (0..<inputCount).map { "v\($0) \(positions[$0]) = input" }
    let steps = steps.map { step in
      let operands = step.operands.map { "v\($0)" }.joined(separator: ", ")
      return "v\(step.result) \(positions[step.result]) = \(step.operation) of \(operands)"
    }
    return (inputs + steps).joined(separator: "\n")
  }

  /// 128 bits of hexadecimal digits that programs of the same operations with the same numbers have in common, on every
  /// machine and in every run: what tells the matrix of one network from that of another.
  ///
  /// *Source:* FNV-1a of the description (Fowler, Noll, Vo; RFC 9923).
  public var fingerprint: String {
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in description.utf8 { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}
