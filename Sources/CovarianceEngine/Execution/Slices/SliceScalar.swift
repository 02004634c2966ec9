import CVectorKernels
import Tensors

/// Float or Double, with the inner loops over slices under one name each; see nt_slices.h.
protocol SliceScalar: LoopScalar {
  /// Inputs of the second data set that a slice holds side by side.
  static var lanes: Int { get }

  static func sliceProduct(
    _ rows: Int, _ columns: Int, _ channels: Int, scale: Self, _ inputs: nt_slice_factors, _ k: Pointer)
  static func sliceDual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: nt_slice_factors, _ k: Pointer,
    _ theta: Pointer?)
  static func sliceScale(_ rows: Int, _ columns: Int, _ factors: nt_slice_factors, _ k: Pointer, _ theta: Pointer?)
  static func sliceWindow(_ window: nt_window, scale: Self, _ x: UnsafePointer<Self>, _ out: Pointer)
  static func sliceWindow2D(
    _ rows: nt_window, _ columns: nt_window, _ x: UnsafePointer<Self>, _ out: Pointer, scratch: Pointer)
  static func sliceAddRun(_ run: nt_slice_run, weight: Self, _ x: UnsafePointer<Self>, _ out: Pointer)
  static func sliceSum(_ rows: Int, _ columns: Int, _ k: UnsafePointer<Self>, _ sums: UnsafeMutablePointer<Double>)
  static func sliceFusedPass(
    _ layer: nt_slice_pass, _ factors: nt_slice_factors, _ k: UnsafePointer<Self>, _ theta: UnsafePointer<Self>?,
    _ kOut: Pointer, _ thetaOut: Pointer?, scratch: Pointer)
}

extension Float: SliceScalar {
  static var lanes: Int { nt_slice_lanes_f32 }

  static func sliceProduct(
    _ rows: Int, _ columns: Int, _ channels: Int, scale: Float, _ inputs: nt_slice_factors, _ k: Pointer
  ) {
    withUnsafePointer(to: inputs) { nt_slice_product_f32(rows, columns, channels, scale, $0, k) }
  }

  static func sliceDual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: nt_slice_factors, _ k: Pointer,
    _ theta: Pointer?
  ) {
    withUnsafePointer(to: factors) { nt_slice_dual_f32(dual, rows, columns, $0, k, theta) }
  }

  static func sliceScale(_ rows: Int, _ columns: Int, _ factors: nt_slice_factors, _ k: Pointer, _ theta: Pointer?) {
    withUnsafePointer(to: factors) { nt_slice_scale_f32(rows, columns, $0, k, theta) }
  }

  static func sliceWindow(_ window: nt_window, scale: Float, _ x: UnsafePointer<Float>, _ out: Pointer) {
    nt_slice_window_f32(window, scale, x, out)
  }

  static func sliceWindow2D(
    _ rows: nt_window, _ columns: nt_window, _ x: UnsafePointer<Float>, _ out: Pointer, scratch: Pointer
  ) {
    nt_slice_window2d_f32(rows, columns, x, out, scratch)
  }

  static func sliceAddRun(_ run: nt_slice_run, weight: Float, _ x: UnsafePointer<Float>, _ out: Pointer) {
    nt_slice_add_run_f32(run, weight, x, out)
  }

  static func sliceSum(_ rows: Int, _ columns: Int, _ k: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Double>) {
    nt_slice_sum_f32(rows, columns, k, sums)
  }

  static func sliceFusedPass(
    _ layer: nt_slice_pass, _ factors: nt_slice_factors, _ k: UnsafePointer<Float>, _ theta: UnsafePointer<Float>?,
    _ kOut: Pointer, _ thetaOut: Pointer?, scratch: Pointer
  ) {
    withUnsafePointer(to: layer) { layer in
      withUnsafePointer(to: factors) { nt_slice_pass_f32(layer, $0, k, theta, kOut, thetaOut, scratch) }
    }
  }
}

extension Double: SliceScalar {
  static var lanes: Int { nt_slice_lanes_f64 }

  static func sliceProduct(
    _ rows: Int, _ columns: Int, _ channels: Int, scale: Double, _ inputs: nt_slice_factors, _ k: Pointer
  ) {
    withUnsafePointer(to: inputs) { nt_slice_product_f64(rows, columns, channels, scale, $0, k) }
  }

  static func sliceDual(
    _ dual: UnsafePointer<nt_dual>, _ rows: Int, _ columns: Int, _ factors: nt_slice_factors, _ k: Pointer,
    _ theta: Pointer?
  ) {
    withUnsafePointer(to: factors) { nt_slice_dual_f64(dual, rows, columns, $0, k, theta) }
  }

  static func sliceScale(_ rows: Int, _ columns: Int, _ factors: nt_slice_factors, _ k: Pointer, _ theta: Pointer?) {
    withUnsafePointer(to: factors) { nt_slice_scale_f64(rows, columns, $0, k, theta) }
  }

  static func sliceWindow(_ window: nt_window, scale: Double, _ x: UnsafePointer<Double>, _ out: Pointer) {
    nt_slice_window_f64(window, scale, x, out)
  }

  static func sliceWindow2D(
    _ rows: nt_window, _ columns: nt_window, _ x: UnsafePointer<Double>, _ out: Pointer, scratch: Pointer
  ) {
    nt_slice_window2d_f64(rows, columns, x, out, scratch)
  }

  static func sliceAddRun(_ run: nt_slice_run, weight: Double, _ x: UnsafePointer<Double>, _ out: Pointer) {
    nt_slice_add_run_f64(run, weight, x, out)
  }

  static func sliceSum(_ rows: Int, _ columns: Int, _ k: UnsafePointer<Double>, _ sums: UnsafeMutablePointer<Double>) {
    nt_slice_sum_f64(rows, columns, k, sums)
  }

  static func sliceFusedPass(
    _ layer: nt_slice_pass, _ factors: nt_slice_factors, _ k: UnsafePointer<Double>, _ theta: UnsafePointer<Double>?,
    _ kOut: Pointer, _ thetaOut: Pointer?, scratch: Pointer
  ) {
    withUnsafePointer(to: layer) { layer in
      withUnsafePointer(to: factors) { nt_slice_pass_f64(layer, $0, k, theta, kOut, thetaOut, scratch) }
    }
  }
}
