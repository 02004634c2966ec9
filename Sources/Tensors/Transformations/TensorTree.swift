/// A value made of tensors: parameters of a network, say. Functions of such values can be traced and differentiated.
///
/// Tensors, arrays, dictionaries, optionals and tuples (as several arguments) of trees are trees. Of your own type say how
/// its tensors are replaced, each in turn and always in the same order:
///
/// ```swift
/// struct Affine: TensorTree {
///   var weight: Tensor
///   var bias: Tensor
///   func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Affine {
///     Affine(weight: try transform(weight), bias: try transform(bias))
///   }
/// }
/// ```
public protocol TensorTree {
  /// The same value with every tensor replaced by what `transform` makes of it.
  func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Self

  /// What distinguishes two trees besides their tensors' shapes and element types: counts, keys, options. Functions
  /// compiled for one structure are not used for another.
  var structure: [String] { get }
}

extension TensorTree {
  public var structure: [String] { [] }

  /// The tensors in their order.
  public var leaves: [Tensor] {
    var result: [Tensor] = []
    _ = mapTensors { tensor in
      result.append(tensor)
      return tensor
    }
    return result
  }

  /// The same structure with other tensors, as many as there are leaves.
  public func replacingLeaves(_ tensors: [Tensor]) -> Self {
    var next = tensors.makeIterator()
    return rebuilt(from: &next)
  }

  func rebuilt(from next: inout IndexingIterator<[Tensor]>) -> Self {
    mapTensors { _ in
      guard let tensor = next.next() else { preconditionFailure("fewer tensors than the tree \(Self.self) has") }
      return tensor
    }
  }

  /// This tree combined with another of the same structure, tensor by tensor.
  public func combined(with other: Self, _ combine: (Tensor, Tensor) -> Tensor) -> Self {
    var next = other.leaves.makeIterator()
    return mapTensors { tensor in
      guard let partner = next.next() else { preconditionFailure("trees \(Self.self) of different structure") }
      return combine(tensor, partner)
    }
  }
}

extension Tensor: TensorTree {
  public func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Tensor {
    try transform(self)
  }
}

extension Array: TensorTree where Element: TensorTree {
  public func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(count)
    for element in self { result.append(try element.mapTensors(transform)) }
    return result
  }

  public var structure: [String] { ["\(count)"] + flatMap(\.structure) }
}

extension Dictionary: TensorTree where Key: Comparable, Value: TensorTree {
  public func mapTensors<Failure: Error>(
    _ transform: (Tensor) throws(Failure) -> Tensor
  ) throws(Failure) -> [Key: Value] {
    var result = self
    for key in keys.sorted() { result[key] = try self[key]?.mapTensors(transform) }
    return result
  }

  public var structure: [String] { keys.sorted().flatMap { ["\($0)"] + (self[$0]?.structure ?? []) } }
}

extension Optional: TensorTree where Wrapped: TensorTree {
  public func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Wrapped? {
    guard let wrapped = self else { return nil }
    return try wrapped.mapTensors(transform)
  }

  public var structure: [String] { self.map { ["some"] + $0.structure } ?? ["none"] }
}

/// Trees of one structure as one tree, whose tensors have a new first axis that counts the trees: what `vmap` takes.
///
/// - Precondition: there is at least one tree, and all have tensors of the same shapes and element types.
public func stacked<Tree: TensorTree>(_ trees: [Tree]) -> Tree {
  precondition(!trees.isEmpty, "nothing to stack")
  let tensors = trees.map(\.leaves)
  return trees[0].replacingLeaves(tensors[0].indices.map { index in stack(tensors.map { $0[index] }) })
}

/// The tensors of several trees, one after the other.
func leaves<each Tree: TensorTree>(of trees: repeat each Tree) -> [Tensor] {
  var result: [Tensor] = []
  for tree in repeat each trees { result += tree.leaves }
  return result
}

/// Trees of the given structures with other tensors.
func rebuild<each Tree: TensorTree>(_ trees: repeat each Tree, from tensors: [Tensor]) -> (repeat each Tree) {
  var next = tensors.makeIterator()
  return (repeat (each trees).rebuilt(from: &next))
}
