/// Which of the three arrays of a convolution is computed from the other two.
///
/// Input x, filter w and output y meet in one trilinear form,
/// `Σ y[n, o, c'] x[n, o·stride + k·windowDilation − paddingLow, c] w[k, c, c']`; its derivative in each of them is one
/// of these, so that the three are each other's derivatives.
public enum ConvolutionRole: String, Hashable, Sendable, CaseIterable {
  /// From (input, filter): the convolution.
  case output
  /// From (output cotangent, filter): the transpose of the convolution as a map of its input.
  case input
  /// From (input, output cotangent): the transpose of the convolution as a map of its filter.
  case filter
}

/// The static attributes of a convolution: arrays have one entry per spatial axis.
///
/// Channels come last: input (N, spatial…, C), filter (window…, C/groups, O), output (N, spatial…, O). Output channel o
/// belongs to group o / (O/groups) and sees the channels of that group only. The filter is not flipped:
/// `y[n, o, c'] = Σ_k Σ_c x[n, o·stride + k·windowDilation − paddingLow, c] w[k, c, c']`, where x is first dilated by
/// `inputDilation` (zeros between its elements), then padded with zeros.
public struct ConvolutionGeometry: Hashable, Sendable {
  /// Sizes of the input.
  public var inputSize: [Int]
  /// Sizes of the filter.
  public var window: [Int]
  /// Elements of the padded input from one position of the filter to the next.
  public var strides: [Int]
  /// Zeros before the dilated input; a negative number crops.
  public var paddingLow: [Int]
  /// Zeros after the dilated input; a negative number crops.
  public var paddingHigh: [Int]
  /// Places from one element of the input to the next; between them are zeros.
  public var inputDilation: [Int]
  /// Elements of the padded input from one weight of the filter to the next.
  public var windowDilation: [Int]
  /// Groups of channels that do not see each other; the number of channels for a depthwise convolution.
  public var groups: Int

  /// - Parameters: what is left out is 1, and 0 for the padding.
  /// - Precondition: all arrays have one entry per axis, sizes are not negative, strides, dilations and groups positive.
  public init(
    inputSize: [Int], window: [Int], strides: [Int]? = nil, paddingLow: [Int]? = nil, paddingHigh: [Int]? = nil,
    inputDilation: [Int]? = nil, windowDilation: [Int]? = nil, groups: Int = 1
  ) {
    let ones = [Int](repeating: 1, count: inputSize.count)
    let zeros = [Int](repeating: 0, count: inputSize.count)
    self.inputSize = inputSize
    self.window = window
    self.strides = strides ?? ones
    self.paddingLow = paddingLow ?? zeros
    self.paddingHigh = paddingHigh ?? zeros
    self.inputDilation = inputDilation ?? ones
    self.windowDilation = windowDilation ?? ones
    self.groups = groups
    check()
  }

  private func check() {
    for (name, values) in [
      ("window", window), ("strides", strides), ("paddingLow", paddingLow), ("paddingHigh", paddingHigh),
      ("inputDilation", inputDilation), ("windowDilation", windowDilation),
    ] {
      precondition(
        values.count == inputSize.count,
        "convolution: expected one entry of \(name) for each axis of the input size \(inputSize), found \(values)")
    }
    for (name, values) in [("input size", inputSize), ("window", window)] {
      precondition(values.allSatisfy { $0 >= 0 }, "convolution: expected a \(name) without negatives, found \(values)")
    }
    for (name, values) in [
      ("strides", strides), ("inputDilation", inputDilation), ("windowDilation", windowDilation), ("groups", [groups]),
    ] {
      precondition(values.allSatisfy { $0 > 0 }, "convolution: expected positive \(name), found \(values)")
    }
  }

  /// Sizes of the output: the positions at which the dilated window lies inside the dilated and padded input.
  public var outputSize: [Int] {
    inputSize.indices.map { axis in
      positions(
        in: dilated(inputSize[axis], inputDilation[axis]) + paddingLow[axis] + paddingHigh[axis],
        window: dilated(window[axis], windowDilation[axis]), stride: strides[axis])
    }
  }

