import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Gaussian processes from kernel matrices")
struct PredictionGaussianProcessTests {
  typealias Oracle = PredictionOracle

  let train = Oracle.points(9, phase: 0.2)
  let test = Oracle.points(4, phase: 1.1)
  let targets = Oracle.targets(9, outputs: 3)

  private func process(
    _ regularizer: DiagonalRegularizer, precision: DType? = nil
  ) throws -> GaussianProcess {
    try GaussianProcess(
      kTrainTrain: Oracle.tensor(Oracle.matrix(Oracle.nngp, train, train)), yTrain: Oracle.tensor(targets),
      regularizer: regularizer, precision: precision)
  }

  private func regularizedKernel(_ shift: Double) -> Oracle.Matrix {
    Oracle.regularized(Oracle.matrix(Oracle.nngp, train, train), shift)
  }

  @Test("mean and covariance are those of the textbook formula, with either kind of regularizer")
  func posterior() throws {
    for (regularizer, shift) in [(DiagonalRegularizer.relative(0.1), 0.11), (.absolute(0.2), 0.2)] {
      let inverse = Oracle.inverse(regularizedKernel(shift)).inverse
      let kTestTrain = Oracle.matrix(Oracle.nngp, test, train)
      let gain = Oracle.product(kTestTrain, inverse)
      let explained = Oracle.product(gain, Oracle.transpose(kTestTrain))
      let kTestTest = Oracle.matrix(Oracle.nngp, test, test)
      let expected = zip(kTestTest, explained).map { zip($0, $1).map { $0 - $1 } }

      let process = try process(regularizer)
      let full = try process.predict(kTestTrain: Oracle.tensor(kTestTrain), kTestTest: Oracle.tensor(kTestTest))
      #expect(Oracle.difference(Oracle.rows(full.mean), Oracle.product(gain, targets)) < 1e-12)
      #expect(Oracle.difference(Oracle.rows(try #require(full.covariance)), expected) < 1e-12)
      let diagonal = try process.predict(
        kTestTrain: Oracle.tensor(kTestTrain), kTestTestDiagonal: Oracle.tensor(kTestTest).diagonal())
      #expect(diagonal.covariance == nil)
      for prediction in [full, diagonal] {
        let variance = try #require(prediction.variance)
        #expect(variance.shape == [4])
        #expect(Oracle.difference(Oracle.rows(variance), [expected.indices.map { expected[$0][$0] }]) < 1e-12)
      }
      let mean = try process.predict(kTestTrain: Oracle.tensor(kTestTrain))
      #expect(mean.covariance == nil && mean.variance == nil)
    }
  }

  @Test("targets without an output axis give predictions without one")
  func vectorTargets() throws {
    let column = targets.map { $0[1] }
    let process = try GaussianProcess(
      kTrainTrain: Oracle.tensor(Oracle.matrix(Oracle.nngp, train, train)), yTrain: Tensor(column), regularizer: 0.1)
    let kTestTrain = Oracle.tensor(Oracle.matrix(Oracle.nngp, test, train))
    let mean = try process.predict(kTestTrain: kTestTrain).mean
    #expect(mean.shape == [4])
    let all = Oracle.rows(try self.process(0.1).predict(kTestTrain: kTestTrain).mean)
    #expect(Oracle.difference([mean.scalars(as: Double.self)], [all.map { $0[1] }]) < 1e-13)
    #expect(try process.logMarginalLikelihood().perOutput.shape == [])
  }

  @Test("the log marginal likelihood is the Gaussian density")
  func logMarginalLikelihood() throws {
    let (inverse, logDeterminant) = Oracle.inverse(regularizedKernel(0.2))
    let expected = (0..<3).map { output in
      let y = targets.map { [$0[output]] }
      let fit = Oracle.product(Oracle.transpose(y), Oracle.product(inverse, y))[0][0]
      return -0.5 * fit - 0.5 * logDeterminant - 4.5 * log(2 * .pi)
    }
    let found = try process(.absolute(0.2)).logMarginalLikelihood()
    #expect(Oracle.difference([found.perOutput.scalars(as: Double.self)], [expected]) < 1e-11)
    #expect(abs(found.total - expected.reduce(0, +)) < 1e-11)
  }

  @Test("leave-one-out equals fitting again without each point")
  func leaveOneOut() throws {
    let found = try process(.absolute(0.2)).leaveOneOut()
    #expect(found.mean.shape == [9, 3] && found.variance.shape == [9])
    let kernel = regularizedKernel(0.2)
    for left in 0..<9 {
      let others = (0..<9).filter { $0 != left }
      let inverse = Oracle.inverse(others.map { row in others.map { kernel[row][$0] } }).inverse
      let cross = [others.map { kernel[left][$0] }]
      let gain = Oracle.product(cross, inverse)
      let mean = Oracle.product(gain, others.map { targets[$0] })
      #expect(Oracle.difference([Oracle.rows(found.mean)[left]], mean) < 1e-11)
      let variance = kernel[left][left] - Oracle.product(gain, Oracle.transpose(cross))[0][0]
      #expect(abs(found.variance.scalars(as: Double.self)[left] - variance) < 1e-12)
    }
  }

