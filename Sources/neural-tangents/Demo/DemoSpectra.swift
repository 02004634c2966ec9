import Foundation
import NeuralTangents
import Tensors

/// How much data a kernel needs: spectra of random inputs on the sphere, and test errors over the number of training rows with the
/// peaks that theory says they have.
struct DemoSpectra {
  struct Settings {
    var dimension = 24
    var sizes = [
      4, 8, 12, 16, 20, 24, 28, 34, 48, 70, 100, 140, 190, 240, 270, 299, 330, 380, 500, 700, 1000, 1500, 2100, 2576,
      3000,
    ]
    var repetitions = 20
    /// For sizes above a thousand.
    var fewRepetitions = 3
    var testCount = 500
    var noiseVariance = 0.05
    var digitSizes = [10, 20, 40, 80, 160, 320]
    var digitRepetitions = 8
  }

  struct Result {
    /// Predicted and measured mean square errors on the sphere, per size.
    var predicted: [Double]
    var measured: [MeanWithError]
    /// Those of the digits.
    var predictedDigits: [Double]
    var measuredDigits: [MeanWithError]
  }

  private static let degrees = 4
  /// Parts of the target's variance by degree.
  private static let powers = [0, 0.5, 0.4, 0.1]

  private let settings: Settings
  private let key: RandomKey
  /// Whose kernel has less and less of higher degrees, but some of all.
  private let network = Serial {
    Dense(1)
    Exp(a: 1, b: 0.25)
    Dense(1)
  }

  init(key: RandomKey, settings: Settings = Settings()) {
    (self.key, self.settings) = (key, settings)
  }

  @discardableResult
  func run(_ report: inout DemoReport) throws -> Result {
    let keys = key.split(into: 3)
    try report.draw(spectra(keys[0]), name: "spectra")
    let sphere = try sphere(&report, key: keys[1])
    report.writeEmptyLine()
    let digits = try digits(&report, key: keys[2])
    try report.draw(
      Panels(
        title: "Learning curves of tangent kernels, predicted from the spectrum and measured",
        figures: [
          figure(
            "sphere in \(settings.dimension) dimensions", settings.sizes, sphere.predicted, sphere.measured,
            curve: sphere.curve, peaks: sphere.peaks),
          figure("digits", settings.digitSizes, digits.predicted, digits.measured, curve: digits.curve, peaks: []),
        ], columns: 2), name: "learning-curves")
    return Result(
      predicted: sphere.predicted, measured: sphere.measured, predictedDigits: digits.predicted,
      measuredDigits: digits.measured)
  }

  // MARK: - Spectra

  /// Uniform on the sphere of radius √d.
  private func points(_ count: Int, _ key: RandomKey) -> Tensor {
    let x = key.normal([count, settings.dimension], dtype: .float64)
    return x * rsqrt(square(x).mean(axis: 1, keepDims: true))
  }

  /// Histograms of the eigenvalues of P₂(xᵢ·xⱼ/d), which is Y Yᵀ/N of the N harmonics Y of degree 2, beside what they are for
  /// random numbers instead of harmonics.
  private func spectra(_ key: RandomKey) throws -> Panels {
    let d = Double(settings.dimension)
    let harmonics = SphericalSpectrum.multiplicity(degree: 2, dimension: settings.dimension)
    let figures = try [0.5, 1, 2].map { ratio in
      let count = Int(ratio * harmonics)
      let x = points(count, key.folding(in: UInt32(count)))
      let cosines = matmul(x, x.transposed()) / d
      let values: [Double] = try eigenvaluesSymmetric((d * cosines * cosines - 1) / (d - 1)).scalars()
      let law = try MarchenkoPastur(ratio: ratio)
      let top = 1.05 * law.support.upperBound
      let bins = 28
      let width = top / Double(bins)
      var columns = [Double](repeating: 0, count: bins)
      // Those of directions in which there are no points are a peak at zero of their own.
      for value in values where value > 1e-9 && value < top {
        columns[Int(value / width)] += 1 / (Double(count) * width)
      }
      let curve = (1...400).map { top * Double($0) / 400 }
      let highest = 1.25 * (columns.dropFirst(ratio == 1 ? 2 : 0).max() ?? 1)
      return Figure(
        title: "\(count) points, \(Int(harmonics)) harmonics",
        x: Axis("eigenvalue", range: 0...top), y: Axis("density", range: 0...highest),
        content: .marks([
          Mark(
            label: "kernel of degree 2", x: (0..<bins).map { (Double($0) + 0.5) * width },
            geometry: .columns(y: columns, width: 0.9 * width), color: .skyBlue),
          Mark(
            label: "Marchenko–Pastur", x: curve, geometry: .line(y: curve.map { min(law.density($0), 2 * highest) }),
            color: .vermilion),
        ]), legend: .topRight)
    }
    return Panels(
      title: "Eigenvalues of the degree-2 part of a kernel on the sphere in \(settings.dimension) dimensions",
      figures: figures, columns: 3)
  }

