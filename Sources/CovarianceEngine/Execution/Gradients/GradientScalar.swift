import CVectorKernels
import Tensors

/// Float or Double with the inner loops of the reverse pass under one name each; `nt_gradients.h` says what they do.
protocol GradientScalar: LoopScalar {
  static func dualValues(
    _ dual: UnsafePointer<nt_dual>, _ plane: nt_gradient_plane, _ q1: UnsafePointer<Self>, _ q2: UnsafePointer<Self>,
    _ k: UnsafePointer<Self>, _ theta: UnsafePointer<Self>?, to kOut: Pointer, _ thetaOut: Pointer?)
  static func dualCotangents(
    _ dual: UnsafePointer<nt_dual>, _ plane: nt_gradient_plane, _ q1: UnsafePointer<Self>, _ q2: UnsafePointer<Self>,
    _ k: UnsafePointer<Self>, _ theta: UnsafePointer<Self>?, _ gk: Pointer, _ gTheta: Pointer?, _ gq1: Pointer,
    _ gq2: Pointer)
  static func scaleValues(
    _ plane: nt_gradient_plane, _ f1: UnsafePointer<Self>, _ f2: UnsafePointer<Self>, _ k: UnsafePointer<Self>,
    _ theta: UnsafePointer<Self>?, to kOut: Pointer, _ thetaOut: Pointer?)
  static func scaleCotangents(
    _ plane: nt_gradient_plane, _ f1: UnsafePointer<Self>, _ f2: UnsafePointer<Self>, _ k: UnsafePointer<Self>,
    _ theta: UnsafePointer<Self>?, _ gk: Pointer, _ gTheta: Pointer?, _ gf1: Pointer, _ gf2: Pointer)
  static func affineCotangents(_ n: Int, weight: Double, share: Double, _ gk: Pointer, _ gTheta: Pointer?)
  static func productCotangents(
    _ n: Int, _ k2: UnsafePointer<Self>, _ theta2: UnsafePointer<Self>?, _ gk: UnsafePointer<Self>,
    _ gTheta: UnsafePointer<Self>?, to gkOut: Pointer, _ gThetaOut: Pointer?)
  static func windowValues(_ window: nt_gradient_window, _ x: UnsafePointer<Self>, to out: Pointer)
  static func windowCotangents(_ window: nt_gradient_window, _ out: UnsafePointer<Self>, to x: Pointer)
  static func addRuns(_ runs: nt_gradient_runs, weight: Double, _ from: UnsafePointer<Self>, to: Pointer)
  static func addSum(_ count: Int, lanes: Int, scale: Double, _ x: UnsafePointer<Self>, to out: Pointer)
  static func spread(_ count: Int, lanes: Int, scale: Double, _ g: UnsafePointer<Self>, to x: Pointer)
  /// out = a x + b out.
  static func combine(_ n: Int, _ a: Double, _ x: UnsafePointer<Self>, _ b: Double, to out: Pointer)
  static func inputValues(
    _ plane: nt_gradient_plane, channels: Int, lanes: Int, scale: Double, _ x1: UnsafePointer<Self>,
    _ x2: UnsafePointer<Self>, to k: Pointer)
  static func inputCotangents(
    _ plane: nt_gradient_plane, channels: Int, lanes: Int, scale: Double, _ x1: UnsafePointer<Self>,
    _ x2: UnsafePointer<Self>, _ gk: UnsafePointer<Self>, to gx1: Pointer, _ gx2: Pointer)
}

extension Float: GradientScalar {
  static func dualValues(
    _ dual: UnsafePointer<nt_dual>, _ plane: nt_gradient_plane, _ q1: UnsafePointer<Float>, _ q2: UnsafePointer<Float>,
    _ k: UnsafePointer<Float>, _ theta: UnsafePointer<Float>?, to kOut: Pointer, _ thetaOut: Pointer?
  ) {
    nt_gradient_dual_values_f32(dual, plane, q1, q2, k, theta, kOut, thetaOut)
  }

  static func dualCotangents(
    _ dual: UnsafePointer<nt_dual>, _ plane: nt_gradient_plane, _ q1: UnsafePointer<Float>, _ q2: UnsafePointer<Float>,
    _ k: UnsafePointer<Float>, _ theta: UnsafePointer<Float>?, _ gk: Pointer, _ gTheta: Pointer?, _ gq1: Pointer,
    _ gq2: Pointer
  ) {
    nt_gradient_dual_cotangents_f32(dual, plane, q1, q2, k, theta, gk, gTheta, gq1, gq2)
  }

