import Foundation
import NeuralTangents
import Tensors
import Testing

/// Images (2, 4, 5, 3) of which some positions are 10 in all channels.
private enum Images {
  static let x1 = FixtureInput.sine([2, 4, 5, 3])
  static let x2 = FixtureInput.cosine([2, 4, 5, 3])
  static let masked1 = {
    var x = x1
    x[0, 1, 2] = Tensor(10.0)
    x[1, 0..<4, 3] = Tensor(10.0)
    return x
  }()
  static let masked2 = {
    var x = x2
    x[0, 2..., 1] = Tensor(10.0)
    return x
  }()
}

private struct PeerCase: Sendable, CustomTestStringConvertible {
  var mechanism = AttentionMechanism.softmax
  var linear = true
  var embedding = PositionalEmbedding.none
  var decay: PositionalDecay?
  var channels: Int?
  var embedsValues = false
  var bias: Double? = 0.3
  var masked = true
  /// Whether the finite network's input is masked.
  var finiteMasked = true
  /// Σ C · outputs.
  var finite: Double
  /// Σ S · nngp and Σ C · ntk of the layer after a dense layer and by itself, each before Relu, pool and dense.
  var kernels: [Double] = []

  var layer: GlobalSelfAttention {
    GlobalSelfAttention(
      outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, linearScaling: linear, weightKeyStd: 1.1,
      weightValueStd: 0.9, weightQueryStd: 0.8, weightOutStd: 1.2, biasStd: bias, mechanism: mechanism,
      positionalEmbedding: embedding, positionalDecay: decay, positionalChannels: channels, weightPositionalStd: 0.7,
      valuePositionalEmbedding: embedsValues)
  }

  var testDescription: String { "\(mechanism) linear \(linear) \(embedding) masked \(masked)" }

  static let all = [
    PeerCase(
      masked: false, finiteMasked: false, finite: 0.01600186373079976,
      kernels: [0.25842349033187956, 0.5512332992150784, 0.12198833028280452, 0.18767218446831652]),
    PeerCase(
      embedding: .sum, decay: .linear, embedsValues: true, finite: 2.677875795090473,
      kernels: [0.41799508743128955, 0.8869811839854491]),
    PeerCase(
      mechanism: .abs, embedding: .concat, decay: .exponential, channels: 2, embedsValues: true, bias: nil,
      finiteMasked: false, finite: -6.315267605668806, kernels: [1.0432218517574823, 2.940386644142785]),
    PeerCase(
      mechanism: .relu, embedding: .concat, channels: 2, finiteMasked: false, finite: -4.688655435839195,
      kernels: [2.418059563826058, 6.811559381747297]),
    PeerCase(
      mechanism: .identity, embedding: .sum, decay: .linear, bias: nil, masked: false, finiteMasked: false,
      finite: 16.974134852074116,
      kernels: [71.64285316244019, 227.85010270607285, 15.496194762260227, 37.562484118336954]),
    PeerCase(
      mechanism: .identity, linear: false, finite: 0.7046458224006285,
      kernels: [67.5008782062223, 304.09056730432883, 12.896220279154225, 39.660915729090306]),
    PeerCase(
      mechanism: .identity, linear: false, embedding: .sum, decay: .linear, embedsValues: true,
      finite: 21.38051789748206, kernels: [116.2395767335404, 315.7360502599871]),
    PeerCase(
      mechanism: .identity, linear: false, embedding: .concat, decay: .exponential, channels: 2, masked: false,
      finiteMasked: false, finite: 20.448745767529893,
      kernels: [19.456719662512597, 39.94892011724032, 9.217792244296243, 16.02901748521106]),
    PeerCase(
      linear: false, embedding: .concat, decay: .linear, embedsValues: true, finite: -1.136255137458176),
  ]
}

/// The infinite-width rule written out for one pair of inputs.
private struct NaiveAttention {
  var mechanism: AttentionMechanism
  var linear: Bool
  var causal: Bool
  var scoreScale: Double
  var outputScale: Double
  var bias: Double
  /// Shares of the inputs and of the embeddings in keys; the second is 0 without.
  var shares: (Double, Double)
  var correlation: [[Double]]
  var embedsValues: Bool

