import CVectorKernels
import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

/// Rows of the vector kernel of an activation, as executors call it.
struct VectorRows {
  let description: DualDescription

  init(_ activation: any Activation, _ length: SeriesLength = .short) throws {
    description = DualDescription(try #require(activation.vectorDual, "\(activation) has a vector kernel"), length)
  }

  private func factors(_ q: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: Int(nt_dual_factor_count(description.pointer)) * q.count)
    nt_dual_factors_f64(description.pointer, q.count, q, &result, q.count)
    return result
  }

  private func factors(_ q: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: Int(nt_dual_factor_count(description.pointer)) * q.count)
    nt_dual_factors_f32(description.pointer, q.count, q, &result, q.count)
    return result
  }

  private static func padded<T>(_ x: [T], _ filler: T) -> [T] {
    x + [T](repeating: filler, count: (x.count + 15) / 16 * 16 - x.count)
  }

  /// κ and κ̇ of one first input with several second ones.
  func row(_ q11: Double, _ q12: [Double], _ q22: [Double]) -> (kappa: [Double], slope: [Double]) {
    let first = factors([Double](repeating: q11, count: 16))
    let second = factors(Self.padded(q22, 1))
    let stride = second.count / max(1, Int(nt_dual_factor_count(description.pointer)))
    var k = Self.padded(q12, 0.5), theta = [Double](repeating: 1, count: stride)
    nt_dual_row_f64(description.pointer, stride, first, 16, second, stride, &k, &theta)
    return (Array(k[..<q12.count]), Array(theta[..<q12.count]))
  }

  func row(_ q11: Float, _ q12: [Float], _ q22: [Float]) -> (kappa: [Float], slope: [Float]) {
    let first = factors([Float](repeating: q11, count: 16))
    let second = factors(Self.padded(q22, 1))
    let stride = second.count / max(1, Int(nt_dual_factor_count(description.pointer)))
    var k = Self.padded(q12, 0.5), theta = [Float](repeating: 1, count: stride)
    nt_dual_row_f32(description.pointer, stride, first, 16, second, stride, &k, &theta)
    return (Array(k[..<q12.count]), Array(theta[..<q12.count]))
  }

  func diagonal(_ q: [Double]) -> (kappa: [Double], slope: [Double]) {
    let padded = Self.padded(q, 1), factors = factors(padded)
    var k = padded, theta = [Double](repeating: 1, count: padded.count)
    nt_dual_diagonal_f64(description.pointer, padded.count, factors, padded.count, &k, &theta)
    var alone = padded
    nt_series_variances_f64(description.pointer, alone.count, &alone)
    #expect(zip(alone, k).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN })
    return (Array(k[..<q.count]), Array(theta[..<q.count]))
  }

  func diagonal(_ q: [Float]) -> (kappa: [Float], slope: [Float]) {
    let padded = Self.padded(q, 1), factors = factors(padded)
    var k = padded, theta = [Float](repeating: 1, count: padded.count)
    nt_dual_diagonal_f32(description.pointer, padded.count, factors, padded.count, &k, &theta)
    var alone = padded
    nt_series_variances_f32(description.pointer, alone.count, &alone)
    #expect(zip(alone, k).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN })
    return (Array(k[..<q.count]), Array(theta[..<q.count]))
  }
}

extension Covariance {
  fileprivate var isNearOne: Bool { abs(q12) > 0.9 * (q11 * q22).squareRoot() }
}

@Suite("Activations: series as vector kernels")
struct SeriesDualTests {
  static let samples =
    ActivationSample.withoutClosedDual + [
      // Even; straight between kinks on one side of 0; straight and not symmetric, with three kinks; bent between kinks.
      ActivationSample(CustomActivation { $0 * tanh($0) }),
      ActivationSample(CustomActivation(kinks: [-1, 0]) { maximum($0, 0) + 0.1 * minimum($0 + 1, 0) }),
      ActivationSample(CustomActivation(kinks: [-1, 0.5, 2]) { clip($0, -1, 2) + 0.25 * maximum($0 - 0.5, 0) }),
      ActivationSample(CustomActivation(kinks: [-3, 3]) { $0 * clip($0 / 6 + 0.5, 0, 1) }),
    ]
  static let lengths = [SeriesLength.short, .long]
  static let prints = TestSwitch.printErrors.isOn

