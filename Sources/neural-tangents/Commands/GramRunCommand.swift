import ArgumentParser
import Foundation
import GramStore
import NeuralTangents
import Tensors

/// `neural-tangents gram run`: computes the tiles that a store lacks, beside others who do the same.
struct GramRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Compute what a store lacks, beside any number of others who do the same.",
    usage: "neural-tangents gram run <store> [<options>]",
    discussion: """
      Ends with status 0 when all tiles are there, with 5 when --time-limit is over,
      and with 3 when a file cannot be written; what is there is safe, and another
      run goes on. Ctrl-C and kill release the tiles that are being computed; after
      anything worse others take them over when a lease is over, or at once on the
      same machine. A network and data are not needed; where they are named, they
      must be those of the store.

      EXAMPLES
        neural-tangents gram run train.zarr
        neural-tangents gram run train.zarr --time-limit 3h50m --threads 4
      """)

  /// Of a run that has stopped at its time limit.
  static let timeLimitStatus: Int32 = 5

  @Argument(help: GramCommand.storeHelp)
  var store: String

  @Argument(help: .init("The network that the store must have been made for."), completion: .file())
  var network: String?

  @OptionGroup var data: GramDataOptions

  @Option(help: .init("Which kernels the store must have.", valueName: "names"))
  var kernels: StoredKernelNames?

  @Option(help: "The precision that the store must have.")
  var precision: Precision?

  @Option(help: .init("The size of tiles that the store must have.", valueName: "count"))
  var tileSize: Int?

  @Option(
    help: .init("Stop before this time is over: 90 (seconds), 45m, 3h50m, 03:50:00.", valueName: "time"))
  var timeLimit: TimeSpan?

  @Option(
    help: .init(
      "Seconds after which others may take over a tile of a process that is silent, at least.", valueName: "seconds"))
  var lease = 60.0

  @Option(help: .init("Threads to compute with (default: one per processor).", valueName: "count"))
  var threads: Int?

  @OptionGroup var device: DeviceOption

  func validate() throws {
    try ComputeOptions.requirePositive(threads: threads)
    guard lease >= 1, lease <= 86_400 else {
      throw ValidationError("--lease: expected from 1 to 86400 seconds, found \(lease)")
    }
  }

  func run() throws {
    let began = ContinuousClock.now
    try ComputeOptions.apply(threads: threads)
    let device = try device.open()
    let store = try GramStore.openForCommand(store)
    let (x1, x2, patterns) = try data.read(network: self.network)
    try store.require(
      network: try network.map { try InputFiles.network(at: $0) }, x1: x1, x2: x2, patterns: patterns,
      maskConstant: data.maskConstant, kernels: kernels?.set, precision: precision?.dtype, tileSize: tileSize)
    let latest = Latest()
    if let timeLimit { stopProgram(at: began + .seconds(timeLimit.seconds), store, latest) }
    let progress = ProgressReporter(store.path)
    defer { progress.finish() }
    let outcome = try store.run(
      timeLimit: timeLimit.map { .seconds($0.seconds) - (ContinuousClock.now - began) }, lease: lease, device: device
    ) { found in
      latest.set(found)
      progress.update(found.fraction, Self.parts(found), left: found.timeLeft.map { $0 / .seconds(1) })
    }
    progress.finish()
    switch outcome {
    case .complete:
      print("\(store.path): all \(counted(store.tileCount, "tile")), \(latest.text)")
    case .timeLimit:
      print(Self.stopped(store, latest))
      throw ExitCode(Self.timeLimitStatus)
    }
  }

  /// `8,214 of 27,730 tiles`, `12 workers`, `31 tiles/min`.
  private static func parts(_ progress: GramStore.Progress) -> [String] {
    var parts = [
      "\(grouped(progress.tilesDone)) of \(grouped(progress.tileCount)) tiles", workerText(progress.workers),
    ]
    if let rate = progress.tilesPerMinute { parts.append("\(rateText(rate)) tiles/min") }
    return parts
  }

  static func workerText(_ count: Int) -> String { counted(count, "worker") }
  static func rateText(_ rate: Double) -> String { rate < 10 ? format(rate, 1) : grouped(Int(rate)) }

  private static func stopped(_ store: GramStore, _ latest: Latest) -> String {
    "\(store.path): stopped at the time limit, \(latest.text)"
  }

  /// The system ends processes that are not gone at their limit; a tile that takes longer than was left is given away before.
  private func stopProgram(at end: ContinuousClock.Instant, _ store: GramStore, _ latest: Latest) {
    let thread = Thread {
      while end > .now { Thread.sleep(forTimeInterval: max(0.01, (end - .now) / .seconds(1))) }
      Interruption.end(with: Self.timeLimitStatus, saying: Self.stopped(store, latest) + "\n")
    }
    thread.qualityOfService = .userInteractive
    thread.start()
  }
}

/// The latest progress, for whoever says the last line.
private final class Latest: Sendable {
  private let progress = Guarded<GramStore.Progress?>(nil)

  func set(_ found: GramStore.Progress) { progress.withLock { $0 = found } }

  /// `8,214 of 27,730 tiles, 120 by this process`.
  var text: String {
    guard let found = progress.withLock({ $0 }) else { return "no tile begun" }
    let own = "\(grouped(found.tilesComputed)) by this process"
    return found.tilesDone == found.tileCount
      ? own : "\(grouped(found.tilesDone)) of \(grouped(found.tileCount)) tiles are there, \(own)"
  }
}
