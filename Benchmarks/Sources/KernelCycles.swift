import CVectorKernels
import Foundation

// How many cycles the inner loops of covariance slices take for one position of a slice, which is 64 bytes of lanes
// (16 of float32, 8 of float64), beside what the arithmetic alone would take.
//
// The bound counts operations on 64 bytes for a core with two pipes of 32 bytes for products and two for sums, as AMD's
// Zen 4 has: 64 bytes take a cycle of either pair, logic half a cycle of whichever pair is free. A square root keeps the
// pipes for products busy for some cycles besides (measured among independent products: 2 for float32, 3 for float64).
// A load takes a cycle, a store two. The bound is the largest of: products with roots, sums, half of all arithmetic,
// loads, stores. AVX2 does the same with twice as many instructions, and reads the constants from memory, for which its
// 16 registers have no room. Other processors have other bounds.

/// The operations of one position.
private struct OperationCount {
  var products = 0
  var roots = 0
  var sums = 0
  var logic = 0
  var loads = 0
  var stores = 0
  var constants = 0

  static func + (a: OperationCount, b: OperationCount) -> OperationCount {
    OperationCount(
      products: a.products + b.products, roots: a.roots + b.roots, sums: a.sums + b.sums, logic: a.logic + b.logic,
      loads: a.loads + b.loads, stores: a.stores + b.stores, constants: a.constants + b.constants)
  }

  func bound(rootCycles: Double, loadsConstants: Bool) -> Double {
    let multiplied = Double(products) + Double(roots) * rootCycles
    let arithmetic = (multiplied + Double(sums) + Double(logic) / 2) / 2
    return max(
      multiplied, Double(sums), arithmetic, Double(loads + (loadsConstants ? constants : 0)), 2 * Double(stores))
  }

  var text: String {
    "\(products) products, \(roots) root, \(sums) sums, \(logic) logic, \(loads) loads, \(stores) stores, \(constants) constants"
  }

  /// ABRelu's dual and its derivative, with k and theta in registers: the distance from correlation one takes 4 products
  /// and 3 sums; s one product, one sum and the root; A one sum, and products for the other coefficients; the derivative
  /// one product and one sum, kappa 3 products, theta one. Six factors are loaded. Float64 has one product more. Constants
  /// are the coefficients of A and six more.
  static func dual(isDouble: Bool) -> OperationCount {
    OperationCount(
      products: (isDouble ? 20 : 7) + 10, roots: 1, sums: 6, logic: 2, loads: 6, constants: (isDouble ? 20 : 8) + 6)
  }
  /// What reads and writes k and theta once.
  static let inPlace = OperationCount(loads: 2, stores: 2)
  /// A window of three along rows and columns: two sums each, and a product with a scale. Rows are loaded for each of
  /// their three outputs.
  static let stencil = OperationCount(products: 1, sums: 4, loads: 3, stores: 1)
  /// k and theta through both windows, and the affine map: a sum each.
  static let layer = OperationCount(sums: 10, loads: 6, stores: 2)
}

/// The kernels in one element type.
private protocol SliceScalar: BinaryFloatingPoint {
  static var name: String { get }
  static var isDouble: Bool { get }
  static var lanes: Int { get }
  static func factors(_ dual: UnsafePointer<nt_dual>, _ q: [Self], _ result: UnsafeMutablePointer<Self>)
  static func dual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>,
    _ k: UnsafeMutablePointer<Self>, _ theta: UnsafeMutablePointer<Self>)
  static func box(
    _ rows: nt_window, _ columns: nt_window, _ x: UnsafePointer<Self>, _ out: UnsafeMutablePointer<Self>,
    _ scratch: UnsafeMutablePointer<Self>)
  static func layer(
    _ layer: UnsafePointer<nt_slice_pass>, _ factors: UnsafePointer<nt_slice_factors>, _ k: UnsafePointer<Self>,
    _ theta: UnsafePointer<Self>, _ kOut: UnsafeMutablePointer<Self>, _ thetaOut: UnsafeMutablePointer<Self>,
    _ scratch: UnsafeMutablePointer<Self>)
}

