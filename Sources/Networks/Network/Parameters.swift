import CovarianceEngine
import Tensors

/// The parameters of a network: the tensors of a layer, or a list with one entry per inner layer.
public indirect enum Parameters: Sendable {
  case tensors([Tensor])
  case list([Parameters])

  /// A layer without parameters.
  public static let none = Parameters.tensors([])

  /// All tensors, in the order of the layers.
  public var tensors: [Tensor] {
    switch self {
    case .tensors(let tensors): tensors
    case .list(let children): children.flatMap(\.tensors)
    }
  }

  /// The number of scalars.
  public var count: Int { tensors.reduce(0) { $0 + $1.count } }

  /// The same structure with every tensor replaced by what `transform` makes of it.
  public func map<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Parameters {
    switch self {
    case .tensors(let tensors):
      var results: [Tensor] = []
      for tensor in tensors { results.append(try transform(tensor)) }
      return .tensors(results)
    case .list(let children):
      var results: [Parameters] = []
      for child in children { results.append(try child.map(transform)) }
      return .list(results)
    }
  }

  /// The parameters of `count` inner layers.
  func children(count: Int) throws(NetworkError) -> [Parameters] {
    guard case .list(let children) = self, children.count == count else {
      throw NetworkError(expected: "parameters of \(count) layers", found: summary)
    }
    return children
  }

  /// The tensors of one layer, which must have these shapes.
  func leaf(shapes: [[Int]]) throws(NetworkError) -> [Tensor] {
    guard case .tensors(let tensors) = self, tensors.map(\.shape) == shapes else {
      throw NetworkError(expected: "parameters of shapes \(shapes)", found: summary)
    }
    return tensors
  }

  private var summary: String {
    switch self {
    case .tensors(let tensors): "shapes \(tensors.map(\.shape))"
    case .list(let children): "parameters of \(children.count) layers"
    }
  }
}

extension Parameters: TensorTree {
  public func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Parameters
  {
    try map(transform)
  }

  public var structure: [String] {
    switch self {
    case .tensors(let tensors): ["tensors \(tensors.count)"]
    case .list(let children): ["list \(children.count)"] + children.flatMap(\.structure)
    }
  }
}
