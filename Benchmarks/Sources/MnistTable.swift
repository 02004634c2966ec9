import DataFiles
import Foundation
import NeuralTangents
import Tensors

/// Exact predictions of the NNGP and the NTK of a network with three hidden layers for all test images of MNIST, from ever more of
/// the training images, with errors of means that are certified to be at most `error`.
struct MnistTable {
  /// Training images.
  static let counts = [1000, 2000, 5000, 10_000, 20_000, 40_000, 60_000]
  /// In units of the targets, which are one-hot.
  private static let error = 0.01
  private static let regularizer = 1e-3

  private let counts: [Int]
  private let train: (images: Tensor, labels: [Int])
  private let test: (images: Tensor, labels: [Int])

  /// - Parameters:
  ///   - folder: has the four files of MNIST, plain or compressed.
  ///   - counts: training images.
  init(folder: String, counts: [Int]) throws {
    func load(_ name: String) throws -> (Tensor, [Int]) {
      func array(_ file: String) throws -> Tensor {
        let path = ["", ".gz"].map { "\(folder)/\(file)\($0)" }.first { FileManager.default.fileExists(atPath: $0) }
        guard let path else { stop("\(folder): expected \(file) or \(file).gz there") }
        return try DataFile(at: path).array().tensor
      }
      let images = try array("\(name)-images.idx3-ubyte").asType(.float32)
      let labels = try array("\(name)-labels.idx1-ubyte").asType(.int32).scalars(as: Int32.self).map(Int.init)
      return (images.reshaped([images.shape[0], -1]) / 255, labels)
    }
    (train, test) = (try load("train"), try load("t10k"))
    self.counts = counts
  }

  private static let network = Serial {
    for _ in 0..<3 {
      Dense(512, weightStd: 2.0.squareRoot(), biasStd: 0.1)
      Relu()
    }
    Dense(10, biasStd: 0.1)
  }

  /// One-hot, less what makes their mean zero.
  private func targets(_ count: Int) -> Tensor {
    var targets = [Double](repeating: -0.1, count: 10 * count)
    for row in 0..<count { targets[10 * row + train.labels[row]] += 1 }
    return Tensor(targets, shape: [count, 10])
  }

  /// One row for each kernel and number of training images.
  func print() throws {
    Swift.print(
      """
      MNIST, 10,000 test images, 3 x (Dense + ReLU) + Dense, float32 kernels, noise \(Self.regularizer) of the mean diagonal,
      \(Threads.count) threads. Errors of means are certified, those of accuracies one standard deviation.

      images  kernel  accuracy        certified  products  rank time: kernel, solving, predicting; all   memory
      """)
    for count in counts where count <= train.labels.count {
      for kernel in [KernelSet.nngp, .ntk] { try row(count, kernel) }
    }
    Swift.print(
      "\npublished: Lee et al. 2018 (arXiv 1711.00165), NNGP of ReLU networks at 50,000 images: 98.7 to 98.8 %")
  }

  private func row(_ count: Int, _ kernel: KernelSet) throws {
    ResidentMemory.resetPeak()
    let clock = ContinuousClock()
    let (x, y) = (train.images[0..<count], targets(count))
    let options = KernelOptions(precision: .float32, tileSize: 1024)
    var matrix: PackedMatrix?
    let kernelTime = try clock.measure {
      let job = try GramJob(Self.network, x, kernels: kernel == .ntk ? .all : .nngp, options: options)
      let packed = try PackedMatrix.kernels(job, kernel)
      matrix = kernel == .nngp ? packed.nngp : packed.ntk
    }
    guard let matrix else { preconditionFailure("no kernel") }
    var process: GaussianProcess?
    let solveTime = try clock.measure {
      process = try GaussianProcess(
        kTrainTrain: matrix, yTrain: y, regularizer: .relative(Self.regularizer), solver: .iterative,
        // One-hot targets of ten classes have a standard deviation of 0.3, and test images may be larger than training images.
        solverOptions: SolverOptions(tolerance: 0.85 * Self.error / 0.3))
    }
    guard let process, let certificate = process.certificate else { preconditionFailure("no certificate") }
    var means: Tensor?
    var largestVariance = 0.0
    let predictTime = try clock.measure {
      let job = try GramJob(
        Self.network, test.images, x, kernels: kernel == .ntk ? .all : .nngp, options: options)
      means = try process.predict(job, kernel: kernel, withVariances: false).mean
      // The kernel of the largest test image with itself is the largest.
      let sizes = square(test.images).sum(axis: 1)
      let place = Int(sizes.argMax(axis: 0).scalar(as: Int32.self))
      let own = try Self.network.kernel(test.images[place..<place + 1])
      largestVariance = (kernel == .nngp ? own.nngp : own.ntk ?? own.nngp).asType(.float64).scalars(as: Double.self)[0]
    }
    guard let means else { preconditionFailure("no means") }
    let found = means.argMax(axis: 1).scalars(as: Int32.self)
    let right = zip(found, test.labels).count { Int($0) == $1 }
    let accuracy = Double(right) / Double(found.count)
    let deviation = (accuracy * (1 - accuracy) / Double(found.count)).squareRoot()
    func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
    let times = [kernelTime, solveTime, predictTime].map(seconds)
    Swift.print(
      String(
        format: "%6d  %@  %5.2f +- %4.2f %%  %8.4f  %6d  %6d  %6.1f %6.1f %6.1f; %6.1f s  %5.2f GiB", count,
        kernel == .nngp ? "NNGP" : "NTK ", 100 * accuracy, 100 * deviation,
        certificate.largestError(variance: largestVariance), certificate.products,
        min(count, Int((50 * Double(count)).squareRoot().rounded(.up))), times[0], times[1], times[2],
        times.reduce(0, +), Double(ResidentMemory.peak) / Double(1 << 30)))
    fflush(nil)
  }
}
