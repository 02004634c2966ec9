import CovarianceEngine
import Tensors

/// Layers one after another; usually the whole network.
///
/// ```swift
/// let network = Serial {
///   Dense(512, weightStd: 1.5, biasStd: 0.05)
///   Erf()
///   Dense(1, weightStd: 1.5, biasStd: 0.05)
/// }
/// ```
public struct Serial: Layer {
  public static let nodeName = "serial"

  /// The layers, first to last.
  public private(set) var layers: [any Layer]

  /// - Precondition: there is at least one layer.
  public init(_ layers: [any Layer]) {
    precondition(!layers.isEmpty, "a serial network needs at least one layer")
    self.layers = layers
  }

  public init(@LayerBuilder _ layers: () -> [any Layer]) {
    self.init(layers())
  }

  public var dataAxes: DataAxes? {
    for layer in layers {
      if let axes = layer.dataAxes { return axes }
    }
    return nil
  }

  public var tokenCount: Int? { layers[0].tokenCount }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    try fold(input) { (layer, shape) throws(NetworkError) in try layer.outputShape(shape) }
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    var (key, parameters) = (key, [Parameters]())
    _ = try fold(input) { (layer, shape) throws(NetworkError) in
      let keys = key.split()
      key = keys[0]
      parameters.append(try layer.initialize(keys[1], shape, dtype: dtype))
      return try layer.outputShape(shape)
    }
    return .list(parameters)
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  {
    let children = try located { () throws(NetworkError) in try parameters.children(count: layers.count) }
    let contexts = context.split(into: layers.count)
    var index = 0
    return try fold(input) { (layer, value) throws(NetworkError) in
      defer { index += 1 }
      return try layer.apply(children[index], value, contexts[index])
    }
  }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  {
    try fold(input) { (layer, value) throws(NetworkError) in try layer.append(to: &program, value) }
  }

  private func fold<Value>(
    _ input: Value, _ step: (any Layer, Value) throws(NetworkError) -> Value
  ) throws(NetworkError) -> Value {
    var value = input
    for (index, layer) in layers.enumerated() {
      value = try located(index) { () throws(NetworkError) in try step(layer, value) }
    }
    return value
  }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
    for index in layers.indices { visitor.visit(index: index, &layers[index]) }
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    let layers = try arguments.layers()
    guard !layers.isEmpty else { throw NetworkError(expected: "at least one layer", found: "an empty list") }
    self.layers = layers
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    try arguments.set(layers)
  }
}
