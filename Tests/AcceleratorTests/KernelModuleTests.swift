import Networks
import TestSupport
import Testing

@testable import Accelerator
@testable import CovarianceEngine
@testable import Tensors

/// Networks whose kernels devices compute.
struct KernelCase: CustomTestStringConvertible, Sendable {
  let name: String
  let shape: [Int]
  let network: Serial
  var maskConstant: Double?
  /// Derivative duals of functions with kinks have the square root of a rounding where inputs are nearly equal.
  var tolerance = 1e-9

  var testDescription: String { name }

  static func deep(
    _ layers: Int, _ activation: any Layer, padding: Padding = .same, @LayerBuilder _ last: () -> [any Layer]
  )
    -> Serial
  {
    Serial(
      (0..<layers).flatMap { _ -> [any Layer] in
        [Conv(8, window: [3, 3], padding: padding, weightStd: 1.4, biasStd: 0.2), activation]
      } + last())
  }

  static let all: [KernelCase] = [
    KernelCase(
      name: "perceptron", shape: [7],
      network: Serial {
        Dense(8, weightStd: 1.4, biasStd: 0.1); Relu(); Dense(8, weightStd: 1.4, biasStd: 0.1); Relu(); Dense(1)
      }),
    KernelCase(
      name: "perceptron with branches", shape: [5],
      network: Serial {
        Dense(8); FanOut(2)
        Parallel {
          Serial {
            LayerNorm(); Erf(); Dense(8, biasStd: 0.3)
          }
          Identity()
        }
        FanInSum(); Gelu(); Dense(1, parameterization: .standard)
      }),
    KernelCase(
      name: "pooled images", shape: [6, 5, 3],
      network: deep(4, Relu()) {
        GlobalAvgPool(); Dense(1)
      }),
    KernelCase(
      name: "flattened images", shape: [6, 5, 3],
      network: deep(5, Relu()) {
        Flatten(); Dense(1)
      }),
    KernelCase(
      name: "windows of windows", shape: [6, 5, 2],
      network: Serial {
        Conv(4, window: [5, 5], padding: .same, weightStd: 1.3, biasStd: 0.1)
        Conv(4, window: [5, 5], padding: .same, weightStd: 1.3, biasStd: 0.1)
        Conv(4, window: [5, 5], padding: .same, weightStd: 1.3, biasStd: 0.1)
        Conv(4, window: [5, 5], padding: .same, weightStd: 1.3, biasStd: 0.1); GlobalAvgPool(); Dense(1)
      }),
    KernelCase(
      name: "circular images", shape: [5, 4, 2],
      network: deep(3, Erf(), padding: .circular) {
        GlobalSumPool(); Dense(1)
      }),
    KernelCase(
      name: "stages between pools", shape: [8, 8, 2],
      network: Serial {
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.1); Relu()
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.1); Relu()
        AvgPool(window: [2, 2], strides: [2, 2])
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.1); LeakyRelu(0.2)
        Conv(4, window: [3, 3], padding: .same, dilation: [2, 1], weightStd: 1.4); LayerNorm(axes: [-1]); Abs()
        GlobalAvgPool(); Dense(1); Relu(); Dense(1)
      }),
    KernelCase(
      name: "strides and windows without padding", shape: [9, 8, 2],
      network: Serial {
        Conv(4, window: [3, 2], strides: [1, 2], padding: .valid, weightStd: 1.3, biasStd: 0.1); Sin()
        Conv(4, window: [3, 3], strides: [2, 1], padding: .same, weightStd: 1.3, biasStd: 0.1); Rbf()
        GlobalAvgPool(); Dense(1)
      }),
    KernelCase(
      name: "sequences", shape: [11, 2],
      network: Serial {
        Conv(4, window: [5], padding: .same, weightStd: 1.2); Relu()
        SumPool(window: [3], strides: [2], padding: .same)
        Conv(4, window: [3], padding: .same, weightStd: 1.2); Gelu(); GlobalAvgPool(); Dense(1)
      }),
    KernelCase(
      name: "volumes", shape: [3, 4, 3, 2],
      network: Serial {
        Conv(4, window: [3, 3, 3], padding: .same, weightStd: 1.2); Relu()
        Conv(4, window: [3, 3, 3], padding: .same, weightStd: 1.2); Relu(); GlobalAvgPool(); Dense(1)
      }),
    KernelCase(
      name: "wide residual network", shape: [8, 8, 3], network: Serial { WideResNet(blockSize: 1, biasStd: 0.1) }),
    KernelCase(
      name: "outputs with positions", shape: [5, 4, 2],
      network: Serial {
        ConvLocal(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu()
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu()
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1)
      }),
    KernelCase(
      name: "missing positions", shape: [6, 4, 2],
      network: Serial {
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu()
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu(); GlobalAvgPool(); Dense(1)
      }, maskConstant: 9),
    KernelCase(
      name: "one position that may be missing", shape: [6, 2],
      network: Serial {
        Conv(4, window: [3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu()
        Conv(4, window: [6], padding: .valid, weightStd: 1.3, biasStd: 0.1); Relu()
        Conv(4, window: [3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu(); GlobalAvgPool(); Dense(1)
      }, maskConstant: 9),
    KernelCase(
      name: "branches that need all positions and their own", shape: [5, 4, 2],
      network: Serial {
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); FanOut(2)
        Parallel {
          Serial {
            LayerNorm(); Relu(); Flatten(); Dense(1)
          }
          Serial {
            GlobalAvgPool(); Dense(1)
          }
        }
        FanInSum()
      }),
    KernelCase(
      name: "loops over missing positions", shape: [4, 5, 2],
      network: deep(7, Relu()) {
        GlobalAvgPool(); Dense(1)
      }, maskConstant: 9),
    KernelCase(
      name: "dropout", shape: [5, 5, 2],
      network: Serial {
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu(); Dropout(keepRate: 0.7)
        Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1); Relu(); GlobalAvgPool(); Dense(1)
      }),
  ]

  func data(_ count: Int, seed: UInt64, _ dtype: DType = .float64) -> Tensor {
    var x = RandomKey(seed: seed).normal([count] + shape, dtype: dtype)
    if let maskConstant {
      x[0..<1, 1..<3] = Tensor(repeating: maskConstant, shape: [1, 2] + shape.dropFirst(), dtype: dtype)
    }
    return x
  }
}