  typealias Matrix = [[Double]]

  private func embedded(_ k: Matrix, _ mask1: [Bool], _ mask2: [Bool]) -> Matrix {
    k.indices.map { p in
      k.indices.map { q in
        mask1[p] || mask2[q] ? 0 : shares.0 * k[p][q] + shares.1 * correlation[p][q]
      }
    }
  }

  private func weights(_ k: Matrix, _ mask: [Bool]) -> Matrix {
    k.indices.map { p in
      let seen = k.indices.filter { !mask[$0] && !(causal && $0 > p) }
      var row = [Double](repeating: 0, count: k.count)
      let total = seen.reduce(0) { $0 + exp(scoreScale * k[p][$1]) }
      for q in seen {
        let score = scoreScale * k[p][q]
        row[q] =
          switch mechanism {
          case .softmax: exp(score) / total
          case .identity: score
          case .abs: Swift.abs(score)
          case .relu: max(score, 0)
          }
      }
      return row
    }
  }

  /// K and Θ after the layer.
  func rule(k12: Matrix, theta: Matrix, k11: Matrix, k22: Matrix, mask1: [Bool], mask2: [Bool]) -> (Matrix, Matrix) {
    let positions = k12.indices
    let (keys, keyTheta) = (embedded(k12, mask1, mask2), embedded(theta, mask1, mask2))
    let (values, valueTheta) = embedsValues ? (keys, keyTheta) : (k12, theta)
    let a1 = weights(embedded(k11, mask1, mask1), mask1)
    let a2 = weights(embedded(k22, mask2, mask2), mask2)
    var (k, t) = (keys, keys)
    for p in positions {
      for r in positions {
        guard !mask1[p] && !mask2[r] else {
          (k[p][r], t[p][r]) = (0, 0)
          continue
        }
        var (sum, thetaSum) = (0.0, 0.0)
        for q in positions where !(causal && q > p) {
          for s in positions where !(causal && s > r) {
            if linear {
              sum += a1[p][q] * values[q][s] * a2[r][s]
              thetaSum += a1[p][q] * valueTheta[q][s] * a2[r][s]
            } else {
              sum += keys[q][s] * values[q][s] * keys[p][r]
              thetaSum += keyTheta[q][s] * values[q][s] * keys[p][r]
              thetaSum += keys[q][s] * valueTheta[q][s] * keys[p][r]
              thetaSum += keys[q][s] * values[q][s] * keyTheta[p][r]
            }
          }
        }
        let scale = linear ? outputScale * outputScale : pow(scoreScale * outputScale, 2)
        k[p][r] = scale * sum + bias * bias
        t[p][r] = scale * thetaSum + (linear ? 2 : 4) * scale * sum + bias * bias
      }
    }
    return (k, t)
  }
}

private func matrix(_ tensor: Tensor) -> [[Double]] {
  let count = tensor.shape[0]
  let numbers = tensor.reshaped([count, -1]).scalars(as: Double.self)
  return (0..<count).map { row in Array(numbers[row * numbers.count / count..<(row + 1) * numbers.count / count]) }
}

@Suite("Self-attention")
struct AttentionTests {
  private func relative(_ found: Tensor, _ expected: [Double]) -> Double {
    largestError(found.flattened()[0..<expected.count], expected, scale: expected.map { Swift.abs($0) })
  }

