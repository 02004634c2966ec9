import CVectorKernels
import TestSupport
import Testing

/// The two element types of slices, so that each test is written once.
protocol SliceElement: BinaryFloatingPoint, Sendable {
  static var lanes: Int { get }
  static var tolerance: Double { get }
  static func product(
    _ rows: Int, _ columns: Int, _ channels: Int, _ scale: Self, _ inputs: UnsafePointer<nt_slice_factors>,
    _ k: inout [Self])
  static func scale(
    _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>, _ k: inout [Self], _ theta: inout [Self]?)
  static func window(_ window: nt_window, _ scale: Self, _ x: [Self], _ out: inout [Self])
  static func box(_ rows: nt_window, _ columns: nt_window, _ x: [Self], _ out: inout [Self])
  static func addRun(_ run: nt_slice_run, _ weight: Self, _ x: [Self], _ out: inout [Self])
  static func sum(_ rows: Int, _ columns: Int, _ k: [Self], _ sums: inout [Double])
}

/// Calls the body with a pointer to the elements, or nil.
func withOptionalElements<T>(_ array: inout [T]?, _ body: (UnsafeMutablePointer<T>?) -> Void) {
  if array == nil { body(nil) } else { array!.withUnsafeMutableBufferPointer { body($0.baseAddress) } }
}

extension Float: SliceElement {
  static var lanes: Int { Int(nt_slice_lanes_f32) }
  static var tolerance: Double { 1e-6 }
  static func product(
    _ rows: Int, _ columns: Int, _ channels: Int, _ scale: Float, _ inputs: UnsafePointer<nt_slice_factors>,
    _ k: inout [Float]
  ) { nt_slice_product_f32(rows, columns, channels, scale, inputs, &k) }
  static func scale(
    _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>, _ k: inout [Float], _ theta: inout [Float]?
  ) { withOptionalElements(&theta) { nt_slice_scale_f32(rows, columns, factors, &k, $0) } }
  static func window(_ window: nt_window, _ scale: Float, _ x: [Float], _ out: inout [Float]) {
    nt_slice_window_f32(window, scale, x, &out)
  }
  static func box(_ rows: nt_window, _ columns: nt_window, _ x: [Float], _ out: inout [Float]) {
    var scratch = [Float](repeating: .nan, count: columns.length * lanes)
    nt_slice_window2d_f32(rows, columns, x, &out, &scratch)
  }
  static func addRun(_ run: nt_slice_run, _ weight: Float, _ x: [Float], _ out: inout [Float]) {
    nt_slice_add_run_f32(run, weight, x, &out)
  }
  static func sum(_ rows: Int, _ columns: Int, _ k: [Float], _ sums: inout [Double]) {
    nt_slice_sum_f32(rows, columns, k, &sums)
  }
}

extension Double: SliceElement {
  static var lanes: Int { Int(nt_slice_lanes_f64) }
  static var tolerance: Double { 1e-14 }
  static func product(
    _ rows: Int, _ columns: Int, _ channels: Int, _ scale: Double, _ inputs: UnsafePointer<nt_slice_factors>,
    _ k: inout [Double]
  ) { nt_slice_product_f64(rows, columns, channels, scale, inputs, &k) }
  static func scale(
    _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>, _ k: inout [Double],
    _ theta: inout [Double]?
  ) { withOptionalElements(&theta) { nt_slice_scale_f64(rows, columns, factors, &k, $0) } }
  static func window(_ window: nt_window, _ scale: Double, _ x: [Double], _ out: inout [Double]) {
    nt_slice_window_f64(window, scale, x, &out)
  }
  static func box(_ rows: nt_window, _ columns: nt_window, _ x: [Double], _ out: inout [Double]) {
    var scratch = [Double](repeating: .nan, count: columns.length * lanes)
    nt_slice_window2d_f64(rows, columns, x, &out, &scratch)
  }
  static func addRun(_ run: nt_slice_run, _ weight: Double, _ x: [Double], _ out: inout [Double]) {
    nt_slice_add_run_f64(run, weight, x, &out)
  }
  static func sum(_ rows: Int, _ columns: Int, _ k: [Double], _ sums: inout [Double]) {
    nt_slice_sum_f64(rows, columns, k, &sums)
  }
}

/// Per-position numbers of the first and, per lane, of the second input, in rows that are longer than the slice.
struct SliceInputs<T: SliceElement> {
  var first: [T], second: [T]
  var firstStride = 0, secondStride = 0
  var firstRow: Int, secondRow: Int
  /// Numbers of one position that stand together.
  var channels = 1

  /// Calls the body with what a kernel wants, either with one number of the first input for all lanes, or with as many
  /// as there are lanes.
  func withFactors(hasLanes: Bool, _ body: (UnsafePointer<nt_slice_factors>) -> Void) {
    let spread = hasLanes ? first.flatMap { [T](repeating: $0, count: T.lanes) } : first
    spread.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        var factors = nt_slice_factors(
          first: first.baseAddress, second: second.baseAddress,
          first_stride: firstStride * (hasLanes ? T.lanes : 1), second_stride: secondStride, first_row: firstRow,
          second_row: secondRow, first_has_lanes: hasLanes ? 1 : 0)
        body(&factors)
      }
    }
  }
}