  static func scaleValues(
    _ plane: nt_gradient_plane, _ f1: UnsafePointer<Float>, _ f2: UnsafePointer<Float>, _ k: UnsafePointer<Float>,
    _ theta: UnsafePointer<Float>?, to kOut: Pointer, _ thetaOut: Pointer?
  ) {
    nt_gradient_scale_values_f32(plane, f1, f2, k, theta, kOut, thetaOut)
  }

  static func scaleCotangents(
    _ plane: nt_gradient_plane, _ f1: UnsafePointer<Float>, _ f2: UnsafePointer<Float>, _ k: UnsafePointer<Float>,
    _ theta: UnsafePointer<Float>?, _ gk: Pointer, _ gTheta: Pointer?, _ gf1: Pointer, _ gf2: Pointer
  ) {
    nt_gradient_scale_cotangents_f32(plane, f1, f2, k, theta, gk, gTheta, gf1, gf2)
  }

  static func affineCotangents(_ n: Int, weight: Double, share: Double, _ gk: Pointer, _ gTheta: Pointer?) {
    nt_gradient_affine_cotangents_f32(n, weight, share, gk, gTheta)
  }

  static func productCotangents(
    _ n: Int, _ k2: UnsafePointer<Float>, _ theta2: UnsafePointer<Float>?, _ gk: UnsafePointer<Float>,
    _ gTheta: UnsafePointer<Float>?, to gkOut: Pointer, _ gThetaOut: Pointer?
  ) {
    nt_gradient_product_cotangents_f32(n, k2, theta2, gk, gTheta, gkOut, gThetaOut)
  }

  static func windowValues(_ window: nt_gradient_window, _ x: UnsafePointer<Float>, to out: Pointer) {
    nt_gradient_window_values_f32(window, x, out)
  }

  static func windowCotangents(_ window: nt_gradient_window, _ out: UnsafePointer<Float>, to x: Pointer) {
    nt_gradient_window_cotangents_f32(window, out, x)
  }

  static func addRuns(_ runs: nt_gradient_runs, weight: Double, _ from: UnsafePointer<Float>, to: Pointer) {
    nt_gradient_add_runs_f32(runs, weight, from, to)
  }

  static func addSum(_ count: Int, lanes: Int, scale: Double, _ x: UnsafePointer<Float>, to out: Pointer) {
    nt_gradient_sum_f32(count, lanes, scale, x, out)
  }

  static func spread(_ count: Int, lanes: Int, scale: Double, _ g: UnsafePointer<Float>, to x: Pointer) {
    nt_gradient_spread_f32(count, lanes, scale, g, x)
  }

  static func combine(_ n: Int, _ a: Double, _ x: UnsafePointer<Float>, _ b: Double, to out: Pointer) {
    nt_gradient_combine_f32(n, a, x, b, out)
  }

  static func inputValues(
    _ plane: nt_gradient_plane, channels: Int, lanes: Int, scale: Double, _ x1: UnsafePointer<Float>,
    _ x2: UnsafePointer<Float>, to k: Pointer
  ) {
    nt_gradient_input_values_f32(plane, channels, lanes, scale, x1, x2, k)
  }

  static func inputCotangents(
    _ plane: nt_gradient_plane, channels: Int, lanes: Int, scale: Double, _ x1: UnsafePointer<Float>,
    _ x2: UnsafePointer<Float>, _ gk: UnsafePointer<Float>, to gx1: Pointer, _ gx2: Pointer
  ) {
    nt_gradient_input_cotangents_f32(plane, channels, lanes, scale, x1, x2, gk, gx1, gx2)
  }
}

extension Double: GradientScalar {
  static func dualValues(
    _ dual: UnsafePointer<nt_dual>, _ plane: nt_gradient_plane, _ q1: UnsafePointer<Double>,
    _ q2: UnsafePointer<Double>,
    _ k: UnsafePointer<Double>, _ theta: UnsafePointer<Double>?, to kOut: Pointer, _ thetaOut: Pointer?
  ) {
    nt_gradient_dual_values_f64(dual, plane, q1, q2, k, theta, kOut, thetaOut)
  }

