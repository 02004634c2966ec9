import Foundation
import NeuralTangents
import Tensors

/// Prints what the solvers take for the kernel of some synthetic rows, and how far they are from each other.
func compareSolvers(_ count: Int) throws {
  let network = Serial {
    for _ in 0..<3 {
      Dense(512, weightStd: 2.0.squareRoot(), biasStd: 0.1)
      Relu()
    }
    Dense(1)
  }
  let keys = RandomKey(seed: 1).split(into: 4)
  // Clumps, as data have.
  let centres = keys[0].normal([max(10, count / 50), 30], dtype: .float32)
  let x = centres.taking((0..<count).map { $0 % centres.shape[0] }, axis: 0) + 0.3 * keys[1].normal([count, 30])
  let test = centres + 0.3 * keys[2].normal(centres.shape)
  let y = sin(matmul(x, keys[3].normal([30, 3]))).asType(.float64)
  let options = KernelOptions(precision: .float32, tileSize: 1024)
  let clock = ContinuousClock()
  let job = try GramJob(network, x, kernels: .nngp, options: options)
  guard let matrix = try PackedMatrix.kernels(job, .nngp).nngp else { return }
  let testJob = try GramJob(network, test, x, kernels: .nngp, options: options)
  let form = GramOperator(matrix)
  for vectors in [1, 10, 100] {
    let v = RandomKey(seed: 2).normal([vectors, count], dtype: .float64)
    let time = try (0..<3).map { _ in try clock.measure { _ = try form.multiply(v) } }.min() ?? .zero
    let flops = 2 * Double(count) * Double(count) * Double(vectors)
    print(
      String(
        format: "product with %3d vectors: %7.3f s, %5.1f GF/s, %5.2f GB/s", vectors, time / .seconds(1),
        flops / (time / .seconds(1)) / 1e9, 2 * Double(count) * Double(count) / (time / .seconds(1)) / 1e9))
  }
  var exact: Tensor?
  for (choice, tolerance) in [
    (SolverChoice.factorized, 0.01), (.iterative, 0.01), (.iterative, 1e-4), (.mixedPrecision, 0.01),
    (.outOfCore, 0.01),
  ] {
    ResidentMemory.resetPeak()
    var process: GaussianProcess?
    let time = try clock.measure {
      process = try GaussianProcess(
        kTrainTrain: matrix, yTrain: y, regularizer: 1e-3, solver: choice,
        solverOptions: SolverOptions(tolerance: tolerance))
    }
    guard let process else { return }
    let peak = Double(ResidentMemory.peak) / Double(1 << 30)
    let mean = try process.predict(testJob, withVariances: false).mean
    let difference = exact.map { abs(mean - $0).max().scalar(as: Double.self) } ?? 0
    exact = exact ?? mean
    let certificate = process.certificate.map {
      String(format: "certified %.1e, %d products", $0.largestError, $0.products)
    }
    print(
      String(format: "%8.1f s, %5.2f GiB, off by %.1e, ", time / .seconds(1), peak, difference)
        + (certificate.map { "\($0), " } ?? "") + process.solverDescription)
    fflush(nil)
  }
}
