import Foundation
import NeuralTangents
import Testing

/// Features whose products are exact entries of a kernel.
@Suite struct PivotedCholeskyTests {
  private let network = Serial {
    Dense(1, weightStd: 2.0.squareRoot(), biasStd: 0.1.squareRoot())
    Relu()
    Dense(1, weightStd: 2.0.squareRoot(), biasStd: 0.1.squareRoot())
  }

  /// Inputs cos(1.3 i + 0.7 j), j = 0, 1, 2.
  private func toy(_ places: [Double]) -> Tensor {
    var numbers: [Double] = []
    for i in places {
      for j in 0..<3 { numbers.append(Foundation.cos(1.3 * i + 0.7 * Double(j))) }
    }
    return Tensor(numbers, shape: [places.count, 3])
  }

  private func near(_ found: [Double], _ expected: [Double], _ tolerance: Double = 1e-9) -> Bool {
    zip(found, expected).allSatisfy { Swift.abs($0 - $1) <= tolerance } && found.count == expected.count
  }

  // Numbers of an independent computation, in float64.
  @Test("greedy pivots, remainders, predictions and bounds are those of a page of arithmetic")
  func toyProblem() throws {
    let x = toy([0, 1, 2, 3, 4, 5])
    let targets: [Double] = (0..<6).map { Foundation.sin(Double($0)) }
    let y = Tensor(targets, shape: [6])
    let remainders = [4.8715615374, 1.8296796124, 0.6837059133, 0.3114496498, 0.0055902144]
    for rank in 1...5 {
      let found = try PivotedCholesky(network, x, rank: rank, selection: .greedy)
      #expect(found.pivots == Array([2, 4, 5, 3, 1, 0].prefix(rank)))
      #expect(near([found.remainder], [remainders[rank - 1]]))
    }
    let pivoted = try PivotedCholesky(network, x, rank: 3, selection: .greedy)
    var regression = try FeatureRegression(pivoted.map, noiseVariance: 0.1)
    try regression.add(x, y)
    let test = toy([0.5, 2.5])
    let found = try regression.predict(test)
    #expect(near(found.mean.scalars(as: Double.self), [-0.0337045561, 0.7187803301]))
    // With what the features miss of the exact diagonal, and without it.
    let variance = try #require(found.variance).scalars(as: Double.self)
    #expect(near(variance, [0.1278581778, 0.2262615276]))
    let features = try pivoted.map(test)
    let (rows, exact) = (try #require(features.nngp), try #require(features.nngpVariances))
    let missing = (exact.asType(.float64) - square(rows).sum(axis: 1)).scalars(as: Double.self)
    let explained: [Double] = variance.indices.map { variance[$0] - missing[$0] }
    #expect(near(explained, [0.0420480969, 0.0454030772]))
    #expect(near([try regression.logMarginalLikelihood().total], [-7.2610942474]))
    #expect(near([try pivoted.leastLogMarginalLikelihood(regression)], [-10.6796238142]))
  }

  @Test("with all inputs as pivots the regression is that of the whole kernel", arguments: ["nngp", "ntk"])
  func whole(name: String) throws {
    let kernel = try #require(FeatureRegression.Kernel(rawValue: name))
    let keys = RandomKey(seed: 4).split(into: 3)
    let (x, test) = (keys[0].normal([30, 4], dtype: .float64), keys[1].normal([6, 4], dtype: .float64))
    let y = keys[2].normal([30, 2], dtype: .float64)
    let (matrix, rows) = (try network.kernel(x), try network.kernel(test, x))
    let exact = try GaussianProcess(
      kTrainTrain: kernel == .nngp ? matrix.nngp : #require(matrix.ntk), yTrain: y, regularizer: .absolute(0.1))
    for selection in [PivotedCholesky.Selection.greedy, .random(seed: 3)] {
      let pivoted = try PivotedCholesky(network, x, rank: 30, kernel: kernel, selection: selection)
      #expect(Set(pivoted.pivots).count == 30 && pivoted.remainder < 1e-9 * pivoted.trace)
      var regression = try FeatureRegression(pivoted.map, kernel: kernel, noiseVariance: 0.1)
      try regression.add(x, y)
      let mean = try exact.predict(kTestTrain: kernel == .nngp ? rows.nngp : #require(rows.ntk)).mean
      #expect(largestError(try regression.predict(test).mean, mean, relativeTo: 1) < 1e-8)
      let (a, b) = (
        try exact.logMarginalLikelihood().total, try pivoted.leastLogMarginalLikelihood(regression)
      )
      #expect(Swift.abs(a - b) < 1e-5)
    }
  }

  @Test("bounds of the evidence grow with the pivots up to the evidence, and remainders fall to zero")
  func bounds() throws {
    let keys = RandomKey(seed: 7).split(into: 2)
    let (x, y) = (keys[0].normal([60, 3], dtype: .float64), keys[1].normal([60, 1], dtype: .float64))
    let whole = try GaussianProcess(
      kTrainTrain: network.kernel(x).nngp, yTrain: y, regularizer: .absolute(0.3)
    ).logMarginalLikelihood().total
    var last = -Double.infinity
    for rank in [2, 6, 15, 40, 60] {
      let pivoted = try PivotedCholesky(network, x, rank: rank, selection: .greedy)
      var regression = try FeatureRegression(pivoted.map, noiseVariance: 0.3)
      try regression.add(x, y)
      let bound = try pivoted.leastLogMarginalLikelihood(regression)
      #expect(bound > last - 1e-9 && bound <= whole + 1e-7, "\(rank): \(bound) of \(whole)")
      last = bound
      // Products with pivots are entries of the kernel.
      let rows = try #require(try pivoted.map(x).nngp)
      let products = dotGeneral(rows, rows.taking(pivoted.pivots, axis: 0), contracting: ([1], [1]))
      let entries = try network.kernel(x, x.taking(pivoted.pivots, axis: 0)).nngp
      #expect(largestError(products, entries, relativeTo: 1) < 1e-9)
    }
    let few = try PivotedCholesky(network, x, rank: 60, tolerance: 0.05)
    #expect(few.pivots.count < 60 && few.remainder <= 0.05 * few.trace)
  }

  @Test("numbers that make no sense are errors")
  func mistakes() {
    let x = toy([0, 1, 2])
    #expect(throws: PredictionError.self) { try PivotedCholesky(network, x, rank: 0) }
    #expect(throws: PredictionError.self) { try PivotedCholesky(network, x, rank: 2, tolerance: 1) }
    #expect(throws: NetworkError.self) { try PivotedCholesky(network, Tensor.zeros([3]), rank: 2) }
  }
}