  @Test("float32 kernels give float32 results near those of float64, and float64 ones on request")
  func precision() throws {
    let kernel = Oracle.tensor(Oracle.matrix(Oracle.nngp, train, train)).asType(.float32)
    let kTestTrain = Oracle.tensor(Oracle.matrix(Oracle.nngp, test, train))
    let exact = try process(0.1).predict(kTestTrain: kTestTrain).mean
    let single = try GaussianProcess(kTrainTrain: kernel, yTrain: Oracle.tensor(targets), regularizer: 0.1)
      .predict(kTestTrain: kTestTrain).mean
    #expect(single.dtype == .float32)
    #expect(Oracle.difference(Oracle.rows(single), Oracle.rows(exact)) < 1e-5)
    let double = try GaussianProcess(
      kTrainTrain: kernel, yTrain: Oracle.tensor(targets), regularizer: 0.1, precision: .float64
    ).predict(kTestTrain: kTestTrain).mean
    #expect(double.dtype == .float64)
    #expect(Oracle.difference(Oracle.rows(double), Oracle.rows(exact)) < 1e-6)
    #expect(Oracle.difference(Oracle.rows(double), Oracle.rows(exact)) > 0)
  }

  @Test("without trace axes every output has its own covariance with every other")
  func noTraceAxes() throws {
    // Outputs are correlated by a matrix that depends on the pair of points.
    func kernel(_ a: Oracle.Matrix, _ b: Oracle.Matrix) -> (flat: Oracle.Matrix, tensor: Tensor) {
      let weights: [[Double]] = [[1, 0.4, 0.1], [0.4, 2, -0.3], [0.1, -0.3, 1.5]]
      func value(_ n: Int, _ m: Int, _ i: Int, _ j: Int) -> Double {
        weights[i][j] * Oracle.nngp(a[n], b[m]) + (i == j ? Double(i) * Oracle.ntk(a[n], b[m]) : 0)
      }
      let flat = a.indices.flatMap { n in
        (0..<3).map { i in b.indices.flatMap { m in (0..<3).map { value(n, m, i, $0) } } }
      }
      let interleaved = a.indices.flatMap { n in
        b.indices.flatMap { m in (0..<3).flatMap { i in (0..<3).map { value(n, m, i, $0) } } }
      }
      return (flat, Tensor(interleaved, shape: [a.count, b.count, 3, 3]))
    }
    let (trainTrain, testTrain, testTest) = (kernel(train, train), kernel(test, train), kernel(test, test))
    let process = try GaussianProcess(
      kTrainTrain: trainTrain.tensor, yTrain: Oracle.tensor(targets), regularizer: .absolute(0.1), traceAxes: [])
    let found = try process.predict(kTestTrain: testTrain.tensor, kTestTest: testTest.tensor)

    let inverse = Oracle.inverse(Oracle.regularized(trainTrain.flat, 0.1)).inverse
    let gain = Oracle.product(testTrain.flat, inverse)
    let mean = Oracle.product(gain, targets.flatMap { $0.map { [$0] } })
    #expect(found.mean.shape == [4, 3])
    #expect(Oracle.difference([found.mean.scalars(as: Double.self)], [mean.map { $0[0] }]) < 1e-11)
    let explained = Oracle.product(gain, Oracle.transpose(testTrain.flat))
    let covariance = try #require(found.covariance)
    #expect(covariance.shape == [4, 4, 3, 3])
    let values = covariance.scalars(as: Double.self)
    var worst = 0.0
    for (place, value) in values.enumerated() {
      let (n, m, i, j) = (place / 36, place / 9 % 4, place / 3 % 3, place % 3)
      let expected = testTest.flat[n * 3 + i][m * 3 + j] - explained[n * 3 + i][m * 3 + j]
      worst = max(worst, abs(value - expected))
    }
    #expect(worst < 1e-11)
    #expect(found.variance?.shape == [4, 3])
    let diagonal = try process.predict(
      kTestTrain: testTrain.tensor, kTestTestDiagonal: testTest.tensor.diagonal(0, 1).diagonal(0, 1))
    #expect(allClose(try #require(diagonal.variance), try #require(found.variance), relativeTolerance: 1e-11))
    #expect(try process.leaveOneOut().variance.shape == [9, 3])
  }