/// The largest difference of two kernels' numbers, relative to the largest of each.
func largestDifference(_ a: Kernel, _ b: Kernel) -> Double {
  var result = max(largestDifference(a.nngp, b.nngp), largestDifference(a.cov1, b.cov1))
  if let x = a.ntk, let y = b.ntk { result = max(result, largestDifference(x, y)) }
  if (a.ntk == nil) != (b.ntk == nil) || (a.cov2 == nil) != (b.cov2 == nil) { return .infinity }
  if let x = a.cov2, let y = b.cov2 { result = max(result, largestDifference(x, y)) }
  return result
}

@Suite("Kernels on devices", .serialized, .enabled(if: TestPlugins.isThere))
struct DeviceKernelTests {
  private func kernels(
    _ item: KernelCase, _ dtype: DType, _ device: any KernelDevice, isSymmetric: Bool
  ) throws -> (found: Kernel, expected: Kernel) {
    let x1 = item.data(5, seed: 1, dtype)
    let x2 = isSymmetric ? nil : item.data(4, seed: 2, dtype)
    func kernel(_ options: KernelOptions) throws -> Kernel {
      try item.network.kernel(x1, x2, maskConstant: item.maskConstant, options: options)
    }
    return (try kernel(KernelOptions(device: device)), try kernel(KernelOptions()))
  }

  @Test("kernels equal those of the fused executors in float64", arguments: KernelCase.all)
  func doubles(item: KernelCase) throws {
    let device = DeviceGroup([try TestPlugins.device()], blockSize: 3)
    for isSymmetric in [false, true] {
      let (found, expected) = try kernels(item, .float64, device, isSymmetric: isSymmetric)
      let difference = largestDifference(found, expected)
      if TestSwitch.printErrors.isOn { print("\(item.name), float64, symmetric \(isSymmetric): \(difference)") }
      #expect(difference < 1e-9, "symmetric: \(isSymmetric)")
    }
  }