extension Float: SliceScalar {
  fileprivate static var name: String { "float32" }
  fileprivate static var isDouble: Bool { false }
  fileprivate static var lanes: Int { Int(nt_slice_lanes_f32) }
  fileprivate static func factors(
    _ dual: UnsafePointer<nt_dual>, _ q: [Float], _ result: UnsafeMutablePointer<Float>
  ) { nt_dual_factors_f32(dual, q.count, q, result, q.count) }
  fileprivate static func dual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>,
    _ k: UnsafeMutablePointer<Float>, _ theta: UnsafeMutablePointer<Float>
  ) { nt_slice_dual_f32(dual, rows, columns, factors, k, theta) }
  fileprivate static func box(
    _ rows: nt_window, _ columns: nt_window, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) { nt_slice_window2d_f32(rows, columns, x, out, scratch) }
  fileprivate static func layer(
    _ layer: UnsafePointer<nt_slice_pass>, _ factors: UnsafePointer<nt_slice_factors>, _ k: UnsafePointer<Float>,
    _ theta: UnsafePointer<Float>, _ kOut: UnsafeMutablePointer<Float>, _ thetaOut: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) { nt_slice_pass_f32(layer, factors, k, theta, kOut, thetaOut, scratch) }
}

extension Double: SliceScalar {
  fileprivate static var name: String { "float64" }
  fileprivate static var isDouble: Bool { true }
  fileprivate static var lanes: Int { Int(nt_slice_lanes_f64) }
  fileprivate static func factors(
    _ dual: UnsafePointer<nt_dual>, _ q: [Double], _ result: UnsafeMutablePointer<Double>
  ) { nt_dual_factors_f64(dual, q.count, q, result, q.count) }
  fileprivate static func dual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: UnsafePointer<nt_slice_factors>,
    _ k: UnsafeMutablePointer<Double>, _ theta: UnsafeMutablePointer<Double>
  ) { nt_slice_dual_f64(dual, rows, columns, factors, k, theta) }
  fileprivate static func box(
    _ rows: nt_window, _ columns: nt_window, _ x: UnsafePointer<Double>, _ out: UnsafeMutablePointer<Double>,
    _ scratch: UnsafeMutablePointer<Double>
  ) { nt_slice_window2d_f64(rows, columns, x, out, scratch) }
  fileprivate static func layer(
    _ layer: UnsafePointer<nt_slice_pass>, _ factors: UnsafePointer<nt_slice_factors>, _ k: UnsafePointer<Double>,
    _ theta: UnsafePointer<Double>, _ kOut: UnsafeMutablePointer<Double>, _ thetaOut: UnsafeMutablePointer<Double>,
    _ scratch: UnsafeMutablePointer<Double>
  ) { nt_slice_pass_f64(layer, factors, k, theta, kOut, thetaOut, scratch) }
}

/// Seconds of the fastest of many short runs: long enough for the timer, short enough not to be disturbed in all.
func fastest(of count: Int = 2000, _ work: () -> Void) -> Double {
  var best = Double.infinity
  for _ in 0..<count {
    let start = DispatchTime.now().uptimeNanoseconds
    work()
    best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9)
  }
  return best
}

/// The clock in Hertz: a chain of integer additions, each of which waits for the one before, takes a cycle each.
private func measuredClock() -> Double {
  let count = 50_000
  var (a, b) = (UInt64(1), UInt64(CommandLine.arguments.count))
  let seconds = fastest {
    for _ in 0..<count / 2 {
      a &+= b
      b &+= a
    }
  }
  // The sum must be used, or it is not computed.
  if a == 0 && b == 0 { print() }
  return Double(count) / seconds
}

/// Prints the cycles of the kernels with the instruction set that NEURAL_TANGENTS_ISA names, or without it those of
/// every one that this processor has and that the bound is counted for, each in a process of its own.
func printKernelCycles() {
  if !(ProcessInfo.processInfo.environment["NEURAL_TANGENTS_ISA"] ?? "").isEmpty {
    let clock = measuredClock()
    let set = String(cString: nt_instruction_set_name(nt_selected_instruction_set()))
    print(String(format: "%@, %.2f GHz", set, clock / 1e9))
    printCycles(Float.self, clock: clock)
    printCycles(Double.self, clock: clock)
    return
  }
  print("Cycles for one position of a slice (16 lanes of float32, 8 of float64), and the bound of the arithmetic.")
  for isDouble in [false, true] {
    let dual = OperationCount.dual(isDouble: isDouble)
    for (kernel, count) in [
      ("ReLU dual", dual + .inPlace), ("box stencil", .stencil), ("whole layer", dual + .layer),
    ] { print("  \(isDouble ? "float64" : "float32"), \(kernel): \(count.text)") }
  }
  fflush(nil)
  for instructions in [nt_avx512, nt_avx2] where instructions.rawValue <= nt_best_instruction_set().rawValue {
    let set = String(cString: nt_instruction_set_name(instructions))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
    process.arguments = Array(CommandLine.arguments.dropFirst())
    process.environment = ProcessInfo.processInfo.environment.merging(["NEURAL_TANGENTS_ISA": set]) { $1 }
    do {
      try process.run()
      process.waitUntilExit()
    } catch {
      print("\(set): cannot start \(CommandLine.arguments[0]): \(error)")
    }
  }
}

