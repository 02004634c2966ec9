import CVectorKernels
import TestSupport
import Testing

/// What the tests of duals on slices call, in both precisions.
private protocol DualElement: SliceElement {
  static func factors(_ dual: UnsafePointer<nt_dual>, _ q: [Self]) -> [Self]
  static func row(
    _ dual: UnsafePointer<nt_dual>, _ first: [Self], _ second: [Self], stride: Int, _ k: inout [Self],
    _ theta: inout [Self])
  static func affine(_ affine: nt_affine, isZero: Bool, _ k: inout [Self], _ theta: inout [Self])
  static func dual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>,
    _ k: inout [Self], _ theta: inout [Self]?)
  static func layer(
    _ layer: UnsafePointer<nt_slice_pass>, _ factors: UnsafePointer<nt_slice_factors>, _ k: [Self], _ theta: [Self]?,
    _ kOut: inout [Self], _ thetaOut: inout [Self]?, _ scratch: inout [Self])
}

extension Float: DualElement {
  fileprivate static func factors(_ dual: UnsafePointer<nt_dual>, _ q: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: max(1, Int(nt_dual_factor_count(dual))) * q.count)
    nt_dual_factors_f32(dual, q.count, q, &result, q.count)
    return result
  }
  fileprivate static func row(
    _ dual: UnsafePointer<nt_dual>, _ first: [Float], _ second: [Float], stride: Int, _ k: inout [Float],
    _ theta: inout [Float]
  ) {
    let n = k.count
    nt_dual_row_f32(dual, n, first, 1, second, stride, &k, &theta)
  }
  fileprivate static func affine(_ affine: nt_affine, isZero: Bool, _ k: inout [Float], _ theta: inout [Float]) {
    let n = k.count
    withUnsafePointer(to: affine) { nt_affine_f32($0, n, isZero ? 1 : 0, &k, &theta) }
  }
  fileprivate static func dual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>,
    _ k: inout [Float], _ theta: inout [Float]?
  ) { withOptionalElements(&theta) { nt_slice_dual_f32(dual, rows, columns, factors, &k, $0) } }
  fileprivate static func layer(
    _ layer: UnsafePointer<nt_slice_pass>, _ factors: UnsafePointer<nt_slice_factors>, _ k: [Float], _ theta: [Float]?,
    _ kOut: inout [Float], _ thetaOut: inout [Float]?, _ scratch: inout [Float]
  ) {
    var theta = theta
    withOptionalElements(&theta) { theta in
      withOptionalElements(&thetaOut) { nt_slice_pass_f32(layer, factors, k, theta, &kOut, $0, &scratch) }
    }
  }
}

extension Double: DualElement {
  fileprivate static func factors(_ dual: UnsafePointer<nt_dual>, _ q: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: max(1, Int(nt_dual_factor_count(dual))) * q.count)
    nt_dual_factors_f64(dual, q.count, q, &result, q.count)
    return result
  }
  fileprivate static func row(
    _ dual: UnsafePointer<nt_dual>, _ first: [Double], _ second: [Double], stride: Int, _ k: inout [Double],
    _ theta: inout [Double]
  ) {
    let n = k.count
    nt_dual_row_f64(dual, n, first, 1, second, stride, &k, &theta)
  }
  fileprivate static func affine(_ affine: nt_affine, isZero: Bool, _ k: inout [Double], _ theta: inout [Double]) {
    let n = k.count
    withUnsafePointer(to: affine) { nt_affine_f64($0, n, isZero ? 1 : 0, &k, &theta) }
  }
  fileprivate static func dual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>,
    _ k: inout [Double], _ theta: inout [Double]?
  ) { withOptionalElements(&theta) { nt_slice_dual_f64(dual, rows, columns, factors, &k, $0) } }
  fileprivate static func layer(
    _ layer: UnsafePointer<nt_slice_pass>, _ factors: UnsafePointer<nt_slice_factors>, _ k: [Double],
    _ theta: [Double]?, _ kOut: inout [Double], _ thetaOut: inout [Double]?, _ scratch: inout [Double]
  ) {
    var theta = theta
    withOptionalElements(&theta) { theta in
      withOptionalElements(&thetaOut) { nt_slice_pass_f64(layer, factors, k, theta, &kOut, $0, &scratch) }
    }
  }
}

