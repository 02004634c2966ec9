import ArgumentParser
import NeuralTangents
import Tensors

/// The options that all computing subcommands share.
struct ComputeOptions: ParsableArguments {
  @Option(help: "Precision of kernels (default: that of the data, float64 for CSV).")
  var precision: Precision?

  @Option(help: .init("Threads to compute with (default: one per processor).", valueName: "count"))
  var threads: Int?

  @Option(
    help: .init(
      "Rows and columns of a kernel that are computed at once, rounded up to what suits the network (default: about a "
        + "second's work).", valueName: "count"))
  var tileSize: Int?

  func validate() throws {
    try Self.requirePositive(threads: threads)
    if let tileSize, tileSize < 1 {
      throw ValidationError("--tile-size: expected at least 1, found \(tileSize)")
    }
  }

  static func requirePositive(threads: Int?) throws {
    if let threads, threads < 1 {
      throw ValidationError("--threads: expected at least 1, found \(threads)")
    }
  }

  /// Makes the number of threads that of the process.
  func apply() {
    if let threads { Threads.count = threads }
  }
}

enum Precision: String, ExpressibleByArgument, CaseIterable {
  case float32, float64

  var dtype: DType { self == .float32 ? .float32 : .float64 }
}
