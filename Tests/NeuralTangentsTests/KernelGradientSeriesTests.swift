import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Gradients of kernels of activations that are series")
struct KernelGradientSeriesTests {
  struct Smooth: Sendable, CustomTestStringConvertible {
    let activation: any Layer
    var testDescription: String { "\(activation)" }
  }

  static let smooth: [Smooth] = ([Tanh(), Sigmoid(), Softplus(), Softplus(beta: 2.5), Silu(), Mish()] as [any Layer])
    .map {
      Smooth(activation: $0)
    }

  /// Rows of given mean squares.
  private static func rows(_ variances: [Double], seed: Int) -> Tensor {
    let x = gaussianInputs([variances.count, 3], seed: seed)
    let lengths = (x * x).mean(axis: 1, keepDims: true)
    return x / sqrt(lengths) * sqrt(Tensor(variances, shape: [variances.count, 1]))
  }

  /// Inputs of variances from 1e-2 to 1e2, and others that lie in all directions from them, along and against them included.
  static let x1 = rows([1e-2, 0.3, 1, 4, 25, 100], seed: 11)
  static let x2: Tensor = {
    let scales = Tensor([1, -1, 3, 1.0001, -0.02], shape: [5, 1])
    return concatenate([x1[0..<5] * scales, rows([9], seed: 12), x1[5..<6] + 1e-3], axis: 0)
  }()

  private static func network(_ activation: any Layer) -> Serial {
    Serial {
      for layer in 0..<2 {
        Dense(8, weightStd: layer == 0 ? 1 : 1.6, biasStd: layer == 0 ? 0 : 0.3)
        activation
      }
      Dense(1, weightStd: 1.1, biasStd: 0.2)
    }
  }

  private static func cotangents(_ n1: Int, _ n2: Int, dtype: DType = .float64) -> KernelCotangents {
    KernelCotangents(
      nngp: gaussianInputs([n1, n2], seed: 3, dtype: dtype), ntk: gaussianInputs([n1, n2], seed: 4, dtype: dtype),
      cov1: gaussianInputs([n1], seed: 5, dtype: dtype), cov2: gaussianInputs([n2], seed: 6, dtype: dtype))
  }

  private static func largest(_ x: Tensor) -> Double { abs(x.asType(.float64)).max().scalar(as: Double.self) }