/// Calls the body with a dual and the memory of its coefficients.
private func withDual(
  _ kind: nt_dual_kind, _ parameters: [Double] = [], coefficients: [Double] = [],
  _ body: (UnsafePointer<nt_dual>) -> Void
) {
  var coefficients = coefficients
  if kind == nt_dual_rectified_monomial {
    coefficients = [Double](repeating: 0, count: Int(nt_rectified_monomial_coefficient_count))
    nt_rectified_monomial_coefficients(Int32(parameters[0]), &coefficients)
  }
  coefficients.withUnsafeBufferPointer { coefficients in
    var dual = nt_dual()
    dual.kind = kind
    withUnsafeMutableBytes(of: &dual.parameters) { bytes in
      for (index, value) in parameters.enumerated() {
        bytes.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self)
      }
    }
    dual.coefficients = coefficients.baseAddress
    dual.coefficient_count = Int32(coefficients.count)
    body(&dual)
  }
}

/// The factors of inputs with these variances, in rows one and two positions longer than the slice.
private func dualInputs<T: DualElement>(
  _ dual: UnsafePointer<nt_dual>, _ columns: Int, first: [T], second: [T]
) -> SliceInputs<T> {
  func padded(_ q: [T]) -> [T] { q + [T](repeating: 1, count: (16 - q.count % 16) % 16) }
  let (q1, q2) = (padded(first), padded(second))
  return SliceInputs(
    first: T.factors(dual, q1), second: T.factors(dual, q2), firstStride: q1.count, secondStride: q2.count,
    firstRow: columns + 1, secondRow: columns + 2)
}

/// What `nt_dual_row` makes of each position.
private func byRows<T: DualElement>(
  _ dual: UnsafePointer<nt_dual>, _ inputs: SliceInputs<T>, columns: Int, _ k: inout [T], _ theta: inout [T]
) {
  let count = Int(nt_dual_factor_count(dual))
  for place in 0..<k.count / T.lanes {
    let (y, x) = (place / columns, place % columns), start = (y * inputs.secondRow + x) * T.lanes
    let first = (0..<max(1, count)).map { inputs.first[$0 * inputs.firstStride + y * inputs.firstRow + x] }
    // A row has sixteen entries; those that a slice has not are padding.
    let padding = [T](repeating: 1, count: 16 - T.lanes)
    var second: [T] = []
    for factor in 0..<max(1, count) {
      let from = factor * inputs.secondStride + start
      second += inputs.second[from..<from + T.lanes]
      second += padding
    }
    let range = place * T.lanes..<(place + 1) * T.lanes
    var (row, thetaRow) = (Array(k[range]) + padding, Array(theta[range]) + padding)
    T.row(dual, first, second, stride: 16, &row, &thetaRow)
    k.replaceSubrange(range, with: row.prefix(T.lanes))
    theta.replaceSubrange(range, with: thetaRow.prefix(T.lanes))
  }
}

@Suite("SliceKernel: duals and layers")
struct SliceKernelLayerTests {
  private static let kinds: [(kind: nt_dual_kind, parameters: [Double], coefficients: [Double])] = [
    (nt_dual_ab_relu, [0, 1], []), (nt_dual_ab_relu, [0.1, 1], []), (nt_dual_ab_relu, [-1, 1], []),
    (nt_dual_erf, [1, 0.7, 0.1], []), (nt_dual_gelu, [], []), (nt_dual_sin, [1, 0.8, 0.3], []),
    (nt_dual_gaussian, [1, -0.5], []), (nt_dual_exp, [1, 0.5], []), (nt_dual_exp_normalized, [1, -1], []),
    (nt_dual_gabor, [], []), (nt_dual_sign, [], []), (nt_dual_rbf, [0.6], []),
    (nt_dual_polynomial, [], [0.1, 0.5, -0.2, 0.3]), (nt_dual_power_series, [], [0.3, 0.5, 0.2]),
    (nt_dual_rectified_monomial, [2], []),
  ]

  @Test(
    "the dual of a slice is bitwise that of its rows, for every kind", arguments: kinds.indices,
    [(1, 1), (4, 4), (3, 5)])
  func dual(index: Int, shape: (Int, Int)) {
    func check<T: DualElement>(_ type: T.Type, _ dual: UnsafePointer<nt_dual>) {
      var random = TestNumbers(seed: UInt64(index))
      let (rows, columns) = shape
      let inputs = dualInputs(
        dual, columns, first: random.elements(rows * (columns + 1), type, from: 0.6, to: 2),
        second: random.elements(rows * (columns + 2) * T.lanes, type, from: 0.6, to: 2))
      let k = random.elements(rows * columns * T.lanes, type, from: -0.5, to: 0.5)
      let theta = random.elements(k.count, type)
      var (expected, expectedTheta) = (k, theta)
      byRows(dual, inputs, columns: columns, &expected, &expectedTheta)
      for hasLanes in [false, true] {
        var (got, gotTheta, only) = (k, Optional(theta), k), none: [T]?
        inputs.withFactors(hasLanes: hasLanes) { factors in
          T.dual(dual, rows, columns, factors, &got, &gotTheta)
          T.dual(dual, rows, columns, factors, &only, &none)
        }
        #expect(got == expected && gotTheta == expectedTheta && only == expected)
      }
    }
    let given = Self.kinds[index]
    withDual(given.kind, given.parameters, coefficients: given.coefficients) { dual in
      check(Float.self, dual)
      check(Double.self, dual)
    }
  }