extension TestNumbers {
  mutating func elements<T: SliceElement>(_ count: Int, _: T.Type, from low: Double = -1, to high: Double = 1) -> [T] {
    (0..<count).map { _ in T(uniform(low, high)) }
  }

  mutating func inputs<T: SliceElement>(_ rows: Int, _ columns: Int, channels: Int = 1, _ type: T.Type) -> SliceInputs<
    T
  > {
    let (firstRow, secondRow) = (columns + 1, columns + 2)
    return SliceInputs(
      first: elements(rows * firstRow * channels, type), second: elements(rows * secondRow * channels * T.lanes, type),
      firstRow: firstRow, secondRow: secondRow, channels: channels)
  }
}

/// Window sums by the definition, taps in their order, in the element type.
func plainWindow<T: SliceElement>(_ window: nt_window, _ scale: T, _ x: [T]) -> [T] {
  var out = [T](repeating: 0, count: window.outer * window.out_length * window.inner)
  for i in 0..<window.outer {
    for o in 0..<window.out_length {
      for j in 0..<window.inner {
        var sum: T = 0
        for tap in 0..<window.window {
          let place = o * window.stride + tap * window.dilation - window.low
          if (0..<window.length).contains(place) { sum += x[(i * window.length + place) * window.inner + j] }
        }
        out[(i * window.out_length + o) * window.inner + j] = sum * scale
      }
    }
  }
  return out
}

@Suite("SliceKernel: products, windows and sums")
struct SliceKernelTests {
  static let shapes = [(1, 1), (1, 5), (4, 1), (4, 4), (3, 9), (6, 2)]

