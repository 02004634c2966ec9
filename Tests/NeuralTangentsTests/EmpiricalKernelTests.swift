import NeuralTangents
import Tensors
import Testing

/// A small network, its data and how its outputs lie.
private struct SmallCase: Sendable, CustomTestStringConvertible {
  let name: String
  let network: any Layer
  let shape1: [Int]
  let shape2: [Int]
  var axes = DataAxes()
  var key: RandomKey?
  var maskConstant: Double?

  /// The inputs, of which some positions of the first ones are masked if any are.
  func inputs(_ x: Tensor) -> Tensor {
    guard let maskConstant else { return x }
    var x = x
    x[0..<1, 1..<3] = Tensor(repeating: maskConstant, shape: [1, 2, x.shape[2]], dtype: x.dtype)
    return x
  }

  var testDescription: String { name }

  static let all = [
    SmallCase(
      name: "two dense layers",
      network: Serial {
        Dense(4, weightStd: 1.3, biasStd: 0.3); Erf(); Dense(3, biasStd: 0.2)
      }, shape1: [3, 5], shape2: [2, 5]),
    SmallCase(
      name: "one output, standard parameterization",
      network: Serial {
        Dense(4, weightStd: 1.3, biasStd: 0.3, parameterization: .standard, widthScales: (1, 2)); Erf()
        Dense(1, biasStd: 0.2, parameterization: .standard, widthScales: (2, 1))
      }, shape1: [3, 5], shape2: [2, 5]),
    SmallCase(
      name: "residual and normalised",
      network: Serial {
        Dense(4); FanOut(2)
        Parallel {
          Serial {
            LayerNorm(); Gelu(); Dense(4, biasStd: 1)
          }
          Identity()
        }
        FanInSum(); Erf(); Dense(2)
      }, shape1: [3, 5], shape2: [2, 5]),
    SmallCase(
      name: "product of branches",
      network: Serial {
        FanOut(2)
        Parallel {
          Dense(3)
          Serial {
            Dense(4); Sin(); Dense(3)
          }
        }
        FanInProduct()
      }, shape1: [2, 3], shape2: [3, 3]),
    SmallCase(
      name: "dropout",
      network: Serial {
        Dense(6); Dropout(keepRate: 0.6); Erf(); Dropout(keepRate: 0.7); Dense(3, biasStd: 0.5)
      }, shape1: [3, 5], shape2: [2, 5], key: RandomKey(seed: 5)),
    SmallCase(
      name: "dropout, one output",
      network: Serial {
        Dense(6, biasStd: 1); Dropout(keepRate: 0.6); Erf(); Dense(1)
      }, shape1: [3, 5], shape2: [2, 5], key: RandomKey(seed: 6)),
    SmallCase(
      name: "normalised over the batch",
      network: Serial {
        Dense(4); LayerNorm(axes: [0, 1]); Erf(); Dense(2)
      }, shape1: [3, 5], shape2: [2, 5]),
    SmallCase(
      name: "positions",
      network: Serial {
        Dense(4, biasStd: 0.5); Erf(); Dense(2)
      }, shape1: [2, 3, 5], shape2: [3, 3, 5]),
    SmallCase(
      name: "two axes of positions, batch second, channels first",
      network: Serial {
        Dense(3, biasStd: 0.5, batchAxis: 1, channelAxis: 0); Erf(); Dense(2, batchAxis: 1, channelAxis: 0)
      }, shape1: [4, 2, 2, 3], shape2: [4, 1, 2, 3], axes: DataAxes(batch: 1, channel: 0)),
    SmallCase(
      name: "positions that see each other",
      network: Serial {
        Dense(3); LayerNorm(axes: [1, 2]); Erf(); Dense(2)
      }, shape1: [2, 3, 4], shape2: [1, 3, 4]),
    SmallCase(
      name: "positions and dropout",
      network: Serial {
        Dense(3, biasStd: 1); Dropout(keepRate: 0.5); Erf(); Dense(2)
      }, shape1: [2, 3, 4], shape2: [3, 3, 4], key: RandomKey(seed: 7)),
    SmallCase(
      name: "masked inputs",
      network: Serial {
        Dense(3, biasStd: 1); Erf(); GlobalAvgPool(); Dense(2)
      }, shape1: [2, 4, 3], shape2: [3, 4, 3], maskConstant: 0.25),
    SmallCase(
      name: "convolution",
      network: Serial {
        Conv(3, window: [2], biasStd: 1); Erf(); Conv(2, window: [2])
      }, shape1: [2, 4, 3], shape2: [3, 4, 3]),
    SmallCase(name: "no parameters", network: Erf(), shape1: [2, 3], shape2: [3, 3]),
  ]
}

@Suite("Kernels of one finite network")
struct EmpiricalKernelTests {
  /// Outputs and their derivatives in all parameters by central differences: (inputs, positions, channels) and
  /// (inputs, positions, channels, parameters) as nested functions of indices.
  private struct Outputs {
    let values: Tensor
    let jacobian: [Tensor]