  /// The padding with which a window at every `stride`-th position gives ⌈input / stride⌉ outputs, of which the smaller
  /// half comes first.
  ///
  /// *Source:* the SAME padding of XLA and TensorFlow: max((out − 1)·stride + window − in, 0) in all, where window and in
  /// are dilated.
  public static func samePadding(
    inputSize: [Int], window: [Int], strides: [Int]? = nil, inputDilation: [Int]? = nil, windowDilation: [Int]? = nil
  ) -> (low: [Int], high: [Int]) {
    let totals = inputSize.indices.map { axis in
      let size = dilated(inputSize[axis], inputDilation?[axis] ?? 1)
      let stride = strides?[axis] ?? 1
      let outputs = (size + stride - 1) / stride
      return max((outputs - 1) * stride + dilated(window[axis], windowDilation?[axis] ?? 1) - size, 0)
    }
    return (totals.map { $0 / 2 }, totals.map { $0 - $0 / 2 })
  }

  /// A convolution with `samePadding`.
  public static func same(
    inputSize: [Int], window: [Int], strides: [Int]? = nil, windowDilation: [Int]? = nil, groups: Int = 1
  ) -> ConvolutionGeometry {
    let padding = samePadding(inputSize: inputSize, window: window, strides: strides, windowDilation: windowDilation)
    return ConvolutionGeometry(
      inputSize: inputSize, window: window, strides: strides, paddingLow: padding.low, paddingHigh: padding.high,
      windowDilation: windowDilation, groups: groups)
  }

  /// A convolution without padding: the window stays inside the input.
  public static func valid(
    inputSize: [Int], window: [Int], strides: [Int]? = nil, windowDilation: [Int]? = nil, groups: Int = 1
  ) -> ConvolutionGeometry {
    ConvolutionGeometry(
      inputSize: inputSize, window: window, strides: strides, windowDilation: windowDilation, groups: groups)
  }
}

extension ConvolutionGeometry {
  /// The shape of the array that `role` names, computed from `a` and `b` in the order that `ConvolutionRole` states.
  ///
  /// - Precondition: the shapes are those of this geometry, and channels divide into the groups.
  public func outputShape(_ role: ConvolutionRole, _ a: [Int], _ b: [Int]) -> [Int] {
    let outputSize = outputSize
    let dimensions = ConvolutionDimensions(self, role, a, b)
    func expect(_ name: String, _ found: [Int], _ expected: [Int]) {
      precondition(
        found == expected, "convolution (\(role)): expected \(name) of shape \(expected), found \(found) (\(self))")
    }
    let (n, c, o) = (dimensions.batch, dimensions.inputChannels, dimensions.outputChannels)
    precondition(
      c % groups == 0 && o % groups == 0,
      "convolution (\(role)): expected channels that divide into \(groups) groups, found \(c) of the input and \(o) of "
        + "the output, from shapes \(a) and \(b)")
    let input = [n] + inputSize + [c]
    let filter = window + [c / groups, o]
    let output = [n] + outputSize + [o]
    switch role {
    case .output:
      expect("input", a, input)
      expect("filter", b, filter)
      return output
    case .input:
      expect("output cotangent", a, output)
      expect("filter", b, filter)
      return input
    case .filter:
      expect("input", a, input)
      expect("output cotangent", b, output)
      return filter
    }
  }
}

/// The sizes of a convolution that its geometry leaves open.
struct ConvolutionDimensions {
  let batch: Int
  let inputChannels: Int
  let outputChannels: Int

  init(_ geometry: ConvolutionGeometry, _ role: ConvolutionRole, _ a: [Int], _ b: [Int]) {
    let rank = geometry.inputSize.count + 2
    precondition(
      a.count == rank && b.count == rank,
      "convolution (\(role)): expected two arrays of rank \(rank), found shapes \(a) and \(b)")
    batch = a[0]
    switch role {
    case .output: (inputChannels, outputChannels) = (a[rank - 1], b[rank - 1])
    case .input: (inputChannels, outputChannels) = (b[rank - 2] * geometry.groups, a[rank - 1])
    case .filter: (inputChannels, outputChannels) = (a[rank - 1], b[rank - 1])
    }
  }
}

/// The extent of `size` elements that are `dilation` apart.
func dilated(_ size: Int, _ dilation: Int) -> Int { size == 0 ? 0 : (size - 1) * dilation + 1 }

/// How many times a window fits into `size` elements at every `stride`-th position.
func positions(in size: Int, window: Int, stride: Int) -> Int {
  size < window ? 0 : max(0, (size - window) / stride + 1)
}
