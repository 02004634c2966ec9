import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Gradients of kernels in their inputs")
struct KernelGradientTests {
  static let reference = KernelOptions(executor: .reference)

  /// Weighted sums of all parts of a kernel.
  private static func cotangents(_ n1: Int, _ n2: Int?, seed: Int = 3, dtype: DType = .float64) -> KernelCotangents {
    let matrix = [n1, n2 ?? n1]
    return KernelCotangents(
      nngp: gaussianInputs(matrix, seed: seed, dtype: dtype), ntk: gaussianInputs(matrix, seed: seed + 1, dtype: dtype),
      cov1: gaussianInputs([n1], seed: seed + 2, dtype: dtype),
      cov2: n2.map { gaussianInputs([$0], seed: seed + 3, dtype: dtype) })
  }

  private static func error(_ found: KernelGradient, _ expected: KernelGradient) -> Double {
    let pairs = zip(
      found.x1.leaves + (found.x2?.leaves ?? []), expected.x1.leaves + (expected.x2?.leaves ?? []))
    return pairs.map { found, expected in
      guard found.shape == expected.shape else { return .infinity }
      let scale = max(abs(expected).max().scalar(as: Double.self), 1e-300)
      return largestError(found, expected, relativeTo: scale)
    }.max() ?? .infinity
  }

  /// The largest errors of all choices of data sets and of parts that count, and which executor it was.
  private func check(
    _ network: some Layer, _ x1: Tensor, _ x2: Tensor, tolerance: Double = 1e-9, note: Comment? = nil
  ) throws -> String {
    let kernel = try network.kernel(x1, x2, kernels: .nngp)
    let (n1, n2) = (kernel.nngp.shape[0], kernel.nngp.shape[1])
    let all = Self.cotangents(n1, n2)
    var executor = ""
    for (cotangents, second) in [
      (all, x2 as Tensor?), (Self.cotangents(n1, nil), nil), (KernelCotangents(nngp: all.nngp), x2),
      (KernelCotangents(ntk: all.ntk), x2), (KernelCotangents(cov1: all.cov1), nil),
    ] {
      let found = try network.kernelGradient(x1, second, cotangents: cotangents)
      executor = found.executor
      if executor == "reference" { continue }
      let expected = try network.kernelGradient(x1, second, cotangents: cotangents, options: Self.reference)
      #expect(Self.error(found, expected) < tolerance, note)
    }
    return executor
  }

  @Test("rows and back equal tensor operations for every activation", arguments: ActivationSample.closedForms)
  func activations(_ sample: ActivationSample) throws {
    let network = Serial {
      Dense(8, weightStd: 0.6, biasStd: 0.4)
      sample.activation
      Dense(8, weightStd: 0.7, biasStd: 0.3, parameterization: .standard)
      sample.activation
      Dense(1, weightStd: 1.1, biasStd: 0.2)
    }
    let executor = try check(network, gaussianInputs([21, 4], seed: 1), gaussianInputs([6, 4], seed: 2))
    let isKnown = !(sample.activation is Gabor || sample.activation is RectifiedMonomial)
    #expect(executor == (isKnown ? "rows" : "reference"))
  }

  @Test(
    "rows and back equal tensor operations on random networks",
    arguments: Array(0..<(TestSwitch.fuzz.isOn ? 1000 : 60)))
  func randomNetworks(seed: Int) throws {
    var random = RandomNetwork(seed: seed)
    let network = random.network()
    let note = Comment(rawValue: "seed \(seed): \(network)")
    _ = try check(
      network, gaussianInputs([5, 3], seed: seed), gaussianInputs([4, 3], seed: seed + 1), tolerance: 1e-8, note: note)
  }

  @Test("slices and back equal tensor operations on random networks with positions")
  func randomSpatialNetworks() throws {
    var counts: [String: Int] = [:]
    for seed in 0..<(TestSwitch.fuzz.isOn ? 2000 : 100) {
      var random = RandomSpatialNetwork(seed: seed)
      let sample = try random.sample(layers: 4)
      guard !sample.isMasked, sample.graphSizes == nil else { continue }
      let (batch, channel) = (sample.outputs.batch, sample.outputs.channel)
      let axes = batch < channel ? (0, 1) : (1, 0)
      let network = Serial([
        try sample.network, GlobalAvgPool(batchAxis: batch, channelAxis: channel),
        Dense(1, batchAxis: axes.0, channelAxis: axes.1),
      ])
      let executor = try check(
        network, sample.data(seed: seed, constant: 1000), sample.data(seed: seed + 1, constant: 1000), tolerance: 1e-7,
        note: Comment(rawValue: "seed \(seed), inputs \(sample.inputs.shape), \(sample.json)"))
      counts[executor, default: 0] += 1
    }
    #expect(counts["slices", default: 0] >= 8, "\(counts)")
  }

