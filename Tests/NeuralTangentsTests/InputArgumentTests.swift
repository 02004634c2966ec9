import NeuralTangents
import Synchronization
import Tensors
import Testing

@Suite("Ensembles whose data sets have arguments of their own")
struct InputArgumentTests {
  private static let graphs = Serial {
    Aggregate(axes: [1])
    Dense(1, weightStd: 1.3, biasStd: 0.2)
    Relu()
    GlobalAvgPool()
    Dense(1)
  }
  private static let pooled = Serial {
    Dense(1, weightStd: 1.3, biasStd: 0.2)
    Relu()
    GlobalAvgPool()
    Dense(1)
  }
  private let x = RandomKey(seed: 1).normal([7, 4, 3], dtype: .float64)
  private let xTest = RandomKey(seed: 2).normal([5, 4, 3], dtype: .float64)
  private let y = RandomKey(seed: 3).normal([7, 1], dtype: .float64)
  private let graph = (RandomKey(seed: 4).uniform([7, 4, 4], dtype: .float64) .> 0.5).asType(.float64)
  private let testGraph = (RandomKey(seed: 5).uniform([5, 4, 4], dtype: .float64) .> 0.5).asType(.float64)

  private func difference(_ a: Tensor?, _ b: Tensor?) -> Double {
    guard let a, let b, a.shape == b.shape else { return .infinity }
    return zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).map { abs($0 - $1) }.max() ?? 0
  }

  private func message(_ body: () throws -> Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func pair(_ kernel: Kernel) -> KernelPair { KernelPair(nngp: kernel.nngp, ntk: kernel.ntk) }

  @Test("train and test points have graphs of their own")
  func patterns() throws {
    let network = Self.graphs
    let ensemble = try GradientFlowEnsemble(
      network, x, y, arguments: InputArguments(patterns: graph), diagonalRegularizer: 1e-2)
    let expected = try KernelEnsemble(
      trainTrain: pair(network.kernel(x, patterns: GraphPatterns(graph))), yTrain: y, diagonalRegularizer: 1e-2
    ).predict(
      testTrain: pair(network.kernel(xTest, x, patterns: GraphPatterns(testGraph, graph))),
      testTest: pair(network.kernel(xTest, patterns: GraphPatterns(testGraph))), kinds: [.ntk, .ntkGaussianProcess],
      time: [2, .infinity])
    for form in [CovarianceForm.none, .diagonal, .full] {
      let found = try ensemble.predict(
        xTest, arguments: InputArguments(patterns: testGraph), kinds: [.ntk, .ntkGaussianProcess],
        time: [2, .infinity],
        covariance: form)
      for (a, b) in zip(found, expected) {
        #expect(difference(a.mean, b.mean) < 1e-12)
        if form != .none { #expect(difference(a.variance, b.variance) < 1e-12) }
      }
    }
    // A Gaussian process has them in its jobs.
    let process = try GaussianProcess(GramJob(network, x, patterns: GraphPatterns(graph)), y, regularizer: 1e-2)
    let posterior = try process.predict(GramJob(network, xTest, x, patterns: GraphPatterns(testGraph, graph)))
    let same = try ensemble.predict(xTest, arguments: InputArguments(patterns: testGraph), kernel: .nngp)
    #expect(difference(posterior.mean, same.mean) < 1e-12 && difference(posterior.variance, same.variance) < 1e-12)

    #expect(
      message { try ensemble.predict(xTest) }
        == "patterns of xTest is missing, and a kernel with xTrain, which has graphs, needs it")
    #expect(
      message { try ensemble.predict(xTest, arguments: InputArguments(patterns: graph)) }.contains(
        "patterns of xTest: expected one graph for each of 5 inputs"))
    #expect(
      message { try GradientFlowEnsemble(network, x, y, arguments: InputArguments(patterns: testGraph)) }.contains(
        "patterns of xTrain: expected one graph for each of 7 inputs"))
  }

  @Test("either data set may have numbers missing, and two marks for them are an error that names both")
  func masks() throws {
    let network = Self.pooled
    let hole = Tensor((0..<5 * 4).map { $0 % 4 == 3 ? Double.nan : 0 }, shape: [5, 4, 1])
    let masked = xTest + hole
    let plain = try GradientFlowEnsemble(network, x, y, diagonalRegularizer: 1e-2)
    let expected = try KernelEnsemble(
      trainTrain: pair(network.kernel(x)), yTrain: y, diagonalRegularizer: 1e-2
    ).predict(
      testTrain: pair(network.kernel(masked, x, maskConstant: .nan)),
      testTest: pair(network.kernel(masked, maskConstant: .nan)))
    let found = try plain.predict(masked, arguments: InputArguments(maskConstant: .nan))
    #expect(difference(found.mean, expected.mean) < 1e-12 && difference(found.covariance, expected.covariance) < 1e-12)
    // What the training set says holds for test points, too.
    let both = try GradientFlowEnsemble(
      network, x, y, arguments: InputArguments(maskConstant: .nan), diagonalRegularizer: 1e-2)
    #expect(difference(try both.predict(masked).mean, expected.mean) < 1e-12)
    #expect(
      message { try both.predict(masked, arguments: InputArguments(maskConstant: -1)) }
        == "maskConstant: expected the same number for xTrain and xTest, found nan for xTrain and -1.0 for xTest")
    let number = x[0, 0, 0].scalar(as: Double.self)
    #expect(
      message { try plain.predict(xTest, arguments: InputArguments(maskConstant: number)) }.contains(
        "found none for xTrain and \(number) for xTest"))
  }

  @Test("a kernel function is given the arguments of both data sets")
  func functions() throws {
    let seen = Mutex<[(RandomKey?, RandomKey?)]>([])
    let (a, b) = (RandomKey(seed: 10), RandomKey(seed: 11))
    let ensemble = try GradientFlowEnsemble(
      argumentKernel: { x1, x2, arguments1, arguments2 in
        seen.withLock { $0.append((arguments1.key, arguments2.key)) }
        let kernel = try Self.pooled.kernel(x1, x2)
        return (kernel.nngp, kernel.ntk)
      }, x, y, arguments: InputArguments(key: a), diagonalRegularizer: 1e-2)
    _ = try ensemble.predict(xTest, arguments: InputArguments(key: b))
    let keys = seen.withLock { $0 }
    #expect(keys.map(\.0) == [a, b, b] && keys.map(\.1) == [a, a, b])
    #expect(
      message { try GradientFlowEnsemble(Self.pooled, x, y, arguments: InputArguments(key: a)) }.contains("no key"))
  }
}