  /// Activations without closed forms, with variances for which their series converge everywhere and for which they do not.
  static let seriesCases: [KernelCase] = [
    KernelCase(
      name: "tanh", shape: [6],
      network: Serial {
        Dense(8, weightStd: 1.5, biasStd: 0.1); Tanh(); Dense(8, weightStd: 1.5, biasStd: 0.1); Tanh(); Dense(1)
      }),
    KernelCase(
      name: "steep sigmoids", shape: [6],
      network: Serial {
        Dense(8, weightStd: 40, biasStd: 0.1); Sigmoid(); Dense(8, weightStd: 1.5, biasStd: 0.1); Relu(); Dense(1)
      }),
    KernelCase(
      name: "softsign, which has a kink", shape: [6],
      network: Serial {
        Dense(8, weightStd: 1.5, biasStd: 0.1); Softsign(); Dense(1)
      }),
    KernelCase(
      name: "elu and hard tanh", shape: [6],
      network: Serial {
        Dense(8, weightStd: 1.5, biasStd: 0.1); Elu(alpha: 0.7); Dense(8, weightStd: 1.5, biasStd: 0.1); HardTanh()
        Dense(1)
      }, tolerance: 1e-6),
    KernelCase(
      name: "selu of large variance", shape: [6],
      network: Serial {
        Dense(8, weightStd: 30, biasStd: 0.1); Selu(); Dense(1)
      }),
    KernelCase(
      name: "pooled tanh", shape: [4, 3, 2],
      network: KernelCase.deep(2, Tanh()) {
        GlobalAvgPool(); Dense(1)
      }),
    KernelCase(
      name: "attention and softplus, by tensor operations", shape: [4, 2],
      network: Serial {
        Conv(4, window: [3], padding: .same, weightStd: 1.3, biasStd: 0.1); Softplus()
        GlobalSelfAttention(outputChannels: 4, keyChannels: 3, valueChannels: 3, heads: 2, linearScaling: true)
        GlobalAvgPool(); Dense(1)
      }),
  ]

  @Test("activations without closed forms: what series leave out, the host computes", arguments: seriesCases)
  func series(item: KernelCase) throws {
    let device = try TestPlugins.device()
    for isSymmetric in [false, true] {
      var x1 = item.data(5, seed: 1)
      // One input is another but for a little.
      x1[4..<5] = x1.sliced(axis: 0, 0..<1) + 1e-7
      let x2 = isSymmetric ? nil : concatenate([item.data(3, seed: 2), x1.sliced(axis: 0, 1..<3)], axis: 0)
      let expected = try item.network.kernel(x1, x2)
      let found = try item.network.kernel(x1, x2, options: KernelOptions(device: device))
      let difference = largestDifference(found, expected)
      if TestSwitch.printErrors.isOn { print("\(item.name), symmetric \(isSymmetric): \(difference)") }
      #expect(difference < item.tolerance, "symmetric: \(isSymmetric)")
    }
  }

  @Test("kernels in float32 differ by roundings", arguments: KernelCase.all)
  func singles(item: KernelCase) throws {
    let device = DeviceGroup([try TestPlugins.device()], blockSize: 3)
    for isSymmetric in TestSwitch.fuzz.isOn ? [false, true] : [item.shape.count == 3] {
      let (found, expected) = try kernels(item, .float32, device, isSymmetric: isSymmetric)
      let difference = largestDifference(found, expected)
      if TestSwitch.printErrors.isOn { print("\(item.name), float32, symmetric \(isSymmetric): \(difference)") }
      #expect(difference < 5e-6, "symmetric: \(isSymmetric)")
    }
  }