  static func dualCotangents(
    _ dual: UnsafePointer<nt_dual>, _ plane: nt_gradient_plane, _ q1: UnsafePointer<Double>,
    _ q2: UnsafePointer<Double>,
    _ k: UnsafePointer<Double>, _ theta: UnsafePointer<Double>?, _ gk: Pointer, _ gTheta: Pointer?, _ gq1: Pointer,
    _ gq2: Pointer
  ) {
    nt_gradient_dual_cotangents_f64(dual, plane, q1, q2, k, theta, gk, gTheta, gq1, gq2)
  }

  static func scaleValues(
    _ plane: nt_gradient_plane, _ f1: UnsafePointer<Double>, _ f2: UnsafePointer<Double>, _ k: UnsafePointer<Double>,
    _ theta: UnsafePointer<Double>?, to kOut: Pointer, _ thetaOut: Pointer?
  ) {
    nt_gradient_scale_values_f64(plane, f1, f2, k, theta, kOut, thetaOut)
  }

  static func scaleCotangents(
    _ plane: nt_gradient_plane, _ f1: UnsafePointer<Double>, _ f2: UnsafePointer<Double>, _ k: UnsafePointer<Double>,
    _ theta: UnsafePointer<Double>?, _ gk: Pointer, _ gTheta: Pointer?, _ gf1: Pointer, _ gf2: Pointer
  ) {
    nt_gradient_scale_cotangents_f64(plane, f1, f2, k, theta, gk, gTheta, gf1, gf2)
  }

  static func affineCotangents(_ n: Int, weight: Double, share: Double, _ gk: Pointer, _ gTheta: Pointer?) {
    nt_gradient_affine_cotangents_f64(n, weight, share, gk, gTheta)
  }

  static func productCotangents(
    _ n: Int, _ k2: UnsafePointer<Double>, _ theta2: UnsafePointer<Double>?, _ gk: UnsafePointer<Double>,
    _ gTheta: UnsafePointer<Double>?, to gkOut: Pointer, _ gThetaOut: Pointer?
  ) {
    nt_gradient_product_cotangents_f64(n, k2, theta2, gk, gTheta, gkOut, gThetaOut)
  }

  static func windowValues(_ window: nt_gradient_window, _ x: UnsafePointer<Double>, to out: Pointer) {
    nt_gradient_window_values_f64(window, x, out)
  }

  static func windowCotangents(_ window: nt_gradient_window, _ out: UnsafePointer<Double>, to x: Pointer) {
    nt_gradient_window_cotangents_f64(window, out, x)
  }

  static func addRuns(_ runs: nt_gradient_runs, weight: Double, _ from: UnsafePointer<Double>, to: Pointer) {
    nt_gradient_add_runs_f64(runs, weight, from, to)
  }

  static func addSum(_ count: Int, lanes: Int, scale: Double, _ x: UnsafePointer<Double>, to out: Pointer) {
    nt_gradient_sum_f64(count, lanes, scale, x, out)
  }

  static func spread(_ count: Int, lanes: Int, scale: Double, _ g: UnsafePointer<Double>, to x: Pointer) {
    nt_gradient_spread_f64(count, lanes, scale, g, x)
  }

  static func combine(_ n: Int, _ a: Double, _ x: UnsafePointer<Double>, _ b: Double, to out: Pointer) {
    nt_gradient_combine_f64(n, a, x, b, out)
  }

  static func inputValues(
    _ plane: nt_gradient_plane, channels: Int, lanes: Int, scale: Double, _ x1: UnsafePointer<Double>,
    _ x2: UnsafePointer<Double>, to k: Pointer
  ) {
    nt_gradient_input_values_f64(plane, channels, lanes, scale, x1, x2, k)
  }

  static func inputCotangents(
    _ plane: nt_gradient_plane, channels: Int, lanes: Int, scale: Double, _ x1: UnsafePointer<Double>,
    _ x2: UnsafePointer<Double>, _ gk: UnsafePointer<Double>, to gx1: Pointer, _ gx2: Pointer
  ) {
    nt_gradient_input_cotangents_f64(plane, channels, lanes, scale, x1, x2, gk, gx1, gx2)
  }
}
