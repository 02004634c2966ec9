import Foundation
import NeuralTangents
import Tensors
import Testing

@testable import neural_tangents

@Suite("Left-out rows and what is chosen by them")
struct LeftOutTests {
  private let x = RandomKey(seed: 4).normal([12, 2], dtype: .float64)
  private let network = Serial {
    Dense(8, weightStd: 1.5, biasStd: 0.4)
    Relu()
    Dense(1)
  }

  private func kernels(_ x: Tensor) throws -> KernelPair {
    let kernel = try network.kernel(x)
    return KernelPair(nngp: kernel.nngp, ntk: kernel.ntk)
  }

  @Test(
    "closed forms are those of an ensemble without the rows, groups included", arguments: [Recipe.Method.nngp, .ntk])
  func refitted(_ method: Recipe.Method) throws {
    let groups = [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 4]
    let y = RandomKey(seed: 5).normal([12, 2], dtype: .float64)
    let kernels = try kernels(x)
    let leftOut = try LeftOut(kernels, method: method, groups: groups)
    let regularizer = DiagonalRegularizer.relative(0.03)
    let found = try leftOut.residuals(of: y, regularizer)
    for group in Set(groups) {
      let test = groups.indices.filter { groups[$0] == group }
      let train = groups.indices.filter { groups[$0] != group }
      func part(_ tensor: Tensor?, _ rows: [Int]) -> Tensor? {
        tensor.map { $0.taking(rows, axis: 0).taking(train, axis: 1) }
      }
      let ensemble = try KernelEnsemble(
        trainTrain: KernelPair(nngp: part(kernels.nngp, train), ntk: part(kernels.ntk, train)),
        yTrain: y.taking(train, axis: 0), diagonalRegularizer: .absolute(leftOut.shift(of: regularizer)))
      let diagonal = try #require(kernels.nngp).diagonal().taking(test, axis: 0)
      let prediction = try ensemble.predict(
        testTrain: KernelPair(nngp: part(kernels.nngp, test), ntk: part(kernels.ntk, test)),
        testTestDiagonal: KernelPair(nngp: diagonal), kernel: method.kind)
      let errors = (y.taking(test, axis: 0) - prediction.mean).scalars(as: Double.self)
      let variances = try #require(prediction.variance).scalars(as: Double.self)
      for (place, row) in test.enumerated() {
        for output in 0..<2 { #expect(abs(found.errors[output][row] - errors[2 * place + output]) < 1e-9) }
        #expect(abs(found.variances[row] - variances[place] - leftOut.noise(of: regularizer)) < 1e-9)
      }
    }
  }

  @Test("equal rows without noise are an error that names one of them")
  func withoutNoise() throws {
    let twice = concatenate([x, x[0..<1]])
    let leftOut = try LeftOut(kernels(twice), method: .nngp, groups: Array(0..<13))
    #expect(throws: TensorError.self) {
      try leftOut.residuals(of: Tensor.zeros([13, 1], dtype: .float64), .absolute(0))
    }
  }

  @Test("heavy tails are found where they are, and not where they are not")
  func tails() {
    let normal = (0..<200).map { StudentT.normal.quantile((Double($0) + 0.5) / 200) }
    let heavy = (0..<200).map { StudentT(degreesOfFreedom: 3).quantile((Double($0) + 0.5) / 200) }
    let ones = [Double](repeating: 4, count: 200)
    let found = Tails(errors: normal, variances: ones, .auto)
    #expect(found.degreesOfFreedom == .infinity && abs(found.scale - 0.25) < 0.01)
    let student = Tails(errors: heavy, variances: ones, .auto)
    #expect(student.degreesOfFreedom <= 4 && abs(student.scale - 0.25) < 0.03)
    #expect(Tails(errors: heavy, variances: ones, .normal).degreesOfFreedom == .infinity)
    #expect(Tails(errors: normal, variances: ones, .student).degreesOfFreedom < .infinity)
    // Its scale is the most probable one: the density falls on both sides.
    func total(_ scale: Double) -> Double {
      let t = StudentT(degreesOfFreedom: student.degreesOfFreedom)
      return heavy.reduce(0) { $0 + t.logDensity($1 / (2 * scale.squareRoot())) - log(2 * scale.squareRoot()) }
    }
    let best = student.logDensities.reduce(0, +)
    #expect(abs(best - total(student.scale)) < 1e-9)
    #expect(total(student.scale * 1.05) < best && total(student.scale * 0.95) < best)
    // Exact predictions have an interval of some width.
    #expect(Tails(errors: [0, 0], variances: [1, 1], .auto).scale > 0)
  }

