/// A window that slides over a tensor: arrays have one entry per axis of it.
///
/// The window covers the elements `o·stride + k·windowDilation − paddingLow` for output position o, where those outside
/// the tensor are padding.
public struct WindowGeometry: Hashable, Sendable {
  /// Elements that the window covers.
  public var window: [Int]
  /// Elements from one position of the window to the next.
  public var strides: [Int]
  /// Elements before the tensor; a negative number crops.
  public var paddingLow: [Int]
  /// Elements after the tensor; a negative number crops.
  public var paddingHigh: [Int]
  /// Elements from one that the window covers to the next.
  public var windowDilation: [Int]

  /// - Parameters: what is left out is 1, and 0 for the padding.
  /// - Precondition: all arrays have one entry per axis, sizes are not negative, strides and dilations positive.
  public init(
    window: [Int], strides: [Int]? = nil, paddingLow: [Int]? = nil, paddingHigh: [Int]? = nil,
    windowDilation: [Int]? = nil
  ) {
    let ones = [Int](repeating: 1, count: window.count)
    let zeros = [Int](repeating: 0, count: window.count)
    self.window = window
    self.strides = strides ?? ones
    self.paddingLow = paddingLow ?? zeros
    self.paddingHigh = paddingHigh ?? zeros
    self.windowDilation = windowDilation ?? ones
    for (name, values) in [
      ("strides", self.strides), ("paddingLow", self.paddingLow), ("paddingHigh", self.paddingHigh),
      ("windowDilation", self.windowDilation),
    ] {
      precondition(
        values.count == window.count,
        "window: expected one entry of \(name) for each axis of the window \(window), found \(values)")
    }
    precondition(window.allSatisfy { $0 >= 0 }, "window: expected sizes without negatives, found \(window)")
    for (name, values) in [("strides", self.strides), ("windowDilation", self.windowDilation)] {
      precondition(values.allSatisfy { $0 > 0 }, "window: expected positive \(name), found \(values)")
    }
  }

  /// The shape of what the window gives on a tensor of shape `shape`: one element for each position at which the dilated
  /// window lies inside the padded tensor.
  ///
  /// - Precondition: the tensor has as many axes as the window.
  public func outputShape(_ shape: [Int]) -> [Int] {
    precondition(
      shape.count == window.count,
      "window: expected a tensor of rank \(window.count) for the window \(window), found shape \(shape)")
    return shape.indices.map { axis in
      positions(
        in: shape[axis] + paddingLow[axis] + paddingHigh[axis], window: dilated(window[axis], windowDilation[axis]),
        stride: strides[axis])
    }
  }
}
