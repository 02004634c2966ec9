import ArgumentParser
import Foundation
import NeuralTangents
import Tensors

/// Where kernels are computed, of subcommands that compute them.
struct DeviceOption: ParsableArguments {
  @Option(
    help: .init(
      "Compute kernels on a device: cuda:0, several with commas between (cuda:0,cuda:1), or all of a kind (cuda, tpu); "
        + "default: the processors. See neural-tangents info.", valueName: "names"))
  var device: String?

  /// Plugins log what they find to standard error, unless they are told otherwise.
  static func quietPlugins() { setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0) }

  /// The device; nil for the processors.
  ///
  /// - Throws: `CommandError` where there is no such device, or nothing that drives it.
  func open() throws(CommandError) -> (any KernelDevice)? {
    guard let device else { return nil }
    Self.quietPlugins()
    do throws(DeviceError) {
      return try DeviceGroup.named(device)
    } catch {
      if case .name = error { throw .usage("--device: \(error)") }
      throw .internalFailure("--device: \(error)")
    }
  }
}

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

  @OptionGroup var device: DeviceOption

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
  ///
  /// - Throws: `CommandError` where the process may not have the memory that any computation takes.
  func apply() throws(CommandError) { try Self.apply(threads: threads) }

  static func apply(threads: Int?) throws(CommandError) {
    if let threads { Threads.count = threads }
    guard AvailableMemory.hasAddressLimit else { return }
    // BLAS, and for each thread a stack, buffers and a heap: reserved, not used, but what is reserved counts here. A library
    // of linear algebra that gets no buffers waits for them forever.
    try MemoryCheck.require(0.55e9 + 0.15e9 * Double(Threads.count), for: "any computation")
    // So that what both take is taken when more is asked for.
    _ = matmul(Tensor.ones([512, 512], dtype: .float64), Tensor.ones([512, 512], dtype: .float64))
    Threads.forEachRange(1 << 10, grain: 1) { _ in }
  }
}

enum Precision: String, ExpressibleByArgument, CaseIterable {
  case float32, float64

  var dtype: DType { self == .float32 ? .float32 : .float64 }
}
