import CVectorKernels
import Foundation
import TestSupport
import Testing

/// The two element types of the kernels, so that each test is written once.
private protocol KernelElement: BinaryFloatingPoint, Sendable {
  static var unit: Double { get }
  static var typeName: String { get }
  static func factors(_ dual: inout nt_dual, _ q: [Self]) -> [Self]
  static func row(
    _ dual: inout nt_dual, _ first: [Self], _ second: [Self], stride: Int, _ k: inout [Self], _ theta: inout [Self]?)
  static func diagonal(_ dual: inout nt_dual, _ factors: [Self], _ k: inout [Self], _ theta: inout [Self]?)
}

/// Calls the body with a pointer to the elements, or nil.
private func withOptional<T>(_ array: inout [T]?, _ body: (UnsafeMutablePointer<T>?) -> Void) {
  if array == nil { body(nil) } else { array!.withUnsafeMutableBufferPointer { body($0.baseAddress) } }
}

extension Float: KernelElement {
  fileprivate static var unit: Double { 0x1p-24 }
  fileprivate static var typeName: String { "float32" }
  fileprivate static func factors(_ dual: inout nt_dual, _ q: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: max(1, Int(nt_dual_factor_count(&dual))) * q.count)
    nt_dual_factors_f32(&dual, q.count, q, &result, q.count)
    return result
  }
  fileprivate static func row(
    _ dual: inout nt_dual, _ first: [Float], _ second: [Float], stride: Int, _ k: inout [Float], _ theta: inout [Float]?
  ) {
    let n = k.count
    withOptional(&theta) { nt_dual_row_f32(&dual, n, first, 1, second, stride, &k, $0) }
  }
  fileprivate static func diagonal(
    _ dual: inout nt_dual, _ factors: [Float], _ k: inout [Float], _ theta: inout [Float]?
  ) {
    let n = k.count
    withOptional(&theta) { nt_dual_diagonal_f32(&dual, n, factors, n, &k, $0) }
  }
}

extension Double: KernelElement {
  fileprivate static var unit: Double { 0x1p-53 }
  fileprivate static var typeName: String { "float64" }
  fileprivate static func factors(_ dual: inout nt_dual, _ q: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: max(1, Int(nt_dual_factor_count(&dual))) * q.count)
    nt_dual_factors_f64(&dual, q.count, q, &result, q.count)
    return result
  }
  fileprivate static func row(
    _ dual: inout nt_dual, _ first: [Double], _ second: [Double], stride: Int, _ k: inout [Double],
    _ theta: inout [Double]?
  ) {
    let n = k.count
    withOptional(&theta) { nt_dual_row_f64(&dual, n, first, 1, second, stride, &k, $0) }
  }
  fileprivate static func diagonal(
    _ dual: inout nt_dual, _ factors: [Double], _ k: inout [Double], _ theta: inout [Double]?
  ) {
    let n = k.count
    withOptional(&theta) { nt_dual_diagonal_f64(&dual, n, factors, n, &k, $0) }
  }
}

/// A dual by name, with the memory of its coefficients.
private final class Activation {
  var dual: nt_dual
  private let coefficients: UnsafeMutablePointer<Double>

  init(_ kind: String, _ parameters: [Double] = [], coefficients given: [Double] = []) throws {
    let kinds: [String: nt_dual_kind] = [
      "abRelu": nt_dual_ab_relu, "erf": nt_dual_erf, "gelu": nt_dual_gelu, "sin": nt_dual_sin,
      "gaussian": nt_dual_gaussian, "exp": nt_dual_exp, "expNormalized": nt_dual_exp_normalized,
      "gabor": nt_dual_gabor, "sign": nt_dual_sign, "rbf": nt_dual_rbf, "polynomial": nt_dual_polynomial,
      "powerSeries": nt_dual_power_series, "rectifiedMonomial": nt_dual_rectified_monomial,
    ]
    let isRectified = kind == "rectifiedMonomial"
    let count = isRectified ? nt_rectified_monomial_coefficient_count : given.count
    coefficients = .allocate(capacity: max(1, count))
    if isRectified {
      nt_rectified_monomial_coefficients(Int32(parameters[0]), coefficients)
    } else {
      coefficients.update(from: given, count: count)
    }
    dual = nt_dual()
    dual.kind = try #require(kinds[kind])
    withUnsafeMutableBytes(of: &dual.parameters) { bytes in
      for (index, value) in parameters.enumerated() { bytes.bindMemory(to: Double.self)[index] = value }
    }
    dual.coefficients = UnsafePointer(coefficients)
    dual.coefficient_count = Int32(count)
  }

