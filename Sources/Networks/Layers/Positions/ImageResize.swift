import CovarianceEngine
import Tensors

/// Positions resampled to another number along each axis; the batch can be resampled, too.
///
/// Infinite width: K ← R K Rᵀ along every axis with the weights R of `ResizeMethod`, for all methods, and Θ alike;
/// Gaussian inputs stay Gaussian. An output is masked if all inputs with a weight are.
public struct ImageResize: SingleInputLayer {
  public static let nodeName = "imageResize"

  /// One size per axis of the input, −1 where it stays.
  public let shape: [Int]
  /// How elements between positions are found.
  public let method: ResizeMethod
  /// Whether weights widen when an axis becomes shorter.
  public let antialias: Bool
  private let axes: DataAxes

  /// - Parameters:
  ///   - shape: one size per axis of the input, batch and channels included; −1 keeps the axis as it is, and the
  ///     channels must be kept for a kernel.
  ///   - antialias: whether weights widen when an axis becomes shorter, so that all inputs count.
  ///   - method: how elements between positions are found.
  ///   - batchAxis: where inputs have the batch.
  ///   - channelAxis: where inputs have the channels.
  public init(
    _ shape: [Int], method: ResizeMethod = .linear, antialias: Bool = true, batchAxis: Int = 0, channelAxis: Int = -1
  ) {
    self.shape = shape
    self.method = method
    self.antialias = antialias
    axes = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  public var dataAxes: DataAxes? { axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    guard input.count == shape.count else {
      throw NetworkError(
        path: [.name("shape")], expected: "one size per axis of the input, shape \(input)", found: "\(shape)")
    }
    try Self.check(shape)
    let axes = try axes.resolved(for: input)
    for axis in input.indices where shape[axis] != -1 && axis != axes.batch && input[axis] == 0 {
      throw NetworkError(expected: "at least one position", found: "shape \(input)")
    }
    let output = zip(shape, input).map { $0 == -1 ? $1 : $0 }
    if output != input {
      try requireCountable(positions: axes.positionAxes(rank: output.count).map { output[$0] }, "shape")
    }
    return output
  }

  private static func check(_ shape: [Int]) throws(NetworkError) {
    for (index, size) in shape.enumerated() where !(1...largestWindow).contains(size) && size != -1 {
      throw NetworkError(
        path: [.name("shape"), .index(index)], expected: "a positive integer of at most \(largestWindow), or -1",
        found: "\(size)")
    }
  }

  private func maps(_ input: [Int]) throws(NetworkError) -> AxisMaps {
    let output = try outputShape(input)
    guard zip(input, output).allSatisfy({ $0 == $1 || $0 > 0 }) else {
      throw NetworkError(expected: "at least one input", found: "shape \(input)")
    }
    return AxisMaps(axes: zip(input, output).map { method.map(from: $0, to: $1, antialias: antialias) })
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    try maps(input.shape).apply(input)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    try maps(input).outputMask(mask)
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let maps = try maps(input.shape)
    try input.require(try axes.resolved(for: input.shape))
    guard shape[input.channelAxis] == -1 else {
      throw NetworkError(
        path: [.name("shape"), .index(input.channelAxis)],
        expected: "-1 for the channels, which have no order at infinite width", found: "\(shape[input.channelAxis])")
    }
    let target = shape[input.batchAxis]
    if target == -1 { return maps.append(to: &program, input, batch: nil) }
    let batch = PositionMapOperation.BatchMap(
      "\(method) to \(target)\(antialias ? ", antialiased" : "")", selects: false
    ) { [method, antialias] in method.map(from: $0, to: target, antialias: antialias) }
    return maps.append(to: &program, input, batch: batch)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    guard arguments.take("shape") != nil else {
      throw NetworkError(path: [.name("shape")], expected: "a list of sizes", found: "nothing")
    }
    shape = try arguments.integers("shape", default: [])
    try Self.check(shape)
    let name = try arguments.string("method")
    guard let method = ResizeMethod(named: name) else {
      throw NetworkError(
        path: [.name("method")], expected: "nearest, linear, cubic, lanczos3 or lanczos5", found: "\"\(name)\"")
    }
    self.method = method
    antialias = try arguments.boolean("antialias", default: true)
    axes = try DataAxes(from: &arguments)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("shape", shape)
    arguments.set("method", method.rawValue)
    arguments.set("antialias", antialias, default: true)
    axes.write(to: &arguments)
  }
}