  /// A window over `length` rows or columns: none, one of the fast ones, or any.
  private static func window(_ random: inout TestNumbers, length: Int) -> nt_window {
    var window = nt_window(
      outer: 1, length: length, inner: 1, out_length: length, window: 1, stride: 1, dilation: 1, low: 0)
    switch random.below(4) {
    case 0: break
    case 1: (window.window, window.low) = (3, 1)
    case 2:
      (window.window, window.low, window.out_length) = (3, random.below(7) - 2, 1 + random.below(length + 3))
    default:
      (window.window, window.stride, window.dilation) = (random.below(6), 1 + random.below(2), 1 + random.below(2))
      (window.low, window.out_length) = (random.below(5) - 1, 1 + random.below(length))
    }
    return window
  }

  @Test("a layer is its window sums, affine map and dual one after the other", arguments: 0..<200)
  func layer(seed: UInt64) {
    func check<T: DualElement>(_ type: T.Type, _ dual: UnsafePointer<nt_dual>) {
      var random = TestNumbers(seed: seed)
      let length = seed % 5 == 0 ? 4 : 1 + random.below(7), columns = seed % 5 == 0 ? 4 : 1 + random.below(9)
      let rows = Self.window(&random, length: length), along = Self.window(&random, length: columns)
      let affine =
        random.below(2) == 0
        ? nt_affine(
          weight_variance: 1, bias_variance: 0.1, theta_from_input: 0, theta_from_output: 1, theta_constant: 0)
        : nt_affine(
          weight_variance: 1.2, bias_variance: 0.1, theta_from_input: 0.3, theta_from_output: 0.7, theta_constant: 0.2)
      let isZero = random.below(3) == 0, height = rows.out_length
      let inputs = dualInputs(
        dual, columns, first: random.elements(height * (columns + 1), type, from: 1, to: 2),
        second: random.elements(height * (columns + 2) * T.lanes, type, from: 1, to: 2))
      let k = random.elements(length * columns * T.lanes, type, from: -0.2, to: 0.2)
      let theta = random.elements(k.count, type)

      // One after the other.
      var vertical = rows
      vertical.inner = columns * T.lanes
      var (sums, thetaSums) = (plainWindow(vertical, 1, k), plainWindow(vertical, 1, theta))
      let used = sums.count, padding = [T](repeating: 0, count: (16 - used % 16) % 16)
      sums += padding
      thetaSums += padding
      T.affine(affine, isZero: isZero, &sums, &thetaSums)
      (sums, thetaSums) = (Array(sums.prefix(used)), Array(thetaSums.prefix(used)))
      byRows(dual, inputs, columns: columns, &sums, &thetaSums)
      var horizontal = along
      (horizontal.outer, horizontal.inner) = (height, T.lanes)
      let expected = plainWindow(horizontal, 1, sums)
      let expectedTheta = plainWindow(horizontal, 1, thetaSums)

      var layer = nt_slice_pass(
        dual: dual, affine: affine, rows: rows, columns: along, theta_is_zero: isZero ? 1 : 0)
      let empty = [T](repeating: .nan, count: height * along.out_length * T.lanes)
      var scratch = [T](repeating: .nan, count: 2 * columns * T.lanes)
      // A theta that is zero is not read.
      let given = isZero ? [T](repeating: .nan, count: k.count) : theta
      var (got, gotTheta) = (empty, Optional(empty))
      inputs.withFactors(hasLanes: false) { T.layer(&layer, $0, k, given, &got, &gotTheta, &scratch) }
      func differs(_ a: [T], _ b: [T]) -> Bool {
        zip(a, b).contains { !(abs(Double($0) - Double($1)) <= 8 * T.tolerance * (1 + abs(Double($1)))) }
      }
      #expect(!differs(got, expected), "k of \(rows), \(along)")
      #expect(!differs(gotTheta!, expectedTheta), "theta of \(rows), \(along)")
      var (withLanes, thetaWithLanes) = (empty, Optional(empty))
      inputs.withFactors(hasLanes: true) { T.layer(&layer, $0, k, given, &withLanes, &thetaWithLanes, &scratch) }
      #expect(withLanes == got && thetaWithLanes == gotTheta)
      var only = empty, none: [T]?
      inputs.withFactors(hasLanes: false) { T.layer(&layer, $0, k, nil, &only, &none, &scratch) }
      #expect(only == got)
    }
    withDual(nt_dual_ab_relu, [[0, 1], [0.2, 1], [-1, 1], [0, 0.4], [0.7, 0.7]][Int(seed / 5 % 5)]) { dual in
      check(Float.self, dual)
      check(Double.self, dual)
    }
  }

