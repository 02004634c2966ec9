/// Where the batch and the channels are in a tensor of activations; negative axes count from the end.
public struct DataAxes: Sendable, Hashable {
  /// The axis of the inputs of a data set.
  public var batch: Int
  /// The axis of the channels; negative numbers count from the last.
  public var channel: Int

  /// Whether the channels may be in any axis: then they are in the last one that is not the batch.
  private var hasAnyChannel = false

  public init(batch: Int = 0, channel: Int = -1) {
    self.batch = batch
    self.channel = channel
  }

  /// For a layer that cares where the batch is only.
  package static func batchOnly(_ batch: Int) -> DataAxes {
    var axes = DataAxes(batch: batch)
    axes.hasAnyChannel = true
    return axes
  }

  /// The same axes counted from the front in a tensor of this shape, which needs both.
  package func resolved(for shape: [Int]) throws(NetworkError) -> DataAxes {
    guard shape.count >= 2 else {
      throw NetworkError(expected: "an input with a batch and a channel axis", found: "shape \(shape)")
    }
    return try resolved(rank: shape.count)
  }

  /// The same axes counted from the front in a tensor of `rank` axes.
  package func resolved(rank: Int) throws(NetworkError) -> DataAxes {
    let batchAxis = try resolvedAxis(batch, rank: rank, name: "batchAxis")
    if hasAnyChannel { return DataAxes(batch: batchAxis, channel: batchAxis == rank - 1 ? rank - 2 : rank - 1) }
    let result = DataAxes(
      batch: batchAxis, channel: try resolvedAxis(channel, rank: rank, name: "channelAxis"))
    guard result.batch != result.channel else {
      throw NetworkError(
        path: [.name("channelAxis")], expected: "an axis other than batchAxis \(batch)", found: "\(channel)")
    }
    return result
  }
}

extension DataAxes {
  /// The axes of positions in a tensor of `rank` axes, in order; these axes are counted from the front.
  package func positionAxes(rank: Int) -> [Int] { (0..<rank).filter { $0 != batch && $0 != channel } }
}

extension CovarianceValue {
  package var axes: DataAxes { DataAxes(batch: batchAxis, channel: channelAxis) }

  /// Throws unless the layer takes batch and channels where the layers before have them.
  package func require(_ axes: DataAxes) throws(NetworkError) {
    guard axes.batch == batchAxis, axes.channel == channelAxis else {
      throw NetworkError(
        expected: "batchAxis \(batchAxis) and channelAxis \(channelAxis), as the layers before",
        found: "\(axes.batch) and \(axes.channel)")
    }
  }
}

/// `axis` counted from the front; throws when a tensor of `rank` axes has no such axis.
package func resolvedAxis(_ axis: Int, rank: Int, name: String) throws(NetworkError) -> Int {
  let resolved = axis < 0 ? axis + rank : axis
  guard (0..<rank).contains(resolved) else {
    throw NetworkError(path: [.name(name)], expected: "an axis of an input with \(rank) axes", found: "\(axis)")
  }
  return resolved
}
