import NeuralTangents
import Tensors
import Testing

/// Numbers that are no sensible count, size or seed.
private let extremes = [Int.max, Int.min, 0, -1, -2, 1 << 31, 1 << 32, 1 << 62]

@Suite("Numbers beyond reason in Swift")
struct ExtremeNumberTests {
  private let network = Serial([Dense(4), Relu(), Dense(1)])
  private let x = RandomKey(seed: 1).normal([3, 2], dtype: .float64)

  /// All that a layer can be asked for without drawing weights of any size.
  private func use(_ layer: any Layer, _ shape: [Int]) throws {
    _ = try layer.outputShape(.single(shape))
    _ = try layer.kernel(.ones(shape))
    _ = try layer.description(forInput: Array(shape.dropFirst()))
    _ = try layer.initialize(RandomKey(seed: 0), inputShape: shape)
  }

  private func check(_ name: String, _ shape: [Int], _ make: (Int) -> any Layer) throws {
    for value in extremes {
      let result = Result { try use(make(value), shape) }
      guard case .failure(let failure) = result else { continue }
      let error = try #require(failure as? NetworkError)
      let text = error.description
      #expect(!error.expected.isEmpty && !error.found.isEmpty && !text.contains("\n"), "\(name) \(value): \(text)")
    }
  }

  @Test("layers with impossible sizes are errors that name them; large ones that are possible work")
  func layers() throws {
    let image = [2, 5, 5, 2]
    try check("dense", [2, 3]) { Dense($0) }
    try check("dense", [2, 3]) { Dense(2, batchAxis: $0) }
    try check("dense", [2, 3]) { Dense(2, channelAxis: $0) }
    try check("dense", [2, 3]) { Serial([Dense($0), Relu(), Dense($0)]) }
    try check("conv", image) { Conv($0, window: [2, 2]) }
    try check("conv", image) { Conv(2, window: [$0, 2], padding: .same) }
    try check("conv", image) { Conv(2, window: [2, 2], strides: [$0, 1], padding: .circular) }
    try check("conv", image) { Conv(2, window: [2, 2], dilation: [1, $0]) }
    try check("convLocal", image) { ConvLocal($0, window: [2, 2], padding: .same) }
    try check("convTranspose", image) { ConvTranspose(2, window: [$0, 2], strides: [$0, 2]) }
    try check("avgPool", image) { AvgPool(window: [$0, 1], padding: .same) }
    try check("sumPool", image) { SumPool(window: [2, 2], strides: [$0, $0]) }
    try check("imageResize", image) { ImageResize([-1, $0, 5, -1]) }
    try check("imageResize", image) { ImageResize([$0, $0, $0, -1], method: .nearest) }
    try check("index", image) { Index(.all, $0) }
    try check("index", image) { Index($0) }
    for step in extremes where step != 0 {
      try check("index", image) { Index(.all, .stride(from: $0, by: step)) }
      try check("index", image) { Index(.all, .stride(from: step, to: $0, by: 1)) }
    }
    try check("fanOut", [2, 3]) { Serial([FanOut($0), FanInSum()]) }
    try check("repeat", [2, 3]) { Repeat($0, Relu()) }
    try check("embedding", [2, 3]) { Embedding(vocabulary: $0, width: 2) }
    try check("embedding", [2, 3]) { Embedding(vocabulary: 3, width: $0) }
    try check("attention", image) {
      GlobalSelfAttention(outputChannels: $0, keyChannels: 2, valueChannels: 2, heads: $0)
    }
    try check("attention", image) {
      GlobalSelfAttention(
        outputChannels: 2, keyChannels: $0, valueChannels: $0, heads: 2, positionalEmbedding: .concat,
        positionalChannels: $0)
    }
    try check("aggregate", image) { Aggregate(axes: [$0]) }
    try check("layerNorm", image) { LayerNorm(axes: [$0]) }
    try check("globalAvgPool", image) { GlobalAvgPool(batchAxis: $0) }
    try check("flatten", image) { Flatten(batchAxis: $0) }
    try check("fanInConcat", image) { value in Serial([FanOut(2), FanInConcat(axis: value)]) }
  }

  @Test("ready-made networks with impossible sizes are errors that name them")
  func readyMade() throws {
    let makers: [(Int) -> any Layer] = [
      { FullyConnected(depth: $0) }, { FullyConnected(depth: 1, classes: $0) }, { FullyConnected(depth: 1, width: $0) },
      { ConvVec(depth: $0) }, { ConvVec(depth: 1, channels: $0) }, { ConvGap(depth: 1, window: $0) },
      { Myrtle(depth: $0) }, { Myrtle(depth: 5, channels: $0) }, { WideResNet(blockSize: $0) },
      { WideResNet(blockSize: 1, widthFactor: $0) }, { VisionTransformer(depth: $0) },
      { VisionTransformer(depth: 1, patchSize: $0) }, { VisionTransformer(depth: 1, channels: $0, heads: $0) },
      { GraphNetwork(depth: $0) }, { GraphNetwork(depth: 1, channels: $0) },
    ]
    for make in makers {
      for value in extremes {
        let result = Result { try make(value).outputShape(.single([2, 4, 4, 3])) }
        guard case .failure(let failure) = result else { continue }
        let error = try #require(failure as? NetworkError)
        #expect(error.description.contains("\(value)") && !error.expected.isEmpty, "\(error)")
      }
    }
  }