  @Test(
    "series equal composite quadrature", arguments: NumericalActivationTests.entries, lengths)
  func quadrature(_ entry: NumericalActivationTests.Fixture.Entry, _ length: SeriesLength) throws {
    let activation = try #require(try LayerRegistry.layer(from: entry.activation) as? any Activation)
    let rows = try VectorRows(activation, length)
    var worst = (kappa: 0.0, slope: 0.0)
    for row in entry.rows {
      let found = rows.row(row.q11, [row.q12], [row.q22])
      let scales = try activation.scales([row.covariance])
      let isWide = max(row.q11, row.q22) > 100
      let errors = (
        kappa: max(0, abs(found.kappa[0] - row.kappa) - row.kappaError) / scales.kappa[0],
        slope: max(0, abs(found.slope[0] - row.kappaDot) - row.kappaDotError)
          / max(scales.kappaDot[0], abs(row.kappaDot))
      )
      #expect(errors.kappa <= (isWide ? 1e-9 : 1e-11), "κ at \(row.covariance): \(found.kappa[0]), not \(row.kappa)")
      // Where |ρ| is one to rounding, half an ulp of the covariance moves the κ̇ of a function with a kink by 1e-9.
      let isEdge = abs(row.q12) >= (1 - 1e-15) * (row.q11 * row.q22).squareRoot()
      let most = isWide ? 1e-8 : isEdge ? 1e-9 : 1e-10
      #expect(errors.slope <= most, "κ̇ at \(row.covariance): \(found.slope[0]), not \(row.kappaDot)")
      worst = (max(worst.kappa, errors.kappa), max(worst.slope, errors.slope))
    }
    if Self.prints { print("series \(entry.testDescription), \(entry.rows.count) rows: \(worst)") }
  }

  static let correlations = [-1, -0.9999, -0.99, -0.9, -0.6, -0.2, 0, 1e-3, 0.3, 0.5, 0.75, 0.85, 0.95, 0.995, 0.99999]
  static let covariances: [Covariance] = [1e-12, 1e-3, 0.3, 1, 1.7, 6].flatMap { q11 in
    [1e-12, 0.2, 1, 2, 9].flatMap { q22 in correlations.map { Covariance(q11, q22, correlation: $0) } }
  }

