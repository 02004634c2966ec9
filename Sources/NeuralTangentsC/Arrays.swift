import CNeuralTangents
import CovarianceEngine
import Networks
import Platform
import Tensors

// Arrays and trees of the caller as tensors; all sizes and codes are checked, because tensors do not.

private let largestRank: Int32 = 64
private let largestElementCount = 1 << 44

extension DType {
  init(code: Int32, _ name: String) throws {
    switch code {
    case Int32(NT_FLOAT32): self = .float32
    case Int32(NT_FLOAT64): self = .float64
    case Int32(NT_INT32): self = .int32
    case Int32(NT_BOOL): self = .bool
    default: throw Failure.argument(name, expected: "the code of an element type", found: "\(code)")
    }
  }

  var code: Int32 {
    switch self {
    case .float32: Int32(NT_FLOAT32)
    case .float64: Int32(NT_FLOAT64)
    case .int32: Int32(NT_INT32)
    case .bool: Int32(NT_BOOL)
    }
  }
}

/// A copy of an array of the caller.
func tensor(_ array: nt_array, _ name: String) throws -> Tensor {
  let dtype = try DType(code: array.dtype, name)
  let shape = try sizes(array.shape, array.rank, name)
  let count = shape.product
  guard let data = array.data ?? (count == 0 ? UnsafeRawPointer(bitPattern: 1) : nil) else {
    throw Failure.argument(name, expected: "\(count) elements", found: "a null pointer")
  }
  func copy<Scalar: TensorScalar>(_ type: Scalar.Type) -> Tensor {
    Tensor(shape: shape) { (elements: UnsafeMutableBufferPointer<Scalar>) in
      if let start = elements.baseAddress, count > 0 {
        memcpy(start, data, count * MemoryLayout<Scalar>.stride)
      }
    }
  }
  switch dtype {
  case .float32: return copy(Float.self)
  case .float64: return copy(Double.self)
  case .int32: return copy(Int32.self)
  case .bool:
    // Any byte but 0 is true; a Swift Bool of another byte than 0 and 1 is none.
    return Tensor(shape: shape) { (elements: UnsafeMutableBufferPointer<Bool>) in
      for index in 0..<count { elements[index] = data.load(fromByteOffset: index, as: UInt8.self) != 0 }
    }
  }
}

/// The same; nil where there is no array.
func optionalTensor(_ array: UnsafePointer<nt_array>?, _ name: String) throws -> Tensor? {
  guard let array = array?.pointee else { return nil }
  return try optionalTensor(array, name)
}

/// The same; nil where the array has no data.
func optionalTensor(_ array: nt_array, _ name: String) throws -> Tensor? {
  array.data == nil ? nil : try tensor(array, name)
}

/// An array that has to be there.
func requiredTensor(_ array: UnsafePointer<nt_array>?, _ name: String) throws -> Tensor {
  guard let array = array?.pointee else {
    throw Failure.argument(name, expected: "an array", found: "a null pointer")
  }
  return try tensor(array, name)
}

/// Sizes that are possible, and of which there are not too many.
func sizes(_ pointer: UnsafePointer<Int64>?, _ rank: Int32, _ name: String) throws -> [Int] {
  guard (0...largestRank).contains(rank) else {
    throw Failure.argument(name, expected: "from 0 to \(largestRank) axes", found: "\(rank)")
  }
  guard rank > 0 else { return [] }
  guard let pointer else { throw Failure.argument(name, expected: "a shape", found: "a null pointer") }
  let shape = (0..<Int(rank)).map { Int(pointer[$0]) }
  var count = 1.0
  for size in shape {
    guard size >= 0 else { throw Failure.argument(name, expected: "sizes of at least 0", found: "\(shape)") }
    count *= Double(max(1, size))
  }
  guard count <= Double(largestElementCount) else {
    throw Failure.argument(name, expected: "at most \(largestElementCount) elements", found: "\(shape)")
  }
  return shape
}

// MARK: - Trees

/// Deeper trees would end the process before they were read.
private let largestDepth = 256

/// Walks through the text that describes a tree.
struct TreeReader {
  private let text: [UInt8]
  private let name: String
  private var position = 0

  init(_ text: String, _ name: String) {
    (self.text, self.name) = (Array(text.utf8), name)
  }

  func wrong(_ expected: String) -> Failure {
    let found =
      position < text.count ? "\"\(String(decoding: text[position...], as: UTF8.self).prefix(20))\"" : "the end"
    return .argument("\(name) at character \(position)", expected: expected, found: found)
  }

  var next: UInt8? { position < text.count ? text[position] : nil }

  mutating func take(_ character: Character) -> Bool {
    guard next == character.asciiValue else { return false }
    position += 1
    return true
  }