  @Test(
    "scales of widths beyond reason are errors", arguments: [1e300, Double.infinity, Double.greatestFiniteMagnitude])
  func widthScales(_ scale: Double) {
    let layer = Dense(2, parameterization: .standard, widthScales: (1, scale))
    #expect(throws: NetworkError.self) { try layer.outputShape(.single([2, 3])) }
  }

  @Test("tile size, threads and strips: positive numbers give the same kernel, others are errors that name them")
  func kernelOptions() throws {
    let expected = try network.kernel(x)
    for value in extremes {
      for options in [KernelOptions(tileSize: value), KernelOptions(threads: value)] {
        let name = options.tileSize == nil ? "threads" : "tileSize"
        if value > 0 {
          let kernel = try network.kernel(x, options: options)
          #expect(kernel.nngp == expected.nngp && kernel.ntk == expected.ntk)
        } else {
          let error = #expect(throws: NetworkError.self) { try network.kernel(x, options: options) }
          #expect(error?.description == "\(name): expected an integer of at least 1, found \(value)")
          #expect(throws: NetworkError.self) { try GramJob(network, x, options: options) }
        }
      }
      let job = try GramJob(network, x)
      var rows = 0
      let strips = { try job.forEachStrip(rows: value) { range, _ in rows += range.count } }
      if value > 0 {
        try strips()
        #expect(rows == 3)
      } else {
        #expect(throws: NetworkError.self, performing: strips)
      }
    }
    for options in [KernelOptions(precision: .int32), KernelOptions(accumulation: .bool)] {
      let error = #expect(throws: NetworkError.self) { try network.kernel(x, options: options) }
      #expect(error?.expected == "float32 or float64")
    }
  }

  @Test("numbers of random networks and of channels")
  func monteCarlo() throws {
    for value in extremes where value <= 0 || value > Int(UInt32.max) {
      #expect(throws: NetworkError.self) {
        try network.monteCarloKernel(x, samples: value, key: RandomKey(seed: 0), kernels: .nngp)
      }
      #expect(throws: NetworkError.self) {
        try network.monteCarloKernels(x, sampleCounts: [1, value], key: RandomKey(seed: 0), kernels: .nngp)
      }
    }
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: x.shape)
    for value in extremes {
      let options = EmpiricalKernelOptions(tangentChannels: value)
      let kernel = { try empiricalKernel(of: network, at: parameters, x, options: options) }
      if value > 0 {
        #expect(try kernel().ntk?.shape == [3, 3])
      } else {
        let error = #expect(throws: NetworkError.self) { _ = try kernel() }
        #expect(error?.description.contains("tangentChannels") == true)
      }
    }
  }

  @Test("iterations, restarts, memory, bins and outputs")
  func inference() throws {
    let y = Tensor([0.5, -0.5, 0.1])
    for value in extremes {
      // Any number of iterations works: a fit ends when it has converged.
      if value < 0 {
        #expect(throws: PredictionError.self) {
          try fit(network, x, y, options: EvidenceFitOptions(maximumIterations: value))
        }
      } else if value > 0 {
        _ = try fit(network, x, y, options: EvidenceFitOptions(maximumIterations: value))
      }
      if !(0...EvidenceFitOptions.largestRestarts).contains(value) {
        #expect(throws: PredictionError.self) { try fit(network, x, y, options: EvidenceFitOptions(restarts: value)) }
      }
      let parabola = { (point: [Double]) -> LBFGS.Sample? in (point[0] * point[0], [2 * point[0]]) }
      #expect(LBFGS(memory: value).minimize(from: [3], parabola)?.isConverged == true)
      let minimum = LBFGS(maximumIterations: value).minimize(from: [3], parabola)
      #expect(minimum?.isConverged == (value > 0))
      let metrics = { () throws(PredictionError) in
        try ClassificationMetrics(probabilities: Tensor([1.0, 0.0], shape: [1, 2]), labels: [0], binCount: value)
      }
      #expect(throws: PredictionError.self) { _ = try metrics() }
      if value <= 0 {
        #expect(throws: PredictionError.self) {
          try maximumLearningRate(ntkTrainTrain: .ones([2, 2]), outputCount: value)
        }
      } else {
        #expect(try maximumLearningRate(ntkTrainTrain: .ones([2, 2]), outputCount: value).isFinite)
      }
    }
    for number in [Double.nan, -1, 0, .infinity] {
      #expect(throws: PredictionError.self) {
        try fit(network, x, y, options: EvidenceFitOptions(initialNoiseVariance: number))
      }
    }
  }

  @Test("any number is a seed, and counts of threads are clamped", arguments: extremes)
  func seedsAndThreads(_ value: Int) {
    _ = RandomKey(seed: value).normal([2])
    Threads.withLimit(value) {
      #expect((1...max(1, value)).contains(Threads.count))
      #expect((0..<100).reduce(0, +) == 4950)
    }
    let before = Threads.count
    defer { Threads.count = before }
    Threads.count = value
    #expect((1...4096).contains(Threads.count))
  }
}