  @Test("equal images keep correlation one through ten layers, bitwise, at every place", arguments: [3, 1], [4, 7])
  func equalImages(width: Int, size: Int) {
    // With the weights of the next convolution.
    let slope = 2.0.squareRoot() / Double(width)
    func check<T: DualElement>(_ type: T.Type, _ dual: UnsafePointer<nt_dual>) {
      var random = TestNumbers(seed: UInt64(width + size))
      let count = size * size
      let image = random.elements(count, type, from: 0.1, to: 1)
      // x1 in all lanes against itself: what comes out of a layer is its variance for the next.
      var variances = image.flatMap { [T](repeating: $0 * $0, count: T.lanes) }
      var k = variances
      let window = nt_window(
        outer: 1, length: size, inner: 1, out_length: size, window: width, stride: 1, dilation: 1, low: width / 2)
      var layer = nt_slice_pass(
        dual: dual,
        affine: nt_affine(
          weight_variance: 1, bias_variance: 0.05, theta_from_input: 0, theta_from_output: 1, theta_constant: 0),
        rows: window, columns: window, theta_is_zero: 0)
      for depth in 0..<10 {
        // The variances that the dual sees are those after the window along the rows and the bias.
        var vertical = window
        vertical.inner = size * T.lanes
        var q = plainWindow(vertical, 1, variances)
        var unused = q
        T.affine(layer.affine, isZero: true, &q, &unused)
        let perPosition = (0..<count).map { q[$0 * T.lanes] }
        let padded = perPosition + [T](repeating: 1, count: (16 - count % 16) % 16)
        var inputs = SliceInputs(
          first: T.factors(dual, padded), second: T.factors(dual, q), firstStride: padded.count, secondStride: q.count,
          firstRow: size, secondRow: size)
        var (next, nextVariances) = (k, variances), theta: [T]? = [T](repeating: 0, count: k.count)
        var scratch = [T](repeating: 0, count: 2 * size * T.lanes), none: [T]?
        inputs.withFactors(hasLanes: true) {
          T.layer(&layer, $0, variances, nil, &nextVariances, &none, &scratch)
        }
        inputs.withFactors(hasLanes: false) { T.layer(&layer, $0, k, theta, &next, &theta, &scratch) }
        #expect(next == nextVariances, "layer \(depth)")
        // Correlation one: the square of the slope, halved, times the variance comes out, rounded once.
        var dualOnly = q
        inputs.firstRow = size
        inputs.withFactors(hasLanes: false) { T.dual(dual, size, size, $0, &dualOnly, &none) }
        #expect(zip(dualOnly, q).allSatisfy { $0 == $1 * (2 * T(slope * slope / 4)) }, "layer \(depth)")
        (k, variances) = (next, nextVariances)
      }
    }
    withDual(nt_dual_ab_relu, [0, slope]) { dual in
      check(Float.self, dual)
      check(Double.self, dual)
    }
  }

  @Test("NaN in means NaN out of a layer, in its lane and window only")
  func notANumber() {
    func check<T: DualElement>(_ type: T.Type, _ dual: UnsafePointer<nt_dual>) {
      let size = 8, count = size * size * T.lanes
      var k = [T](repeating: 0.1, count: count)
      k[(3 * size + 4) * T.lanes + 2] = .nan
      let window = nt_window(
        outer: 1, length: size, inner: 1, out_length: size, window: 3, stride: 1, dilation: 1, low: 1)
      var layer = nt_slice_pass(
        dual: dual,
        affine: nt_affine(
          weight_variance: 1, bias_variance: 0, theta_from_input: 0, theta_from_output: 1, theta_constant: 0),
        rows: window, columns: window, theta_is_zero: 1)
      let inputs = dualInputs(
        dual, size, first: [T](repeating: 1, count: size * (size + 1)),
        second: [T](repeating: 1, count: size * (size + 2) * T.lanes))
      var (kOut, thetaOut) = (k, Optional(k)), scratch = [T](repeating: 0, count: 2 * size * T.lanes)
      inputs.withFactors(hasLanes: false) { T.layer(&layer, $0, k, nil, &kOut, &thetaOut, &scratch) }
      for index in 0..<count {
        let (lane, place) = (index % T.lanes, index / T.lanes), (y, x) = (place / size, place % size)
        let sees = lane == 2 && abs(y - 3) <= 1 && abs(x - 4) <= 1
        #expect(kOut[index].isNaN == sees && thetaOut![index].isNaN == sees)
      }
    }
    withDual(nt_dual_ab_relu, [0, 1]) { dual in
      check(Float.self, dual)
      check(Double.self, dual)
    }
  }
}