  @Test("a trace axis in the middle gives what moving it to the end gives")
  func middleTraceAxis() throws {
    // Targets (N, A, B) with A traced: the kernel has axes (n, n', b, b').
    let values = (0..<9 * 2 * 3).map { sin(1.3 * Double($0)) }
    let y = Tensor(values, shape: [9, 2, 3])
    let outputKernel = Tensor(rows: [[1.0, 0.2, 0], [0.2, 1, 0.3], [0, 0.3, 2]])
    func kernel(_ a: Oracle.Matrix, _ b: Oracle.Matrix) -> Tensor {
      einsum("nm,ij->nmij", Oracle.tensor(Oracle.matrix(Oracle.nngp, a, b)), outputKernel)
    }
    let middle = try GaussianProcess(kTrainTrain: kernel(train, train), yTrain: y, regularizer: 0.1, traceAxes: [1])
    let last = try GaussianProcess(
      kTrainTrain: kernel(train, train), yTrain: y.transposed(0, 2, 1), regularizer: 0.1, traceAxes: [-1])
    let (kTestTrain, kTestTest) = (kernel(test, train), kernel(test, test))
    let found = try middle.predict(kTestTrain: kTestTrain, kTestTest: kTestTest)
    let expected = try last.predict(kTestTrain: kTestTrain, kTestTest: kTestTest)
    #expect(found.mean.shape == [4, 2, 3])
    #expect(found.mean == expected.mean.transposed(0, 2, 1))
    #expect(found.covariance == expected.covariance)
    #expect(try middle.logMarginalLikelihood().perOutput.shape == [2])
  }

  @Test("duplicate points without a regularizer are refused with the pivot and what to do")
  func duplicates() throws {
    var points = train
    points[6] = points[2]
    let kernel = Oracle.tensor(Oracle.matrix(Oracle.nngp, points, points))
    let error = #expect(throws: PredictionError.self) {
      try GaussianProcess(kTrainTrain: kernel - 1e-12 * Tensor.eye(9, dtype: .float64), yTrain: Oracle.tensor(targets))
    }
    #expect(
      error == .notPositiveDefinite(argument: "kTrainTrain", pivot: 6, size: 9, regularizer: .relative(0)))
    #expect(
      try #require(error).description
        == "kTrainTrain (9x9) is not positive definite at pivot 6: "
        + "raise the diagonal regularizer, now 0.0 of the mean diagonal"
    )
    #expect(throws: Never.self) {
      try GaussianProcess(kTrainTrain: kernel, yTrain: Oracle.tensor(targets), regularizer: 1e-6)
    }
  }

  @Test("bad arguments are refused by name")
  func badArguments() throws {
    let kernel = Oracle.tensor(Oracle.matrix(Oracle.nngp, train, train))
    let y = Oracle.tensor(targets)
    func withNaN(_ tensor: Tensor, at index: Int) -> Tensor {
      var result = tensor
      result.withUnsafeMutableBuffer(of: Double.self) { $0[index] = .nan }
      return result
    }
    #expect(throws: PredictionError.notFinite(argument: "kTrainTrain", index: [1, 4])) {
      try GaussianProcess(kTrainTrain: withNaN(kernel, at: 13), yTrain: y)
    }
    #expect(throws: PredictionError.notFinite(argument: "yTrain", index: [2, 1])) {
      try GaussianProcess(kTrainTrain: kernel, yTrain: withNaN(y, at: 7))
    }
    #expect(throws: PredictionError.self) { try GaussianProcess(kTrainTrain: kernel, yTrain: y[..<8]) }
    #expect(throws: PredictionError.self) { try GaussianProcess(kTrainTrain: kernel[..<8], yTrain: y) }
    #expect(throws: PredictionError.self) { try GaussianProcess(kTrainTrain: kernel, yTrain: y, traceAxes: [0]) }
    #expect(throws: PredictionError.self) { try GaussianProcess(kTrainTrain: kernel, yTrain: y, traceAxes: [2]) }
    #expect(throws: PredictionError.self) { try GaussianProcess(kTrainTrain: kernel, yTrain: y, regularizer: -1) }
    #expect(throws: PredictionError.self) { try GaussianProcess(kTrainTrain: kernel.asType(.int32), yTrain: y) }
    let process = try process(0.1)
    let kTestTrain = Oracle.tensor(Oracle.matrix(Oracle.nngp, test, train))
    #expect(throws: PredictionError.shapeMismatch(argument: "kTestTrain", expected: "shape [any, 9]", found: "[9, 4]"))
    {
      try process.predict(kTestTrain: kTestTrain.transposed())
    }
    #expect(throws: PredictionError.shapeMismatch(argument: "kTestTest", expected: "shape [4, 4]", found: "[4, 9]")) {
      try process.predict(kTestTrain: kTestTrain, kTestTest: kTestTrain)
    }
    #expect(throws: PredictionError.notFinite(argument: "kTestTrain", index: [0, 3])) {
      try process.predict(kTestTrain: withNaN(kTestTrain, at: 3))
    }
  }
}
