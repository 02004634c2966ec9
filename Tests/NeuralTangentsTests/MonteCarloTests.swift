import NeuralTangents
import Tensors
import Testing

@Suite("Monte Carlo kernels", .serialized)
struct MonteCarloTests {
  private static let small = Serial {
    Dense(8, weightStd: 1.2, biasStd: 0.3); Relu(); Dense(3)
  }
  private static let (x1, x2) = (FixtureInput.sine([3, 5]), FixtureInput.cosine([2, 5]))

  private func numbers(_ estimate: MonteCarloKernel) -> [[Double]] {
    let tensors = [
      estimate.nngp, estimate.ntk, estimate.cov1, estimate.cov2, estimate.nngpStandardError, estimate.ntkStandardError,
      estimate.cov1StandardError, estimate.cov2StandardError,
    ]
    return tensors.map { $0?.asType(.float64).scalars() ?? [] }
  }

  @Test("a dense layer's tangent kernel is exact, its covariance is in expectation")
  func dense() throws {
    let network = Dense(3, weightStd: 1.3, biasStd: 0.4)
    let estimate = try network.monteCarloKernel(Self.x1, Self.x2, samples: 4000, key: RandomKey(seed: 1))
    let kernel = try network.kernel(Self.x1, Self.x2)
    let ntk = try #require(estimate.ntk)
    #expect(largestError(ntk, try #require(kernel.ntk), relativeTo: 1) < 1e-14)
    #expect(try #require(estimate.ntkStandardError).max().scalar(as: Double.self) < 1e-14)
    let comparison = try MonteCarloComparison(estimate, kernel, options: EmpiricalKernelOptions(), bias: 0)
    #expect(comparison.worst.ratio <= 1, "\(comparison.worst)")
    // A product of two Gaussians of three channels has the variance (K11 K22 + K12²) / 3.
    let (k12, k11, k22) = (
      kernel.nngp.scalars(as: Double.self), kernel.cov1.scalars(as: Double.self),
      try #require(kernel.cov2).scalars(as: Double.self)
    )
    let errors: [Double] = try #require(estimate.nngpStandardError).scalars()
    for index in errors.indices {
      let expected = ((k11[index / 2] * k22[index % 2] + k12[index] * k12[index]) / 12000).squareRoot()
      #expect(Swift.abs(errors[index] / expected - 1) < 0.15)
    }
  }

  @Test("two linear layers have the infinite covariance at any width")
  func linear() throws {
    let network = Serial {
      Dense(5, weightStd: 0.8, biasStd: 0.4); Dense(4, weightStd: 1.2)
    }
    try expectAgreement(network, Self.x1, Self.x2, samples: 3000, key: RandomKey(seed: 2), bias: 0)
  }

  private static let wide: [(String, any Layer)] = [
    (
      "relu",
      Serial {
        Dense(1024, weightStd: 1.4, biasStd: 0.1); Relu(); Dense(1024, weightStd: 1.4); Relu(); Dense(512, biasStd: 0.2)
      }
    ),
    (
      "erf, standard parameterization",
      Serial {
        Dense(1024, weightStd: 1.5, biasStd: 0.3); Erf()
        Dense(512, weightStd: 1.1, parameterization: .standard, widthScales: (1024, 1))
      }
    ),
    (
      "residual",
      Serial {
        Dense(1024); FanOut(2)
        Parallel {
          Serial {
            Relu(); Dense(1024, weightStd: 1.4)
          }
          Identity()
        }
        FanInSum(); LayerNorm(); Gelu(); Dense(512)
      }
    ),
    (
      "dropout",
      Serial {
        Dense(1024); Relu(); Dropout(keepRate: 0.8); Dense(256, biasStd: 0.3)
      }
    ),
    (
      "product",
      Serial {
        FanOut(2)
        Parallel {
          Dense(1024)
          Serial {
            Dense(1024); Erf(); Dense(1024, biasStd: 0.5)
          }
        }
        FanInProduct(); Dense(512)
      }
    ),
  ]

