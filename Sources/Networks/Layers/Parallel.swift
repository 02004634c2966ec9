import CovarianceEngine
import Tensors

/// Layers side by side: the first works on the first branch of the input, the second on the second, and so on.
public struct Parallel: Layer {
  public static let nodeName = "parallel"

  /// One layer for each input.
  public private(set) var layers: [any Layer]

  /// - Precondition: there is at least one layer.
  public init(_ layers: [any Layer]) {
    precondition(!layers.isEmpty, "a parallel network needs at least one layer")
    self.layers = layers
  }

  public init(@LayerBuilder _ layers: () -> [any Layer]) {
    self.init(layers())
  }

  public var dataAxes: DataAxes? { layers.lazy.compactMap(\.dataAxes).first }

  public var tokenCount: Int? { layers.lazy.compactMap(\.tokenCount).first }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    .several(try map(input) { (layer, shape, _) throws(NetworkError) in try layer.outputShape(shape) })
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    let keys = key.split(into: layers.count)
    return .list(
      try map(input) { (layer, shape, index) throws(NetworkError) in
        try layer.initialize(keys[index], shape, dtype: dtype)
      })
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  {
    let children = try located { () throws(NetworkError) in try parameters.children(count: layers.count) }
    let contexts = context.split(into: layers.count)
    return .several(
      try map(input) { (layer, value, index) throws(NetworkError) in
        try layer.apply(children[index], value, contexts[index])
      })
  }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  {
    .several(try map(input) { (layer, value, _) throws(NetworkError) in try layer.append(to: &program, value) })
  }

  private func map<Leaf, Result>(
    _ input: Branches<Leaf>, _ transform: (any Layer, Branches<Leaf>, Int) throws(NetworkError) -> Result
  ) throws(NetworkError) -> [Result] {
    guard case .several(let branches) = input, branches.count == layers.count else {
      throw NetworkError(
        path: [.name(nodeName)], expected: "a list of \(layers.count) inputs, one per layer", found: input.summary)
    }
    var results: [Result] = []
    for (index, layer) in layers.enumerated() {
      results.append(try located(index) { () throws(NetworkError) in try transform(layer, branches[index], index) })
    }
    return results
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
