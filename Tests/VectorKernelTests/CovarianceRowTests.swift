import CVectorKernels
import Testing

/// The row operations other than duals, against the same formulas entry by entry in float64.
@Suite("Covariance rows")
struct CovarianceRowTests {
  private let n = 48
  private let k: [Double] = (0..<48).map { 0.3 + 0.11 * Double($0) }
  private let theta: [Double] = (0..<48).map { 2 - 0.07 * Double($0) }
  private let k2: [Double] = (0..<48).map { 1.7 - 0.05 * Double($0) }
  private let theta2: [Double] = (0..<48).map { 0.2 + 0.13 * Double($0) }

  /// Runs one operation in both precisions from the same numbers and compares both with the expected entries.
  private func check(
    expectedK: (Int) -> Double, expectedTheta: ((Int) -> Double)?,
    float32: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?) -> Void,
    float64: (UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>?) -> Void
  ) {
    var singles = (k.map(Float.init), theta.map(Float.init)), doubles = (k, theta)
    if expectedTheta == nil {
      float32(&singles.0, nil)
      float64(&doubles.0, nil)
    } else {
      float32(&singles.0, &singles.1)
      float64(&doubles.0, &doubles.1)
    }
    for j in 0..<n {
      let wantK = expectedK(j), wantTheta = expectedTheta?(j) ?? theta[j]
      #expect(abs(doubles.0[j] - wantK) <= 1e-14 * (1 + abs(wantK)))
      #expect(abs(Double(singles.0[j]) - wantK) <= 1e-6 * (1 + abs(wantK)))
      #expect(abs(doubles.1[j] - wantTheta) <= 1e-14 * (1 + abs(wantTheta)))
      #expect(abs(Double(singles.1[j]) - wantTheta) <= 1e-6 * (1 + abs(wantTheta)))
    }
  }

  @Test("an affine layer scales K, adds its bias and gathers its parameters' gradients", arguments: [false, true])
  func affine(thetaIsZero: Bool) {
    var layer = nt_affine(
      weight_variance: 1.4, bias_variance: 0.3, theta_from_input: 0.5, theta_from_output: 0.25, theta_constant: 0.75)
    let output = { (j: Int) in 1.4 * k[j] + 0.3 }
    check(
      expectedK: output,
      expectedTheta: { (thetaIsZero ? 0 : 1.4 * theta[$0]) + 0.5 * k[$0] + 0.25 * output($0) + 0.75 },
      float32: { nt_affine_f32(&layer, n, thetaIsZero ? 1 : 0, $0, $1) },
      float64: { nt_affine_f64(&layer, n, thetaIsZero ? 1 : 0, $0, $1) })
    check(
      expectedK: output, expectedTheta: nil,
      float32: { nt_affine_f32(&layer, n, 0, $0, $1) }, float64: { nt_affine_f64(&layer, n, 0, $0, $1) })
  }

  @Test("theta that is zero is not read")
  func zeroThetaIsNotRead() {
    var layer = nt_affine(
      weight_variance: 2, bias_variance: 0, theta_from_input: 0, theta_from_output: 1, theta_constant: 0)
    var k = [Float](repeating: 1, count: 16), theta = [Float](repeating: .nan, count: 16)
    nt_affine_f32(&layer, 16, 1, &k, &theta)
    #expect(theta == [Float](repeating: 2, count: 16))
    theta = [Float](repeating: .nan, count: 16)
    let ones = [Float](repeating: 1, count: 16)
    nt_add_f32(16, 1, &k, &theta, ones, ones)
    #expect(theta == ones)  // 0 + theta2
    theta = [Float](repeating: .nan, count: 16)
    nt_multiply_f32(16, 1, &k, &theta, ones, ones)
    #expect(theta == [Float](repeating: 3, count: 16))
  }

  @Test("a row is scaled by its own factor and the columns'")
  func scaleRow() {
    check(
      expectedK: { k[$0] * 0.6 * k2[$0] }, expectedTheta: { theta[$0] * 0.6 * k2[$0] },
      float32: { nt_scale_row_f32(n, 0.6, k2.map(Float.init), $0, $1) },
      float64: { nt_scale_row_f64(n, 0.6, k2, $0, $1) })
  }

  @Test("scaling a diagonal gives bitwise what scaling rows gives")
  func scaleDiagonal() {
    let scale = k2.map(Float.init)
    var diagonal = k.map(Float.init), diagonalTheta = theta.map(Float.init)
    nt_scale_diagonal_f32(n, scale, &diagonal, &diagonalTheta)
    for j in 0..<n {
      var row = k.map(Float.init), rowTheta = theta.map(Float.init)
      nt_scale_row_f32(n, scale[j], scale, &row, &rowTheta)
      #expect(row[j] == diagonal[j] && rowTheta[j] == diagonalTheta[j])
    }
    check(
      expectedK: { k[$0] * k2[$0] * k2[$0] }, expectedTheta: { theta[$0] * k2[$0] * k2[$0] },
      float32: { nt_scale_diagonal_f32(n, scale, $0, $1) }, float64: { nt_scale_diagonal_f64(n, k2, $0, $1) })
  }

  @Test("branches add, with either NTK zero", arguments: [false, true], [false, true])
  func add(thetaIsZero: Bool, otherIsZero: Bool) {
    let theta32 = theta2.map(Float.init), first = thetaIsZero ? 0.0 : 1.0, second = otherIsZero ? 0.0 : 1.0
    let flag: Int32 = thetaIsZero ? 1 : 0
    check(
      expectedK: { k[$0] + k2[$0] }, expectedTheta: { first * theta[$0] + second * theta2[$0] },
      float32: { nt_add_f32(n, flag, $0, $1, k2.map(Float.init), otherIsZero ? nil : theta32) },
      float64: { nt_add_f64(n, flag, $0, $1, k2, otherIsZero ? nil : theta2) })
    check(
      expectedK: { 0.25 * k[$0] + 0.75 * k2[$0] },
      expectedTheta: { 0.25 * first * theta[$0] + 0.75 * second * theta2[$0] },
      float32: { nt_weighted_add_f32(n, 0.25, flag, $0, $1, 0.75, k2.map(Float.init), otherIsZero ? nil : theta32) },
      float64: { nt_weighted_add_f64(n, 0.25, flag, $0, $1, 0.75, k2, otherIsZero ? nil : theta2) })
  }

  @Test("branches multiply by the product rule, with either NTK zero", arguments: [false, true], [false, true])
  func multiply(thetaIsZero: Bool, otherIsZero: Bool) {
    let theta32 = theta2.map(Float.init), first = thetaIsZero ? 0.0 : 1.0, second = otherIsZero ? 0.0 : 1.0
    let flag: Int32 = thetaIsZero ? 1 : 0
    check(
      expectedK: { k[$0] * k2[$0] },
      expectedTheta: { first * theta[$0] * k2[$0] + second * k[$0] * theta2[$0] },
      float32: { nt_multiply_f32(n, flag, $0, $1, k2.map(Float.init), otherIsZero ? nil : theta32) },
      float64: { nt_multiply_f64(n, flag, $0, $1, k2, otherIsZero ? nil : theta2) })
    check(
      expectedK: { k[$0] * k2[$0] }, expectedTheta: nil,
      float32: { nt_multiply_f32(n, 0, $0, $1, k2.map(Float.init), nil) },
      float64: { nt_multiply_f64(n, 0, $0, $1, k2, nil) })
  }
}