private func printCycles<T: SliceScalar>(_: T.Type, clock: Double) {
  let rootCycles = T.isDouble ? 3.0 : 2.0, loadsConstants = nt_selected_instruction_set() == nt_avx2
  let dualCount = OperationCount.dual(isDouble: T.isDouble)
  for size in [32, 8, 4] {
    let cycles = measureCycles(T.self, size: size, clock: clock)
    for (name, time, count) in [
      ("ReLU dual", cycles.dual, dualCount + .inPlace), ("box stencil", cycles.stencil, .stencil),
      ("whole layer", cycles.layer, dualCount + .layer),
    ] {
      let bound = count.bound(rootCycles: rootCycles, loadsConstants: loadsConstants)
      let label = "\(T.name), \(size) x \(size), \(name)"
      let padded = label.padding(toLength: 34, withPad: " ", startingAt: 0)
      print(String(format: "  %@ %6.1f  bound %5.1f  ratio %.2f", padded, time, bound, time / bound))
    }
  }
}

/// Cycles per position of the three kernels on a slice of size x size positions.
private func measureCycles<T: SliceScalar>(
  _: T.Type, size: Int, clock: Double
) -> (dual: Double, stencil: Double, layer: Double) {
  let positions = size * size, count = positions * T.lanes
  func memory(_ count: Int) -> UnsafeMutablePointer<T> {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<T>.stride, alignment: 64)
    let pointer = raw.bindMemory(to: T.self, capacity: count)
    pointer.initialize(repeating: 0, count: count)
    return pointer
  }
  let arrays = (0..<4).map { _ in memory(count) },
    (k, theta, kOut, thetaOut) = (arrays[0], arrays[1], arrays[2], arrays[3])
  let (first, second, scratch) = (memory(3 * max(16, positions)), memory(3 * count), memory(2 * size * T.lanes))
  defer { for pointer in arrays + [first, second, scratch] { pointer.deallocate() } }
  for index in 0..<count {
    k[index] = T(index % 199 - 99) / 400
    theta[index] = k[index] / 2
  }
  var dual = nt_dual()
  dual.kind = nt_dual_ab_relu
  // With the weights of the next convolution.
  dual.parameters.1 = (2.0 / 9).squareRoot()
  T.factors(&dual, [T](repeating: 1, count: max(16, positions)), first)
  T.factors(&dual, [T](repeating: 1, count: count), second)
  var factors = nt_slice_factors(
    first: first, second: second, first_stride: max(16, positions), second_stride: count, first_row: size,
    second_row: size, first_has_lanes: 0)
  let window = nt_window(
    outer: 1, length: size, inner: 1, out_length: size, window: 3, stride: 1, dilation: 1, low: 1)
  // Those weights are in the dual, so that the affine map only adds.
  let affine = nt_affine(
    weight_variance: 1, bias_variance: 0, theta_from_input: 0, theta_from_output: 1, theta_constant: 0)
  // Small slices take too short a time for the timer.
  let repeats = max(1, 1024 / positions), cycles = clock / Double(positions * repeats)
  return withUnsafePointer(to: dual) { dual in
    var layer = nt_slice_pass(
      dual: dual, affine: affine, rows: window, columns: window, theta_is_zero: 0)
    let stencilTime = fastest {
      for _ in 0..<repeats { T.box(window, window, k, kOut, scratch) }
    }
    let layerTime = fastest {
      for _ in 0..<repeats { T.layer(&layer, &factors, k, theta, kOut, thetaOut, scratch) }
    }
    kOut.update(from: k, count: count)
    let dualTime = fastest {
      for _ in 0..<repeats { T.dual(dual, size, size, &factors, kOut, thetaOut) }
    }
    return (dualTime * cycles, stencilTime * cycles, layerTime * cycles)
  }
}