  // MARK: - The sphere

  /// Functions of degree 1, 2 and 3 with random coefficients, each of variance one over the sphere.
  private struct Target {
    private let linear: Tensor
    private let quadratic: Tensor
    private let cubic: [Tensor]

    init(dimension: Int, _ key: RandomKey) {
      let keys = key.split(into: 5)
      let unit = { (x: Tensor) in x * rsqrt(square(x).sum()) }
      linear = unit(keys[0].normal([dimension], dtype: .float64))
      let form = keys[1].normal([dimension, dimension], dtype: .float64)
      let symmetric = form + form.transposed()
      let trace = symmetric.diagonal().mean()
      quadratic = symmetric - trace * Tensor.eye(dimension, dtype: .float64)
      // Of orthonormal vectors the product of three linear functions is a harmonic.
      var vectors: [Tensor] = []
      for key in keys[2...] {
        var vector = key.normal([dimension], dtype: .float64)
        for other in vectors { vector = vector - (vector * other).sum() * other }
        vectors.append(unit(vector))
      }
      cubic = vectors
    }

    /// Shape (n, 3): a column per degree.
    func callAsFunction(_ x: Tensor) -> Tensor {
      let d = Double(x.shape[1])
      let along = { (vector: Tensor) in matmul(x, vector.reshaped([-1, 1])) }
      // Moments of a coordinate on the sphere of radius √d: x₁²x₂² has mean d/(d + 2), x₁²x₂²x₃² d²/((d + 2)(d + 4)).
      let form = (matmul(x, quadratic) * x).sum(axis: 1, keepDims: true)
      let formSize = (2 * square(quadratic).sum().scalar(as: Double.self) * d / (d + 2)).squareRoot()
      let productSize = (d * d / ((d + 2) * (d + 4))).squareRoot()
      return concatenate(
        [along(linear), form / formSize, cubic.map(along).reduce(Tensor(1.0)) { $0 * $1 } / productSize], axis: 1)
    }
  }

  private typealias Curve = (
    predicted: [Double], measured: [MeanWithError], curve: (x: [Double], y: [Double]), peaks: [Double]
  )

  private func sphere(_ report: inout DemoReport, key: RandomKey) throws -> Curve {
    let spectrum = try SphericalSpectrum(network, dimension: settings.dimension, degrees: Self.degrees)
    // Harmonics of higher degree are too many to be told apart by these rows: on the diagonal only.
    let theory = try LearningCurve(
      eigenvalues: spectrum.eigenvalues, powers: Self.powers, multiplicities: spectrum.multiplicities,
      ridge: spectrum.remainder, noiseVariance: settings.noiseVariance)
    let weights = Tensor(Self.powers.dropFirst().map { $0.squareRoot() }, shape: [3, 1])
    var measured: [MeanWithError] = []
    for (index, size) in settings.sizes.enumerated() {
      report.progress.begin("\(size) rows on the sphere")
      let repetitions = size > 1000 ? settings.fewRepetitions : settings.repetitions
      let errors = try key.folding(in: UInt32(index)).split(into: repetitions).map { key in
        let keys = key.split(into: 4)
        let target = Target(dimension: settings.dimension, keys[0])
        let (x, xTest) = (points(size, keys[1]), points(settings.testCount, keys[2]))
        let noise = settings.noiseVariance.squareRoot() * keys[3].normal([size, 1], dtype: .float64)
        let y = matmul(target(x), weights) + noise
        let process = try GaussianProcess(kTrainTrain: network.ntk(x), yTrain: y, regularizer: .none)
        let outputs = try process.predict(kTestTrain: network.ntk(xTest, x)).mean
        return square(outputs - matmul(target(xTest), weights)).mean().scalar(as: Double.self)
          + settings.noiseVariance
      }
      measured.append(MeanWithError(errors))
    }
    let predicted = try settings.sizes.map { try theory.point(trainCount: Double($0)).testError }

    report.write(
      "Inputs uniform on the sphere in \(settings.dimension) dimensions, tangent kernel of one hidden layer (exp)\n")
    var table = TextTable(["degree", "harmonics", "eigenvalue", "share of the kernel", "of the target"])
    let diagonal =
      zip(spectrum.eigenvalues, spectrum.multiplicities).reduce(spectrum.remainder) { $0 + $1.0 * $1.1 }
    for degree in 0..<Self.degrees {
      let (value, count) = (spectrum.eigenvalues[degree], spectrum.multiplicities[degree])
      table.add([
        "\(degree)", format(count, 0), significant(value), significant(value * count / diagonal),
        significant(Self.powers[degree]),
      ])
    }
    report.write(table)
    report.writeEmptyLine()
    write(settings.sizes, predicted, measured, &report)
    let dense = (0...200).map { 4 * pow(Double(settings.sizes.max() ?? 4) / 4, Double($0) / 200) }
    return (
      predicted, measured, (dense, try dense.map { try theory.point(trainCount: $0).testError }),
      spectrum.multiplicities.dropFirst().filter { $0 <= Double(settings.sizes.max() ?? 0) }
    )
  }

