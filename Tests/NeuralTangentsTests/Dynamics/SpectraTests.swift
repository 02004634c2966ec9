import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Spectra of kernels and learning curves")
struct SpectraTests {
  private func powerLaw(_ ridge: Double, _ noise: Double) throws -> LearningCurve {
    let indices = (1...50).map(Double.init)
    return try LearningCurve(
      eigenvalues: indices.map { pow($0, -2) }, powers: indices.map { pow($0, -1.5) }, ridge: ridge,
      noiseVariance: noise)
  }

  @Test("learning curves of power laws are those of an independent script")
  func powerLaws() throws {
    let first = try powerLaw(0, 0).point(trainCount: 5)
    #expect(abs(first.effectiveRidge - 0.0742050728) < 1e-10 && abs(first.overfitting - 1.9103815807) < 1e-9)
    #expect(abs(first.testError - 1.1247874427) < 1e-9 && first.trainError == 0)
    // Without a ridge exactly as many modes as rows are learned.
    #expect(abs(first.learnability.reduce(0, +) - 5) < 1e-12)
    let ridge = try powerLaw(0.1, 0).point(trainCount: 5)
    #expect(abs(ridge.effectiveRidge - 0.1087830522) < 1e-10 && abs(ridge.testError - 1.0835605681) < 1e-9)
    #expect(abs(ridge.trainError - 0.0366261023) < 1e-10)
    let noisy = try powerLaw(0.01, 0.1).point(trainCount: 10)
    #expect(abs(noisy.effectiveRidge - 0.0204954736) < 1e-10 && abs(noisy.overfitting - 1.992048792) < 1e-9)
    #expect(abs(noisy.testError - 0.8985728147) < 1e-9)
    #expect(abs(try powerLaw(0, 0.05).point(trainCount: 20).testError - 0.488352185) < 1e-9)
  }

