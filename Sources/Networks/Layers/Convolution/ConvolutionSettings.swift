import CovarianceEngine
import Tensors

/// What convolution layers have in common: arguments, their checks, and how windows lie.
struct ConvolutionSettings: Sendable {
  enum Kind { case convolution, transposed, local }

  let channels: Int
  /// In the order of positions in the filter, as `strides` and `dilation`.
  let window: [Int]
  let strides: [Int]
  let dilation: [Int]
  let padding: Padding
  var weights: AffineWeights
  let dimensions: DimensionNumbers
  /// Whether the dimension numbers are those of files that leave them out.
  private var hasDefaultDimensions: Bool { dimensions == .channelsLast(positions: window.count) }

  init(
    _ channels: Int, window: [Int], strides: [Int]?, padding: Padding, dilation: [Int]? = nil, weights: AffineWeights,
    dimensions: DimensionNumbers?
  ) {
    let ones = [Int](repeating: 1, count: window.count)
    self.channels = channels
    self.window = window
    self.strides = strides ?? ones
    self.dilation = dilation ?? ones
    self.padding = padding
    self.weights = weights
    self.dimensions = dimensions ?? .channelsLast(positions: window.count)
    for (name, values) in [("window", window), ("strides", self.strides), ("dilation", self.dilation)] {
      precondition(
        values.count == window.count,
        "expected one number of \(name) per axis of the window \(window), found \(values)")
    }
    precondition(
      self.dimensions.positionCount == window.count,
      "expected dimension numbers for \(window.count) axes of positions, found \(self.dimensions)")
  }

  var realChannels: Int { weights.realWidth(channels) }

  /// One value per axis of positions in the filter's order, from one per axis of the input.
  func positions(of input: [Int]) -> [Int] {
    let order = dimensions.inputOrder
    return order.dropFirst().dropLast().map { input[$0] }
  }

  func inputChannels(_ input: [Int]) -> Int { input[dimensions.inputAxes.channel] }

  func fanIn(_ input: [Int]) -> Int { window.reduce(inputChannels(input), *) }

  /// How the windows lie on inputs of this shape, checked.
  func patches(_ input: [Int], _ kind: Kind) throws(NetworkError) -> PatchesOperation {
    guard input.count == window.count + 2 else {
      throw NetworkError(
        expected: "an input with \(window.count + 2) axes (\(dimensions.input)) for the window \(window)",
        found: "shape \(input)")
    }
    guard inputChannels(input) > 0 else {
      throw NetworkError(expected: "at least one input channel", found: "shape \(input)")
    }
    try weights.check("channels", channels)
    for (name, values) in [("window", window), ("strides", strides), ("dilation", dilation)] {
      try requireSizes(name, values, atMost: largestWindow)
    }
    var rule = PatchesOperation(axes: [], isMaskedByAny: kind == .transposed)
    for (index, size) in positions(of: input).enumerated() {
      guard size > 0 else { throw NetworkError(expected: "at least one position", found: "shape \(input)") }
      guard window.reduce(1.0, { $0 * Double($1) }) <= Double(LayerArguments.largestSize) else {
        throw NetworkError(
          path: [.name("window")], expected: "a window of at most \(LayerArguments.largestSize) offsets",
          found: "\(window)")
      }
      if kind == .transposed {
        rule.axes.append(padding.transposedAxis(size: size, window: window[index], stride: strides[index]))
      } else if let axis = padding.axis(
        size: size, window: window[index], stride: strides[index], dilation: dilation[index])
      {
        rule.axes.append(axis)
      } else {
        throw NetworkError(
          path: [.name("window")],
          expected: "windows that fit into the input, of sizes \(positions(of: input)), with valid padding",
          found: "\(window)" + (dilation.contains { $0 > 1 } ? ", dilated by \(dilation)" : ""))
      }
    }
    if kind == .transposed { try requireCountable(positions: rule.axes.map(\.outputSize), "strides") }
    return rule
  }

  /// The shape with batch first, positions in the filter's order, channels last.
  func canonicalOutput(_ input: [Int], _ rule: PatchesOperation) -> [Int] {
    [input[dimensions.inputAxes.batch]] + rule.axes.map(\.outputSize) + [realChannels]
  }

  func outputShape(_ input: [Int], _ kind: Kind) throws(NetworkError) -> [Int] {
    let canonical = canonicalOutput(input, try patches(input, kind))
    return dimensions.outputOrder.map { canonical[$0] }
  }

  /// A filter's shape.
  func filterShape(_ input: [Int]) -> [Int] {
    let canonical = window + [inputChannels(input), realChannels]
    return dimensions.filterOrderBack.map { canonical[$0] }
  }

  /// A bias' shape: one number per channel.
  func biasShape(rank: Int) -> [Int] {
    var shape = [Int](repeating: 1, count: rank)
    shape[dimensions.outputAxes.channel] = realChannels
    return shape
  }

  /// Inputs with batch first, positions in the filter's order, channels last.
  func canonical(_ input: Tensor) -> Tensor { input.transposed(dimensions.inputOrder) }