  @Test("wide networks agree with the infinite one", arguments: wide.indices, [DType.float32, .float64])
  func wideNetworks(_ index: Int, dtype: DType) throws {
    let network = Self.wide[index].1
    let (x1, x2) = (FixtureInput.sine([3, 7], dtype: dtype), FixtureInput.cosine([2, 7], dtype: dtype))
    let options = EmpiricalKernelOptions(tangentChannels: 1)
    try expectAgreement(network, x1, x2, samples: 16, key: RandomKey(seed: index), options: options)
    if dtype == .float32 {
      try expectAgreement(network, x1, samples: 16, key: RandomKey(seed: 10 + index), options: options)
    }
  }

  @Test("masked and pooled convolutions agree with the infinite one", arguments: [KernelOptions.Extent.all, .diagonal])
  func positions(_ positions: KernelOptions.Extent) throws {
    let network = Serial {
      Conv(256, window: [3], padding: .same, weightStd: 1.4, biasStd: 0.1); Relu()
      AvgPool(window: [2], strides: [2]); Dense(256)
    }
    var x = RandomKey(seed: 6).normal([2, 6, 3])
    x[1..<2, 4..<6] = Tensor(repeating: .nan, shape: [1, 2, 3])
    try expectAgreement(
      network, x, samples: 12, key: RandomKey(seed: 12), width: 256, maskConstant: .nan,
      options: EmpiricalKernelOptions(positions: positions, tangentChannels: 1))
  }