@Suite("Inputs whose squares are too small for their type")
struct TinyInputTests {
  static let networks: [(name: String, network: Serial)] = [
    (
      "dense",
      Serial {
        Dense(8); Relu(); Dense(8, weightStd: 1.3); LeakyRelu(0.2); Dense(1)
      }
    ),
    (
      "conv",
      Serial {
        Conv(8, window: [3], padding: .same)
        Abs()
        AvgPool(window: [2], strides: [2])
        Conv(8, window: [3], padding: .same)
        Relu()
        GlobalAvgPool()
        Dense(1)
      }
    ),
    (
      "residual",
      Serial {
        Conv(8, window: [3], padding: .same)
        FanOut(2)
        Parallel {
          Serial {
            Relu(); Conv(8, window: [3], padding: .same)
          }
          Identity()
        }
        FanInSum()
        Flatten()
        Dense(1)
      }
    ),
  ]

  private func inputs(_ name: String, _ count: Int, _ seed: Int) -> Tensor {
    gaussianInputs(name == "dense" ? [count, 5] : [count, 6, 2], seed: seed)
  }

  @Test(
    "kernels of homogeneous networks are the square of the scale times those of ordinary inputs",
    arguments: networks.map(\.name), [(-63, DType.float32), (-70, .float32), (-498, .float64), (-530, .float64)])
  func scaled(_ name: String, _ scale: (exponent: Int, dtype: DType)) throws {
    let network = try #require(Self.networks.first { $0.name == name }).network
    let x = inputs(name, 5, 1).asType(scale.dtype)
    let factor = Double(sign: .plus, exponent: scale.exponent, significand: 1)
    let tiny = x * Tensor(factor).asType(scale.dtype)
    let (kernel, small) = (try network.kernel(x), try network.kernel(tiny))
    // What is below the smallest number that has all its digits is rounded to multiples of the smallest of all.
    let least = scale.dtype == .float32 ? 0x1p-149 : 0x1p-1074
    for (ordinary, found) in [
      (kernel.nngp, small.nngp), (try #require(kernel.ntk), try #require(small.ntk)), (kernel.cov1, small.cov1),
    ] {
      let numbers = ordinary.asType(.float64).scalars(as: Double.self)
      for (a, b) in zip(numbers, found.asType(.float64).scalars(as: Double.self)) {
        let expected = a * factor * factor
        #expect(abs(b - expected) <= 4 * least + 1e-5 * abs(expected), "\(b) \(expected)")
      }
    }
  }

  @Test("one small input among others keeps its angle to them, in every tile")
  func mixed() throws {
    let network = Self.networks[0].network
    let x = inputs("dense", 7, 2).asType(.float32)
    let scales = Tensor([Float](arrayLiteral: 1, 0x1p-66, 1, 0x1p-50, 1, 0x1p-66, 0x1p-41), shape: [7, 1])
    let expected = try network.kernel(x)
    for (x2, tile) in [(nil, nil), (nil, 2), (x[2..<5], nil)] as [(Tensor?, Int?)] {
      let options = KernelOptions(tileSize: tile)
      let small = try network.kernel(x * scales, x2.map { $0 * scales[2..<5] }, options: options)
      let plain = x2 == nil ? expected : try network.kernel(x, x2)
      let columns = x2 == nil ? scales : scales[2..<5]
      let undone = small.nngp / scales / columns.reshaped([1, -1])
      let pairs = zip(undone.scalars(as: Float.self), plain.nngp.scalars(as: Float.self))
      for (index, (a, b)) in pairs.enumerated() {
        // Products of two of the smallest have few digits left.
        let isTiny =
          scales.scalars(as: Float.self)[index / columns.count] < 0x1p-60
          && columns.scalars(as: Float.self)[index % columns.count] < 0x1p-60
        #expect(abs(a - b) <= (isTiny ? 1e-3 : 1e-6) * abs(b), "\(index): \(a) \(b)")
      }
    }
  }

  @Test("networks with biases, and zeros, are computed as ever")
  func others() throws {
    let biased = Serial {
      Dense(4, biasStd: 0.5); Relu(); Dense(1)
    }
    let x = gaussianInputs([3, 4], seed: 3).asType(.float32) * 1e-20
    #expect(try biased.kernel(x).nngp.scalars(as: Float.self).allSatisfy { abs($0 - 0.125) < 1e-6 })
    let zero = try Self.networks[0].network.kernel(x * 0)
    #expect(zero.nngp.scalars(as: Float.self).allSatisfy { $0 == 0 })
  }
}