  struct Spatial: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shape: [Int]
    let network: Serial
  }

  static let spatial: [Spatial] = {
    func convolution(_ window: [Int] = [3, 3], _ strides: [Int]? = nil, _ padding: Padding = .same) -> Conv {
      Conv(8, window: window, strides: strides, padding: padding, weightStd: 1.3, biasStd: 0.2)
    }
    return [
      Spatial(
        testDescription: "flatten", shape: [5, 4, 3],
        network: Serial {
          convolution(); Relu(); Flatten(); Dense(1)
        }),
      Spatial(
        testDescription: "pools", shape: [8, 9, 2],
        network: Serial {
          convolution()
          Relu()
          AvgPool(window: [2, 2], strides: [2, 2])
          convolution()
          Relu()
          AvgPool(window: [3, 2], strides: [1, 2], padding: .same)
          convolution()
          Relu()
          Flatten()
          Dense(1)
        }),
      Spatial(
        testDescription: "strides, valid, global pool", shape: [7, 6, 3],
        network: Serial {
          convolution([3, 2], [2, 1], .valid)
          Erf()
          convolution([2, 3], [1, 2])
          Relu()
          GlobalAvgPool()
          Dense(1)
        }),
      Spatial(
        testDescription: "circular, sums", shape: [5, 6, 3],
        network: Serial {
          convolution([3, 3], nil, .circular)
          Sin()
          convolution([3, 3], [2, 2], .circular)
          ABRelu(-0.3, 0.9)
          GlobalSumPool()
          Dense(1)
        }),
      Spatial(
        testDescription: "residual blocks, normalised", shape: [4, 5, 3],
        network: Serial {
          convolution()
          FanOut(2)
          Parallel {
            Serial {
              LayerNorm(); Relu(); convolution()
            }
            Identity()
          }
          FanInSum()
          Relu()
          convolution()
          LayerNorm(axes: [1, 2, -1])
          Relu()
          GlobalAvgPool()
          Dense(1)
        }),
      Spatial(
        testDescription: "a pool first, dropout", shape: [6, 3],
        network: Serial {
          AvgPool(window: [2])
          Dropout(keepRate: 0.8)
          convolution([3])
          Exp(a: 0.5, b: 0.3)
          AvgPool(window: [2])
          convolution([2])
          Polynomial([0.1, 0.5, 0.2])
          Flatten()
          Dense(4)
          Relu()
          Dense(1)
        }),
      Spatial(
        testDescription: "three axes, transposed convolution", shape: [3, 2, 4, 2],
        network: Serial {
          convolution([2, 2, 2])
          Relu()
          ConvTranspose(4, window: [2, 2, 2], strides: [2, 1, 1])
          Relu()
          GlobalAvgPool()
          Dense(1)
        }),
    ]
  }()

  @Test("slices and back equal tensor operations", arguments: spatial)
  func slices(_ example: Spatial) throws {
    let (x1, x2) = (
      gaussianInputs([5] + example.shape, seed: 1), gaussianInputs([4] + example.shape, seed: 2)
    )
    #expect(try check(example.network, x1, x2) == "slices")
  }

  @Test("slices and back agree with central differences", arguments: spatial)
  func differences(_ example: Spatial) throws {
    let (x, direction) = (gaussianInputs([3] + example.shape, seed: 1), gaussianInputs([3] + example.shape, seed: 2))
    let cotangents = Self.cotangents(3, nil)
    func value(_ x: Tensor) throws -> Double {
      let kernel = try example.network.kernel(x)
      var sum = 0.0
      for (part, weight) in [
        (kernel.nngp, cotangents.nngp), (kernel.ntk, cotangents.ntk), (kernel.cov1, cotangents.cov1),
      ] {
        if let part, let weight { sum += (part * weight).sum().scalar(as: Double.self) }
      }
      return sum
    }
    let step = 1e-5
    let expected = (try value(x + step * direction) - value(x - step * direction)) / (2 * step)
    let gradient = try example.network.kernelGradient(x, cotangents: cotangents)
    let found = (gradient.x1.leaves[0] * direction).sum().scalar(as: Double.self)
    #expect(Swift.abs(found - expected) < 1e-6 * max(1, Swift.abs(expected), Swift.abs(try value(x))))
  }

  @Test("equal, opposite and zero inputs have the gradients of tensor operations", arguments: [true, false])
  func coincidences(hasPositions: Bool) throws {
    let shape = hasPositions ? [5, 4, 3] : [7]
    let network: Serial =
      hasPositions
      ? Serial {
        Conv(8, window: [3, 3], padding: .same); Relu(); Conv(8, window: [3, 3], padding: .same, biasStd: 0.1); Relu();
        GlobalAvgPool(); Dense(1)
      }
      : Serial {
        Dense(8); Relu(); Dense(8, biasStd: 0.1); Relu(); Dense(1)
      }
    let x = gaussianInputs([3] + shape, seed: 1)
    let x1 = concatenate([x, x[0..<1], -x[1..<2], x[0..<1] * 0], axis: 0)
    let x2 = concatenate([x[1..<3], x[0..<1] * 0, -x[0..<1]], axis: 0)
    #expect(try check(network, x1, x2) == (hasPositions ? "slices" : "rows"))
    let gradient = try network.kernelGradient(x1, cotangents: Self.cotangents(6, nil)).x1.leaves[0]
    #expect(gradient.scalars(as: Double.self).allSatisfy { $0.isFinite })
  }

  @Test("the number of threads changes no bit", arguments: [true, false])
  func threads(hasPositions: Bool) throws {
    let shape = hasPositions ? [6, 5, 2] : [9]
    let network: Serial =
      hasPositions
      ? Serial {
        Conv(8, window: [3, 3], padding: .same); Relu(); AvgPool(window: [2, 2]); Conv(8, window: [2, 2]); Relu();
        GlobalAvgPool(); Dense(1)
      }
      : Serial {
        Dense(8); Relu(); Dense(8); Erf(); Dense(1)
      }
    let (n1, n2) = hasPositions ? (19, 30) : (140, 150)
    let (x1, x2) = (
      gaussianInputs([n1] + shape, seed: 1, dtype: .float32), gaussianInputs([n2] + shape, seed: 2, dtype: .float32)
    )
    let cotangents = Self.cotangents(n1, n2, dtype: .float32)
    func gradients(_ threads: Int) throws -> [[Float]] {
      let found = try network.kernelGradient(x1, x2, cotangents: cotangents, options: KernelOptions(threads: threads))
      return (found.x1.leaves + (found.x2?.leaves ?? [])).map { $0.scalars(as: Float.self) }
    }
    let one = try gradients(1)
    for threads in [2, 3] { #expect(try gradients(threads) == one) }
  }

  @Test("float32 is float64 rounded", arguments: spatial)
  func precision(_ example: Spatial) throws {
    let x = gaussianInputs([6] + example.shape, seed: 1, dtype: .float32)
    let cotangents = Self.cotangents(6, nil, dtype: .float32)
    let found = try example.network.kernelGradient(x, cotangents: cotangents)
    let exact = try example.network.kernelGradient(
      x, cotangents: cotangents, options: KernelOptions(precision: .float64))
    #expect(found.x1.leaves[0].dtype == .float32)
    let scale = abs(exact.x1.leaves[0]).max().asType(.float64).scalar(as: Double.self)
    #expect(largestError(found.x1.leaves[0], exact.x1.leaves[0], relativeTo: scale) < 2e-4)
  }

  @Test("axes may be anywhere")
  func axes() throws {
    let numbers = DimensionNumbers("CHNW", "HWIO", "NHWC")
    let network = Serial {
      Conv(8, window: [3, 3], padding: .same, dimensions: numbers)
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
    let x = gaussianInputs([2, 4, 3, 5], seed: 1)
    let cotangents = Self.cotangents(3, nil)
    let found = try network.kernelGradient(x, cotangents: cotangents)
    let expected = try network.kernelGradient(x, cotangents: cotangents, options: Self.reference)
    #expect(found.executor == "slices")
    #expect(Self.error(found, expected) < 1e-9)
  }

  @Test("the choice says why tensor operations are left with a gradient")
  func reasons() throws {
    let x = gaussianInputs([3, 4], seed: 1)
    let cotangents = KernelCotangents(nngp: gaussianInputs([3, 3], seed: 2))
    func reason(_ network: some Layer) throws -> String? {
      try network.kernelGradient(x, cotangents: cotangents).reason
    }
    #expect(
      try reason(
        Serial {
          Dense(8); Relu(); Dense(1)
        }) == nil)
    #expect(
      try reason(
        Serial {
          Dense(8); Gabor(); Dense(1)
        })?.hasPrefix("an activation without a vector kernel") == true)
    let masked = try Serial {
      Dense(8)
      Relu()
      Dense(1)
    }.kernelGradient(concatenate([x[0..<2], x[0..<1] * 0 + 7], axis: 0), cotangents: cotangents, maskConstant: 7)
    #expect(masked.reason == "masks" && masked.executor == "reference")
    #expect(throws: NetworkError.self) {
      try Serial {
        Dense(8); Gabor(); Dense(1)
      }.kernelGradient(
        x, cotangents: cotangents, options: KernelOptions(executor: .fused))
    }
  }

  @Test("cotangents that do not fit are errors", arguments: [false, true])
  func mistakes(isReference: Bool) throws {
    let network = Serial {
      Dense(8); Relu(); Dense(1)
    }
    let x = gaussianInputs([3, 4], seed: 1)
    let options = isReference ? Self.reference : KernelOptions()
    for cotangents in [
      KernelCotangents(nngp: gaussianInputs([3, 2], seed: 2)), KernelCotangents(ntk: gaussianInputs([3], seed: 2)),
      KernelCotangents(cov1: gaussianInputs([4], seed: 2)), KernelCotangents(cov2: gaussianInputs([3], seed: 2)),
    ] {
      #expect(throws: NetworkError.self) { try network.kernelGradient(x, cotangents: cotangents, options: options) }
    }
    let nothing = try network.kernelGradient(x, cotangents: KernelCotangents(), options: options)
    #expect(nothing.x1.leaves[0].scalars(as: Double.self).allSatisfy { $0 == 0 })
  }
}