  @Test("several devices give the bits of one, whatever the tiles")
  func devices() throws {
    let all = try Device.all("cpu", plugin: TestPlugins.paths[0].path)
    try #require(all.count >= 2)
    let item = KernelCase.all[2]
    let (x1, x2) = (item.data(7, seed: 1, .float32), item.data(6, seed: 2, .float32))
    func bits(_ device: any KernelDevice, _ tileSize: Int?) throws -> [[UInt32]] {
      let kernel = try item.network.kernel(x1, x2, options: KernelOptions(tileSize: tileSize, device: device))
      return [kernel.nngp, kernel.ntk!].map { $0.scalars(as: Float.self).map(\.bitPattern) }
    }
    let one = try bits(DeviceGroup([all[0]], blockSize: 2), nil)
    #expect(try bits(DeviceGroup(all, blockSize: 2), nil) == one)
    #expect(try bits(DeviceGroup(all, blockSize: 2), 4) == one)
    #expect(try bits(DeviceGroup([all[1]], blockSize: 2), 2) == one)
  }

  @Test("layers that pages cannot do are computed by tensor operations on the device, and the choice says why")
  func reference() throws {
    let device = try TestPlugins.device()
    let network = Serial {
      Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1)
      GlobalSelfAttention(
        outputChannels: 4, keyChannels: 3, valueChannels: 3, heads: 2, linearScaling: true)
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
    let x = RandomKey(seed: 4).normal([3, 4, 3, 2], dtype: .float64)
    let expected = try network.kernel(x)
    #expect(largestDifference(try network.kernel(x, options: KernelOptions(device: device)), expected) < 1e-9)
    let all = try network.kernel(x, options: KernelOptions(batch: .all))
    #expect(largestDifference(try network.kernel(x, options: KernelOptions(batch: .all, device: device)), all) < 1e-9)
  }

  @Test("the executor asked for computes on the device, or nothing does")
  func executors() throws {
    let device = try TestPlugins.device()
    func choice(_ executor: KernelOptions.Executor, batch: KernelOptions.Extent = .diagonal) throws -> ExecutorChoice {
      try ExecutorChoice(
        try DeviceCases.goal(.float64, isPooled: true, layers: 2),
        options: KernelOptions(executor: executor, batch: batch, device: device))
    }
    #expect(try choice(.automatic).executor is DeviceExecutor)
    #expect(try choice(.fused).executor is DeviceExecutor)
    let asked = try choice(.reference)
    #expect(asked.executor is ReferenceDeviceExecutor)
    #expect(asked.reason?.description.contains("asked for") == true)
    #expect(try choice(.automatic, batch: .all).executor is ReferenceDeviceExecutor)
    do {
      _ = try choice(.fused, batch: .all)
      Issue.record("nothing was thrown")
    } catch {
      #expect("\(error)".contains("covariances between the inputs of each data set"))
    }
    let item = KernelCase.all[2]
    let x = item.data(3, seed: 1)
    let found = try item.network.kernel(x, options: KernelOptions(executor: .reference, device: device))
    #expect(largestDifference(found, try item.network.kernel(x)) < 1e-9)
  }

  @Test("a block that does not fit into a device's memory is halved once, and after that an error")
  func memory() throws {
    let item = KernelCase.all[2]
    let (x1, x2) = (item.data(4, seed: 1), item.data(4, seed: 2))
    let expected = try item.network.kernel(x1, x2)
    // What a block of four rows uploads is more than what one of two does.
    let path = TestPlugins.paths[0].path
    guard let half = try DoublePlugin("half", ["BEHIND=\"\(path)\"", "LIMIT=14000"]) else { return }
    let device = DeviceGroup([try Device.named("cpu:0", plugin: half.path)], blockSize: 4)
    #expect(largestDifference(try item.network.kernel(x1, x2, options: KernelOptions(device: device)), expected) < 1e-9)
    guard let none = try DoublePlugin("none", ["BEHIND=\"\(path)\"", "LIMIT=1000"]) else { return }
    let small = DeviceGroup([try Device.named("cpu:0", plugin: none.path)], blockSize: 4)
    do {
      _ = try item.network.kernel(x1, x2, options: KernelOptions(device: small))
      Issue.record("nothing was thrown")
    } catch {
      #expect(error.kind == .memory)
      #expect(error.description.contains("out of device memory: ") && error.description.contains("reduce"))
    }
  }
}
