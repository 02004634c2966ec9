import NeuralTangents
import Tensors
import Testing

@Suite("Fits by marginal likelihood")
struct EvidenceFitTests {
  let x = gaussianInputs([60, 3], seed: 1)

  private func network(_ weightStd: Double, _ biasStd: Double?) -> Serial {
    Serial {
      Dense(16, weightStd: weightStd, biasStd: biasStd)
      Erf()
      Dense(1, weightStd: weightStd)
    }
  }

  /// Targets drawn from a network's prior, with noise.
  private func targets(_ network: Serial, noise: Double, outputs: Int) throws -> Tensor {
    let covariance = try network.nngp(x) + Tensor.eye(60, dtype: .float64) * noise
    return matmul(try cholesky(covariance), gaussianInputs([60, outputs], seed: 2))
  }

  @Test("the likelihood as a function of tensors is that of the Gaussian process")
  func likelihood() throws {
    let network = network(1.3, 0.4)
    let y = try targets(network, noise: 0.1, outputs: 3)
    let kernel = try network.nngp(x)
    let process = try GaussianProcess(kTrainTrain: kernel, yTrain: y, regularizer: .absolute(0.2))
    let expected = try process.logMarginalLikelihood().total
    let found = try logMarginalLikelihood(kernel, y, noiseVariance: Tensor(0.2)).scalar(as: Double.self)
    #expect(abs(found - expected) < 1e-11 * abs(expected))
  }

  @Test("its derivatives in the noise and in every standard deviation agree with central differences to 1e-6")
  func slopes() throws {
    let network = network(1.3, 0.4)
    let y = try targets(network, noise: 0.1, outputs: 2)
    let constants = network.hyperParameters
    for kernel in [KernelSet.nngp, .ntk] {
      func evidence(_ constants: HyperParameters, _ noise: Tensor) throws -> Tensor {
        let kernels = try network.kernel(x, hyperParameters: constants)
        return try logMarginalLikelihood(
          kernel == .ntk ? try #require(kernels.ntk) : kernels.nngp, y, noiseVariance: noise)
      }
      let noise = Tensor(0.2)
      #expect(try largestDerivativeError({ try evidence(constants, $0) }, at: noise, along: Tensor(1.0)) < 1e-6)
      for (index, entry) in constants.entries.enumerated() {
        let error = try largestDerivativeError(
          { value in
            var leaves = constants.leaves
            leaves[index] = value
            return try evidence(constants.replacingLeaves(leaves), noise)
          }, at: entry.value, along: Tensor(1.0))
        #expect(error < 1e-6, "\(entry.path)")
      }
    }
  }

  @Test("a fit finds more likelihood than the truth has, and noise near the true one")
  func truth() throws {
    let truth = network(1.5, 0.5)
    let y = try targets(truth, noise: 0.05, outputs: 8)
    let atTruth = try logMarginalLikelihood(truth.nngp(x), y, noiseVariance: Tensor(0.05)).scalar(as: Double.self)
    let found = try fit(network(0.7, 0.1), x, y, options: EvidenceFitOptions(priorWidth: nil))
    #expect(found.isConverged)
    #expect(found.logMarginalLikelihood.after > atTruth)
    #expect(found.logMarginalLikelihood.before < atTruth)
    #expect(found.noiseVariance > 0.03 && found.noiseVariance < 0.08)
    let again = try logMarginalLikelihood(found.network.nngp(x), y, noiseVariance: Tensor(found.noiseVariance))
    #expect(abs(again.scalar(as: Double.self) - found.logMarginalLikelihood.after) < 1e-7)
  }

  @Test("no derivative is left at the fitted values")
  func stationary() throws {
    let y = try targets(network(1.5, 0.5), noise: 0.05, outputs: 4)
    let found = try fit(network(0.7, 0.1), x, y, options: EvidenceFitOptions(priorWidth: nil))
    let network = found.network
    let slopes = try gradient(
      of: { (constants: HyperParameters, noise: Tensor) in
        try logMarginalLikelihood(
          network.kernel(x, hyperParameters: constants, kernels: .nngp).nngp, y, noiseVariance: noise)
      })(network.hyperParameters, Tensor(found.noiseVariance))
    for (entry, slope) in zip(network.hyperParameters.entries, slopes.entries) where entry.kind == .standardDeviation {
      let perLogarithm = entry.value.scalar(as: Double.self) * slope.value.scalar(as: Double.self)
      #expect(abs(perLogarithm) / Double(y.count) < 1e-3, "\(entry.path)")
    }
  }

  @Test("a missing bias stays missing, activation constants stay, and tied layers keep their ratios")
  func structure() throws {
    let y = try targets(network(1.5, 0.5), noise: 0.05, outputs: 1)
    let unbiased = Serial {
      Dense(16, weightStd: 1)
      Erf(b: 0.8)
      Dense(1, weightStd: 0.5)
    }
    let found = try fit(unbiased, x, y, options: EvidenceFitOptions(isTied: true)).network.hyperParameters
    #expect(found.paths == unbiased.hyperParameters.paths)
    let values = found.leaves.map { $0.scalar(as: Double.self) }
    #expect(values[0] != 1 && abs(values[0] - 2 * values[4]) < 1e-12)
    #expect(Array(values[1...3]) == [1, 0.8, 0])
  }

  @Test("the prior decides what the likelihood leaves open: a product of weights is shared evenly")
  func prior() throws {
    let network = Serial {
      Dense(16, weightStd: 1)
      Relu()
      Dense(1, weightStd: 2)
    }
    let y = try targets(self.network(1.5, 0.5), noise: 0.05, outputs: 1) * 30
    let values = try fit(network, x, y).network.hyperParameters.leaves.map { $0.scalar(as: Double.self) }
    let first = values[0]
    let last = values[values.count - 1]
    #expect(first > 2 && abs(last - 2 * first) < 1e-3 * last)
  }

  @Test("the NTK's likelihood grows too, and restarts never make a fit worse")
  func options() throws {
    let y = try targets(network(1.5, 0.5), noise: 0.05, outputs: 1)
    let once = try fit(network(0.7, 0.1), x, y, options: EvidenceFitOptions(kernel: .ntk))
    #expect(once.logMarginalLikelihood.after > once.logMarginalLikelihood.before)
    let thrice = try fit(network(0.7, 0.1), x, y, options: EvidenceFitOptions(kernel: .ntk, restarts: 2))
    #expect(thrice.logMarginalLikelihood.after >= once.logMarginalLikelihood.after)
  }

  @Test("data that do not fit are errors that say so")
  func errors() {
    let network = network(1, nil)
    let error = #expect(throws: PredictionError.self) { try fit(network, x, Tensor.zeros([7, 1], dtype: .float64)) }
    #expect(error?.description.contains("targets") == true)
    let nan = Tensor([Double](repeating: .nan, count: 60), shape: [60, 1])
    #expect(throws: PredictionError.self) { try fit(network, x, nan) }
    #expect(throws: NetworkError.self) { try fit(Serial { Relu() }, x, Tensor.zeros([60, 1], dtype: .float64)) }
    let twice = Tensor.zeros([60, 3], dtype: .float64) + 1
    let flat = #expect(throws: PredictionError.self) {
      try fit(
        network, twice, Tensor.ones([60, 1], dtype: .float64), options: EvidenceFitOptions(initialNoiseVariance: 1e-300)
      )
    }
    #expect(flat?.description.contains("positive definite") == true)
  }

