import NeuralTangents
import Tensors
import Testing

@Suite("Kernels")
struct KernelTests {
  static let first = Serial {
    Dense(16, weightStd: 1.3, biasStd: 0.2)
    Relu()
  }
  static let last = Serial {
    Dense(16, weightStd: 0.9, parameterization: .standard)
    Erf()
    Dense(3)
  }

  @Test("stage by stage is the whole", arguments: [KernelOptions.Executor.reference, .fused], [false, true])
  func stages(executor: KernelOptions.Executor, symmetric: Bool) throws {
    let options = KernelOptions(executor: executor)
    let (x1, x2) = (FixtureInput.sine([20, 7]), symmetric ? nil : FixtureInput.cosine([5, 7]))
    let whole = try Serial([Self.first, Self.last]).kernel(x1, x2, options: options)
    let half = try Self.first.kernel(x1, x2, options: options)
    #expect(!half.isGaussian && half.shape1 == [20, 16])
    let staged = try Self.last.kernel(of: half, options: options)
    #expect(largestError(staged.nngp, whole.nngp, relativeTo: 1) < 1e-14)
    #expect(largestError(try #require(staged.ntk), try #require(whole.ntk), relativeTo: 1) < 1e-14)
    #expect(staged.shape1 == [20, 3] && staged.shape2 == [symmetric ? 20 : 5, 3] && staged.isGaussian)
  }

  static let extremes: [(scale: Double, activation: any Activation)] = [1e-6, 1, 1e6].flatMap { scale in
    let activations: [any Activation] = [Relu(), Erf(), Abs(), LeakyRelu(0.1)]
    return activations.map { (scale, $0) }
  }

  @Test("inputs of any size, zero, equal, opposite: finite and right", arguments: [DType.float32, .float64])
  func extremeInputs(_ dtype: DType) throws {
    let direction = RandomKey(seed: 1).normal([1, 12], dtype: .float64)
    let unit = direction / sqrt((direction * direction).sum())
    for (scale, activation) in Self.extremes {
      let x = concatenate([unit * scale, unit * scale, unit * -scale, unit * 0], axis: 0).asType(dtype)
      for depth in [1, 3, 20] {
        var layers: [any Layer] = []
        for _ in 0..<depth { layers += [Dense(1, weightStd: 1.4) as any Layer, activation] }
        let kernel = try Serial(layers + [Dense(1)]).kernel(x)
        let nngp: [Double] = kernel.nngp.asType(.float64).scalars()
        let ntk: [Double] = try #require(kernel.ntk).asType(.float64).scalars()
        #expect((nngp + ntk).allSatisfy { $0.isFinite })
        // Equal inputs: the variance, which float32 rounds less often. The zero input: no covariance with anything.
        let rounding = dtype == .float32 ? 1e-6 : 0
        #expect(Swift.abs(nngp[1] - nngp[0]) <= rounding * nngp[0] && nngp[5] == nngp[0])
        #expect(Swift.abs(ntk[1] - ntk[0]) <= rounding * ntk[0])
        #expect(nngp[0] > 0 && nngp[3] == 0 && nngp[15] == 0)
        guard depth == 1 else { continue }
        let tolerance: Double = (dtype == .float32 ? 1e-6 : 1e-14) * nngp[0]
        #expect(Swift.abs(nngp[2] - oppositeCorrelation(of: activation) * nngp[0]) <= tolerance)
      }
    }
  }

  /// κ of opposite inputs relative to that of equal ones.
  private func oppositeCorrelation(of activation: any Activation) -> Double {
    switch activation {
    case is Relu: 0
    case is Erf: -1
    case is Abs: 1
    default: -0.2 / 1.01
    }
  }

  @Test(
    "mistakes in data are named",
    arguments: [
      (Tensor.zeros([3]), nil, "x1: expected an input with a batch and a channel axis, found shape [3]"),
      (Tensor.zeros([0, 3]), nil, "x1: expected at least one input, position and channel, found shape [0, 3]"),
      (
        Tensor.zeros([2, 3]), Tensor.zeros([2, 4]),
        "x2: expected the shape [2, 3] of x1 but for the number of inputs, found [2, 4]"
      ),
      (
        Tensor.zeros([2, 3, 3]), Tensor.zeros([2, 3]),
        "x2: expected the shape [2, 3, 3] of x1 but for the number of inputs, found [2, 3]"
      ),
      (
        Tensor([0, 1, Float.nan, 2], shape: [2, 2]), nil, "x1: expected finite numbers, found NaN or infinity at [1, 0]"
      ),
      (
        Tensor.zeros([1, 2]), Tensor([0, Float.infinity], shape: [1, 2]),
        "x2: expected finite numbers, found NaN or infinity at [0, 1]"
      ),
    ] as [(Tensor, Tensor?, String)])
  func badData(_ x1: Tensor, _ x2: Tensor?, _ message: String) {
    let error = #expect(throws: NetworkError.self) { try Serial([Self.first, Self.last]).kernel(x1, x2) }
    #expect(error?.description == message)
  }

