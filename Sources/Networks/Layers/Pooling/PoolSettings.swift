import CovarianceEngine
import Tensors

/// A layer made of `PoolSettings`.
protocol PoolLayer: SingleInputLayer {
  var settings: PoolSettings { get }
}

extension PoolLayer {
  public var dataAxes: DataAxes? { settings.axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] { try settings.outputShape(input) }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try settings.apply(input)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    try settings.outputMask(mask, input: input)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  { try settings.append(to: &program, input) }

  public func write(to arguments: inout LayerArguments) {
    settings.write(to: &arguments)
  }
}

/// What pooling layers have in common: arguments, their checks, and the weights of windows.
struct PoolSettings: Sendable {
  let window: [Int]
  let strides: [Int]
  let padding: Padding
  /// Whether outputs are means over their window rather than sums.
  let isMean: Bool
  /// Whether a mean at an edge is over what lies inside only.
  let normalizesEdges: Bool
  let axes: DataAxes

  init(
    window: [Int], strides: [Int]?, padding: Padding, isMean: Bool, normalizesEdges: Bool = false, axes: DataAxes
  ) {
    self.window = window
    self.strides = strides ?? window.map { _ in 1 }
    self.padding = padding
    self.isMean = isMean
    self.normalizesEdges = normalizesEdges
    self.axes = axes
    precondition(
      self.strides.count == window.count,
      "expected windows and strides, one per axis of positions, found \(window) and \(self.strides)")
  }

  /// How windows lie along each axis of positions.
  func windows(_ input: [Int]) throws(NetworkError) -> (axes: DataAxes, windows: [PatchAxis]) {
    guard input.count == window.count + 2 else {
      throw NetworkError(
        expected: "an input with \(window.count + 2) axes for the window \(window)", found: "shape \(input)")
    }
    for (name, values) in [("window", window), ("strides", strides)] {
      try requireSizes(name, values, atMost: largestWindow)
    }
    let axes = try axes.resolved(for: input)
    var windows: [PatchAxis] = []
    for (index, position) in axes.positionAxes(rank: input.count).enumerated() {
      guard input[position] > 0,
        let axis = padding.axis(size: input[position], window: window[index], stride: strides[index])
      else {
        throw NetworkError(
          path: [.name("window")], expected: "windows that fit into the input, shape \(input)", found: "\(window)")
      }
      windows.append(axis)
    }
    return (axes, windows)
  }

  func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    let (axes, windows) = try windows(input)
    var shape = input
    for (position, axis) in zip(axes.positionAxes(rank: input.count), windows) { shape[position] = axis.outputSize }
    return shape
  }

  func apply(_ input: Tensor) throws(NetworkError) -> Tensor {
    let (axes, windows) = try windows(input.shape)
    let positions = axes.positionAxes(rank: input.rank)
    var x = input
    var (sizes, steps) = ([Int](repeating: 1, count: input.rank), [Int](repeating: 1, count: input.rank))
    var (low, high) = ([Int](repeating: 0, count: input.rank), [Int](repeating: 0, count: input.rank))
    for (position, axis) in zip(positions, windows) {
      (sizes[position], steps[position]) = (axis.window, axis.stride)
      if axis.wraps {
        x = axis.prepared(x, axis: position)
      } else {
        (low[position], high[position]) = (axis.paddingLow, axis.paddingHigh)
      }
    }
    var output = windowSum(
      x, WindowGeometry(window: sizes, strides: steps, paddingLow: low, paddingHigh: high))
    guard isMean else { return output }
    for (position, axis) in zip(positions, windows) {
      var shape = [Int](repeating: 1, count: input.rank)
      shape[position] = axis.outputSize
      output = output / Tensor(divisors(axis), shape: shape).asType(input.dtype)
    }
    return output
  }

  /// What the sum over each window is divided by.
  private func divisors(_ axis: PatchAxis) -> [Double] {
    (0..<axis.outputSize).map { output in
      guard isMean else { return 1 }
      guard normalizesEdges && padding == .same else { return Double(axis.window) }
      let start = output * axis.stride - axis.paddingLow
      return Double((start..<start + axis.window).filter { (0..<axis.size).contains($0) }.count)
    }
  }

  func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    let (axes, windows) = try windows(input)
    var result = mask
    for (position, axis) in zip(axes.positionAxes(rank: input.count), windows) where mask.shape[position] > 1 {
      result = result.taking(axis.centres, axis: position)
    }
    return result
  }

  func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError) -> CovarianceValue {
    let (axes, windows) = try windows(input.shape)
    try input.require(axes)
    program.requireChannelsApart(of: input)
    let map = PositionMapOperation(
      axes: windows.map { axis in
        let divisors = divisors(axis)
        var weights = [[Double]](repeating: [Double](repeating: 0, count: axis.size), count: axis.outputSize)
        for output in weights.indices {
          for offset in 0..<axis.window {
            var place = output * axis.stride - axis.paddingLow + offset
            if axis.wraps { place = ((place % axis.size) + axis.size) % axis.size }
            if weights[output].indices.contains(place) { weights[output][place] += 1 / divisors[output] }
          }
        }
        return .weighted(weights)
      }, maskRule: .centres(windows.map(\.centres)))
    return program.appendByChannel(
      map, input, shape: try outputShape(input.shape), isGaussian: input.isGaussian)
  }

  init(from arguments: inout LayerArguments, isMean: Bool) throws(NetworkError) {
    window = try arguments.sizes("window")
    strides = try arguments.sizes("strides", count: window.count)
    padding = try arguments.choice("padding", default: .valid)
    self.isMean = isMean
    normalizesEdges = isMean ? try arguments.boolean("normalizeEdges", default: false) : false
    axes = try DataAxes(from: &arguments)
  }

  func write(to arguments: inout LayerArguments) {
    arguments.set("window", window)
    arguments.set("strides", strides, default: window.map { _ in 1 })
    arguments.set("padding", padding.rawValue, default: Padding.valid.rawValue)
    if isMean { arguments.set("normalizeEdges", normalizesEdges, default: false) }
    axes.write(to: &arguments)
  }
}
