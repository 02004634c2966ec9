import CovarianceEngine
import Tensors

/// What a window sees beyond the ends of its input.
public enum Padding: String, Sendable, CaseIterable {
  /// Nothing: windows stay inside.
  case valid
  /// Zeros, as many as give ⌈size / stride⌉ outputs, the smaller half first.
  case same
  /// The other end, as much as `same` has zeros.
  case circular

  /// How windows lie along one axis; nil when none fits.
  func axis(size: Int, window: Int, stride: Int, dilation: Int = 1) -> PatchAxis? {
    var axis = PatchAxis(size: size, window: window, stride: stride, dilation: dilation)
    if self != .valid {
      let (low, high) = ConvolutionGeometry.samePadding(
        inputSize: [size], window: [window], strides: [stride], windowDilation: [dilation])
      (axis.paddingLow, axis.paddingHigh, axis.wraps) = (low[0], high[0], self == .circular)
    }
    return axis.outputSize > 0 ? axis : nil
  }

  /// How windows of a transposed convolution lie along one axis: on the input with stride − 1 zeros between its elements.
  ///
  /// *Source:* the gradient of a convolution with the same padding; the circular one is the adjoint of the circular
  /// convolution.
  func transposedAxis(size: Int, window: Int, stride: Int) -> PatchAxis {
    var axis = PatchAxis(size: size, window: window, spread: stride)
    switch self {
    case .same:
      let total = window + stride - 2
      axis.paddingLow = stride > window - 1 ? window - 1 : (total + 1) / 2
      axis.paddingHigh = total - axis.paddingLow
    case .valid:
      axis.paddingLow = window - 1
      axis.paddingHigh = stride - 1 + max(window - stride, 0)
    case .circular:
      // The outputs of a valid one, folded to size·stride and cropped evenly.
      let crop = max(window - stride, 0) / 2
      axis.wraps = true
      axis.paddingLow = window - 1 - crop
      axis.paddingHigh = crop
    }
    return axis
  }
}