  @Test("class probabilities fit left-out means: right on average, and never certain")
  func classes() {
    let draws = RandomKey(seed: 8).uniform([600, 2], dtype: .float64).scalars(as: Double.self)
    // The log odds of the second class are 3 m − 1.
    let means = (0..<600).map { 4 * draws[2 * $0] - 2 }
    let labels = (0..<600).map { draws[2 * $0 + 1] < 1 / (1 + exp(1 - 3 * means[$0])) ? 1 : 0 }
    let scores = ClassScores(means: [means.map { -$0 / 2 }, means.map { $0 / 2 }], labels: labels)
    #expect(abs(scores.slope - 3) < 0.6)
    #expect(abs(scores.offsets[1] - scores.offsets[0] + 1) < 0.4)
    let sum = (0..<600).reduce(0) { $0 + scores.probabilities([-means[$1] / 2, means[$1] / 2])[1] }
    #expect(abs(sum - Double(labels.reduce(0, +))) < 2)
    // All right: a stays finite.
    let certain = ClassScores(means: [[1, 1, 0, 0], [0, 0, 1, 1]], labels: [0, 0, 1, 1])
    #expect(certain.slope < 20 && certain.probabilities([1, 0])[0] > 0.9)
    #expect(ClassScores(means: [[1, 1]], labels: [0, 0]).probabilities([3]) == [1])
  }

  @Test("a mixture is no worse than its best part, and leaves out what adds nothing")
  func mixture() {
    let draws = RandomKey(seed: 9).normal([300], dtype: .float64).scalars(as: Double.self)
    func densities(_ location: Double, _ scale: Double) -> [Double] {
      draws.map { StudentT.normal.logDensity(($0 - location) / scale) - log(scale) }
    }
    let parts = [densities(0, 0.6), densities(0, 1.6), densities(8, 1)]
    let members = Selection.mixture(parts, largest: 4)
    #expect(members.map(\.index).sorted() == [0, 1])
    #expect(abs(members.reduce(0) { $0 + $1.weight } - 1) < 1e-12)
    func score(_ weights: [(index: Int, weight: Double)]) -> Double {
      (0..<300).reduce(0) { sum, row in sum + log(weights.reduce(0) { $0 + $1.weight * exp(parts[$1.index][row]) }) }
    }
    let best = score(members)
    for index in 0..<3 { #expect(score([(index, 1)]) < best) }
    #expect(Selection.mixture(parts, largest: 1).count == 1)
  }

  @Test("ranks are those of the training numbers, between and outside of them, too")
  func ranks() throws {
    let ranks = try #require(NumberScale.Ranks([3, 1, 2, 2, 100]))
    let values = [1, 2, 2, 3, 100].map { ranks(Double($0)) }
    #expect(abs(values.reduce(0, +)) < 1e-12 && abs(values.reduce(0) { $0 + $1 * $1 } - 5) < 1e-12)
    #expect(values[1] == values[2] && zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(ranks(-7) == values[0] && ranks(1e300) == values[4])
    #expect(abs(ranks(2.5) - (values[2] + values[3]) / 2) < 1e-12)
    #expect(NumberScale.Ranks([2, 2]) == nil)
    let huge = try #require(NumberScale.Ranks([-1e308, 1e308]))
    #expect(abs(huge(0)) < 1e-12)
  }
}
