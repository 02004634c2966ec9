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
  var sources: Set<Int> = []
  /// Whether channels are still those of the network's input, which may be masked one by one.
  var hasInputChannels: Bool

  /// How many channels the finite network has here.
  public var channels: Int { shape[channelAxis] }

  /// What is known of the mean of activations over the network's parameters.
  public enum Mean: Sendable, Hashable {
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
    guard sources(of: branches).areDisjoint else {
      throw NetworkError(
        expected: "independent branches: a dense layer, or another with weights, of its own in all but one of them",
        found: "branches that work on the same channels")
    }
  }

  /// All sources, smaller sets taken into the largest: deep residual networks have one that grows with every block.
  static func sources(of values: [CovarianceValue]) -> (union: Set<Int>, areDisjoint: Bool) {
    guard let largest = values.indices.max(by: { values[$0].sources.count < values[$1].sources.count }) else {
      return ([], true)
    }
    var (union, areDisjoint) = (values[largest].sources, true)
    for (index, value) in values.enumerated() where index != largest {
      for source in value.sources where !union.insert(source).inserted { areDisjoint = false }
    }
    return (union, areDisjoint)
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

  func with(shape: [Int]?, axes: DataAxes?, isGaussian: Bool) -> CovarianceValue {
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
  static func refined(_ values: [CovarianceValue]) -> [[Group]] {
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