  @Test("multiplicities stand for equal eigenvalues, and n = Σ L + δ/κ")
  func multiplicities() throws {
    let short = try LearningCurve(
      eigenvalues: [2, 0.5, 0], powers: [3, 2, 0.5], multiplicities: [4, 10, 7], ridge: 0.3, noiseVariance: 0.1)
    let long = try LearningCurve(
      eigenvalues: [Double](repeating: 2, count: 4) + [Double](repeating: 0.5, count: 10)
        + [Double](repeating: 0, count: 7),
      powers: [Double](repeating: 0.75, count: 4) + [Double](repeating: 0.2, count: 10)
        + [Double](repeating: 0.5 / 7, count: 7), ridge: 0.3, noiseVariance: 0.1)
    for count in [1.0, 6, 14, 300, 1e6] {
      let (a, b) = (try short.point(trainCount: count), try long.point(trainCount: count))
      #expect(abs(a.testError - b.testError) < 1e-12 * a.testError && abs(a.trainError - b.trainError) < 1e-12)
      let learned = zip(a.learnability, short.multiplicities).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(learned + 0.3 / a.effectiveRidge - count) < 1e-12 * count)
    }
  }

  @Test("more rows than modes without a ridge is least squares")
  func leastSquares() throws {
    let curve = try LearningCurve(eigenvalues: [3, 1, 0.2], powers: [1, 1, 1], noiseVariance: 0.5)
    let point = try curve.point(trainCount: 12)
    #expect(point.effectiveRidge == 0 && abs(point.testError - 0.5 * 12 / 9) < 1e-14)
    #expect(abs(point.trainError - 0.5 * 9 / 12) < 1e-14)
    #expect(throws: DynamicsError.self) { try curve.point(trainCount: 3) }
    #expect(throws: DynamicsError.self) { try curve.point(trainCount: 0) }
    #expect(throws: DynamicsError.self) { try LearningCurve(eigenvalues: [1, -1], powers: [1, 1]) }
    #expect(throws: DynamicsError.self) { try LearningCurve(eigenvalues: [1, 1], powers: [1]) }
  }

  /// On {±1}⁸ the eigenvectors of a kernel of inner products are the parities.
  @Test("on the hypercube the spectrum is that of parities, and regression errs as predicted")
  func hypercube() throws {
    let cube = Tensor(
      (0..<256).flatMap { row in (0..<8).map { row >> $0 & 1 == 0 ? 1.0 : -1.0 } }, shape: [256, 8])
    let (s, t) = (2.0.squareRoot(), 0.1.squareRoot())
    let network = Serial {
      Dense(1, weightStd: 1, biasStd: t)
      Relu()
      Dense(1, weightStd: s, biasStd: t)
      Relu()
      Dense(1, weightStd: s, biasStd: t)
    }
    let spectrum = try network.kernelSpectrum(cube)
    // One constant, eight parities of one input, twenty-eight of two.
    let degrees = [1.2039474282, 0.1503703429, 0.023392679]
    for (place, expected) in [(0, degrees[0]), (1, degrees[1]), (8, degrees[1]), (9, degrees[2]), (36, degrees[2])] {
      #expect(abs(spectrum.eigenvalues[place] - expected) < 1e-9)
    }
    let column = { cube[.all, $0] }
    let y = column(0) + 0.7 * column(1) * column(2) + 0.5 * column(3) * column(4) * column(5)
    let alignment = try spectrum.alignment(with: y)
    #expect(abs(alignment[8] - 1 / 1.74) < 1e-12 && abs(alignment[255] - 1) < 1e-12)
    let curve = try spectrum.learningCurve(of: y, ridge: 1e-6)
    let kernel = try network.ntk(cube)
    for (count, predicted) in [(16.0, 1.0265), (32, 0.6527), (64, 0.3380), (128, 0.1139)] {
      #expect(abs(try curve.point(trainCount: count).testError - predicted) < 1e-4)
    }
    // The mean over random training sets, which are drawn without replacement, over all rows.
    var errors: [Double] = []
    for key in RandomKey(seed: 1).split(into: 60) {
      let rows = Array(key.permutation(256).prefix(64))
      let process = try GaussianProcess(
        kTrainTrain: kernel.taking(rows, axis: 0).taking(rows, axis: 1), yTrain: y.taking(rows, axis: 0),
        regularizer: .absolute(1e-6))
      let mean = try process.predict(kTestTrain: kernel.taking(rows, axis: 1)).mean
      errors.append(square(mean.reshaped([256]) - y).mean().scalar(as: Double.self))
    }
    let measured = errors.reduce(0, +) / 60
    #expect(abs(measured - 0.350) < 0.02 && abs(measured / 0.3380 - 1) < 0.08)
  }

  @Test("the estimate from training rows alone is generalized cross-validation")
  func estimate() throws {
    let keys = RandomKey(seed: 4).split()
    let x = keys[0].normal([12, 3], dtype: .float64)
    let kernel = matmul(x, x.transposed())
    let y = keys[1].normal([12, 2], dtype: .float64)
    // (Σ residual²/n) / (tr(1 − hat matrix)/n)².
    let whole = kernel + 0.3 * Tensor.eye(12, dtype: .float64)
    let hat = try solve(whole, kernel)
    let residuals = y - matmul(kernel, try solve(whole, y))
    let freedom = 1 - hat.diagonal().mean().scalar(as: Double.self)
    let expected = square(residuals).sum().scalar(as: Double.self) / 12 / (freedom * freedom)
    #expect(abs(try generalizationEstimate(kernel, y, ridge: 0.3) - expected) < 1e-11 * expected)
    #expect(throws: DynamicsError.self) { try generalizationEstimate(kernel, y[0..<3], ridge: 0.3) }
    #expect(throws: (any Error).self) { try generalizationEstimate(kernel, y, ridge: 0) }
  }

  @Test("there are as many spherical harmonics as polynomials allow, and Gegenbauer's polynomials in known dimensions")
  func harmonics() {
    // Homogeneous polynomials of degree k less those of degree k − 2.
    func choose(_ n: Int, _ k: Int) -> Double { (0..<k).reduce(1.0) { $0 * Double(n - $1) / Double($1 + 1) } }
    for dimension in [2, 3, 4, 7, 24] {
      for degree in 2...9 {
        let expected = choose(dimension + degree - 1, degree) - choose(dimension + degree - 3, degree - 2)
        let found = SphericalSpectrum.multiplicity(degree: degree, dimension: dimension)
        #expect(found == expected.rounded(), "\(dimension) \(degree)")
      }
    }
    let t = 0.37
    let circle = SphericalSpectrum.polynomials(t, dimension: 2, count: 6)
    for degree in 0..<6 { #expect(abs(circle[degree] - cos(Double(degree) * acos(t))) < 1e-14) }
    let legendre = SphericalSpectrum.polynomials(t, dimension: 3, count: 4)
    #expect(abs(legendre[3] - (5 * t * t * t - 3 * t) / 2) < 1e-15)
  }

  @Test(
    "eigenvalues of powers of the cosine are known, and their kernel is the sum of its degrees", arguments: [2, 3, 24])
  func sphere(_ dimension: Int) throws {
    let d = Double(dimension)
    // t² = 1/d + (1 − 1/d) P₂(t).
    let spectrum = try SphericalSpectrum(dimension: dimension, degrees: 5) { $0 * $0 }
    let second = SphericalSpectrum.multiplicity(degree: 2, dimension: dimension)
    let expected = [1 / d, 0, (1 - 1 / d) / second, 0, 0]
    for (value, expected) in zip(spectrum.eigenvalues, expected) { #expect(abs(value - expected) < 1e-14) }
    #expect(abs(spectrum.remainder) < 1e-13)
    let few = try SphericalSpectrum(dimension: dimension, degrees: 1) { $0 * $0 }
    #expect(abs(few.remainder - (1 - 1 / d)) < 1e-13)
  }

  @Test("a network's spectrum on the sphere is that of its kernel matrix, up to chance")
  func networkOnSphere() throws {
    let network = Serial {
      Dense(1, biasStd: 0.3)
      Erf()
      Dense(1, biasStd: 0.3)
    }
    let spectrum = try SphericalSpectrum(network, dimension: 4, degrees: 12)
    let cosines = [-0.9, -0.2, 0.0, 0.6, 1]
    let inputs = Tensor(cosines.flatMap { [2 * $0, 2 * (1 - $0 * $0).squareRoot(), 0, 0] }, shape: [5, 4])
    let kernel = try network.ntk(inputs, Tensor([2.0, 0, 0, 0], shape: [1, 4])).scalars(as: Double.self)
    for (cosine, expected) in zip(cosines, kernel) {
      let polynomials = SphericalSpectrum.polynomials(cosine, dimension: 4, count: 12)
      let sum = (0..<12).reduce(0) { $0 + spectrum.eigenvalues[$1] * spectrum.multiplicities[$1] * polynomials[$1] }
      #expect(abs(sum - expected) < 1e-4 * kernel[4])
    }
    #expect(throws: DynamicsError.self) { try SphericalSpectrum(dimension: 1, degrees: 2) { $0 } }
    #expect(throws: DynamicsError.self) { try SphericalSpectrum(dimension: 2, degrees: 0) { $0 } }
  }

  @Test("the density of Marchenko and Pastur has the moments of random matrices", arguments: [0.25, 1, 4])
  func marchenkoPastur(_ ratio: Double) throws {
    let law = try MarchenkoPastur(ratio: ratio)
    let (low, high) = (law.support.lowerBound, law.support.upperBound)
    // x = middle + half cos s takes the roots at the ends away.
    let count = 4000
    var moments = [0.0, 0, 0]
    for index in 0..<count {
      let angle = Double.pi * (Double(index) + 0.5) / Double(count)
      let x = (low + high) / 2 + (high - low) / 2 * cos(angle)
      let weight = law.density(x) * (high - low) / 2 * sin(angle) * .pi / Double(count)
      for power in 0..<3 { moments[power] += weight * pow(x, Double(power)) }
    }
    #expect(abs(moments[0] - (1 - law.zeroShare)) < 1e-3)
    #expect(abs(moments[1] - 1) < 1e-5 && abs(moments[2] - (1 + ratio)) < 1e-5)
    #expect(law.density(high + 0.1) == 0 && law.density(-1) == 0)
    #expect(throws: DynamicsError.self) { try MarchenkoPastur(ratio: 0) }
  }
}