  /// Errors row by row, relative to the largest entry of the row: rows of small inputs have large gradients.
  private static func error(_ found: Branches<Tensor>?, _ expected: Branches<Tensor>?) throws -> Double {
    let (found, expected) = (try #require(found).leaves[0].asType(.float64), try #require(expected).leaves[0])
    return (0..<expected.shape[0]).map { row in
      largest(found[row] - expected[row]) / max(largest(expected[row]), 1e-3 * largest(expected))
    }.max() ?? .infinity
  }

  @Test("rows and back equal tensor operations at all variances and correlations", arguments: smooth)
  func rows(_ sample: Smooth) throws {
    let network = Self.network(sample.activation)
    let cotangents = Self.cotangents(Self.x1.shape[0], Self.x2.shape[0])
    let found = try network.kernelGradient(Self.x1, Self.x2, cotangents: cotangents)
    let expected = try network.kernelGradient(
      Self.x1, Self.x2, cotangents: cotangents, options: KernelGradientTests.reference)
    #expect(found.executor == "rows")
    #expect(try Self.error(found.x1, expected.x1) < 1e-9)
    #expect(try Self.error(found.x2, expected.x2) < 1e-9)
  }

  @Test("one data set meets itself")
  func oneDataSet() throws {
    let network = Self.network(Softplus())
    let x = Self.x2
    let both = Self.cotangents(x.shape[0], x.shape[0])
    let cotangents = KernelCotangents(nngp: both.nngp, ntk: both.ntk, cov1: both.cov1)
    let found = try network.kernelGradient(x, cotangents: cotangents)
    let expected = try network.kernelGradient(x, cotangents: cotangents, options: KernelGradientTests.reference)
    #expect(found.executor == "rows")
    #expect(try Self.error(found.x1, expected.x1) < 1e-9)
  }

  @Test("rows and back are what differences of kernels say", arguments: smooth)
  func differences(_ sample: Smooth) throws {
    let network = Self.network(sample.activation)
    let (x1, x2) = (Self.x1, Self.x2)
    let given = Self.cotangents(x1.shape[0], x2.shape[0])
    let (nngp, ntk) = (try #require(given.nngp), try #require(given.ntk))
    let found = try network.kernelGradient(x1, x2, cotangents: KernelCotangents(nngp: nngp, ntk: ntk))
    // Steps of a part of the length of each row.
    let lengths = sqrt((x1 * x1).mean(axis: 1, keepDims: true))
    let direction = gaussianInputs(x1.shape, seed: 8) * lengths
    func loss(_ step: Double) throws -> Double {
      let kernel = try network.kernel(x1 + direction * step, x2)
      let theta = try #require(kernel.ntk)
      return (kernel.nngp * nngp + theta * ntk).sum().scalar(as: Double.self)
    }
    let h = 6e-4
    let difference = (8 * (try loss(h) - loss(-h)) - (try loss(2 * h) - loss(-2 * h))) / (12 * h)
    let products = found.x1.leaves[0] * direction
    let size = abs(products).sum().scalar(as: Double.self)
    #expect(abs(products.sum().scalar(as: Double.self) - difference) < 1e-7 * size)
  }

  @Test("slices and back equal tensor operations")
  func slices() throws {
    for (activation, network) in [
      ("tanh", Self.images(Tanh())), ("softplus", Self.images(Softplus())), ("mish", Self.images(Mish())),
    ] {
      let (x1, x2) = (gaussianInputs([2, 3, 4, 2], seed: 21), gaussianInputs([2, 3, 4, 2], seed: 22))
      let cotangents = Self.cotangents(2, 2)
      let found = try network.kernelGradient(x1, x2, cotangents: cotangents)
      let expected = try network.kernelGradient(
        x1, x2, cotangents: cotangents, options: KernelGradientTests.reference)
      #expect(found.executor == "slices", "\(activation)")
      #expect(
        largestError(found.x1.leaves[0], expected.x1.leaves[0], relativeTo: Self.largest(expected.x1.leaves[0])) < 1e-9,
        "\(activation)")
    }
  }

  private static func images(_ activation: any Layer) -> Serial {
    Serial {
      Conv(8, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.2)
      activation
      Conv(8, window: [2, 2], weightStd: 1.3, biasStd: 0.2)
      activation
      GlobalAvgPool()
      Dense(1)
    }
  }

  @Test("float32 has the gradients of float64", arguments: smooth)
  func float32(_ sample: Smooth) throws {
    let network = Self.network(sample.activation)
    let cotangents = Self.cotangents(Self.x1.shape[0], Self.x2.shape[0], dtype: .float32)
    let (x1, x2) = (Self.x1.asType(.float32), Self.x2.asType(.float32))
    let found = try network.kernelGradient(x1, x2, cotangents: cotangents)
    var options = KernelOptions()
    options.precision = .float64
    let expected = try network.kernelGradient(x1, x2, cotangents: cotangents, options: options)
    #expect(found.executor == "rows" && expected.executor == "rows")
    #expect(try Self.error(found.x1, expected.x1) < 2e-5)
  }

  @Test("inputs that are zero have finite gradients", arguments: smooth)
  func zero(_ sample: Smooth) throws {
    let network = Self.network(sample.activation)
    let x = concatenate([Self.x1, Tensor.zeros([1, 3], dtype: .float64), Self.x1[0..<1] * 1e-12], axis: 0)
    let both = Self.cotangents(x.shape[0], x.shape[0])
    let gradient = try network.kernelGradient(x, cotangents: KernelCotangents(nngp: both.nngp, ntk: both.ntk))
    #expect(gradient.executor == "rows")
    #expect(isFinite(gradient.x1.leaves[0]).all().scalar(as: Bool.self))
  }

  @Test("functions with kinks are left to tensor operations")
  func kinks() throws {
    for activation in [Softsign(), HardTanh(), Elu()] as [any Layer] {
      let x = gaussianInputs([2, 3], seed: 1)
      let network = Self.network(activation)
      let gradient = try network.kernelGradient(x, cotangents: KernelCotangents(nngp: .ones([2, 2], dtype: .float64)))
      #expect(gradient.executor == "reference")
      #expect(gradient.reason?.contains("derivatives") ?? false)
    }
  }
}