  // MARK: - Digits

  private func digits(_ report: inout DemoReport, key: RandomKey) throws -> Curve {
    report.progress.begin("spectrum of the digits")
    let data = try DemoData(.digits)
    let rows = Array(0..<data.count)
    let x = try data.inputs(Split(train: rows, test: [])).train
    let y = try data.target.outputs(of: data.table)
    let kernel = try DemoNetwork(depth: 3, nonlinearity: .relu).network.ntk(x)
    let ridge = 1e-3 * kernel.diagonal().mean().scalar(as: Double.self)
    let spectrum = try KernelSpectrum(kernel)
    let theory = try spectrum.learningCurve(of: y, ridge: ridge)
    var measured: [MeanWithError] = []
    for (index, size) in settings.digitSizes.enumerated() {
      report.progress.begin("\(size) digits")
      let errors = try key.folding(in: UInt32(index)).split(into: settings.digitRepetitions).map { key in
        let train = Array(key.permutation(data.count).prefix(size))
        let process = try GaussianProcess(
          kTrainTrain: kernel.taking(train, axis: 0).taking(train, axis: 1), yTrain: y.taking(train, axis: 0),
          regularizer: .absolute(ridge))
        // Over all images, as the theory has it.
        let outputs = try process.predict(kTestTrain: kernel.taking(train, axis: 1)).mean
        return square(outputs - y).sum(axis: 1).mean().scalar(as: Double.self)
      }
      measured.append(MeanWithError(errors))
    }
    let predicted = try settings.digitSizes.map { try theory.point(trainCount: Double($0)).testError }
    report.write(
      "Digits: tangent kernel of 3 x ReLU, error summed over the ten outputs; spectrum of all \(data.count) images\n")
    write(settings.digitSizes, predicted, measured, &report)
    let (first, last) = (Double(settings.digitSizes[0]), Double(settings.digitSizes[settings.digitSizes.count - 1]))
    let dense = (0...100).map { first * pow(last / first, Double($0) / 100) }
    return (predicted, measured, (dense, try dense.map { try theory.point(trainCount: $0).testError }), [])
  }

  // MARK: - What is shown

  private func write(
    _ sizes: [Int], _ predicted: [Double], _ measured: [MeanWithError], _ report: inout DemoReport
  ) {
    var table = TextTable(["training rows", "predicted error", "measured", "its standard error"])
    for (index, size) in sizes.enumerated() {
      table.add([
        "\(size)", significant(predicted[index]), significant(measured[index].mean), significant(measured[index].error),
      ])
    }
    report.write(table)
  }

  private func figure(
    _ title: String, _ sizes: [Int], _ predicted: [Double], _ measured: [MeanWithError],
    curve: (x: [Double], y: [Double]), peaks: [Double]
  ) -> Figure {
    let x = sizes.map(Double.init)
    let values = curve.y + measured.map(\.mean)
    let (low, high) = (0.7 * (values.min() ?? 0.1), 1.3 * (values.max() ?? 1))
    let lines = peaks.enumerated().map { index, place in
      Mark(
        label: index == 0 ? "as many rows as harmonics" : nil, x: [place, place], geometry: .line(y: [low, high]),
        color: .gray, isDashed: true)
    }
    let ticks = peaks.isEmpty ? [10, 20, 40, 80, 160, 320] : [4, 10, 24, 100, 299, 1000, 2576]
    return Figure(
      title: title,
      x: Axis(
        "training rows", range: x[0] / 1.1...x[x.count - 1] * 1.1, isLogarithmic: true,
        ticks: ticks.map { Axis.Tick(position: Double($0), label: "\($0)") }),
      y: Axis(
        "mean square error on new rows", range: low...high, isLogarithmic: true,
        ticks: [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3].map { Axis.Tick(position: $0, label: significant($0)) }),
      content: .marks(
        lines + [
          Mark(label: "predicted", x: curve.x, geometry: .line(y: curve.y), color: .blue),
          Mark(
            x: x,
            geometry: .bars(
              lower: measured.map { $0.mean - $0.error }, upper: measured.map { $0.mean + $0.error }),
            color: .vermilion),
          Mark(label: "measured", x: x, geometry: .points(y: measured.map(\.mean)), color: .vermilion),
        ]), legend: .bottomLeft)
  }
}
