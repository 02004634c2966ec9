import CovarianceEngine

extension DataAxes {
  /// The arguments `batchAxis` and `channelAxis` of a layer.
  init(from arguments: inout LayerArguments) throws(NetworkError) {
    self.init(
      batch: try arguments.integer("batchAxis", default: 0), channel: try arguments.integer("channelAxis", default: -1))
  }

  func write(to arguments: inout LayerArguments) {
    arguments.set("batchAxis", batch, default: 0)
    arguments.set("channelAxis", channel, default: -1)
  }
}
