/// Where the batch and the channels are in a tensor of activations; negative axes count from the end.
public struct DataAxes: Sendable, Hashable {
  public var batch: Int
  public var channel: Int

  public init(batch: Int = 0, channel: Int = -1) {
    self.batch = batch
    self.channel = channel
  }

  /// The same axes counted from the front in a tensor of `rank` axes.
  func resolved(rank: Int) throws(NetworkError) -> DataAxes {
    let result = DataAxes(
      batch: try resolvedAxis(batch, rank: rank, name: "batchAxis"),
      channel: try resolvedAxis(channel, rank: rank, name: "channelAxis"))
    guard result.batch != result.channel else {
      throw NetworkError(
        path: [.name("channelAxis")], expected: "an axis other than batchAxis \(batch)", found: "\(channel)")
    }
    return result
  }
}

/// `axis` counted from the front; throws when a tensor of `rank` axes has no such axis.
func resolvedAxis(_ axis: Int, rank: Int, name: String) throws(NetworkError) -> Int {
  let resolved = axis < 0 ? axis + rank : axis
  guard (0..<rank).contains(resolved) else {
    throw NetworkError(path: [.name(name)], expected: "an axis of an input with \(rank) axes", found: "\(axis)")
  }
  return resolved
}
