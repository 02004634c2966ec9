import CovarianceEngine
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Random features")
struct FeatureMapTests {
  private static func dense(_ activation: any Activation = Relu()) -> Serial {
    Serial {
      Dense(16, weightStd: 1.4, biasStd: 0.3)
      activation
      Dense(16, weightStd: 1.2, biasStd: 0.1)
      activation
      Dense(1, weightStd: 1.1, biasStd: 0.2)
    }
  }

  private static var pooled: Serial {
    Serial {
      Conv(8, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.1)
      Relu()
      Conv(8, window: [2, 2], strides: [2, 1], padding: .valid, weightStd: 1.3)
      Relu()
      AvgPool(window: [2, 2])
      Conv(8, window: [1, 1], biasStd: 0.2)
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
  }

  private static var branches: Serial {
    Serial {
      Dense(8, biasStd: 0.2)
      FanOut(2)
      Parallel {
        Serial {
          Erf()
          Dense(8, weightStd: 1.3)
        }
        Identity()
      }
      FanInSum()
      LayerNorm(axes: [-1])
      Gelu()
      Dense(1)
    }
  }

  /// ‖F Fᵀ − K‖ / ‖K‖.
  private func error(_ features: Tensor, _ kernel: Tensor) -> Double {
    let product = dotGeneral(features, features, contracting: ([1], [1]))
    func norm(_ x: Tensor) -> Double { square(x.asType(.float64)).sum().scalar(as: Double.self).squareRoot() }
    return norm(product - kernel) / norm(kernel)
  }

  // MARK: - Linear networks are exact

  static let linear: [(String, [Int], Serial)] = [
    (
      "dense", [5],
      Serial {
        Dense(3, weightStd: 1.3, biasStd: 0.4); Dense(2, weightStd: 0.7, biasStd: 0.2)
      }
    ),
    (
      "convolutions, strides, pools", [7, 6, 2],
      Serial {
        Conv(4, window: [3, 2], strides: [2, 1], padding: .same, weightStd: 1.2, biasStd: 0.3)
        AvgPool(window: [2, 2], padding: .valid)
        Conv(4, window: [2, 2], padding: .circular)
        SumPool(window: [2, 1], strides: [1, 2], padding: .same)
        GlobalAvgPool()
        Dense(1, biasStd: 0.5)
      }
    ),
    (
      "flattened", [5, 4, 3],
      Serial {
        Conv(4, window: [3, 3], padding: .same, biasStd: 0.3); Flatten(); Dense(2)
      }
    ),
    (
      "positions of their own", [6, 3],
      Serial {
        Conv(4, window: [3], padding: .same, biasStd: 0.1)
        ConvLocal(4, window: [2], padding: .valid, biasStd: 0.2)
        GlobalSumPool()
      }
    ),
    (
      "a transposed convolution and a permutation", [4, 3, 2],
      Serial {
        ConvTranspose(3, window: [2, 2], strides: [2, 1], padding: .same, biasStd: 0.1)
        Conv(3, window: [2, 1], padding: .valid)
        Flatten()
        Dense(1)
      }
    ),
    (
      "branches", [5],
      Serial {
        FanOut(3)
        Parallel {
          Dense(4, weightStd: 1.2, biasStd: 0.1)
          Serial {
            Dense(4); Dense(4, biasStd: 0.3)
          }
          Dense(8, weightStd: 0.4)
        }
        FanInConcat()
        Dense(2)
      }
    ),
    (
      "normalisation", [4, 4, 3],
      Serial {
        Conv(4, window: [3, 3], padding: .same, biasStd: 0.1)
        LayerNorm(axes: [1, 2, -1])
        Conv(4, window: [2, 2])
        LayerNorm(axes: [-1])
        GlobalAvgPool()
      }
    ),
  ]

  @Test("are exact for networks without activations", arguments: linear.indices)
  func exact(_ index: Int) throws {
    let (name, shape, network) = Self.linear[index]
    let x = uniformData(seed: 3, shape: [6] + shape)
    let kernel = try network.kernel(x, options: KernelOptions(executor: .reference))
    let features = try network.featureMap(inputShape: shape, width: 3, key: RandomKey(seed: 1))(x)
    let (nngp, ntk) = (try #require(features.nngp), try #require(features.ntk))
    #expect(error(nngp, kernel.nngp) < 1e-12, "\(name)")
    #expect(error(ntk, try #require(kernel.ntk)) < 1e-12, "\(name)")
    for (known, exact) in [(features.nngpVariances, kernel.nngp), (features.ntkVariances, try #require(kernel.ntk))] {
      guard let known else { continue }
      #expect(largestError(known, exact.diagonal(), relativeTo: 1) < 1e-12, "\(name)")
    }
  }

  @Test("know the exact variances where no pool mixes positions")
  func variances() throws {
    let networks: [(Serial, [Int])] = [
      (Self.dense(), [5]), (Self.dense(Tanh()), [5]), (Self.branches, [5]),
      (
        Serial {
          Conv(4, window: [3, 3], padding: .same, biasStd: 0.1); Relu(); Flatten(); Dense(1)
        }, [4, 4, 2]
      ),
    ]
    for (network, shape) in networks {
      let x = uniformData(seed: 5, shape: [4] + shape)
      let kernel = try network.kernel(x)
      let features = try network.featureMap(inputShape: shape, width: 64, key: RandomKey(seed: 2))(x)
      let (k, theta) = (try #require(features.nngpVariances), try #require(features.ntkVariances))
      #expect(largestError(k, kernel.nngp.diagonal(), relativeTo: 1) < 1e-9)
      #expect(largestError(theta, try #require(kernel.ntk).diagonal(), relativeTo: 1) < 1e-9)
      // Rows have these lengths, too.
      #expect(largestError(square(try #require(features.ntk)).sum(axis: 1), theta, relativeTo: 1) < 1e-9)
    }
  }

  // MARK: - In expectation

  @Test(
    "have the kernels for mean, within standard errors",
    arguments: ["dense", "tanh", "branches", "pooled", "product"], RandomProjection.Kind.allCases)
  func mean(_ name: String, _ projection: RandomProjection.Kind) throws {
    let (network, shape): (Serial, [Int]) =
      switch name {
      case "dense": (Self.dense(), [5])
      case "tanh": (Self.dense(Tanh()), [5])
      case "branches": (Self.branches, [5])
      case "product":
        (
          Serial {
            FanOut(2)
            Parallel {
              Serial {
                Dense(4, biasStd: 0.3); Erf()
              }
              Serial {
                Dense(4); Relu(); Dense(4)
              }
            }
            FanInProduct()
            Dense(1)
          }, [5]
        )
      default: (Self.pooled, [6, 5, 2])
      }
    let x = uniformData(seed: 7, shape: [3] + shape)
    let kernel = try network.kernel(x)
    let count = 48
    var draws: (nngp: [Tensor], ntk: [Tensor]) = ([], [])
    for key in RandomKey(seed: 11).split(into: count) {
      let features = try network.featureMap(
        inputShape: shape, width: 512, key: key, projection: projection, rescales: false)(x)
      for (path, rows) in [(\(nngp: [Tensor], ntk: [Tensor]).nngp, features.nngp), (\.ntk, features.ntk)] {
        let rows = try #require(rows)
        draws[keyPath: path].append(dotGeneral(rows, rows, contracting: ([1], [1])))
      }
    }
    for (samples, exact) in [(draws.nngp, kernel.nngp), (draws.ntk, try #require(kernel.ntk))] {
      let all = stack(samples, axis: 0)
      let mean = all.mean(axis: 0)
      let deviation = sqrt(square(all - mean.expandedDims(0)).sum(axis: 0) / Double(count - 1) / Double(count))
      // A product of features given the layer before is unbiased; through several layers the bias is of the order of 1/width.
      let slack = abs(exact) * 0.01
      let outside = (abs(mean - exact) .> (deviation * 4 + slack)).any().scalar(as: Bool.self)
      #expect(!outside, "\(name): \(mean) against \(exact), standard errors \(deviation)")
    }
  }

  @Test("have half the error with four times the width, and less with orthogonal directions and rescaled rows")
  func rate() throws {
    let x = uniformData(seed: 9, shape: [60, 20])
    let network = Self.dense()
    let kernel = try network.kernel(x)
    func errors(_ width: Int, _ projection: RandomProjection.Kind, rescales: Bool) throws -> (Double, Double) {
      var sum = (0.0, 0.0)
      for key in RandomKey(seed: 4).split(into: 8) {
        let features = try network.featureMap(
          inputShape: [20], width: width, key: key, projection: projection, rescales: rescales)(x)
        sum.0 += error(try #require(features.nngp), kernel.nngp) / 8
        sum.1 += error(try #require(features.ntk), try #require(kernel.ntk)) / 8
      }
      return sum
    }
    for projection in RandomProjection.Kind.allCases {
      let (small, large) = (
        try errors(256, projection, rescales: true), try errors(4096, projection, rescales: true)
      )
      #expect((3...5.4).contains(small.0 / large.0), "\(projection): \(small) \(large)")
      #expect((3...5.4).contains(small.1 / large.1), "\(projection): \(small) \(large)")
    }
    let plain = try errors(1024, .gaussian, rescales: false)
    let best = try errors(1024, .orthogonal, rescales: true)
    #expect(best.0 < 0.7 * plain.0 && best.1 < plain.1, "\(best) \(plain)")
  }

  @Test("of finite networks serve what has no rule")
  func finite() throws {
    let network = Serial {
      Dense(64)
      GlobalSelfAttention(outputChannels: 64, keyChannels: 16, valueChannels: 16, heads: 4, linearScaling: true)
      Relu()
      GlobalAvgPool()
      Dense(8)
    }
    let x = uniformData(seed: 2, shape: [3, 4, 6]).asType(.float32)
    #expect(throws: NetworkError.self) {
      try network.featureMap(inputShape: [4, 6], width: 8, key: RandomKey(seed: 0))
    }
    let features = try network.finiteFeatureMap(inputShape: [4, 6], samples: 400, key: RandomKey(seed: 0))(x)
    let estimate = try network.monteCarloKernel(x, samples: 400, key: RandomKey(seed: 8))
    #expect(error(try #require(features.nngp), estimate.nngp) < 0.1)
    #expect(error(try #require(features.ntk), try #require(estimate.ntk)) < 0.1)
  }

  // MARK: - Pieces

  @Test("transform by Walsh and Hadamard as by the matrix", arguments: [1, 2, 8, 64, 128, 1024])
  func hadamard(_ size: Int) {
    let x = uniformData(seed: 1, shape: [3, size])
    let entries = (0..<size * size).map { ((($0 / size) & ($0 % size)).nonzeroBitCount & 1) == 0 ? 1.0 : -1.0 }
    let expected = dotGeneral(x, Tensor(entries, shape: [size, size]), contracting: ([1], [1]))
    #expect(largestError(RandomProjection.hadamard(x), expected, relativeTo: Double(size)) < 1e-13)
  }

  @Test("say what is wrong with a network or with inputs")
  func mistakes() throws {
    func text(_ body: () throws -> Void) -> String {
      String(describing: #expect(throws: (any Error).self) { try body() })
    }
    let key = RandomKey(seed: 0)
    #expect(text { _ = try Self.dense().featureMap(inputShape: [5], width: 0, key: key) }.contains("width"))
    let map = try Self.dense().featureMap(inputShape: [5], width: 4, key: key)
    #expect(text { _ = try map(.ones([2, 6])) }.contains("[5]"))
    #expect(text { _ = try map(Tensor([1, .nan, 0, 0, 0], shape: [1, 5])) }.contains("finite"))
    #expect(
      text {
        _ = try Serial {
          Dense(3); Dropout(keepRate: 0.5); Dense(1)
        }.featureMap(inputShape: [5], width: 4, key: key)
      }
      .contains("dropout"))
  }
}

@Suite("Regression with features")
struct FeatureRegressionTests {
  private func problem() throws -> (map: FeatureMap, x: Tensor, y: Tensor, test: Tensor) {
    let network = Serial {
      Dense(8, weightStd: 1.4, biasStd: 0.3); Relu(); Dense(1, biasStd: 0.1)
    }
    let map = try network.featureMap(inputShape: [4], width: 40, key: RandomKey(seed: 3), rescales: false)
    let x = uniformData(seed: 1, shape: [1100, 4])
    return (
      map, x, concatenate([sin(x.sum(axis: 1, keepDims: true)), x.sliced(axis: 1, from: 0, to: 1)], axis: 1),
      uniformData(seed: 2, shape: [7, 4])
    )
  }

  @Test("is the Gaussian process of the features' kernel", arguments: FeatureRegression.Kernel.allCases)
  func process(_ kernel: FeatureRegression.Kernel) throws {
    let (map, x, y, test) = try problem()
    var regression = try FeatureRegression(map, kernel: kernel, noiseVariance: 0.2)
    try regression.add(x, y)
    func rows(_ x: Tensor) throws -> Tensor {
      let features = try map(x)
      return try #require(kernel == .nngp ? features.nngp : features.ntk)
    }
    let (train, points) = (try rows(x), try rows(test))
    func product(_ a: Tensor, _ b: Tensor) -> Tensor { dotGeneral(a, b, contracting: ([1], [1])) }
    let process = try GaussianProcess(
      kTrainTrain: product(train, train), yTrain: y, regularizer: .absolute(0.2))
    let exact = try process.predict(kTestTrain: product(points, train), kTestTest: product(points, points))
    let found = try regression.predict(test)
    #expect(largestError(found.mean, exact.mean, relativeTo: 1) < 1e-9)
    let missing = try #require(kernel == .nngp ? map(test).nngpVariances : map(test).ntkVariances)
    let prior = maximum(missing - square(points).sum(axis: 1), 0)
    #expect(largestError(try #require(found.variance), try #require(exact.variance) + prior, relativeTo: 1) < 1e-9)
    let (evidence, expected) = (try regression.logMarginalLikelihood(), try process.logMarginalLikelihood())
    #expect(largestError(evidence.perOutput, expected.perOutput, relativeTo: abs(expected.total)) < 1e-10)
    let (left, all) = (try regression.leaveOneOut(x, y), try process.leaveOneOut())
    #expect(largestError(left.mean, all.mean, relativeTo: 1) < 1e-8)
    #expect(largestError(left.variance, all.variance, relativeTo: 1) < 1e-8)
    // Another noise without another look at the data.
    regression.noiseVariance = 0.7
    let other = try GaussianProcess(kTrainTrain: product(train, train), yTrain: y, regularizer: .absolute(0.7))
    #expect(
      largestError(
        try regression.predict(test).mean, try other.predict(kTestTrain: product(points, train)).mean, relativeTo: 1)
        < 1e-9)
  }

  @Test("is the same to the last bit in whatever blocks the data come")
  func blocks() throws {
    let (map, x, y, test) = try problem()
    func predicted(_ sizes: [Int]) throws -> [UInt64] {
      var regression = try FeatureRegression(map, noiseVariance: 0.1)
      var (start, turn) = (0, 0)
      while start < x.shape[0] {
        let end = min(start + sizes[turn % sizes.count], x.shape[0])
        try regression.add(x.sliced(axis: 0, from: start, to: end), y.sliced(axis: 0, from: start, to: end))
        (start, turn) = (end, turn + 1)
      }
      #expect(regression.count == x.shape[0])
      return try regression.predict(test).mean.scalars(as: Double.self).map(\.bitPattern)
    }
    let whole = try predicted([1100])
    for sizes in [[1], [512], [513], [7, 300, 1000]] { #expect(try predicted(sizes) == whole, "\(sizes)") }
  }

  @Test("says what is wrong with data")
  func mistakes() throws {
    let (map, x, y, test) = try problem()
    #expect(throws: PredictionError.self) { try FeatureRegression(map, noiseVariance: 0) }
    var regression = try FeatureRegression(map, noiseVariance: 0.1)
    #expect(throws: PredictionError.self) { try regression.predict(test) }
    #expect(throws: PredictionError.self) { try regression.add(x, y.sliced(axis: 0, from: 0, to: 3)) }
    try regression.add(x, y)
    #expect(throws: PredictionError.self) { try regression.add(.ones([2, 5]), .ones([2, 2])) }
    #expect(throws: PredictionError.self) { try regression.add(.ones([2, 4]), .ones([2, 3])) }
    #expect(throws: PredictionError.self) {
      try regression.add(Tensor([1, .nan, 0, 0], shape: [1, 4]), .ones([1, 2]))
    }
    regression.noiseVariance = -1
    #expect(throws: PredictionError.self) { try regression.predict(test) }
    regression.noiseVariance = 0.1
    _ = try regression.predict(test)
    // Nothing of what was refused counts.
    #expect(regression.count == 1100)
  }
}
