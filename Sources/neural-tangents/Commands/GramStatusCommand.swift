import ArgumentParser
import GramStore
import NeuralTangents
import Tensors

/// `neural-tangents gram status`: how far a store is, and who is at it.
struct GramStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show how far a store is, who works on it, and how long it will take.",
    usage: "neural-tangents gram status <store>",
    discussion: """
      EXAMPLES
        neural-tangents gram status train.zarr
      """)

  @Argument(help: GramCommand.storeHelp)
  var store: String

  func run() throws {
    let store = try GramStore.openForCommand(store)
    let status = try store.status()
    let names = store.kernels.map(\.rawValue).joined(separator: " and ")
    print(
      "\(store.path): \(names), \(store.rowCount)x\(store.columnCount), \(store.dtype), tiles of "
        + "\(store.tileSize)x\(store.tileSize)")
    var parts = ["\(grouped(status.tilesDone)) of \(grouped(status.tileCount)) tiles (\(byteText(status.byteCount)))"]
    if status.workers > 0 || !status.isComplete { parts.append(GramRunCommand.workerText(status.workers)) }
    if !status.isComplete, let rate = status.tilesPerMinute {
      parts.append("\(GramRunCommand.rateText(rate)) tiles/min")
    }
    if !status.isComplete, let left = status.timeLeft { parts.append("\(TimeSpan.text(left / .seconds(1))) left") }
    if status.staleClaims > 0 {
      parts.append("\(counted(status.staleClaims, "stale claim")) that the next run takes over")
    }
    print(parts.joined(separator: ", "))
    if let space = try store.space(), space.free < space.needed {
      StandardError.warn(
        "\(store.path): \(byteText(space.free)) are free there, \(byteText(space.needed)) are needed for what is left")
    }
  }
}

/// `neural-tangents gram verify`: reads every tile and its checksum.
struct GramVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read all tiles of a store and their checksums; compute damaged ones again.",
    usage: "neural-tangents gram verify <store> [--repair]",
    discussion: """
      Names every tile that is not what was written, and ends with status 65 when
      there is one. With --repair they are computed again, and the status is 0.

      EXAMPLES
        neural-tangents gram verify train.zarr
        neural-tangents gram verify train.zarr --repair
      """)

  @Argument(help: GramCommand.storeHelp)
  var store: String

  @Flag(help: "Compute damaged tiles again.")
  var repair = false

  func run() throws {
    let store = try GramStore.openForCommand(store)
    let progress = ProgressReporter("verifying \(store.path)")
    let result = try store.verify(repair: repair) { progress.update($0) }
    progress.finish()
    for damage in result.damages { print("\(damage)\(repair ? "; computed again" : "")") }
    print(
      "\(store.path): \(counted(result.chunksRead, "file")) read, \(result.damages.count) damaged"
        + (result.tilesRepaired > 0 ? ", \(counted(result.tilesRepaired, "tile")) computed again" : ""))
    if !repair, !result.damages.isEmpty {
      throw CommandError.badData(
        "\(store.path): \(counted(result.damages.count, "file")) damaged: gram verify \(store.path) --repair")
    }
  }
}
