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
