import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Tangent kernels by layer, and natural gradients")
struct LayerRateTests {
  private func difference(_ a: Tensor?, _ b: Tensor?) -> Double {
    guard let a, let b, a.shape == b.shape else { return .infinity }
    let scale = max(1e-300, b.scalars(as: Double.self).map { abs($0) }.max() ?? 0)
    return (zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).map { abs($0 - $1) }.max() ?? 0) / scale
  }

  private func message(_ body: () throws -> Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private static let images: [(String, Serial)] = [
    (
      "convolutions, pooled",
      Serial {
        Conv(1, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.2)
        Relu()
        Conv(1, window: [3, 3], strides: [2, 2], padding: .same, biasStd: 0.1)
        Relu()
        GlobalAvgPool()
        Dense(1, biasStd: 0.3)
      }
    ),
    (
      "residual, repeated, standard parameterization",
      Serial {
        Conv(4, window: [3, 3], padding: .same, parameterization: .standard)
        Repeat(2) {
          FanOut(2)
          Parallel {
            Identity()
            Serial {
              Erf()
              Conv(4, window: [3, 3], padding: .same, biasStd: 0.2, parameterization: .standard)
            }
          }
          FanInSum()
        }
        Flatten()
        Dense(1, biasStd: 0.5, parameterization: .standard)
      }
    ),
    (
      "attention with embeddings",
      Serial {
        Dense(4, biasStd: 0.1)
        GlobalSelfAttention(
          outputChannels: 4, keyChannels: 4, valueChannels: 4, heads: 2,
          biasStd: 0.2, positionalEmbedding: .sum)
        Relu()
        GlobalAvgPool()
        Dense(1)
      }
    ),
  ]

  @Test("shares add up, and rates weigh them, on every executor", arguments: images.map(\.0))
  func shares(_ name: String) throws {
    let network = try #require(Self.images.first { $0.0 == name }).1
    let (x, other) = (
      RandomKey(seed: 1).normal([5, 4, 4, 3], dtype: .float64),
      RandomKey(seed: 2).normal([3, 4, 4, 3], dtype: .float64)
    )
    for executor in [KernelOptions.Executor.automatic, .reference] {
      for second in [nil, other] {
        let options = KernelOptions(executor: executor)
        let whole = try network.kernel(x, second, options: options)
        let shares = try network.ntkByLayer(x, second, options: options)
        #expect(shares.count == (name.hasPrefix("residual") ? 4 : 3))
        #expect(difference(shares.dropFirst().reduce(shares[0], +), whole.ntk) < 1e-12)
        for share in shares { #expect(share.max().scalar(as: Double.self) > 0) }
        let rates = shares.indices.map { 0.3 + Double($0 * $0) }
        let weighed = try network.kernel(x, second, options: KernelOptions(executor: executor, layerRates: rates))
        let parts = zip(shares, rates).map { $0 * $1 }
        #expect(difference(weighed.ntk, parts.dropFirst().reduce(parts[0], +)) < 1e-12)
        #expect(difference(weighed.nngp, whole.nngp) < 1e-15)
      }
    }
  }

  @Test("shares of two dense layers are those of the formulas")
  func formulas() throws {
    let (x, network) = (ToyProblem.x, ToyProblem.network)
    let shares = try network.ntkByLayer(x)
    // The readout: its features' covariance. The first layer: its inputs', where both are active.
    #expect(difference(shares[1], try network.nngp(x)) < 1e-13)
    let inputs = dotGeneral(x, x, contracting: ([1], [1])) * (2.0 / 3) + 0.1
    let numbers = PredictionOracle.rows(inputs)
    let expected = numbers.indices.map { i in
      numbers.indices.map { j in
        let cosine = min(1, max(-1, numbers[i][j] / (numbers[i][i] * numbers[j][j]).squareRoot()))
        return 2 * numbers[i][j] * (.pi - acos(i == j ? 1 : cosine)) / (2 * .pi)
      }
    }
    #expect(difference(shares[0], Tensor(rows: expected)) < 1e-12)
  }

  /// Of a function with one output per point, by its gradients.
  private func tangentKernel(
    at parameters: Parameters, points: Int, _ f: @escaping (Parameters) throws -> Tensor
  ) throws -> Tensor {
    let (_, pullback) = try vjp(f, at: parameters)
    let gradients = try (0..<points).map { point in
      let one = (Tensor.eye(points, dtype: .float64)[point]).reshaped([points, 1])
      return concatenate(try pullback(one).leaves.map { $0.reshaped([-1]) }, axis: 0)
    }
    let rows = stack(gradients)
    return dotGeneral(rows, rows, contracting: ([1], [1]))
  }

  @Test("shares are those of wide finite networks, within standard errors")
  func finite() throws {
    func network(_ width: Int) -> Serial {
      Serial {
        Dense(width, weightStd: 1.3, biasStd: 0.3)
        Erf()
        Dense(width, biasStd: 0.2)
        Erf()
        Dense(1, biasStd: 0.1)
      }
    }
    let x = RandomKey(seed: 7).normal([3, 2], dtype: .float64)
    let shares = try network(1).ntkByLayer(x)
    var samples = [[Tensor]](repeating: [], count: 3)
    for seed in 0..<60 {
      let wide = network(256)
      let parameters = try wide.initialize(RandomKey(seed: seed), inputShape: [3, 2], dtype: .float64)
      guard case .list(let layers) = parameters else { preconditionFailure("parameters of a serial network") }
      for (share, place) in [0, 2, 4].enumerated() {
        samples[share].append(
          try tangentKernel(at: layers[place], points: 3) { own in
            var all = layers
            all[place] = own
            return try wide(.list(all), x)
          })
      }
    }
    for (share, expected) in zip(samples, shares) {
      let mean = stack(share).mean(axis: 0)
      let error = sqrt(square(stack(share) - mean).mean(axis: 0) / Double(share.count))
      let ratios = ((mean - expected) / error).scalars(as: Double.self)
      // Narrow networks deviate by some of their width's inverse, too.
      #expect(ratios.allSatisfy { abs($0) < 5 }, "\(ratios)")
    }
  }

  @Test("ensembles are trained with rates by layer")
  func ensemble() throws {
    let (network, x, y) = (ToyProblem.network, ToyProblem.x, ToyProblem.y)
    let rates = [0.2, 3]
    let found = try GradientFlowEnsemble(network, x, y, options: KernelOptions(layerRates: rates))
      .predict(ToyProblem.xTest, time: 5)
    func pair(_ x1: Tensor, _ x2: Tensor?) throws -> KernelPair {
      let shares = try network.ntkByLayer(x1, x2)
      return KernelPair(nngp: try network.nngp(x1, x2), ntk: shares[0] * rates[0] + shares[1] * rates[1])
    }
    let expected = try KernelEnsemble(trainTrain: pair(x, nil), yTrain: y)
      .predict(testTrain: pair(ToyProblem.xTest, x), testTest: pair(ToyProblem.xTest, nil), time: 5)
    #expect(difference(found.mean, expected.mean) < 1e-12 && difference(found.covariance, expected.covariance) < 1e-12)
  }

  @Test("a preconditioner picks another solution: the one nearest in its own metric")
  func preconditioned() throws {
    let jacobian = Tensor(rows: [[1, 2, 0.5], [0, 1, -1.0]])
    let y = Tensor([1.0, -0.5])
    // Outputs for unit vectors are the parameters.
    func parameters(_ rates: [Double]) throws -> [Double] {
      let scaled = jacobian * Tensor(rates)
      let flow = try GradientFlow(
        kTrainTrain: dotGeneral(scaled, jacobian, contracting: ([1], [1])), yTrain: y, traceAxes: [])
      return try flow.testOutputs(kTestTrain: scaled.transposed()).scalars(as: Double.self)
    }
    for (rates, expected) in [
      ([1.0, 1, 1], [1.0 / 3, 1.0 / 6, 2.0 / 3]), ([1, 4, 0.25], [0.7797619048, -0.0119047619, 0.4880952381]),
    ] {
      #expect(zip(try parameters(rates), expected).allSatisfy { abs($0 - $1) < 1e-10 })
    }
  }

  @Test("natural gradients, exact and by layers, have the known limits")
  func naturalGradients() throws {
    let (network, x, xTest, y) = (ToyProblem.network, ToyProblem.x, ToyProblem.xTest, ToyProblem.y)
    let exact = try NaturalGradientKernel(trainTrain: [network.ntk(x)], outputShape: [6, 1])
    let layers = try NaturalGradientKernel(trainTrain: network.ntkByLayer(x), outputShape: [6, 1])
    for (natural, kernels, rate, expected) in [
      (exact, [try network.ntk(xTest, x)], 1.0, [-0.3669933240, 0.5400102815]),
      (layers, try network.ntkByLayer(xTest, x), 2, [-0.7690188247, 0.5356963651]),
    ] {
      let flow = try GradientFlow(kTrainTrain: natural.trainTrain, yTrain: y)
      let between = try natural.testTrain(kernels)
      let end = try flow.testOutputs(kTestTrain: between)
      #expect(zip(end.scalars(as: Double.self), expected).allSatisfy { abs($0 - $1) < 1e-9 })
      // Every mode at the same rate, one per layer.
      let train = try flow.trainOutputs(at: 0.7)
      #expect(difference(train, y * (1 - exp(-0.7 * rate))) < 1e-9)
      #expect(difference(try flow.testOutputs(at: 0.7, kTestTrain: between), end * (1 - exp(-0.7 * rate))) < 1e-9)
    }
    let damped = try NaturalGradientKernel(trainTrain: [network.ntk(x)], outputShape: [6, 1], damping: 0.1)
    let slope = matmul(damped.trainTrain, y).scalars(as: Double.self).prefix(3).map { $0 / 6 }
    #expect(zip(slope, [-0.4409777939, 0.6050766507, 0.8534270609]).allSatisfy { abs($0 - $1) < 1e-9 })
    // Much damping is plain descent at a lower rate.
    let heavy = try NaturalGradientKernel(trainTrain: [network.ntk(x)], outputShape: [6, 1], damping: 1e9)
    #expect(difference(heavy.trainTrain * 1e9, try network.ntk(x)) < 1e-7)
    #expect(difference(try heavy.testTrain([network.ntk(xTest, x)]) * 1e9, try network.ntk(xTest, x)) < 1e-7)
  }

  @Test("natural gradients of outputs with axes of their own, and of singular kernels")
  func axes() throws {
    let (network, x, xTest) = (ToyProblem.network, ToyProblem.x, ToyProblem.xTest)
    let (theta, between) = (try network.ntk(x), try network.ntk(xTest, x))
    let identity = Tensor.eye(2, dtype: .float64)
    let single = try NaturalGradientKernel(trainTrain: [theta], outputShape: [6, 2], damping: 0.2)
    let full = try NaturalGradientKernel(
      trainTrain: [theta.reshaped([6, 6, 1, 1]) * identity], outputShape: [6, 2], damping: 0.2, traceAxes: [])
    #expect(difference(full.trainTrain, single.trainTrain.reshaped([6, 6, 1, 1]) * identity) < 1e-12)
    let found = try full.testTrain([between.reshaped([2, 6, 1, 1]) * identity])
    #expect(difference(found, try single.testTrain([between]).reshaped([2, 6, 1, 1]) * identity) < 1e-12)
    // Twice the same points: what is learned is the mean of their targets.
    let twice = try NaturalGradientKernel(
      trainTrain: [network.ntk(concatenate([x, x], axis: 0))], outputShape: [12, 1])
    let flow = try GradientFlow(
      kTrainTrain: twice.trainTrain, yTrain: concatenate([ToyProblem.y, ToyProblem.y + 1], axis: 0))
    #expect(difference(try flow.trainOutputs(at: 40)[0..<6], ToyProblem.y + 0.5) < 1e-8)
  }

  @Test("rates that do not fit say how many layers there are")
  func mistakes() throws {
    let x = ToyProblem.x
    func kernel(_ rates: [Double]) -> String {
      message { try ToyProblem.network.kernel(x, options: KernelOptions(layerRates: rates)) }
    }
    #expect(kernel([1]).contains("layerRates: expected 2 numbers, one for each layer with weights, found 1"))
    #expect(kernel([1, -1]).contains("layerRates[1]: expected zero or a positive number, found -1.0"))
    #expect(kernel([1, .nan]).contains("layerRates[1]"))
    let y = ToyProblem.y
    func natural(_ kernels: [Tensor], _ damping: Double = 0) -> String {
      message { try NaturalGradientKernel(trainTrain: kernels, outputShape: y.shape, damping: damping) }
    }
    #expect(natural([]).contains("it has no kernels"))
    #expect(natural([Tensor.eye(6, dtype: .float64)], -1).contains("damping"))
    #expect(natural([Tensor.eye(6, dtype: .float64), Tensor.eye(5, dtype: .float64)]).contains("trainTrain[1]"))
    let fitting = try NaturalGradientKernel(trainTrain: [Tensor.eye(6, dtype: .float64)], outputShape: y.shape)
    #expect(message { try fitting.testTrain([]) }.contains("testTrain: expected 1 kernels"))
  }
}