  @Test("a kernel that is wrong by a quarter is found out")
  func wrong() throws {
    let network = Self.wide[0].1
    let x = FixtureInput.sine([3, 7], dtype: .float32)
    let options = EmpiricalKernelOptions(tangentChannels: 1)
    let estimate = try network.monteCarloKernel(x, samples: 16, key: RandomKey(seed: 0), options: options)
    let kernel = try network.kernel(x)
    func ratio(_ kernel: Kernel) throws -> Double {
      try MonteCarloComparison(estimate, kernel, options: options, bias: 10.0 / 1024).worst.ratio
    }
    #expect(try ratio(kernel) < 1)
    var (nngp, ntk, variance) = (kernel, kernel, kernel)
    nngp.nngp = kernel.nngp * 1.25
    ntk.ntk = try #require(kernel.ntk) * 0.75
    variance.cov1 = kernel.cov1 * 1.25
    for wrong in [nngp, ntk, variance] { #expect(try ratio(wrong) > 1) }
  }

  @Test(
    "quantiles of Student's distribution are those of the tables",
    arguments: [(0.025, 1, 12.7062), (0.025, 15, 2.13145), (0.0005, 7, 5.40788), (0.0005, 31, 3.63346)])
  func quantiles(_ tail: Double, _ degrees: Int, _ expected: Double) {
    #expect(Swift.abs(studentQuantile(upperTail: tail, degreesOfFreedom: degrees) / expected - 1) < 1e-5)
  }

  @Test("the key decides")
  func reproducibility() throws {
    func estimate(_ seed: Int) throws -> [[Double]] {
      numbers(try Self.small.monteCarloKernel(Self.x1, Self.x2, samples: 5, key: RandomKey(seed: seed)))
    }
    let first = try estimate(1)
    #expect(try estimate(1) == first)
    for (same, other) in zip(first, try estimate(2)) { #expect(same != other) }
  }

  @Test("the number of threads does not matter", arguments: [false, true])
  func threads(drops: Bool) throws {
    let network = Serial {
      Dense(300); Dropout(keepRate: 0.9, mode: drops ? .train : .test); Relu(); Dense(300); Relu(); Dense(20)
    }
    let x = FixtureInput.sine([6, 70], dtype: .float32)
    let before = Threads.count
    defer { Threads.count = before }
    let results = try [1, 2, 5].map { count in
      Threads.count = count
      return numbers(try network.monteCarloKernel(x, samples: 21, key: RandomKey(seed: 4)))
    }
    #expect(results[1] == results[0] && results[2] == results[0])
  }

  @Test("a running sequence has the estimates of its counts")
  func running() throws {
    let key = RandomKey(seed: 3)
    let running = try Self.small.monteCarloKernels(Self.x1, Self.x2, sampleCounts: [1, 2, 7], key: key)
    #expect(running.map(\.sampleCount) == [1, 2, 7])
    for estimate in running {
      let alone = try Self.small.monteCarloKernel(Self.x1, Self.x2, samples: estimate.sampleCount, key: key)
      #expect(numbers(estimate) == numbers(alone))
    }
    #expect(running[0].nngpStandardError == nil && running[0].ntkStandardError == nil)
    var estimator = try MonteCarloEstimator(Self.small, Self.x1, Self.x2, key: key)
    for _ in 0..<7 { try estimator.draw(1) }
    #expect(numbers(try estimator.estimate()) == numbers(running[2]))
  }

  @Test("means and standard errors are those of the single networks")
  func moments() throws {
    let counts = Array(1...6)
    let running = try Self.small.monteCarloKernels(Self.x1, sampleCounts: counts, key: RandomKey(seed: 8))
    let means = running.map { $0.ntk?.scalars(as: Double.self) ?? [] }
    let errors: [Double] = try #require(running[5].ntkStandardError).scalars()
    for entry in means[0].indices {
      // A mean of k and one of k − 1 samples tell the sample k.
      let samples = counts.map { k in
        Double(k) * means[k - 1][entry] - (k > 1 ? Double(k - 1) * means[k - 2][entry] : 0)
      }
      let mean = samples.reduce(0, +) / 6
      let variance = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 5
      #expect(Swift.abs(means[5][entry] - mean) < 1e-12)
      #expect(Swift.abs(errors[entry] - (variance / 6).squareRoot()) < 1e-12)
    }
  }

  @Test("the standard error falls with the root of the number of networks")
  func standardErrors() throws {
    let running = try Self.small.monteCarloKernels(Self.x1, sampleCounts: [200, 3200], key: RandomKey(seed: 9))
    for keyPath in [\MonteCarloKernel.nngpStandardError, \.ntkStandardError, \.cov1StandardError] {
      let means = try running.map { try #require($0[keyPath: keyPath]).mean().scalar(as: Double.self) }
      #expect((3...5.3).contains(means[0] / means[1]))
    }
  }

  @Test("the element type is that of the data; integers are float64")
  func elementTypes() throws {
    func dtype(_ x1: Tensor, _ x2: Tensor? = nil) throws -> DType {
      try Self.small.monteCarloKernel(x1, x2, samples: 2, key: RandomKey(seed: 0)).nngp.dtype
    }
    #expect(try dtype(.ones([2, 5])) == .float32)
    #expect(try dtype(.ones([2, 5]), Self.x2) == .float64)
    #expect(try dtype(.ones([2, 5], dtype: .int32)) == .float64)
  }

  @Test("mistakes are named")
  func mistakes() throws {
    func message(_ body: () throws -> Void) -> String? {
      (#expect(throws: NetworkError.self) { try body() })?.description
    }
    let (network, x, key) = (Self.small, Self.x1, RandomKey(seed: 0))
    #expect(
      message { _ = try network.monteCarloKernel(x, samples: 0, key: key) } == "samples: expected at least one, found 0"
    )
    #expect(
      message { _ = try network.monteCarloKernels(x, sampleCounts: [4, 4], key: key) }
        == "sampleCounts[1]: expected ascending numbers, here at least 5, found 4")
    #expect(
      message { _ = try network.monteCarloKernels(x, sampleCounts: [0], key: key) }
        == "sampleCounts[0]: expected ascending numbers, here at least 1, found 0")
    #expect(
      message { _ = try MonteCarloEstimator(network, x, key: key).estimate() }
        == "samples: expected at least one: call draw first, found none")
    #expect(
      message { _ = try network.monteCarloKernel(x, .ones([2, 4]), samples: 1, key: key) }
        == "x2: expected the shape [3, 5] of x1 but for the number of inputs, found [2, 4]")
    let overflowing = Serial {
      Dense(4, weightStd: 1e30); Dense(4, weightStd: 1e30)
    }
    #expect(
      message { _ = try overflowing.monteCarloKernel(.ones([1, 2]), samples: 2, key: key) }
        == "expected finite kernels of random networks, found NaN or infinity in the kernels of network 0")
  }
}
