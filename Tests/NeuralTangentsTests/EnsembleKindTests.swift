import Foundation
import NeuralTangents
import Synchronization
import Tensors
import Testing

@Suite("Ensembles by one formula")
struct EnsembleKindTests {
  typealias Oracle = PredictionOracle

  private static let kinds: [EnsembleKind] = [
    .ntk, .nngp, .noisyTargets, .ntkGaussianProcess, .randomizedPriors(),
    .randomizedPriors(scale: 0.5, targetNoise: .none),
    EnsembleKind(initial: .ntk), EnsembleKind(trained: .readout, targetNoise: .variance(0.3)),
    EnsembleKind(trained: .readout, initial: .ntk),
  ]

  private func difference(_ a: Tensor?, _ b: Tensor?) -> Double {
    guard let a, let b, a.shape == b.shape else { return .infinity }
    return zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).map { abs($0 - $1) }.max() ?? 0
  }

  @Test("variances are the known ones of a toy problem")
  func goldens() throws {
    let ensemble = try GradientFlowEnsemble(
      ToyProblem.network, ToyProblem.x, ToyProblem.y, diagonalRegularizer: .absolute(ToyProblem.noiseVariance))
    let expected: [(EnsembleKind, [Double])] = [
      (.ntk, [0.0311320723, 0.0306665638]), (.noisyTargets, [0.0829020670, 0.1017476054]),
      (.ntkGaussianProcess, [0.2758038603, 0.3416502889]), (.nngp, [0.0798086429, 0.1006595655]),
      (EnsembleKind(initial: .ntk), [0.2240338656, 0.2705692473]),
      (.randomizedPriors(), [0.1140341393, 0.1324141693]),
    ]
    let found = try ensemble.predict(ToyProblem.xTest, kinds: expected.map(\.0))
    let diagonal = try ensemble.predict(ToyProblem.xTest, kinds: expected.map(\.0), covariance: .diagonal)
    for (index, (kind, variances)) in expected.enumerated() {
      #expect(difference(found[index].variance, Tensor(variances)) < 1e-9, "\(kind)")
      #expect(difference(diagonal[index].variance, Tensor(variances)) < 1e-9, "\(kind)")
    }
    let means = [[-0.1372285026, 0.5424354006], [-0.0220509168, 0.5556161677]]
    #expect(difference(found[0].mean.reshaped([2]), Tensor(means[0])) < 1e-9)
    #expect(difference(found[3].mean.reshaped([2]), Tensor(means[1])) < 1e-9)
  }

  // MARK: - From matrices

  private let train = Oracle.points(8, phase: 0.2)
  private let test = Oracle.points(3, phase: 1.1)
  private let y = Oracle.tensor(Oracle.targets(8, outputs: 2))

  private static func prior(_ a: [Double], _ b: [Double]) -> Double { 0.7 * cos(a[0] - b[0]) + 0.2 * cos(a[1] - b[1]) }

  private func kernels(_ a: Oracle.Matrix, _ b: Oracle.Matrix, prior: Bool = true) -> KernelPair {
    let pair = Oracle.pair(a, b)
    return KernelPair(
      nngp: pair.nngp, ntk: pair.ntk, prior: prior ? Oracle.tensor(Oracle.matrix(Self.prior, a, b)) : nil)
  }

  private func ensemble(_ dynamics: TrainingDynamics = .flow, prior: Bool = true) throws -> KernelEnsemble {
    try KernelEnsemble(
      trainTrain: kernels(train, train, prior: prior), yTrain: y, learningRate: 0.6, dynamics: dynamics,
      diagonalRegularizer: .absolute(0.2))
  }

  @Test(
    "mean and covariance are those of sampled members, each trained by itself, within standard errors",
    arguments: [TrainingDynamics.flow, .steps(momentum: 0.5)], [3, Double.infinity])
  func sampled(_ dynamics: TrainingDynamics, _ time: Double) throws {
    let samples = 20_000
    let all = train + test
    let found = try ensemble(dynamics).predict(
      testTrain: kernels(test, train), testTest: kernels(test, test), kinds: Self.kinds, time: TrainingTime(time))
    var normals = Oracle.Normals(seed: 11)
    func drawn(_ covariance: Tensor) throws -> Tensor {
      let size = covariance.shape[0]
      let draws = Tensor((0..<size * samples).map { _ in normals.next() }, shape: [size, samples])
      return matmul(try cholesky(covariance + 1e-12 * Tensor.eye(size, dtype: .float64)), draws)
    }
    for (index, kind) in Self.kinds.enumerated() {
      let joint = kernels(all, all)
      let (nngp, ntk) = (try #require(joint.nngp), try #require(joint.ntk))
      let start =
        switch kind.initial {
        case .nngp: nngp
        case .ntk: ntk
        case .withPrior(let scale): try nngp + #require(joint.prior) * (scale * scale)
        }
      let initial = try drawn(start)
      let noise =
        switch kind.targetNoise {
        case .none: 0.0
        case .regularizer: 0.2
        case .variance(let variance): variance
        }
      let targets = y[.all, 0..<1] + (try drawn(Tensor.eye(8, dtype: .float64))) * noise.squareRoot()
      let pair = kernels(train, train)
      let trained = try #require(kind.trained == .all ? pair.ntk : pair.nngp)
      let between = try #require(kind.trained == .all ? kernels(test, train).ntk : kernels(test, train).nngp)
      // Columns are members; the rate makes up for their number in the mean.
      let flow = try GradientFlow(
        kTrainTrain: trained, yTrain: targets, learningRate: 0.6 * Double(samples) / 2, dynamics: dynamics,
        regularizer: .absolute(0.2))
      let outputs = try flow.testOutputs(
        at: TrainingTime(time), kTestTrain: between, initialTrain: initial[0..<8], initialTest: initial[8..<11])
      let count = Double(samples)
      let covariance = try #require(found[index].covariance)
      let deviations = outputs - found[index].mean[.all, 0..<1]
      for i in 0..<3 {
        let variance = covariance[i, i].scalar(as: Double.self)
        #expect(abs(deviations[i].mean().scalar(as: Double.self)) < 4.5 * (variance / count).squareRoot(), "\(kind)")
        for j in 0...i {
          let expected = covariance[i, j].scalar(as: Double.self)
          let other = covariance[j, j].scalar(as: Double.self)
          // Of a product of Gaussian variables.
          let error = ((variance * other + expected * expected) / count).squareRoot()
          #expect(
            abs((deviations[i] * deviations[j]).mean().scalar(as: Double.self) - expected) < 4.5 * error,
            "\(kind) \(i) \(j)")
        }
      }
    }
  }

  @Test(
    "several kinds in one call are those of several calls", arguments: [TrainingTime([0, 2, 50]), [1, .infinity]])
  func together(_ time: TrainingTime) throws {
    for dynamics in [TrainingDynamics.flow, .momentumFlow(momentum: 0.4), .steps(momentum: 0.3, isNesterov: true)] {
      let (one, other) = (try ensemble(dynamics), try ensemble(dynamics))
      let (testTrain, testTest) = (kernels(test, train), kernels(test, test))
      let found = try one.predict(testTrain: testTrain, testTest: testTest, kinds: Self.kinds, time: time)
      let atTrain = try one.predictTrain(kinds: Self.kinds, time: time)
      for (index, kind) in Self.kinds.enumerated() {
        let alone = try other.predict(testTrain: testTrain, testTest: testTest, kernel: kind, time: time)
        #expect(
          difference(found[index].mean, alone.mean) == 0 && difference(found[index].covariance, alone.covariance) == 0)
        let aloneAtTrain = try other.predictTrain(kernel: kind, time: time)
        #expect(difference(atTrain[index].covariance, aloneAtTrain.covariance) == 0)
      }
    }
  }

  @Test("special cases of the formula are each other")
  func degenerate() throws {
    let times = TrainingTime([0, 1, 30, .infinity])
    let (testTrain, testTest) = (kernels(test, train), kernels(test, test))
    let pairs: [(EnsembleKind, EnsembleKind)] = [
      // The posterior's own formula, and that of all ensembles.
      (.nngp, EnsembleKind(trained: .readout, targetNoise: .variance(0.2))),
      (.ntkGaussianProcess, EnsembleKind(initial: .ntk, targetNoise: .variance(0.2))),
      (.noisyTargets, EnsembleKind(targetNoise: .variance(0.2))),
      (.noisyTargets, .randomizedPriors(scale: 0)),
      (.ntk, EnsembleKind(targetNoise: .variance(0))),
    ]
    for dynamics in [TrainingDynamics.flow, .momentumFlow(momentum: 0.4)] {
      let ensemble = try ensemble(dynamics)
      for (a, b) in pairs {
        let found = try ensemble.predict(testTrain: testTrain, testTest: testTest, kinds: [a, b], time: times)
        #expect(difference(found[0].mean, found[1].mean) < 1e-12)
        #expect(difference(found[0].covariance, found[1].covariance) < 1e-11, "\(a) \(b)")
        let atTrain = try ensemble.predictTrain(kinds: [a, b], time: times)
        #expect(difference(atTrain[0].covariance, atTrain[1].covariance) < 1e-11, "\(a) \(b)")
      }
    }
    // Before training, the covariance is the initial one; K_prior is K where none is given.
    let without = try ensemble(prior: false)
    let start = try without.predict(
      testTrain: kernels(test, train, prior: false), testTest: kernels(test, test, prior: false),
      kernel: .randomizedPriors(scale: 2), time: 0)
    #expect(difference(start.covariance, Oracle.pair(test, test).nngp * 5) < 1e-12)
  }

  @Test("a Gaussian process with the NTK is more cautious than a deep ensemble, which a wide prior makes cautious, too")
  func ordering() throws {
    // Θ − K is positive semidefinite for the kernels of a network.
    let ensemble = try GradientFlowEnsemble(
      ToyProblem.network, ToyProblem.x, ToyProblem.y, diagonalRegularizer: .absolute(ToyProblem.noiseVariance))
    let found = try ensemble.predict(
      ToyProblem.xTest, kinds: [.ntk, .noisyTargets, .ntkGaussianProcess, .randomizedPriors(scale: 3)],
      time: [5, .infinity])
    for (smaller, larger) in [(0, 1), (1, 2), (1, 3)] {
      let gap = try #require(found[larger].covariance) - #require(found[smaller].covariance)
      for time in 0..<2 {
        #expect(try eigenvaluesSymmetric(gap[time]).min().scalar(as: Double.self) > -1e-12)
      }
    }
  }

  @Test("kernels are computed once for all kinds, and a prior may be another network's")
  func network() throws {
    let calls = Mutex(0)
    let ensemble = try GradientFlowEnsemble(
      kernel: { x1, x2 in
        calls.withLock { $0 += 1 }
        let kernel = try ToyProblem.network.kernel(x1, x2)
        return (kernel.nngp, kernel.ntk)
      }, ToyProblem.x, ToyProblem.y, diagonalRegularizer: 0.1)
    _ = try ensemble.predict(ToyProblem.xTest, kinds: [.nngp, .ntk, .ntkGaussianProcess, .randomizedPriors()])
    // Train and train, test and train, test and test.
    #expect(calls.withLock { $0 } == 3)

    let prior = Serial {
      Dense(1)
      Erf()
      Dense(1, biasStd: 1)
    }
    let withPrior = try GradientFlowEnsemble(
      ToyProblem.network, ToyProblem.x, ToyProblem.y, prior: prior, diagonalRegularizer: 0.1)
    func pair(_ x1: Tensor, _ x2: Tensor?) throws -> KernelPair {
      let kernel = try ToyProblem.network.kernel(x1, x2)
      return KernelPair(nngp: kernel.nngp, ntk: kernel.ntk, prior: try prior.nngp(x1, x2))
    }
    let expected = try KernelEnsemble(
      trainTrain: pair(ToyProblem.x, nil), yTrain: ToyProblem.y, diagonalRegularizer: 0.1
    ).predict(
      testTrain: pair(ToyProblem.xTest, ToyProblem.x), testTest: pair(ToyProblem.xTest, nil),
      kernel: .randomizedPriors(),
      time: [3, .infinity])
    for form in [CovarianceForm.diagonal, .full] {
      let found = try withPrior.predict(
        ToyProblem.xTest, kernel: .randomizedPriors(), time: [3, .infinity], covariance: form)
      #expect(difference(found.variance, expected.variance) < 1e-12)
    }
  }

  @Test("what is missing or makes no sense is named")
  func mistakes() throws {
    func message(_ body: () throws -> Any) -> String {
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    let ensemble = try ensemble()
    func predict(_ kind: EnsembleKind, _ testTrain: KernelPair, _ testTest: KernelPair) -> String {
      message { try ensemble.predict(testTrain: testTrain, testTest: testTest, kernel: kind) }
    }
    let (testTrain, testTest) = (kernels(test, train), kernels(test, test))
    #expect(predict(EnsembleKind(targetNoise: .variance(-1)), testTrain, testTest).contains("target noise"))
    #expect(predict(.randomizedPriors(scale: .nan), testTrain, testTest).contains("scale of the prior"))
    #expect(
      predict(.randomizedPriors(), kernels(test, train, prior: false), testTest)
        == "the test-train prior is missing, and the covariance of kernel \(EnsembleKind.randomizedPriors()) needs it")
    #expect(
      predict(EnsembleKind(initial: .ntk), testTrain, KernelPair(nngp: testTest.nngp)).contains("the test-test NTK"))
    #expect(predict(.ntk, KernelPair(ntk: testTrain.ntk), testTest).contains("the test-train NNGP is missing"))
    let narrow = try KernelEnsemble(trainTrain: KernelPair(nngp: kernels(train, train).nngp), yTrain: y)
    #expect(message { try narrow.predictTrain(kernel: .ntk) }.contains("the train-train NTK is missing"))
    #expect(
      "\(EnsembleKind.nngp)" == "nngp" && "\(EnsembleKind(initial: .ntk))".contains("from the NTK, no target noise"))
  }
}