  private func after(_ layer: GlobalSelfAttention, width: Int = 1) -> Serial {
    Serial {
      Dense(width)
      layer
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
  }

  @Test("kernels of image networks are those of the Python library")
  func golden() throws {
    func layer(
      _ mechanism: AttentionMechanism, linear: Bool, _ embedding: PositionalEmbedding, _ decay: PositionalDecay?,
      channels: Int?, values: Bool
    ) -> GlobalSelfAttention {
      GlobalSelfAttention(
        outputChannels: 1, keyChannels: 1, valueChannels: 1, heads: 1, linearScaling: linear, weightKeyStd: 1.1,
        weightValueStd: 0.9, weightQueryStd: 0.8, weightOutStd: 1.2, biasStd: 0.3, mechanism: mechanism,
        positionalEmbedding: embedding, positionalDecay: decay, positionalChannels: channels,
        weightPositionalStd: 0.7, valuePositionalEmbedding: values)
    }
    let softmax = try after(layer(.softmax, linear: true, .sum, .linear, channels: nil, values: true))
      .kernel(Images.x1, Images.x2)
    #expect(relative(softmax.nngp, [0.1268027331, 0.1264814865]) < 1e-9)
    #expect(relative(try #require(softmax.ntk), [0.3506440909, 0.3491066644]) < 1e-9)
    let identity = try after(layer(.identity, linear: false, .concat, nil, channels: 2, values: false))
      .kernel(Images.x1, Images.x2)
    #expect(relative(identity.nngp, [2.279272602, 2.250984617]) < 1e-9)
    #expect(relative(try #require(identity.ntk), [4.114848629, 4.032676936]) < 1e-9)
    let masked = try Serial {
      Dense(1)
      GlobalSelfAttention(outputChannels: 1, keyChannels: 1, valueChannels: 1, heads: 1, biasStd: 0.3)
      Erf()
      Flatten()
      Dense(1)
    }.kernel(Images.masked1, Images.masked2, maskConstant: 10)
    #expect(relative(masked.nngp, [0.05710464688, 0.0694969282]) < 1e-9)
    #expect(relative(try #require(masked.ntk), [0.08315117415, 0.1128103566]) < 1e-9)
  }

  @Test("finite outputs and kernels of every variant are those of the Python library", arguments: PeerCase.all)
  private func peer(_ item: PeerCase) throws {
    let parameters = try item.layer.initialize(RandomKey(seed: 7), inputShape: [2, 4, 5, 3], dtype: .float64)
    let output =
      item.finiteMasked
      ? try item.layer(parameters, Images.masked1, maskConstant: 10) : try item.layer(parameters, Images.x1)
    let sum = (output * FixtureInput.cosine(output.shape)).sum().scalar(as: Double.self)
    #expect(Swift.abs(sum - item.finite) < 1e-11 * Swift.abs(item.finite))
    guard !item.kernels.isEmpty else { return }
    let head: [any Layer] = [item.layer, Relu(), GlobalAvgPool(), Dense(1)]
    var found: [Double] = []
    for network in [Serial([Dense(1, weightStd: 1.3, biasStd: 0.2)] + head), Serial(head)] {
      let kernel =
        item.masked
        ? try network.kernel(Images.masked1, Images.masked2, maskConstant: 10)
        : try network.kernel(Images.x1, Images.x2)
      let ntk = try #require(kernel.ntk)
      found.append((kernel.nngp * FixtureInput.sine([2, 2])).sum().scalar(as: Double.self))
      found.append((ntk * FixtureInput.cosine([2, 2])).sum().scalar(as: Double.self))
    }
    // The sums cancel: entries of one kernel are of the size of its largest.
    for (found, expected) in zip(found, item.kernels) {
      #expect(Swift.abs(found - expected) < 1e-10 * Swift.abs(expected))
    }
  }

  @Test(
    "kernels are those of the rule written out, masked, causal or not", arguments: AttentionMechanism.allCases,
    [true, false])
  func writtenOut(_ mechanism: AttentionMechanism, linear: Bool) throws {
    guard linear || mechanism == .identity else { return }
    for (causal, embedding, embedsValues) in [
      (false, PositionalEmbedding.none, false), (true, .none, false), (true, .sum, true), (true, .concat, false),
      (false, .concat, true), (true, .sum, false),
    ] {
      // A negative product of deviations must not turn a masked score into the largest.
      let layer = GlobalSelfAttention(
        outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, linearScaling: linear, weightKeyStd: -1.1,
        weightValueStd: 0.9, weightQueryStd: 1.4, weightOutStd: 1.2, biasStd: 0.3, mechanism: mechanism,
        positionalEmbedding: embedding, positionalNorm: 1, positionalDecay: .exponential,
        positionalChannels: embedding == .concat ? 2 : nil, weightPositionalStd: 0.7,
        valuePositionalEmbedding: embedsValues, causal: causal)
      var (x1, x2) = (FixtureInput.sine([2, 2, 3, 3]), FixtureInput.cosine([1, 2, 3, 3]))
      x1[0, 0, 1] = Tensor(10.0)
      x1[1] = Tensor(10.0)
      x2[0, 1, 2] = Tensor(10.0)
      let dense = Dense(5, weightStd: 1.2, biasStd: 0.1)
      let before = try dense.kernel(x1, x2, maskConstant: 10)
      let after = try Serial([dense, layer]).kernel(x1, x2, maskConstant: 10)
      let positions = (0..<6).map { ($0 / 3, $0 % 3) }
      let naive = NaiveAttention(
        mechanism: mechanism, linear: linear, causal: causal, scoreScale: -1.1 * 1.4, outputScale: 0.9 * 1.2, bias: 0.3,
        shares: embedding == .none ? (1, 0) : embedding == .sum ? (1, 0.49) : (5.0 / 7, 0.49 * 2 / 7),
        correlation: positions.map { p in positions.map { exp(-Double(Swift.abs(p.0 - $0.0) + Swift.abs(p.1 - $0.1))) }
        },
        embedsValues: embedsValues)
      for row in 0..<2 {
        func flat(_ k: Tensor) -> [[Double]] { matrix(k.reshaped([6, 6])) }
        let mask1 = row == 0 ? [false, true, false, false, false, false] : [Bool](repeating: true, count: 6)
        let (k, theta) = naive.rule(
          k12: flat(before.nngp[row, 0]), theta: flat(try #require(before.ntk)[row, 0]), k11: flat(before.cov1[row]),
          k22: flat(try #require(before.cov2)[0]), mask1: mask1,
          mask2: [false, false, false, false, false, true])
        #expect(largestError(after.nngp[row, 0], Tensor(k.flatMap { $0 }), relativeTo: 1) < 1e-12)
        #expect(
          largestError(try #require(after.ntk)[row, 0], Tensor(theta.flatMap { $0 }), relativeTo: 1) < 1e-12)
        let (own, _) = naive.rule(
          k12: flat(before.cov1[row]), theta: flat(before.cov1[row]), k11: flat(before.cov1[row]),
          k22: flat(before.cov1[row]), mask1: mask1, mask2: mask1)
        #expect(largestError(after.cov1[row], Tensor(own.flatMap { $0 }), relativeTo: 1) < 1e-12)
      }
    }
  }

  // MARK: - Random networks

  /// Mean over samples and its standard error, element by element.
  private func statistics(count: Int, _ sample: (Int) throws -> Tensor) rethrows -> (mean: Tensor, error: Tensor) {
    var (sum, squares) = (try sample(0), Tensor(0.0))
    squares = sum * sum
    for index in 1..<count {
      let value = try sample(index)
      sum = sum + value
      squares = squares + value * value
    }
    let mean = sum / Double(count)
    return (mean, sqrt(maximum(squares / Double(count) - mean * mean, 0) / Double(count - 1)))
  }

  @Test(
    "outputs of random networks have the covariance of the infinite one", arguments: AttentionMechanism.allCases,
    [true, false])
  func covariance(_ mechanism: AttentionMechanism, causal: Bool) throws {
    let x = FixtureInput.sine([3, 4, 3])
    for linear in mechanism == .identity ? [true, false] : [true] {
      // Scores of linear scaling settle with many key channels; all else has the exact mean at any width.
      let layer = GlobalSelfAttention(
        outputChannels: 32, keyChannels: linear ? 2048 : 4, valueChannels: 8, heads: linear ? 2 : 16,
        linearScaling: linear, weightKeyStd: 1.3, weightValueStd: 1.1, weightQueryStd: 1.2, weightOutStd: 0.9,
        biasStd: 0.2, mechanism: mechanism, causal: causal)
      let exact = try layer.kernel(x, kernels: .nngp).nngp.transposed(0, 2, 1, 3).reshaped([12, 12])
      let (mean, error) = try statistics(count: 150) { index in
        let parameters = try layer.initialize(RandomKey(seed: 100 + index), inputShape: x.shape, dtype: .float64)
        let y = try layer(parameters, x).reshaped([12, 32])
        return matmul(y, y.transposed()) / 32
      }
      let largest = (Tensors.abs(mean - exact) / error).max().scalar(as: Double.self)
      #expect(largest < 4, "linear \(linear), seeds 100..<250")
      // The standard error is small enough to tell the causal kernel from the other.
      let relativeError = (error.max() / exact.max()).scalar(as: Double.self)
      #expect(relativeError < 0.05)
    }
  }

  @Test("random networks have the tangent kernel of the infinite one", arguments: [true, false], [true, false])
  func tangentKernel(linear: Bool, causal: Bool) throws {
    for embedding in [PositionalEmbedding.none, .concat] {
      let hasEmbedding = embedding != .none
      let channels = hasEmbedding ? 96 : 3
      let x = gaussianInputs([2, 3, channels], seed: 3)
      let layer = GlobalSelfAttention(
        outputChannels: 1, keyChannels: linear ? 64 : 3, valueChannels: 4, heads: linear ? 8 : 32,
        linearScaling: linear, weightKeyStd: 1.1, biasStd: 0.4, mechanism: linear ? .softmax : .identity,
        positionalEmbedding: embedding, positionalDecay: .linear, valuePositionalEmbedding: true, causal: causal)
      let exact = try #require(try layer.kernel(x).ntk).transposed(0, 2, 1, 3).reshaped([6, 6])
      let (mean, error) = try statistics(count: hasEmbedding ? 60 : 150) { index in
        let parameters = try layer.initialize(RandomKey(seed: 500 + index), inputShape: x.shape, dtype: .float64)
        let flat = concatenate(parameters.tensors.map { $0.flattened() })
        let outputs = { (flat: Tensor) throws -> Tensor in
          var start = 0
          let tree = parameters.map { (tensor: Tensor) -> Tensor in
            defer { start += tensor.count }
            return flat.sliced(axis: 0, from: start, to: start + tensor.count).reshaped(tensor.shape)
          }
          return try layer(tree, x).flattened()
        }
        let jacobian = try jacobianReverse(of: outputs)(flat)
        return matmul(jacobian, jacobian.transposed())
      }
      // Finite scores and finitely many channels that are embedded leave a bias that falls with their number.
      let bias = exact.max().scalar(as: Double.self) * (hasEmbedding || linear ? 0.05 : 0)
      let largest = (maximum(Tensors.abs(mean - exact) - bias, 0) / error).max().scalar(as: Double.self)
      #expect(largest < 4, "\(embedding), seeds from 500")
      let relativeError = (error.max() / exact.max()).scalar(as: Double.self)
      #expect(relativeError < 0.1)
    }
  }

  // MARK: - Properties

  private let small = GlobalSelfAttention(
    outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, linearScaling: false, biasStd: 0.3,
    mechanism: .softmax, causal: true)

  @Test("without embeddings, permuted positions give permuted outputs and kernels")
  func equivariance() throws {
    let x = FixtureInput.sine([2, 5, 3])
    let order = [3, 0, 4, 1, 2]
    let layer = GlobalSelfAttention(outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, biasStd: 0.3)
    let parameters = try layer.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: .float64)
    let permuted = x.taking(order, axis: 1)
    #expect(
      largestError(try layer(parameters, permuted), try layer(parameters, x).taking(order, axis: 1), relativeTo: 1)
        < 1e-13)
    let kernel = try layer.kernel(x).nngp.taking(order, axis: 2).taking(order, axis: 3)
    #expect(largestError(try layer.kernel(permuted).nngp, kernel, relativeTo: 1) < 1e-13)
  }

  @Test("causal outputs do not depend on later positions")
  func causality() throws {
    let x = FixtureInput.sine([2, 2, 3, 3])
    var other = x
    other[0..<2, 1, 1...] = Tensor(5.0)
    let parameters = try small.initialize(RandomKey(seed: 2), inputShape: x.shape, dtype: .float64)
    let (a, b) = (try small(parameters, x), try small(parameters, other))
    #expect(largestError(a[0..<2, 0], b[0..<2, 0], relativeTo: 1) == 0)
    #expect(largestError(a[0..<2, 1, 0], b[0..<2, 1, 0], relativeTo: 1) == 0)
    #expect(largestError(a[0..<2, 1, 1], b[0..<2, 1, 1], relativeTo: 1) > 1e-3)
  }

  @Test("batch and channels may be in any axis")
  func axes() throws {
    let x = FixtureInput.sine([2, 4, 5, 3])
    let order = [3, 1, 0, 2]
    func layer(batchAxis: Int, channelAxis: Int) -> GlobalSelfAttention {
      GlobalSelfAttention(
        outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, biasStd: 0.3, positionalEmbedding: .concat,
        positionalDecay: .linear, positionalChannels: 2, batchAxis: batchAxis, channelAxis: channelAxis)
    }
    let (plain, moved) = (layer(batchAxis: 0, channelAxis: -1), layer(batchAxis: 2, channelAxis: 0))
    let parameters = try plain.initialize(RandomKey(seed: 3), inputShape: x.shape, dtype: .float64)
    let other = parameters.map { $0.rank == 4 ? $0.transposed(order) : $0 }
    let expected = try plain(parameters, x).transposed(order)
    #expect(largestError(try moved(other, x.transposed(order)), expected, relativeTo: 1) < 1e-13)
    #expect(
      largestError(try moved.kernel(x.transposed(order)).nngp, try plain.kernel(x).nngp, relativeTo: 1) < 1e-13)
    #expect(try moved.outputShape(forInput: [3, 4, 2, 5]) == [3, 4, 2, 5])
  }

  @Test("covariances of the full batch are those of the data set with itself", arguments: [true, false])
  func fullBatch(linear: Bool) throws {
    let layer = GlobalSelfAttention(
      outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, linearScaling: linear, mechanism: .identity)
    let (x1, x2) = (FixtureInput.sine([3, 4, 2]), FixtureInput.cosine([2, 4, 2]))
    let kernel = try layer.kernel(x1, x2, options: KernelOptions(batch: .all))
    #expect(largestError(kernel.cov1, try layer.kernel(x1).nngp, relativeTo: 1) < 1e-13)
    let diagonal = try layer.kernel(x1, x2, options: KernelOptions(positions: .diagonal))
    #expect(largestError(diagonal.nngp, kernel.nngp.diagonal(2, 3), relativeTo: 1) < 1e-13)
  }

  @Test("a layer without axes of positions attends to one position")
  func onePosition() throws {
    let layer = GlobalSelfAttention(outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, biasStd: 0.5)
    let x = FixtureInput.sine([3, 4])
    let expected = try Dense(3).kernel(x).nngp + 0.25
    #expect(largestError(try layer.kernel(x).nngp, expected, relativeTo: 1) < 1e-13)
    let parameters = try layer.initialize(RandomKey(seed: 1), inputShape: x.shape)
    #expect(try layer(parameters, x.asType(.float32)).shape == [3, 3])
  }

  @Test("derivatives in inputs and constants agree with central differences", arguments: AttentionMechanism.allCases)
  func derivatives(_ mechanism: AttentionMechanism) throws {
    for linear in mechanism == .identity ? [true, false] : [true] {
      let network = Serial {
        Dense(4, weightStd: 1.2, biasStd: 0.2)
        GlobalSelfAttention(
          outputChannels: 3, keyChannels: 4, valueChannels: 2, heads: 2, linearScaling: linear, weightKeyStd: 1.1,
          biasStd: 0.3, mechanism: mechanism, positionalEmbedding: .sum, positionalDecay: .exponential,
          valuePositionalEmbedding: true, causal: mechanism == .softmax)
        Erf()
        GlobalAvgPool()
        Dense(1)
      }
      let (x1, x2) = (gaussianInputs([2, 3, 2], seed: 1), gaussianInputs([2, 3, 2], seed: 2))
      let direction = gaussianInputs([2, 3, 2], seed: 3)
      #expect(try largestDerivativeError({ try weightedSum(network.kernel($0, x2)) }, at: x1, along: direction) < 1e-6)
      var masked = x2
      masked[0, 1] = Tensor(10.0)
      masked[1] = Tensor(10.0)
      let constants = network.hyperParameters
      let values = stack(constants.entries.map(\.value))
      let slope = try largestDerivativeError(
        { values in
          let replaced = constants.replacingLeaves(constants.entries.indices.map { values[$0] })
          return try weightedSum(network.replacing(replaced).kernel(x1, masked, maskConstant: 10))
        }, at: values, along: gaussianInputs(values.shape, seed: 4))
      #expect(slope < 1e-6)
    }
  }
}