  @Test("networks without an infinite limit, or that do not fit, are named with their place")
  func badNetworks() {
    func message(_ network: any Layer, _ shape: [Int] = [2, 3]) -> String? {
      (#expect(throws: NetworkError.self) { try network.kernel(.ones(shape)) })?.description
    }
    #expect(
      message(
        Serial {
          Dense(2); Relu(); Relu()
        })?.hasPrefix("serial[2].relu: expected Gaussian inputs") == true)
    #expect(message(Relu())?.hasPrefix("relu: expected Gaussian inputs") == true)
    #expect(
      message(
        Serial {
          FanOut(2);
          Parallel {
            Dense(2); Dense(3)
          }; FanInSum()
        })
        == "serial[2].fanInSum: expected branches of equal shapes, the first is [2, 2], found [2, 3]")
    #expect(
      message(
        Serial {
          FanOut(2); Parallel { Dense(2) }
        })
        == "serial[1].parallel: expected a list of 1 inputs, one per layer, found a list of 2 inputs")
    #expect(
      message(
        Serial {
          Dense(2); FanInSum()
        })
        == "serial[1].fanInSum: expected a list of inputs, as FanOut makes, found one input")
    #expect(
      message(
        Serial {
          FanOut(2); Dense(2)
        }) == "serial[1].dense: expected one input, found a list of 2 inputs")
    #expect(
      message(FanOut(2)) == "expected a network with one output (use kernels for several), found 2 outputs")
    #expect(
      message(Repeat(2, Dense(5))) == "repeat: expected a layer that keeps the shape [[2, 3]], found [[2, 5]]")
    #expect(
      message(
        Serial {
          Dense(2); Dense(2, batchAxis: 1, channelAxis: 0)
        })
        == "serial[1].dense: expected batchAxis 0 and channelAxis 1, as the layers before, found 1 and 0")
    #expect(
      message(
        Serial {
          Dense(2); LayerNorm(axes: [0])
        })
        == "serial[1].layerNorm.axes: expected axes that include the channels, axis 1, found [0]")
    #expect(
      message(
        Serial {
          Dense(2); LayerNorm(axes: [5])
        })
        == "serial[1].layerNorm.axes: expected an axis of an input with 2 axes, found 5")
    #expect(
      message(
        Serial {
          FanOut(2);
          Parallel {
            Relu(); Dense(3)
          }; FanInSum()
        })?
        .hasPrefix("serial[1].parallel[0].relu: expected Gaussian inputs") == true)
  }

  @Test("a kernel that is not finite is an error that says where")
  func notFinite() {
    let network = Serial {
      Dense(1, weightStd: 3); Gaussian(a: 1, b: 1)
    }
    for executor in [KernelOptions.Executor.reference, .fused] {
      let error = #expect(throws: NetworkError.self) {
        try network.kernel(FixtureInput.sine([4, 3]), options: KernelOptions(executor: executor))
      }
      #expect(error?.description.hasPrefix("nngp: expected finite numbers") == true)
    }
  }

  @Test("several inputs and outputs keep their structure")
  func branches() throws {
    let network = Serial {
      Parallel {
        Dense(4);
        Serial {
          Dense(4); Relu(); Dense(4)
        }
      }
      FanInSum()
      FanOut(2)
    }
    let inputs = Branches.several([.single(FixtureInput.sine([3, 5])), .single(FixtureInput.cosine([3, 2]))])
    let kernels = try network.kernels(inputs)
    guard case .several(let outputs) = kernels else {
      Issue.record("expected a list of outputs")
      return
    }
    #expect(outputs.count == 2)
    let separate = try [
      Dense(4).kernel(FixtureInput.sine([3, 5])).nngp,
      Serial {
        Dense(4); Relu(); Dense(4)
      }.kernel(FixtureInput.cosine([3, 2])).nngp,
    ]
    #expect(largestError(kernels.leaves[1].nngp, separate[0] + separate[1], relativeTo: 1) < 1e-15)
  }

  @Test("axes the other way round give the same kernel")
  func axes() throws {
    let x = FixtureInput.sine([6, 4])
    let usual = try Serial {
      Dense(3); Relu(); Dense(1)
    }.kernel(x)
    let other = try Serial {
      Dense(3, batchAxis: 1, channelAxis: 0)
      Relu()
      Dense(1, batchAxis: 1, channelAxis: 0)
    }.kernel(x.transposed())
    #expect(allClose(usual.nngp, other.nngp, relativeTolerance: 0, absoluteTolerance: 0))
    #expect(other.shape1 == [1, 6])
  }

  @Test("the infinite limit is what wide finite networks converge to")
  func monteCarlo() throws {
    let network = Serial {
      Dense(1024, weightStd: 1.2, biasStd: 0.3)
      Gelu()
      Dense(1024, weightStd: 1.1)
      Abs()
      Dense(64, biasStd: 0.5)
    }
    let x = FixtureInput.sine([4, 6])
    let expected = try network.nngp(x).scalars(as: Double.self)
    var (total, squares) = ([Double](repeating: 0, count: 16), [Double](repeating: 0, count: 16))
    let samples = 60
    for seed in 0..<samples {
      let parameters = try network.initialize(RandomKey(seed: seed), inputShape: x.shape, dtype: .float64)
      let y = try network(parameters, x)
      let sample = (matmul(y, y.transposed()) / 64).scalars(as: Double.self)
      for index in 0..<16 {
        total[index] += sample[index]
        squares[index] += sample[index] * sample[index]
      }
    }
    for index in 0..<16 {
      let mean = total[index] / Double(samples)
      let error = ((squares[index] / Double(samples) - mean * mean) / Double(samples)).squareRoot()
      // Four standard errors, and the bias of order 1/width.
      #expect(Swift.abs(mean - expected[index]) < 4 * error + 2e-3)
    }
  }
}