  mutating func number() throws -> Int {
    var value: Int?
    while let digit = next, digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9"), value ?? 0 < 1 << 20 {
      value = 10 * (value ?? 0) + Int(digit - UInt8(ascii: "0"))
      position += 1
    }
    guard let value else { throw wrong("a number") }
    return value
  }

  func requireEnd() throws {
    guard position == text.count else { throw wrong("the end") }
  }

  /// A tree with a leaf for every dot.
  mutating func branches<Leaf>(depth: Int = 0, _ leaf: () throws -> Leaf) throws -> Branches<Leaf> {
    guard depth < largestDepth else { throw wrong("at most \(largestDepth) levels") }
    if take(".") { return .single(try leaf()) }
    guard take("[") else { throw wrong("a dot or [") }
    var children: [Branches<Leaf>] = []
    while !take("]") { children.append(try branches(depth: depth + 1, leaf)) }
    return .several(children)
  }

  /// Parameters with a number for every layer.
  mutating func parameters(depth: Int = 0, _ tensor: () throws -> Tensor) throws -> Parameters {
    guard depth < largestDepth else { throw wrong("at most \(largestDepth) levels") }
    guard take("[") else { return .tensors(try (0..<number()).map { _ in try tensor() }) }
    var children: [Parameters] = []
    while !take("]") {
      if !children.isEmpty, !take(",") { throw wrong("a comma or ]") }
      children.append(try parameters(depth: depth + 1, tensor))
    }
    return .list(children)
  }
}

/// The arrays of a tree, one after the other.
private struct Leaves {
  private let tree: nt_tree
  private let name: String
  private var index = 0

  init(_ tree: nt_tree, _ name: String) throws {
    guard tree.count >= 0, tree.count == 0 || tree.leaves != nil else {
      throw Failure.argument(name, expected: "arrays", found: "\(tree.count) at a null pointer")
    }
    (self.tree, self.name) = (tree, name)
  }

  mutating func next() throws -> Tensor {
    guard index < tree.count, let leaves = tree.leaves else {
      throw Failure.argument(name, expected: "as many arrays as the structure has", found: "\(tree.count)")
    }
    defer { index += 1 }
    return try tensor(leaves[index], tree.count == 1 ? name : "\(name)[\(index)]")
  }

  func requireEnd() throws {
    guard index == tree.count else {
      throw Failure.argument(name, expected: "\(index) arrays, as the structure has", found: "\(tree.count)")
    }
  }
}

/// Inputs, outputs or their cotangents.
func branches(_ tree: UnsafePointer<nt_tree>?, _ name: String) throws -> Branches<Tensor> {
  guard let tree = tree?.pointee else { throw Failure.argument(name, expected: "inputs", found: "a null pointer") }
  var leaves = try Leaves(tree, name)
  var reader = TreeReader(try text(tree.structure, "structure of \(name)"), "structure of \(name)")
  let result = try reader.branches { try leaves.next() }
  try reader.requireEnd()
  try leaves.requireEnd()
  guard !result.leaves.isEmpty else { throw Failure.argument(name, expected: "at least one array", found: "none") }
  return result
}

/// The same; nil for a null pointer.
func optionalBranches(_ tree: UnsafePointer<nt_tree>?, _ name: String) throws -> Branches<Tensor>? {
  tree == nil ? nil : try branches(tree, name)
}

func parameters(_ tree: UnsafePointer<nt_tree>?, _ name: String) throws -> Parameters {
  guard let tree = tree?.pointee else { throw Failure.argument(name, expected: "parameters", found: "a null pointer") }
  var leaves = try Leaves(tree, name)
  var reader = TreeReader(try text(tree.structure, "structure of \(name)"), "structure of \(name)")
  let result = try reader.parameters { try leaves.next() }
  try reader.requireEnd()
  try leaves.requireEnd()
  for tensor in result.tensors where !tensor.dtype.isFloatingPoint {
    throw Failure.argument(name, expected: "floating-point numbers", found: "\(tensor.dtype)")
  }
  return result
}

extension Branches {
  /// A dot for each leaf, brackets around lists.
  var structureText: String {
    switch self {
    case .single: "."
    case .several(let branches): "[" + branches.map(\.structureText).joined() + "]"
    }
  }
}

extension Parameters {
  var structureText: String {
    switch self {
    case .tensors(let tensors): "\(tensors.count)"
    case .list(let children): "[" + children.map(\.structureText).joined(separator: ",") + "]"
    }
  }
}

/// Shapes as JSON: `[8, 3]`, or lists of those.
func shapes(_ pointer: UnsafePointer<CChar>?) throws -> Branches<[Int]> {
  func read(_ node: NodeValue) throws -> Branches<[Int]> {
    guard case .array(let values) = node, !values.isEmpty else {
      throw Failure.argument("shapes", expected: "a list of sizes, or of such lists", found: node.json())
    }
    var shape: [Int] = []
    for value in values {
      guard case .integer(let size) = value else { break }
      guard size >= 0, size <= largestElementCount else {
        throw Failure.argument("shapes", expected: "sizes from 0 to \(largestElementCount)", found: "\(size)")
      }
      shape.append(size)
    }
    if shape.count == values.count {
      guard shape.reduce(1.0, { $0 * Double(max(1, $1)) }) <= Double(largestElementCount) else {
        throw Failure.argument("shapes", expected: "at most \(largestElementCount) elements", found: "\(shape)")
      }
      return .single(shape)
    }
    return .several(try values.map(read))
  }
  return try read(NodeValue(json: Array(text(pointer, "shapes").utf8)))
}

/// The same as JSON.
func node(_ shapes: Branches<[Int]>) -> NodeValue {
  switch shapes {
  case .single(let shape): .array(shape.map(NodeValue.integer))
  case .several(let branches): .array(branches.map(node))
  }
}