    init(_ item: SmallCase, _ parameters: Parameters, _ x: Tensor, key: RandomKey?) throws {
      func outputs(_ parameters: Parameters) throws -> Tensor {
        let y = try item.network(parameters, x, key: key, maskConstant: item.maskConstant)
        let (batch, channel) = (item.axes.batch, item.axes.channel < 0 ? y.rank - 1 : item.axes.channel)
        let positions = y.shape.indices.filter { $0 != batch && $0 != channel }
        let moved = y.transposed([batch] + positions + [channel])
        return moved.reshaped([moved.shape[0], -1, moved.shape[moved.rank - 1]])
      }
      values = try outputs(parameters)
      var jacobian: [Tensor] = []
      let leaves = parameters.tensors
      let step = 1e-5
      for leaf in leaves.indices {
        for element in 0..<leaves[leaf].count {
          func moved(_ step: Double) throws -> Tensor {
            var changed = leaves
            var numbers = leaves[leaf].scalars(as: Double.self)
            numbers[element] += step
            changed[leaf] = Tensor(numbers, shape: leaves[leaf].shape)
            return try outputs(parameters.replacingLeaves(changed))
          }
          jacobian.append((try moved(step) - moved(-step)) / (2 * step))
        }
      }
      self.jacobian = jacobian
    }
  }

  /// Σ over n, m, p, q in loops: shape (N1, N2, positions, positions′).
  private func products(_ f: Tensor, _ g: Tensor, channels: Int) -> [Double] {
    let (a, b) = (f.scalars(as: Double.self), g.scalars(as: Double.self))
    let (places, count) = (f.shape[1], f.shape[2])
    var result: [Double] = []
    for n in 0..<f.shape[0] {
      for m in 0..<g.shape[0] {
        for p in 0..<places {
          for q in 0..<places {
            result.append(
              (0..<channels).reduce(0.0) { sum, c in
                sum + a[(n * places + p) * count + c] * b[(m * places + q) * count + c]
              } / Double(channels))
          }
        }
      }
    }
    return result
  }

  private func tangentProducts(_ f: Outputs, _ g: Outputs, channels: Int) -> [Double] {
    let zero = products(f.values, g.values, channels: channels).map { _ in 0.0 }
    return zip(f.jacobian, g.jacobian).reduce(zero) { sum, pair in
      zip(sum, products(pair.0, pair.1, channels: channels)).map { $0 + $1 }
    }
  }

