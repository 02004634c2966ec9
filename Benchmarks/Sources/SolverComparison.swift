import Foundation
import NeuralTangents
import Tensors

/// Synthetic rows in clumps, as data have them, and a kernel to learn from them with.
struct SolverRows {
  let network = Serial {
    for _ in 0..<3 {
      Dense(512, weightStd: 2.0.squareRoot(), biasStd: 0.1)
      Relu()
    }
    Dense(1)
  }
  let x: Tensor
  let test: Tensor
  let y: Tensor

  init(_ count: Int) {
    let keys = RandomKey(seed: 1).split(into: 4)
    let centres = keys[0].normal([max(10, count / 50), 30], dtype: .float32)
    x = centres.taking((0..<count).map { $0 % centres.shape[0] }, axis: 0) + 0.3 * keys[1].normal([count, 30])
    test = centres + 0.3 * keys[2].normal(centres.shape)
    y = sin(matmul(x, keys[3].normal([30, 3]))).asType(.float64)
  }
}

/// Factors the kernel of some synthetic rows in files of a folder, going on with what is there, and prints how exact that is: the
/// kernel is computed whenever it is read, so that nothing of its size is in memory.
func factorOutOfCore(_ count: Int, folder: String) throws {
  let rows = SolverRows(count)
  let matrix = try ComputedMatrix(
    rows.network, rows.x, options: KernelOptions(precision: .float32, tileSize: 1024))
  let clock = ContinuousClock()
  let began = clock.now
  var process: GaussianProcess?
  process = try GaussianProcess(
    kTrainTrain: matrix, yTrain: rows.y, regularizer: 1e-3, solver: .outOfCore,
    solverOptions: SolverOptions(
      folder: folder,
      progress: { step, _ in
        print(String(format: "%7.1f s, %4.2f GiB: %@", (clock.now - began) / .seconds(1), peak(), step))
        fflush(nil)
      }))
  let job = try GramJob(rows.network, rows.test, rows.x, kernels: .nngp, options: KernelOptions(precision: .float32))
  guard let mean = try process?.predict(job, withVariances: false).mean else { return }
  let total = mean.scalars(as: Double.self).reduce(into: UInt64(0)) { $0 = $0 &* 31 &+ $1.bitPattern }
  let description = process?.solverDescription ?? ""
  print(
    String(
      format: "%7.1f s, %4.2f GiB: %@, means %016llx", (clock.now - began) / .seconds(1), peak(), description, total))
}

private func peak() -> Double { Double(ResidentMemory.peak) / Double(1 << 30) }

/// Prints what the solvers take for the kernel of some synthetic rows, and how far they are from each other.
func compareSolvers(_ count: Int) throws {
  let rows = SolverRows(count)
  let (network, x, test, y) = (rows.network, rows.x, rows.test, rows.y)
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