  /// What is masked after the layer.
  func outputMask(_ mask: Tensor, input: [Int], _ kind: Kind) throws(NetworkError) -> Tensor {
    let rule = try patches(input, kind)
    var sizes = input
    sizes[dimensions.inputAxes.channel] = 1
    sizes[dimensions.inputAxes.batch] = mask.shape[dimensions.inputAxes.batch]
    let uniform = canonical(mask.all(axis: dimensions.inputAxes.channel, keepDims: true).broadcast(to: sizes))
    return rule.outputMask(uniform, axesBefore: 1).transposed(dimensions.outputOrder)
  }

  /// Appends the patches of the input; positions are in the filter's order afterwards, and `finish` puts them right.
  func appendPatches(_ rule: PatchesOperation, to program: inout CovarianceProgram, _ input: CovarianceValue)
    throws(NetworkError) -> CovarianceValue
  {
    try input.require(dimensions.inputAxes)
    let canonicalAxes = DataAxes(batch: 0, channel: input.shape.count - 1)
    var value = input
    let order = dimensions.inputPositionOrder
    if order != Array(order.indices) {
      value = program.append(
        PermuteOperation(order: order), value, shape: dimensions.inputOrder.map { input.shape[$0] },
        axes: canonicalAxes,
        isGaussian: input.isGaussian)
    }
    var shape = canonicalOutput(input.shape, rule)
    shape[shape.count - 1] = input.channels
    return program.append(rule, value, shape: shape, axes: canonicalAxes, isGaussian: input.isGaussian)
  }

  /// The output of the layer with its axes in order.
  func finish(_ value: CovarianceValue, _ program: inout CovarianceProgram) -> CovarianceValue {
    let order = dimensions.outputPositionOrder
    let shape = dimensions.outputOrder.map { value.shape[$0] }
    if order != Array(order.indices) {
      return program.append(
        PermuteOperation(order: order), value, shape: shape, axes: dimensions.outputAxes, isGaussian: value.isGaussian)
    }
    var result = value
    (result.shape, result.batchAxis, result.channelAxis) = (
      shape, dimensions.outputAxes.batch, dimensions.outputAxes.channel
    )
    return result
  }

  func appendAffine(_ value: CovarianceValue, fanIn: Int, to program: inout CovarianceProgram) -> CovarianceValue {
    var shape = value.shape
    shape[value.channelAxis] = realChannels
    return program.append(weights.operation(fanIn: fanIn), value, shape: shape, isGaussian: true)
  }

  init(from arguments: inout LayerArguments, allowsDilation: Bool) throws(NetworkError) {
    let window = try arguments.sizes("window")
    self.window = window
    channels = try arguments.integer("channels", atLeast: 1)
    strides = try arguments.sizes("strides", count: window.count)
    dilation =
      allowsDilation
      ? try arguments.sizes("dilation", count: window.count) : [Int](repeating: 1, count: window.count)
    padding = try arguments.choice("padding", default: .valid)
    weights = try AffineWeights(from: &arguments)
    if let strings = try arguments.strings("dimensionNumbers") {
      do throws(NetworkError) {
        dimensions = try DimensionNumbers(validating: strings)
        guard dimensions.positionCount == window.count else {
          throw NetworkError(expected: "\(window.count) axes of positions, as the window has", found: strings[0])
        }
      } catch {
        throw error.inside(.name("dimensionNumbers"))
      }
    } else {
      dimensions = .channelsLast(positions: window.count)
    }
  }

  func write(to arguments: inout LayerArguments) {
    let ones = [Int](repeating: 1, count: window.count)
    arguments.set("channels", channels)
    arguments.set("window", window)
    arguments.set("strides", strides, default: ones)
    arguments.set("dilation", dilation, default: ones)
    arguments.set("padding", padding.rawValue, default: Padding.valid.rawValue)
    weights.write(to: &arguments)
    if !hasDefaultDimensions {
      arguments.set("dimensionNumbers", [dimensions.input, dimensions.filter, dimensions.output])
    }
  }
}

extension LayerArguments {
  /// Positive numbers, one per axis: `count` of them, by default ones; any number of them if `count` is nil.
  mutating func sizes(_ name: String, count: Int? = nil) throws(NetworkError) -> [Int] {
    guard count == nil || take(name) != nil else { return Array(repeating: 1, count: count ?? 0) }
    guard take(name) != nil else {
      throw NetworkError(path: [.name(name)], expected: "a list of positive integers", found: "nothing")
    }
    let values = try integers(name, default: [])
    if let count, values.count != count {
      throw NetworkError(
        path: [.name(name)], expected: "a list of \(count) positive integers, as the window has", found: "\(values)")
    }
    for (index, value) in values.enumerated() where !(1...largestWindow).contains(value) {
      throw NetworkError(
        path: [.name(name), .index(index)], expected: "a positive integer of at most \(largestWindow)",
        found: "\(value)")
    }
    return values
  }
}