  deinit { coefficients.deallocate() }

  /// kappa and its derivative at one triple, in the given lane of a row whose other lanes are padding.
  func entry<T: KernelElement>(_ q12: T, _ q11: T, _ q22: T, lane: Int = 0, lanes: Int = 16) -> (value: T, slope: T) {
    let first = T.factors(&dual, [T](repeating: q11, count: 16))
    var variances = [T](repeating: 1, count: lanes)
    variances[lane] = q22
    let second = T.factors(&dual, variances)
    let rowFactors = stride(from: 0, to: first.count, by: 16).map { first[$0] }
    var k = [T](repeating: 1, count: lanes)
    k[lane] = q12
    var theta: [T]? = [T](repeating: 1, count: lanes)
    T.row(&dual, rowFactors, second, stride: lanes, &k, &theta)
    return (k[lane], theta![lane])
  }
}

private struct Case: Decodable, Sendable, CustomTestStringConvertible {
  var name: String
  var kind: String
  var parameters: [Double]
  var coefficients: [Double]
  var float32: [[Double]]
  var float64: [[Double]]
  var testDescription: String { name }

  func activation() throws -> Activation { try Activation(kind, parameters, coefficients: coefficients) }
  func points<T: KernelElement>(of type: T.Type) -> [[Double]] { type.unit == Float.unit ? float32 : float64 }

  static let all: [Case] = {
    guard let url = Bundle.module.url(forResource: "Fixtures/dual-kernels", withExtension: "json"),
      let data = try? Data(contentsOf: url)
    else { return [] }
    return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
  }()
}

@Suite("Dual kernels")
struct DualKernelTests {
  @Test("the fixture is read")
  func fixture() {
    #expect(Case.all.count == 27)
    #expect(Case.all.allSatisfy { $0.float32.count == 64 && $0.float64.count == 64 })
  }

  @Test("duals and their derivatives agree with exact values", arguments: Case.all)
  private func accuracy(of given: Case) throws {
    try checkAccuracy(Float.self, given)
    try checkAccuracy(Double.self, given)
  }

  /// Errors in units of half an ulp of 1, beside the scale that the fixture gives.
  private func checkAccuracy<T: KernelElement>(_: T.Type, _ given: Case) throws {
    let activation = try given.activation()
    var worst = (value: 0.0, slope: 0.0)
    for point in given.points(of: T.self) {
      let got = activation.entry(T(point[0]), T(point[1]), T(point[2]))
      let error = (
        value: abs(Double(got.value) - point[3]) / point[5] / T.unit,
        slope: point[6] == 0 ? Double(abs(got.slope)) : abs(Double(got.slope) - point[4]) / point[6] / T.unit
      )
      // 3e-7 in float32, 5.5e-16 in float64; the Gaussian's derivative is a third power.
      #expect(error.value <= 5, "\(given.name) at \(point): \(got.value)")
      #expect(error.slope <= (given.kind == "gaussian" ? 8 : 5.5), "\(given.name) at \(point): \(got.slope)")
      worst = (max(worst.value, error.value), max(worst.slope, error.slope))
    }
    if TestSwitch.printErrors.isOn {
      print(
        String(
          format: "%@ %@: kappa %.1f, derivative %.1f units of %@", given.name, T.typeName, worst.value, worst.slope,
          T.unit == Float.unit ? "2^-24" : "2^-53"))
    }
  }

