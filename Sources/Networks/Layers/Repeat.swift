import CovarianceEngine
import Tensors

/// One layer several times over, each time with parameters of its own; the layer must keep its input's shape.
public struct Repeat: Layer {
  public static let nodeName = "repeat"

  /// The layer that is repeated.
  public private(set) var layer: any Layer
  /// How many times.
  public let count: Int

  public init(_ count: Int, _ layer: any Layer) {
    self.layer = layer
    self.count = count
  }

  /// Several layers as one block.
  public init(_ count: Int, @LayerBuilder _ layers: () -> [any Layer]) {
    self.init(count, Serial(layers))
  }

  public var dataAxes: DataAxes? { layer.dataAxes }

  public var tokenCount: Int? { layer.tokenCount }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    try requireCount()
    let shape = try inner { () throws(NetworkError) in try layer.outputShape(input) }
    guard shape == input else {
      throw NetworkError(
        path: [.name(nodeName)], expected: "a layer that keeps the shape \(input.leaves)", found: "\(shape.leaves)")
    }
    return shape
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    _ = try outputShape(input)
    var (key, parameters) = (key, [Parameters]())
    for _ in 0..<count {
      let keys = key.split()
      key = keys[0]
      parameters.append(try inner { () throws(NetworkError) in try layer.initialize(keys[1], input, dtype: dtype) })
    }
    return .list(parameters)
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  {
    try requireCount()
    let children = try located { () throws(NetworkError) in try parameters.children(count: count) }
    let contexts = context.split(into: count)
    var value = input
    for index in 0..<count {
      value = try inner { () throws(NetworkError) in try layer.apply(children[index], value, contexts[index]) }
    }
    return value
  }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  {
    _ = try outputShape(input.map(\.shape))
    var value = input
    for _ in 0..<count {
      do {
        value = try layer.append(to: &program, value)
      } catch {
        throw error.inside(.name(nodeName), .name("layer"))
      }
    }
    return value
  }

  private func requireCount() throws(NetworkError) {
    try requireSize("count", count, atLeast: 0, atMost: largestLayerCount)
  }

  private func inner<Result>(_ body: () throws(NetworkError) -> Result) throws(NetworkError) -> Result {
    do {
      return try body()
    } catch {
      throw error.inside(.name(nodeName), .name("layer"))
    }
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("layer", &layer)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    layer = try arguments.layer("layer")
    count = try arguments.integer("count", atLeast: 0, atMost: largestLayerCount)
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    try arguments.set("layer", layer)
    arguments.set("count", count)
  }
}