  @Test("float64 series equal the functions of tensors", arguments: samples)
  func float64(_ sample: ActivationSample) throws {
    let expected = try sample.activation.duals(Self.covariances)
    let scales = try sample.activation.scales(Self.covariances)
    var worst = (kappa: 0.0, slope: 0.0)
    for length in Self.lengths {
      let rows = try VectorRows(sample.activation, length)
      for (index, covariance) in Self.covariances.enumerated() {
        let found = rows.row(covariance.q11, [covariance.q12], [covariance.q22])
        let errors = (
          abs(found.kappa[0] - expected.kappa[index]) / scales.kappa[index],
          abs(found.slope[0] - expected.kappaDot[index]) / scales.kappaDot[index]
        )
        #expect(errors.0 < 1e-10, "κ at \(covariance): \(found.kappa[0]), not \(expected.kappa[index])")
        // The rounding of a correlation near one moves a kink's derivative dual by its square root.
        #expect(
          errors.1 < (covariance.isNearOne ? 1e-7 : 1e-9),
          "κ̇ at \(covariance): \(found.slope[0]), not \(expected.kappaDot[index])")
        worst = (max(worst.kappa, errors.0), max(worst.slope, errors.1))
      }
    }
    if Self.prints { print("series float64 \(sample.testDescription): \(worst)") }
  }

  @Test("float32 series equal float64 ones of the same numbers", arguments: samples)
  func float32(_ sample: ActivationSample) throws {
    let allScales = try sample.activation.scales(Self.covariances)
    var worst = (kappa: 0.0, slope: 0.0)
    for length in Self.lengths {
      let rows = try VectorRows(sample.activation, length)
      for (index, covariance) in Self.covariances.enumerated() {
        let (q12, q11, q22) = (Float(covariance.q12), Float(covariance.q11), Float(covariance.q22))
        let found = rows.row(q11, [q12], [q22])
        let exact = rows.row(Double(q11), [Double(q12)], [Double(q22)])
        let errors = (
          abs(Double(found.kappa[0]) - exact.kappa[0]) / allScales.kappa[index],
          abs(Double(found.slope[0]) - exact.slope[0]) / allScales.kappaDot[index]
        )
        #expect(errors.0 < 5e-7, "κ at \(covariance): \(found.kappa[0]), not \(exact.kappa[0])")
        // Near one the rounding of the correlation counts as often as κ̇ changes with it, relatively.
        #expect(
          errors.1 < (covariance.isNearOne ? 4e-6 : 7e-7),
          "κ̇ at \(covariance): \(found.slope[0]), not \(exact.slope[0])")
        worst = (max(worst.kappa, errors.0), max(worst.slope, errors.1))
      }
    }
    if Self.prints { print("series float32 \(sample.testDescription): \(worst)") }
  }

  @Test("the derivative is that of the series by differences", arguments: samples)
  func derivative(_ sample: ActivationSample) throws {
    let rows = try VectorRows(sample.activation)
    for (q11, q22, correlation) in [(0.7, 1.3, 0.4), (1, 1, -0.6), (2, 0.5, 0.8), (3, 3, 0.05)] {
      let covariance = Covariance(q11, q22, correlation: correlation), step = 1e-3
      let k = rows.row(
        q11, [-2, -1, 1, 2].map { covariance.q12 + $0 * step }, [Double](repeating: q22, count: 4)
      ).kappa
      let difference = (8 * (k[2] - k[1]) - (k[3] - k[0])) / (12 * step)
      let slope = rows.row(q11, [covariance.q12], [q22]).slope[0]
      #expect(abs(slope - difference) < 1e-9, "\(covariance): \(slope), by differences \(difference)")
    }
  }

  @Test("equal inputs have their variance bit for bit, in every lane of a row", arguments: samples)
  func equalInputs(_ sample: ActivationSample) throws {
    let rows = try VectorRows(sample.activation)
    let q = [0, 1e-25, 1e-12, 0.013, 0.3, 1, 1.7, 30, 1e4, 1e12]
    let diagonal = rows.diagonal(q), single = rows.diagonal(q.map { Float($0) })
    for (index, variance) in q.enumerated() {
      for lane in [0, 3, 17] {
        var (q12, q22) = ([Double](repeating: 0.2, count: 19), [Double](repeating: 0.9, count: 19))
        (q12[lane], q22[lane]) = (variance, variance)
        let row = rows.row(variance, q12, q22)
        #expect(row.kappa[lane] == diagonal.kappa[index] && row.slope[lane] == diagonal.slope[index])
        #expect(row.kappa[lane].isFinite && row.slope[lane].isFinite)
        let narrow = rows.row(Float(variance), q12.map { Float($0) }, q22.map { Float($0) })
        #expect(narrow.kappa[lane] == single.kappa[index] && narrow.slope[lane] == single.slope[index])
      }
    }
    let exact = try sample.activation.varianceDual(Tensor(Array(q[1..<8]))).scalars(as: Double.self)
    for (found, exact) in zip(diagonal.kappa[1..<8], exact) {
      // Below 2^-80 the lowest piece of the table serves.
      #expect(abs(found - exact) <= 1e-11 * exact + 1e-45)
    }
  }

  @Test("an entry has the same bits whatever stands beside it", arguments: samples)
  func neighbours(_ sample: ActivationSample) throws {
    let rows = try VectorRows(sample.activation)
    let covariances = [0.05, 0.3, 0.7, 0.9, 0.97].flatMap { correlation in
      [0.4, 1.1, 2.3].map { Covariance(1.1, $0, correlation: correlation) }
    }
    let (q12, q22) = (covariances.map(\.q12), covariances.map(\.q22))
    let together = rows.row(1.1, q12, q22), narrow = rows.row(Float(1.1), q12.map { Float($0) }, q22.map { Float($0) })
    for index in covariances.indices {
      let alone = rows.row(1.1, [q12[index]], [q22[index]])
      #expect(alone.kappa[0] == together.kappa[index] && alone.slope[0] == together.slope[index])
      let single = rows.row(Float(1.1), [Float(q12[index])], [Float(q22[index])])
      #expect(single.kappa[0] == narrow.kappa[index] && single.slope[0] == narrow.slope[index])
    }
  }

  @Test("swapping the inputs changes no bit", arguments: samples, lengths)
  func swapped(_ sample: ActivationSample, _ length: SeriesLength) throws {
    let rows = try VectorRows(sample.activation, length)
    for covariance in Self.covariances where covariance.q11 >= 0.2 && covariance.q22 >= 0.2 {
      let found = rows.row(Float(covariance.q11), [Float(covariance.q12)], [Float(covariance.q22)])
      let other = rows.row(Float(covariance.q22), [Float(covariance.q12)], [Float(covariance.q11)])
      #expect(found.kappa[0] == other.kappa[0] && found.slope[0] == other.slope[0], "\(covariance)")
    }
  }

  @Test("zero variances are finite, and NaN stays NaN", arguments: samples)
  func corners(_ sample: ActivationSample) throws {
    let rows = try VectorRows(sample.activation)
    let found = rows.row(0 as Double, [0, 0], [0, 1])
    let values = found.kappa + found.slope
    #expect(values.filter { !$0.isFinite }.isEmpty)
    for (q12, q22) in [(Double.nan, 1.0), (0.2, .nan)] {
      let found = rows.row(1, [q12], [q22])
      #expect(found.kappa[0].isNaN && found.slope[0].isNaN, "\(q12), \(q22): \(found)")
    }
  }

  @Test("a function of your own has the duals of the closed form", arguments: CustomActivationTests.known.indices)
  func custom(_ index: Int) throws {
    let (name, custom, closed) = CustomActivationTests.known[index]
    let rows = try VectorRows(custom)
    let covariances = CustomActivationTests.covariances
    let (expected, scales) = (try closed.duals(covariances), try closed.scales(covariances))
    for (index, covariance) in covariances.enumerated() {
      let found = rows.row(covariance.q11, [covariance.q12], [covariance.q22])
      #expect(
        abs(found.kappa[0] - expected.kappa[index]) < 1e-10 * scales.kappa[index],
        "\(name), κ at \(covariance): \(found.kappa[0])")
      let tolerance = abs(covariance.q12) > 0.99 * (covariance.q11 * covariance.q22).squareRoot() ? 1e-7 : 1e-9
      #expect(
        abs(found.slope[0] - expected.kappaDot[index]) < tolerance * scales.kappaDot[index],
        "\(name), κ̇ at \(covariance): \(found.slope[0])")
    }
  }

  @Test("a function that jumps, or whose derivative is another's, has no vector kernel and still a network")
  func jumps() throws {
    let jump = CustomActivation(kinks: [0]) { sign($0) + 0.1 * $0 }
    #expect(jump.vectorDual == nil)
    let surrogate = CustomActivation(derivative: { 1 / (1 + $0 * $0) }, function: { tanh($0) })
    #expect(surrogate.vectorDual == nil)
    let x = gaussianInputs([5, 4], seed: 7, dtype: .float64)
    var options = KernelOptions()
    options.executor = .reference
    let kernel = try Serial([Dense(1), jump, Dense(1)]).kernel(x)
    let reference = try Serial([Dense(1), jump, Dense(1)]).kernel(x, options: options)
    #expect(largestError(kernel.nngp, reference.nngp, relativeTo: 1) < 1e-9)
  }
}
