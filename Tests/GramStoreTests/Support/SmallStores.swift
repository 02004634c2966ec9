import DurableFiles
import CovarianceEngine
import Networks
import Platform
import Tensors
import TestSupport

@testable import GramStore

/// A directory of its own on the machine's disk, gone when the test is over.
final class ScratchFolder {
  let path: String

  init(in parent: String = "/tmp") {
    path = "\(parent)/gram-store-tests-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    mkdir(path, 0o755)
  }

  deinit { SystemFiles().removeTree(path) }
}

/// Networks of all executors, with inputs for them.
enum StoreCase: String, CaseIterable, Sendable {
  case rows, slices, segments, reference

  var network: any Layer {
    switch self {
    case .rows:
      Serial {
        Dense(1, weightStd: 1.4, biasStd: 0.1)
        Relu()
        Dense(1)
      }
    case .slices:
      Serial {
        Conv(1, window: [3, 3], padding: .same)
        Relu()
        GlobalAvgPool()
        Dense(1, biasStd: 0.2)
      }
    case .segments:
      Serial {
        Conv(1, window: [3], padding: .same)
        Relu()
        GlobalSelfAttention(outputChannels: 1, keyChannels: 1, valueChannels: 1, heads: 1)
        Flatten()
        Dense(1)
      }
    case .reference:
      Serial {
        Dense(1)
        ElementwiseNumerical(.tanh, degree: 5)
        Dense(1)
      }
    }
  }

  func inputs(_ count: Int, seed: Int = 1) -> Tensor {
    let shape =
      switch self {
      case .rows, .reference: [count, 5]
      case .slices: [count, 4, 4, 2]
      case .segments: [count, 48, 2]
      }
    return RandomKey(seed: seed).normal(shape)
  }
}

extension GramStore {
  /// The whole of a matrix.
  func whole(_ kernel: StoredKernel) throws -> Tensor {
    concatenate(try (0..<stripCount).map { try strip(kernel, row: $0) })
  }

  static func make(
    _ name: StoreCase, at path: String, count: Int, second: Int? = nil, tileSize: Int, kernels: KernelSet = .all,
    layout: Layout = .full, files: some FileSystem = SystemFiles()
  ) throws -> GramStore {
    try create(
      at: path, network: name.network, x1: name.inputs(count), x2: second.map { name.inputs($0, seed: 2) },
      kernels: kernels, options: Options(tileSize: tileSize, layout: layout), files: files
    ).store
  }
}

extension StoreWorker.Settings {
  /// For one thread and a clock that stands still.
  static func alone(start: Int = 0) -> StoreWorker.Settings {
    var settings = StoreWorker.Settings()
    (settings.hasHeartbeat, settings.longestWait, settings.start) = (false, 0.01, start)
    return settings
  }
}
