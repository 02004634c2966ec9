import Foundation
import NeuralTangents
import Tensors

/// A regression with random features over more rows than any kernel could have: rows of a hundred columns come block by block, are
/// made when they are asked for and forgotten, as those of a file larger than memory would be.
struct FeatureStream {
  let rows: Int
  let width: Int

  static let columns = 100
  private static let block = 8192
  private static let noise = 0.1
  /// Rows that the exact kernel is computed of.
  private static let subset = 2000

  private let network = Serial {
    for _ in 0..<2 {
      Dense(512, weightStd: 2.0.squareRoot(), biasStd: 0.1)
      Relu()
    }
    Dense(1)
  }

  /// A smooth function of ten directions, and noise.
  private func block(_ number: Int, _ count: Int) -> (x: Tensor, y: Tensor, truth: Tensor) {
    let key = RandomKey(seed: 1).folding(in: UInt32(number)).split(into: 2)
    let x = key[0].normal([count, Self.columns])
    let directions = RandomKey(seed: 2).normal([Self.columns, 10]) * (1 / Double(Self.columns).squareRoot())
    let projected = matmul(x, directions)
    let truth = (sin(projected).sum(axis: 1) + square(projected[.all, 0])).asType(.float64)
    return (x, truth + key[1].normal([count], dtype: .float64) * Self.noise, truth)
  }

  private static func rootMeanSquare(_ x: Tensor) -> Double { square(x).mean().scalar(as: Double.self).squareRoot() }

  /// Prints how long it takes, in what memory, how good predictions are, and how far features of a subset are from exact kernels.
  func print() throws {
    let clock = ContinuousClock()
    let map = try network.featureMap(
      inputShape: [Self.columns], width: width, key: RandomKey(seed: 3), kernels: .nngp)
    let test = block(1 << 30, Self.subset)
    let scale = Self.rootMeanSquare(test.truth)
    Swift.print("\(rows) rows of \(Self.columns) columns, features of width \(width)")
    let began = clock.now
    func say(_ text: String) {
      let memory = Double(ResidentMemory.peak) / Double(1 << 30)
      Swift.print(String(format: "%7.1f s, %5.2f GiB: %@", (clock.now - began) / .seconds(1), memory, text))
      fflush(nil)
    }
    var regression = try FeatureRegression(map, noiseVariance: Self.noise * Self.noise)
    var (done, number, next) = (0, 0, 1)
    while done < rows {
      let (x, y, _) = block(number, min(Self.block, rows - done))
      try regression.add(x, y)
      (done, number) = (done + x.shape[0], number + 1)
      if 10 * done >= next * rows {
        say("\(done) rows")
        next = 10 * done / rows + 1
      }
    }
    let prediction = try regression.predict(test.x)
    say(
      String(
        format: "predicted: error %.4f of the function's size (noise %.4f)",
        Self.rootMeanSquare(prediction.mean - test.truth) / scale, Self.noise / scale))
    try compareWithKernel(map, test, scale)
  }

  /// The same features against the kernel that they stand for, on rows that it can be computed of.
  private func compareWithKernel(_ map: FeatureMap, _ test: (x: Tensor, y: Tensor, truth: Tensor), _ scale: Double)
    throws
  {
    let (x, y, _) = block(0, Self.subset)
    let exact = try network.kernel(x, kernels: .nngp).nngp.asType(.float64)
    guard let features = try map(x).nngp?.asType(.float64) else { return }
    let difference = dotGeneral(features, features, contracting: ([1], [1])) - exact
    let relative = Self.rootMeanSquare(difference) / Self.rootMeanSquare(exact)
    var regression = try FeatureRegression(map, noiseVariance: Self.noise * Self.noise)
    try regression.add(x, y)
    let approximate = try regression.predict(test.x).mean
    let process = try GaussianProcess(
      kTrainTrain: exact, yTrain: y, regularizer: .absolute(Self.noise * Self.noise))
    let mean = try process.predict(kTestTrain: network.kernel(test.x, x, kernels: .nngp).nngp).mean
    Swift.print(
      String(
        format:
          "%d rows: kernel off by %.4f of its size; means differ by %.4f of the function's size; errors %.4f, exact %.4f",
        Self.subset, relative, Self.rootMeanSquare(approximate - mean) / scale,
        Self.rootMeanSquare(approximate - test.truth) / scale, Self.rootMeanSquare(mean - test.truth) / scale))
  }
}