  @Test(
    "both kernels are sums of products of outputs and of derivatives", arguments: SmallCase.all, [false, true])
  private func explicitJacobian(_ item: SmallCase, oneDataSet: Bool) throws {
    let x1 = item.inputs(FixtureInput.sine(item.shape1))
    let x2 = oneDataSet ? nil : item.inputs(FixtureInput.cosine(item.shape2))
    let parameters = try item.network.initialize(RandomKey(seed: 3), inputShape: item.shape1, dtype: .float64)
    let f = try Outputs(item, parameters, x1, key: item.key)
    let g = try x2.map { try Outputs(item, parameters, $0, key: item.key?.folding(in: 1)) } ?? f
    let (n, m, p) = (f.values.shape[0], g.values.shape[0], f.values.shape[1])
    let outputShape = try item.network.outputShape(forInput: item.shape1)
    let places = outputShape.indices
      .filter { $0 != item.axes.batch && $0 != (item.axes.channel < 0 ? outputShape.count - 1 : item.axes.channel) }
      .map { outputShape[$0] }
    for channels in [nil, 1] {
      let options = EmpiricalKernelOptions(axes: item.axes, tangentChannels: channels)
      let kernel = try empiricalKernel(
        of: item.network, at: parameters, x1, x2, key: item.key, maskConstant: item.maskConstant,
        options: options)
      #expect(kernel.nngp.shape == [n, m] + places + places)
      let covariances = products(f.values, g.values, channels: f.values.shape[2])
      #expect(distance(kernel.nngp, covariances) < 1e-12)
      let tangents = tangentProducts(f, g, channels: channels ?? f.values.shape[2])
      let largest = tangents.map { Swift.abs($0) }.max() ?? 0
      let ntk = try #require(kernel.ntk)
      #expect(ntk.shape == kernel.nngp.shape)
      #expect(distance(ntk, tangents) < 1e-7 * Swift.max(1, largest))

      var diagonal = options
      diagonal.positions = .diagonal
      let narrow = try empiricalKernel(
        of: item.network, at: parameters, x1, x2, key: item.key, maskConstant: item.maskConstant, options: diagonal)
      let pairs = Tensor.eye(p, dtype: .float64)
      func diagonalEntries(_ kernel: Tensor) -> Tensor {
        (kernel.reshaped([n, m, p, p]) * pairs).sum(axis: 3).reshaped([n, m] + places)
      }
      #expect(largestError(narrow.nngp, diagonalEntries(kernel.nngp), relativeTo: 1) < 1e-12)
      #expect(
        largestError(try #require(narrow.ntk), diagonalEntries(ntk), relativeTo: Swift.max(1, largest)) < 1e-12)

      let own = products(f.values, f.values, channels: f.values.shape[2])
      var blocks: [Double] = []
      for input in 0..<n {
        let start = (input * n + input) * p * p
        blocks += own[start..<start + p * p]
      }
      #expect(kernel.cov1.shape == [n] + places + places)
      #expect(distance(kernel.cov1, blocks) < 1e-12)
      #expect(narrow.cov1.shape == [n] + places)
      #expect((kernel.cov2 == nil) == oneDataSet && (kernel.cov2?.shape[0] ?? m) == m)
    }
  }

  private func distance(_ found: Tensor, _ expected: [Double]) -> Double {
    largestError(found, expected, scale: expected.map { _ in 1 })
  }

  @Test("without the tangent kernel nothing else changes", arguments: SmallCase.all)
  private func covarianceOnly(_ item: SmallCase) throws {
    let (x1, x2) = (FixtureInput.sine(item.shape1), FixtureInput.cosine(item.shape2))
    let parameters = try item.network.initialize(RandomKey(seed: 3), inputShape: item.shape1, dtype: .float64)
    let options = EmpiricalKernelOptions(axes: item.axes)
    let both = try empiricalKernel(of: item.network, at: parameters, x1, x2, key: item.key, options: options)
    let one = try empiricalKernel(
      of: item.network, at: parameters, x1, x2, key: item.key, kernels: .nngp, options: options)
    #expect(one.ntk == nil && both.ntk != nil)
    #expect(largestError(one.nngp, both.nngp, relativeTo: 1) < 1e-14)
    #expect(largestError(try #require(one.cov2), try #require(both.cov2), relativeTo: 1) < 1e-14)
  }

  @Test("equal data sets see the same random numbers")
  func equalDataSets() throws {
    let item = try #require(SmallCase.all.first { $0.name == "dropout" })
    let (x, copy) = (FixtureInput.sine(item.shape1), FixtureInput.sine(item.shape1) + 0)
    let parameters = try item.network.initialize(RandomKey(seed: 3), inputShape: item.shape1, dtype: .float64)
    let once = try empiricalKernel(of: item.network, at: parameters, x, key: item.key)
    let twice = try empiricalKernel(of: item.network, at: parameters, x, copy, key: item.key)
    #expect(twice.nngp.scalars(as: Double.self) == once.nngp.scalars(as: Double.self))
    #expect(once.cov2 == nil && twice.cov2?.scalars(as: Double.self) == once.cov1.scalars())
    let other = try empiricalKernel(of: item.network, at: parameters, x, copy + 1e-14, key: item.key)
    #expect(largestError(other.nngp, once.nngp, relativeTo: 1) > 1e-3)
  }

  @Test("mistakes are named")
  func mistakes() throws {
    let network = Serial {
      Dense(4); Dropout(keepRate: 0.5); Dense(2)
    }
    func message(_ x1: Tensor, _ x2: Tensor? = nil, axes: DataAxes = DataAxes(), key: RandomKey? = RandomKey(seed: 0))
      -> String?
    {
      (#expect(throws: NetworkError.self) {
        let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [1, 3])
        _ = try empiricalKernel(
          of: network, at: parameters, x1, x2, key: key, options: EmpiricalKernelOptions(axes: axes))
      })?.description
    }
    #expect(
      message(.ones([2, 3]), key: nil)
        == "serial[1].dropout: expected a random key for the training-time forward pass, found none")
    #expect(
      message(.ones([2, 4])) == "serial[0].dense: expected parameters of shapes [[4, 4]], found shapes [[3, 4]]")
    #expect(message(.ones([3])) == "x1: expected an input with a batch and a channel axis, found shape [3]")
    #expect(message(.ones([0, 3])) == "x1: expected at least one input, position and channel, found shape [0, 3]")
    #expect(
      message(.ones([2, 3]), .ones([2, 4]))
        == "x2: expected the shape [2, 3] of x1 but for the number of inputs, found [2, 4]")
    #expect(
      message(Tensor([0, 1, Float.nan], shape: [1, 3]))
        == "x1: expected finite numbers, found NaN or infinity at [0, 2]"
    )
    #expect(
      message(.ones([2, 3]), axes: DataAxes(batch: 2))
        == "batchAxis: expected an axis of an input with 2 axes, found 2")
    #expect(
      message(.ones([3, 3]), axes: DataAxes(batch: 1, channel: 0))
        == "batchAxis: expected the axis of the outputs that counts 3 inputs, found axis 1 of shape [3, 2]")
    let several = #expect(throws: NetworkError.self) { try empiricalKernel(of: FanOut(2), at: .none, .ones([2, 3])) }
    #expect(several?.description.hasPrefix("expected a network with one output") == true)
  }
}