  @Test("products sum over the channels, with and without lanes of the first input", arguments: shapes, [0, 1, 3, 10])
  func product(shape: (Int, Int), channels: Int) {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: UInt64(shape.0 * 100 + shape.1 * 10 + channels))
      let inputs = random.inputs(shape.0, shape.1, channels: channels, type)
      var k = [T](repeating: .nan, count: shape.0 * shape.1 * T.lanes), withLanes = k
      inputs.withFactors(hasLanes: false) { T.product(shape.0, shape.1, channels, 0.25, $0, &k) }
      inputs.withFactors(hasLanes: true) { T.product(shape.0, shape.1, channels, 0.25, $0, &withLanes) }
      #expect(k == withLanes)
      for y in 0..<shape.0 {
        for x in 0..<shape.1 {
          for lane in 0..<T.lanes {
            var expected = 0.0
            for c in 0..<channels {
              let a = inputs.first[(y * inputs.firstRow + x) * channels + c]
              expected +=
                Double(a) * Double(inputs.second[((y * inputs.secondRow + x) * channels + c) * T.lanes + lane])
            }
            #expect(abs(Double(k[(y * shape.1 + x) * T.lanes + lane]) - expected / 4) <= 4 * T.tolerance)
          }
        }
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("equal positions have bitwise equal products, wherever they stand")
  func equalProducts() {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: 5)
      let pixel = random.elements(7, type), columns = 9
      let row = (0..<columns).flatMap { _ in pixel }
      let second = row.flatMap { [T](repeating: $0, count: T.lanes) }
      let inputs = SliceInputs(first: row, second: second, firstRow: columns, secondRow: columns, channels: 7)
      for hasLanes in [false, true] {
        var k = [T](repeating: 0, count: columns * T.lanes)
        inputs.withFactors(hasLanes: hasLanes) { T.product(1, columns, 7, 0.3, $0, &k) }
        #expect(Set(k).count == 1)
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("slices are scaled by a factor of each input", arguments: shapes, [false, true])
  func scale(shape: (Int, Int), hasLanes: Bool) {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: 6)
      let inputs = random.inputs(shape.0, shape.1, type), count = shape.0 * shape.1 * T.lanes
      let k = random.elements(count, type), theta = random.elements(count, type)
      func scaled(_ values: [T]) -> [T] {
        values.indices.map {
          let (lane, place) = ($0 % T.lanes, $0 / T.lanes), (y, x) = (place / shape.1, place % shape.1)
          let second = inputs.second[(y * inputs.secondRow + x) * T.lanes + lane]
          return (values[$0] * inputs.first[y * inputs.firstRow + x]) * second
        }
      }
      var (got, gotTheta, only) = (k, Optional(theta), k), none: [T]?
      inputs.withFactors(hasLanes: hasLanes) { factors in
        T.scale(shape.0, shape.1, factors, &got, &gotTheta)
        T.scale(shape.0, shape.1, factors, &only, &none)
      }
      #expect(got == scaled(k) && gotTheta == scaled(theta) && only == got)
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("window sums are bitwise those of the definition", arguments: 0..<400)
  func window(seed: UInt64) {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: seed)
      var window = nt_window(
        outer: 1 + random.below(3), length: random.below(9), inner: T.lanes * (1 + random.below(3)),
        out_length: random.below(9), window: random.below(6), stride: 1 + random.below(3),
        dilation: 1 + random.below(2),
        low: random.below(7) - 2)
      // Neighbours without stride have a loop of their own.
      if seed % 2 == 0 { (window.window, window.stride, window.dilation) = (2 + random.below(2), 1, 1) }
      if seed % 4 == 0 { window.inner = T.lanes }
      let x = random.elements(window.outer * window.length * window.inner, type)
      var out = [T](repeating: .nan, count: window.outer * window.out_length * window.inner)
      T.window(window, 0.7, x, &out)
      #expect(out == plainWindow(window, 0.7, x), "\(window)")
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("boxes are bitwise a window along the rows and one along the columns", arguments: 0..<300)
  func box(seed: UInt64) {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: seed)
      func window(length: Int) -> nt_window {
        let isNear = random.below(2) == 0
        return nt_window(
          outer: 1, length: length, inner: 1, out_length: random.below(9), window: isNear ? 3 : random.below(6),
          stride: isNear ? 1 : 1 + random.below(3), dilation: isNear ? 1 : 1 + random.below(2),
          low: random.below(7) - 2)
      }
      var (rows, columns) = (window(length: random.below(9)), window(length: random.below(9)))
      (rows.outer, rows.inner) = (1 + random.below(3), columns.length * T.lanes)
      (columns.outer, columns.inner) = (rows.outer * rows.out_length, T.lanes)
      let x = random.elements(rows.outer * rows.length * rows.inner, type)
      var out = [T](repeating: .nan, count: columns.outer * columns.out_length * columns.inner)
      T.box(rows, columns, x, &out)
      #expect(out == plainWindow(columns, 1, plainWindow(rows, 1, x)), "\(rows), \(columns)")
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("undefined and infinite numbers stay in their windows", arguments: [1, 2, 3, 5])
  func windowsOfNonFinite(width: Int) {
    let lanes = Float.lanes, length = 12
    let window = nt_window(
      outer: 1, length: length, inner: lanes, out_length: length, window: width, stride: 1, dilation: 1, low: 0)
    var x = [Float](repeating: 1, count: length * lanes), out = x
    x[6 * lanes + 3] = .nan
    x[6 * lanes + 4] = .infinity
    Float.window(window, 1, x, &out)
    for o in 0..<length {
      let sees = (o..<o + width).contains(6), plain = Float(min(width, length - o))
      #expect(out[o * lanes + 3].isNaN == sees)
      #expect(out[o * lanes + 4] == (sees ? .infinity : plain))
      #expect(out[o * lanes + 5] == plain)
    }
  }

  @Test("runs add what a step takes from each output", arguments: 0..<60)
  func addRun(seed: UInt64) {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: seed)
      let step = [-2, -1, 0, 1, 2][random.below(5)], first = random.below(3), last = first + random.below(3)
      let places = (first..<max(last, first + 1)).map { $0 * step }
      let run = nt_slice_run(
        outer: 1 + random.below(3), length: places.max()! - places.min()! + 2, out_length: last + random.below(2),
        inner: T.lanes * (1 + random.below(2)), first: first, last: last, step: step,
        offset: random.below(2) - places.min()!)
      let x = random.elements(run.outer * run.length * run.inner, type)
      let before = random.elements(run.outer * run.out_length * run.inner, type)
      var out = before
      T.addRun(run, 0.3, x, &out)
      for i in 0..<run.outer {
        for o in 0..<run.out_length {
          for j in 0..<run.inner {
            let place = (i * run.out_length + o) * run.inner + j
            guard (first..<last).contains(o) else {
              #expect(out[place] == before[place])
              continue
            }
            let taken = x[(i * run.length + o * step + run.offset) * run.inner + j]
            #expect(abs(Double(out[place]) - Double(before[place]) - Double(T(0.3)) * Double(taken)) <= 2 * T.tolerance)
          }
        }
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("sums add rows in the element type and across rows in double", arguments: shapes + [(9, 7), (0, 3)])
  func sum(shape: (Int, Int)) {
    func check<T: SliceElement>(_ type: T.Type) {
      var random = TestNumbers(seed: 8)
      let k = random.elements(shape.0 * shape.1 * T.lanes, type)
      var sums = (0..<T.lanes).map { Double($0) }
      var expected = sums
      for lane in 0..<T.lanes {
        for y in 0..<shape.0 {
          var row: T = 0
          for x in 0..<shape.1 { row += k[(y * shape.1 + x) * T.lanes + lane] }
          expected[lane] += Double(row)
        }
      }
      T.sum(shape.0, shape.1, k, &sums)
      #expect(sums == expected)
    }
    check(Float.self)
    check(Double.self)
  }
}