  @Test("scales of inputs tell those that matter from those that do not, and channels with one number share one")
  func inputScales() throws {
    // Of three inputs the second says nothing; the third is a hundred times too small.
    let y = sin(2 * x[.all, 0..<1]) + sin(2 * x[.all, 2..<3]) + 0.1 * gaussianInputs([60, 1], seed: 4)
    let stretched = x * Tensor([1.0, 1, 0.01])
    let network = network(1.5, 0.3)
    let fitted = try fit(
      network, stretched, y, options: EvidenceFitOptions(isTied: true, inputGroups: [0, 1, 2], priorWidth: 10))
    #expect(fitted.inputScales.count == 3)
    #expect(fitted.inputScales[1] < 0.1 * fitted.inputScales[0])
    #expect(fitted.inputScales[2] > 10 * fitted.inputScales[0])
    let plain = try fit(network, stretched, y, options: EvidenceFitOptions(isTied: true))
    #expect(plain.inputScales.isEmpty)
    #expect(fitted.logMarginalLikelihood.after > plain.logMarginalLikelihood.after + 10)
    #expect(fitted.logMarginalLikelihood.before == plain.logMarginalLikelihood.before)
    // The likelihood is that of the network on the scaled inputs.
    let kernel = try fitted.network.nngp(stretched * Tensor(fitted.inputScales))
    let again = try logMarginalLikelihood(kernel, y, noiseVariance: Tensor(fitted.noiseVariance))
    #expect(abs(again.scalar(as: Double.self) - fitted.logMarginalLikelihood.after) < 1e-8 * 60)
    let shared = try fit(
      network, stretched, y, options: EvidenceFitOptions(isTied: true, inputGroups: [0, 1, 0]))
    #expect(shared.inputScales.count == 2)
  }

  @Test("numbers of input scales that make no sense are errors", arguments: [[], [0, 2, 1, 4], [0, 1], [-1, 0, 1]])
  func inputGroups(_ groups: [Int]) throws {
    #expect(throws: PredictionError.self) {
      try fit(network(1, nil), x, x[.all, 0..<1], options: EvidenceFitOptions(inputGroups: groups))
    }
  }
}