  @Test("where the problem is well conditioned errors are small beside the value itself")
  func relativeAccuracy() throws {
    func check<T: KernelElement>(_: T.Type) throws {
      for given in Case.all where ["erf", "abs", "sign", "exp", "gaussian"].contains(given.name) {
        let activation = try given.activation()
        for point in given.points(of: T.self) where point[3] != 0 {
          let got = activation.entry(T(point[0]), T(point[1]), T(point[2])).value
          #expect(abs(Double(got) - point[3]) <= 7 * T.unit * abs(point[3]), "\(given.name) at \(point): \(got)")
        }
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("sines and cosines keep their digits where one variance is far smaller than the other")
  func unequalVariances() throws {
    func check<T: KernelElement>(_: T.Type) throws {
      let sine = try Activation("sin", [1, 1, 0]), cosine = try Activation("sin", [1, 1, .pi / 2])
      for small in [1e-25, 1e-12, 1e-7, 1e-3] {
        for large in [1e-12, 1e-3, 0.3, 1, 1.7, 30, 300, 1e4] {
          for correlation in [-0.999, -0.7, -1e-3, 1e-3, 0.5, 0.9999] {
            let (a, b) = (T(small), T(large)), q12 = T(correlation * (small * large).squareRoot())
            let decay = exp(-(Double(a) + Double(b)) / 2)
            // E[sin u sin v] and E[cos u cos v].
            let sines = decay * sinh(Double(q12)), cosines = decay * cosh(Double(q12))
            let scaleOfSines = (-expm1(-2 * Double(a)) / 2 * (-expm1(-2 * Double(b)) / 2)).squareRoot()
            let got = sine.entry(q12, a, b), of = cosine.entry(q12, a, b)
            #expect(abs(Double(got.value) - sines) <= 5 * T.unit * scaleOfSines, "sin at \(q12), \(a), \(b)")
            #expect(abs(Double(got.slope) - cosines) <= 5 * T.unit, "slope of sin at \(q12), \(a), \(b)")
            #expect(abs(Double(of.value) - cosines) <= 5 * T.unit, "cos at \(q12), \(a), \(b)")
            // The square of the cosine of the rounded quarter turn remains beside a vanishing variance.
            let remainder = pow(cos(Double.pi / 2), 2) * cosines
            #expect(
              abs(Double(of.slope) - sines - remainder) <= 5 * T.unit * scaleOfSines,
              "slope of cos at \(q12), \(a), \(b)")
          }
        }
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("the order of the two inputs matters only to rounding", arguments: Case.all)
  private func symmetry(of given: Case) throws {
    let activation = try given.activation()
    for point in given.float64 {
      let one = activation.entry(point[0], point[1], point[2]), other = activation.entry(point[0], point[2], point[1])
      #expect(abs(one.value - other.value) <= 8 * Double.unit * point[5])
      #expect(abs(one.slope - other.slope) <= 12 * Double.unit * point[6])
    }
  }

  @Test("rows and diagonals agree bitwise, with and without the NTK", arguments: Case.all)
  private func rowsAndDiagonals(of given: Case) throws {
    func check<T: KernelElement>(_: T.Type) throws {
      let activation = try given.activation()
      let points = given.points(of: T.self)
      let q = points.prefix(48).map { T($0[1]) }
      let factors = T.factors(&activation.dual, q)
      var k = q, theta: [T]? = [T](repeating: 1, count: q.count)
      T.diagonal(&activation.dual, factors, &k, &theta)
      var kOnly = q, none: [T]?
      T.diagonal(&activation.dual, factors, &kOnly, &none)
      #expect(k == kOnly)
      for (index, variance) in q.enumerated() {
        let rowFactors = stride(from: index, to: factors.count, by: q.count).map { factors[$0] }
        var row = [T](repeating: variance, count: q.count), rowTheta: [T]? = [T](repeating: 1, count: q.count)
        T.row(&activation.dual, rowFactors, factors, stride: q.count, &row, &rowTheta)
        #expect(row[index] == k[index])
        #expect(rowTheta![index] == theta![index])
        var rowOnly = [T](repeating: variance, count: q.count)
        T.row(&activation.dual, rowFactors, factors, stride: q.count, &rowOnly, &none)
        #expect(rowOnly == row)
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("an entry depends neither on its lane nor on the length of the row", arguments: Case.all)
  private func lanes(of given: Case) throws {
    let activation = try given.activation()
    for (index, point) in given.float32.enumerated() {
      let (q12, q11, q22) = (Float(point[0]), Float(point[1]), Float(point[2]))
      let one = activation.entry(q12, q11, q22), other = activation.entry(q12, q11, q22, lane: index % 48, lanes: 48)
      #expect(one == other)
    }
  }

  @Test("equal inputs have correlation one exactly")
  func equalInputs() throws {
    func check<T: KernelElement>(_: T.Type) throws {
      let relu = try Activation("abRelu", [0, 1]), sign = try Activation("sign"), rbf = try Activation("rbf", [0.7])
      let exponential = try Activation("expNormalized", [2, -1])
      for exponent in stride(from: -80.0, through: 50, by: 0.37) {
        let q = T(exp(exponent))
        #expect(relu.entry(q, q, q) == (q / 2, 0.5))
        #expect(relu.entry(-q, q, q) == (0, 0))
        #expect(sign.entry(q, q, q).value == 1)
        #expect(sign.entry(-q, q, q).value == -1)
        #expect(exponential.entry(q, q, q).slope == 2)
        if exponent < 40 { #expect(rbf.entry(q, q, q).value == 1) }
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("a covariance slightly too large counts as correlation one")
  func excessiveCovariance() throws {
    for name in [
      "relu", "erf", "gelu", "sin", "cos", "sign", "gaussian", "gabor", "normalized exp", "rectified monomial 2",
    ] {
      let activation = try #require(Case.all.first { $0.name == name }).activation()
      for q: Float in [1e-3, 1, 1e3, 1e9] {
        let exact = activation.entry(q, q, q), above = activation.entry(q.nextUp.nextUp, q, q)
        #expect(abs(above.value - exact.value) <= 1e-6 * exact.value, "\(name) at \(q)")
        #expect(abs(above.slope - exact.slope) <= 1e-6 * exact.slope, "\(name) at \(q)")
      }
    }
  }

  @Test("zero variances give the limits")
  func zeroVariances() throws {
    func check<T: KernelElement>(_: T.Type) throws {
      func expect(_ kind: String, _ p: [Double], one: (Double, Double), two: (Double, Double)) throws {
        let activation = try Activation(kind, p)
        // A unit variance beside a zero one, in both places, and two zero ones.
        for (a, b, expected) in [(0.0, 1.0, one), (1, 0, one), (0, 0, two)] {
          let got = activation.entry(T(0), T(a), T(b))
          #expect(abs(Double(got.value) - expected.0) <= 4 * T.unit * max(abs(expected.0), 0.5), "\(kind) \(p)")
          #expect(abs(Double(got.slope) - expected.1) <= 4 * T.unit * max(abs(expected.1), 0.5), "\(kind) \(p)")
        }
      }
      try expect("abRelu", [0.3, 1], one: (0, 0.4225), two: (0, 0.4225))
      try expect("erf", [1, 1, 0.5], one: (0.25, 4 / .pi / 3.0.squareRoot()), two: (0.25, 4 / .pi))
      try expect("gelu", [], one: (0, 0.25), two: (0, 0.25))
      let (s, c) = (sin(0.3), cos(0.3))
      try expect(
        "sin", [1, 1, 0.3], one: (exp(-0.5) * s * s, exp(-0.5) * c * c), two: (s * s, c * c))
      try expect("gaussian", [1, -1], one: (1 / 3.0.squareRoot(), 0), two: (1, 0))
      try expect("exp", [1, 1], one: (exp(0.5), exp(0.5)), two: (1, 1))
      try expect("expNormalized", [1, -1], one: (0, exp(-1)), two: (0, exp(-1)))
      try expect("gabor", [], one: (0, exp(-1 / 6.0) / 27.0.squareRoot()), two: (0, 1))
      try expect("sign", [], one: (0, 0), two: (0, 0))
      try expect("rbf", [0.5], one: (exp(-0.5), exp(-0.5)), two: (1, 1))
      try expect("rectifiedMonomial", [0], one: (0.5, 0), two: (1, 0))
      try expect("rectifiedMonomial", [1], one: (0, 0.25), two: (0, 0.25))
      try expect("rectifiedMonomial", [2], one: (0, 0), two: (0, 0))
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("NaN in means NaN out", arguments: Case.all)
  private func notANumber(of given: Case) throws {
    func check<T: KernelElement>(_: T.Type) throws {
      let activation = try given.activation()
      let fromCovariance = activation.entry(T.nan, 1, 1)
      #expect(fromCovariance.value.isNaN && fromCovariance.slope.isNaN)
      if given.kind == "powerSeries" { return }  // it has no variances
      for (q11, q22) in [(T.nan, 1), (1, T.nan)] as [(T, T)] {
        let got = activation.entry(T(0.25), q11, q22)
        #expect(got.value.isNaN)
        // A constant's derivative is zero whatever the variance.
        #expect(got.slope.isNaN || given.name == "constant")
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("an infinite covariance gives nothing finite", arguments: Case.all)
  private func infinity(of given: Case) throws {
    let activation = try given.activation()
    #expect(!activation.entry(Float.infinity, .infinity, .infinity).value.isFinite)
    #expect(!activation.entry(Double.infinity, .infinity, .infinity).value.isFinite)
  }

  @Test("correlations of equal inputs are one, and of those far apart zero, over the range of numbers")
  func range() throws {
    let relu = try Activation("abRelu", [0, 1])
    for exponent in stride(from: -126, through: 100, by: 1) {
      let q = Float(sign: .plus, exponent: exponent, significand: 1.37)
      #expect(relu.entry(q, q, q) == (q / 2, 0.5))
      #expect(relu.entry(-q, q, q).slope == 0)
    }
    for exponent in stride(from: -990, through: 960, by: 6) {
      let q = Double(sign: .plus, exponent: exponent, significand: 1.37)
      #expect(relu.entry(q, q, q) == (q / 2, 0.5))
    }
    // Beyond, the correlation has an ordinary rounding error, of which the angle is the root.
    for q in [Float(1e31), 1e34, 1e37] { #expect(abs(relu.entry(q, q, q).slope - 0.5) < 3e-4) }
  }

  @Test("variances below the smallest normal number have correlation zero")
  func subnormal() throws {
    let relu = try Activation("abRelu", [0, 1]), erf = try Activation("erf", [1, 1, 0])
    for multiple: Float in [2, 8, 700, 70_000, 7_000_000] {
      let q = multiple * .leastNonzeroMagnitude
      #expect(abs(relu.entry(q, q, q).value - (q / 4 + q / (2 * .pi))) <= 2 * .leastNonzeroMagnitude + 1e-6 * q)
      #expect(relu.entry(q, q, q).slope == 0.25)
      #expect(abs(relu.entry(0, q, q).value - q / (2 * .pi)) <= .leastNonzeroMagnitude)
      #expect(relu.entry(0, q, q).slope == 0.25)
      #expect(abs(erf.entry(q, q, q).value - q * 4 / .pi) <= max(.leastNonzeroMagnitude, 1e-6 * q))
      #expect(abs(erf.entry(q, q, q).slope - 4 / .pi) <= 3e-7)
    }
  }

  @Test("exponentials overflow and underflow only where their results do")
  func exponentialRange() throws {
    let rbf = try Activation("rbf", [0.5])
    #expect(rbf.entry(Float(1e30), 1e30, 1e30).value == 1)
    #expect(rbf.entry(Float(0), 1e30, 1e30).value == 0)
    #expect(rbf.entry(Float(0), 100, 104).value > 0)  // exp(-102), subnormal
    let exponential = try Activation("exp", [1e-15, 1])
    let got = exponential.entry(Float(60), 60, 60).value
    #expect(abs(Double(got) / (1e-30 * exp(120.0)) - 1) < 3e-7)
    #expect(exponential.entry(Float(90), 90, 90).value == .infinity)
    let normalized = try Activation("expNormalized", [200, 0])
    #expect(abs(normalized.entry(Float(0), 1, 1).value - 1) < 3e-7)
    #expect(normalized.entry(Float(1), 1, 1).value == .infinity)
  }

  @Test("a Gaussian activation whose expectation diverges has an infinite dual")
  func divergence() throws {
    let gaussian = try Activation("gaussian", [1, 0.5])
    let triples: [(Float, Float, Float)] = [
      (0.1, 2, 0.1), (0.1, 0.1, 2), (1, 2, 2), (0, 2, 2), (0.6, 0.6, 0.6),
    ]
    for (q12, q11, q22) in triples {
      #expect(gaussian.entry(q12, q11, q22).value == .infinity)
      #expect(gaussian.entry(Double(q12), Double(q11), Double(q22)).value == .infinity)
    }
    #expect(gaussian.entry(0.4, 0.4, 0.4).value.isFinite)
  }

  @Test("rectified monomials of degree 0 and 1 are what Relu is made of")
  func rectifiedMonomials() throws {
    let relu = try #require(Case.all.first { $0.name == "relu" }), activation = try relu.activation()
    let step = try Activation("rectifiedMonomial", [0]), ramp = try Activation("rectifiedMonomial", [1])
    for point in relu.float64 {
      let expected = activation.entry(point[0], point[1], point[2]), got = ramp.entry(point[0], point[1], point[2])
      #expect(abs(got.value - expected.value) <= 6 * Double.unit * point[5])
      #expect(abs(got.slope - expected.slope) <= 6 * Double.unit * point[6])
      #expect(abs(step.entry(point[0], point[1], point[2]).value - expected.slope) <= 6 * Double.unit * point[6])
    }
  }
}
