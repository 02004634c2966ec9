import CovarianceEngine
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("The memory of the executor of slices", .serialized)
struct SliceMemoryTests {
  static func conv(_ count: Int, _ activation: any Activation = Relu()) -> [any Layer] {
    (0..<count).flatMap { _ -> [any Layer] in
      [Conv(8, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.1), activation]
    }
  }

  /// Functions whose duals are series have many factors per input and position.
  static func series(_ depth: Int, _ activation: any Activation) -> Serial {
    Serial(conv(depth, activation) + [GlobalAvgPool(), Dense(1)])
  }

  /// The mean of every part of an image.
  static func seriesOfParts(_ depth: Int, _ activation: any Activation, size: Int = 2) -> Serial {
    Serial(conv(depth, activation) + [AvgPool(window: [size, size], strides: [size, size]), Flatten(), Dense(1)])
  }

  /// A network that reads slices of many displacements of large images: pools of pools, with more layers behind them.
  static func seriesOfPools(_ activation: any Activation, _ end: [any Layer]) -> Serial {
    Serial(
      conv(3, activation) + [AvgPool(window: [8, 8], strides: [8, 8])] + conv(2, activation)
        + [AvgPool(window: [4, 4], strides: [2, 2])] + end + [Dense(1)])
  }

  static func pooled(_ depth: Int) -> Serial { Serial(conv(depth) + [GlobalAvgPool(), Dense(1)]) }

  /// Convolution, pool, convolution, global pool.
  static var pooledTwice: Serial {
    Serial(conv(1) + [AvgPool(window: [2, 2], strides: [2, 2])] + conv(1) + [GlobalAvgPool(), Dense(1)])
  }

  static func residual(_ blocks: Int) -> Serial {
    Serial {
      Conv(8, window: [3, 3], padding: .same, biasStd: 0.1)
      for _ in 0..<blocks {
        FanOut(2)
        Parallel {
          Serial {
            Relu()
            Conv(8, window: [3, 3], padding: .same, biasStd: 0.1)
          }
          Identity()
        }
        FanInSum()
      }
      Flatten()
      Dense(1)
    }
  }

  private static func stated(_ network: any Layer, _ count: Int, _ shape: [Int], threads: Int) throws -> Double {
    let job = try GramJob(network, .zeros([count] + shape, dtype: .float32), options: KernelOptions(threads: threads))
    return job.executorMemory / Double(min(threads, Threads.count))
  }

  @Test(
    "is at most 64 MB per thread for 32×32 images, at any depth",
    arguments: [
      pooled(21), pooled(60), pooled(300), pooledTwice, Serial { WideResNet(blockSize: 2, biasStd: 0.1) },
      Serial { WideResNet(blockSize: 40, biasStd: 0.1) }, Serial { Myrtle(depth: 10, biasStd: 0.1) },
      Serial(conv(21) + [Flatten(), Dense(1)]), residual(200), series(3, Tanh()), series(21, Tanh()),
      series(21, Sigmoid()), series(100, Elu()),
    ])
  func small(_ network: Serial) throws {
    for threads in [1, 2] {
      for count in [2, 300] {
        let bytes = try Self.stated(network, count, [32, 32, 3], threads: threads)
        #expect(bytes < 64e6, "\(bytes / 1e6) MB with \(threads) threads, \(count) images")
      }
    }
  }

  @Test(
    "is at most 256 MB per thread for 128×128 images",
    arguments: [
      pooled(3), pooled(21), pooled(100), pooledTwice, Serial { WideResNet(blockSize: 2, biasStd: 0.1) },
      Serial { Myrtle(depth: 10, biasStd: 0.1) }, residual(100), series(3, Tanh()), series(21, Tanh()),
      series(21, Sigmoid()), seriesOfParts(21, Elu()), series(21, CustomActivation(kinks: [1]) { maximum($0, 1) }),
      series(100, Elu()), seriesOfParts(3, Tanh(), size: 8), seriesOfParts(21, Elu(), size: 8),
      seriesOfParts(3, Sigmoid(), size: 16), seriesOfPools(Tanh(), [Flatten()]),
      seriesOfPools(Elu(), [GlobalAvgPool()]),
    ])
  func large(_ network: Serial) throws {
    for threads in [1, 2] {
      for count in [2, 40] {
        let bytes = try Self.stated(network, count, [128, 128, 3], threads: threads)
        #expect(bytes < 256e6, "\(bytes / 1e6) MB with \(threads) threads, \(count) images")
      }
    }
  }

  @Test("does not grow with the depth of a network that ends in Flatten")
  func flatten() throws {
    let bytes = try [20, 40, 80].map { try Self.stated(Self.residual($0), 2, [300, 300, 1], threads: 1) }
    #expect(bytes[2] < 1.02 * bytes[0], "\(bytes)")
  }

  /// Whether nothing else runs in this process, whose memory would count.
  private static let isAlone = TestSwitch.memory.isOn

  @Test(
    "is what a process takes", .enabled(if: isAlone),
    arguments: ["pooled", "pooled twice", "flatten", "series", "wide series"])
  func measured(_ name: String) throws {
    let (network, shape): (Serial, [Int]) =
      switch name {
      case "pooled": (Self.pooled(2), [40, 40, 3])
      case "pooled twice": (Self.pooledTwice, [48, 48, 1])
      case "series": (Self.series(2, Tanh()), [40, 40, 3])
      case "wide series": (Self.seriesOfParts(3, Elu()), [128, 128, 3])
      default: (Self.residual(20), [400, 400, 1])
      }
    let x = uniformData(seed: 4, shape: [2] + shape).asType(.float32)
    for threads in [1, 2] {
      let options = KernelOptions(threads: threads)
      let job = try GramJob(network, x, options: options)
      let stated = Int(job.executorMemory)
      ResidentMemory.resetPeak()
      let before = ResidentMemory.current
      _ = try job.run()
      let growth = ResidentMemory.peak - before
      print("\(name), \(threads) threads: \(growth / 1_000_000) MB, stated \(stated / 1_000_000) MB")
      // Some megabytes for the stacks of threads and what the allocator keeps.
      #expect(growth < stated + (12 << 20))
    }
  }

  @Test("that is not available is an error before any work, which says how much there is")
  func shortage() throws {
    let x = Tensor.zeros([2, 128, 128, 3], dtype: .float32)
    let error = AvailableMemory.$assumed.withValue(20_000_000) {
      #expect(throws: NetworkError.self) { try Self.pooled(21).kernel(x) }
    }
    let text = error?.description ?? ""
    #expect(text.contains("fits into the 0.0 GB of memory that are available"), "\(text)")
    #expect(text.contains("for 2 by 2 inputs of shape [128, 128, 3]"), "\(text)")
    // Enough for the executor of a smaller one.
    try AvailableMemory.$assumed.withValue(64_000_000) {
      _ = try Self.pooled(2).kernel(.zeros([2, 8, 8, 3], dtype: .float32), options: KernelOptions(threads: 1))
    }
  }
}
