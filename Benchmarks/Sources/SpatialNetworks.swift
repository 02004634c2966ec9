import NeuralTangents
import Tensors

/// The networks of the rows with positions; `Benchmarks/peer/convolutional.py` has the same in the peer's layers.
enum SpatialNetwork: String, Codable, Sendable {
  /// Convolutions, then flattened.
  case convVec
  /// Convolutions, then the mean over all positions.
  case convGap
  /// Convolutions, an average pool of 2×2, then flattened.
  case convPool
  /// Convolution, average pool of 2×2, convolution, then the mean over all positions.
  case poolGap
  /// `depth` residual blocks, then flattened.
  case residualVec
  case myrtle
  /// `depth` is 6 · blocks + 4.
  case wideResNet

  func layer(depth: Int) -> any Layer {
    let biasStd = 0.1
    switch self {
    case .convVec: return ConvVec(depth: depth, biasStd: biasStd)
    case .convGap: return ConvGap(depth: depth, biasStd: biasStd)
    case .convPool:
      let weightStd = 2.0.squareRoot()
      return Serial {
        for _ in 0..<depth {
          Conv(128, window: [3, 3], padding: .same, weightStd: weightStd, biasStd: biasStd)
          Relu()
        }
        AvgPool(window: [2, 2], strides: [2, 2])
        Flatten()
        Dense(10, weightStd: weightStd, biasStd: biasStd)
      }
    case .poolGap:
      let weightStd = 2.0.squareRoot()
      return Serial {
        Conv(128, window: [3, 3], padding: .same, weightStd: weightStd, biasStd: biasStd)
        Relu()
        AvgPool(window: [2, 2], strides: [2, 2])
        Conv(128, window: [3, 3], padding: .same, weightStd: weightStd, biasStd: biasStd)
        Relu()
        GlobalAvgPool()
        Dense(10, weightStd: weightStd, biasStd: biasStd)
      }
    case .residualVec:
      return Serial {
        Conv(64, window: [3, 3], padding: .same, biasStd: biasStd)
        for _ in 0..<depth {
          FanOut(2)
          Parallel {
            Serial {
              Relu()
              Conv(64, window: [3, 3], padding: .same, biasStd: biasStd)
            }
            Identity()
          }
          FanInSum()
        }
        Flatten()
        Dense(10)
      }
    case .myrtle: return Myrtle(depth: depth, biasStd: biasStd)
    case .wideResNet: return WideResNet(blockSize: (depth - 4) / 6, biasStd: biasStd)
    }
  }
}

/// The kernel of a spatial row, as a function of how many of its inputs to take.
struct SpatialWork {
  let network: any Layer
  let x1: Tensor
  let x2: Tensor?

  init(_ row: Row) {
    if let threads = row.threads { Threads.count = threads }
    network = (row.network ?? .convGap).layer(depth: row.depth ?? 21)
    let shape = row.shape ?? [32, 32, 3]
    // float64 kernels are of the numbers that float32 kernels are of: only the arithmetic differs.
    func inputs(seed: UInt64, count: Int) -> Tensor {
      uniformData(seed: seed, shape: [count] + shape, dtype: .float32).asType(DType(rawValue: row.dtype) ?? .float32)
    }
    x1 = inputs(seed: 1, count: row.rows ?? 1)
    x2 = row.columns.map { inputs(seed: 2, count: $0) }
  }

  func callAsFunction() throws -> [Tensor] {
    let kernel = try network.kernel(x1, x2)
    return [kernel.nngp] + (kernel.ntk.map { [$0] } ?? [])
  }

  /// One entry, which starts threads and finds code.
  func warmUp() throws {
    _ = try network.kernel(
      x1.sliced(axis: 0, from: 0, to: 1), x2.map { $0.sliced(axis: 0, from: 0, to: 1) })
  }
}
