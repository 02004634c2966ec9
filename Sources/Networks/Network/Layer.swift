import CovarianceEngine
import Tensors

/// One step of a network, or a whole network: the same description serves the finite network and its infinite limit.
///
/// Most layers have one input and one output and conform to `SingleInputLayer`, activations to `Activation`; this
/// protocol is for those that split and join. Its functions are called through `Layer`'s extensions, which add the
/// layer's name to the path of a thrown error.
public protocol Layer: Sendable, Codable {
  /// The layer's name in network files, lowerCamelCase.
  static var nodeName: String { get }

  /// Shapes of the outputs for given shapes of the inputs; the size along the batch axis may be anything.
  func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]>

  /// Random parameters at initialisation, drawn from `key` as the field's usual reference implementation draws them.
  func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters

  /// The finite network's outputs; those masked are zero, as are the inputs.
  func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext) throws(NetworkError)
    -> Branches<MaskedTensor>

  /// Appends the layer's infinite-width rule to `program` and returns its outputs.
  func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>

  /// Where this layer needs the batch and the channels of its input to be; nil where it does not care.
  var dataAxes: DataAxes? { get }

  /// How many tokens there are, where the first layer embeds integers; nil where inputs are numbers.
  var tokenCount: Int? { get }

  /// Shows the layer's continuous constants and the layers in it to `visitor`; by default there are none.
  mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor)

  /// Reads the layer from the arguments of its node in a network file.
  init(from arguments: inout LayerArguments) throws(NetworkError)

  /// Writes the layer's arguments; those equal to their default are left out.
  func write(to arguments: inout LayerArguments) throws(NetworkError)
}

/// What a forward pass needs besides parameters and inputs.
public struct ApplyContext: Sendable {
  /// Randomness for layers such as `Dropout`; nil when there is none.
  public var key: RandomKey?
  /// The edges along which `Aggregate` passes messages, one graph per input; nil when there are none.
  public var pattern: Tensor?

  public init(key: RandomKey? = nil, pattern: Tensor? = nil) {
    self.key = key
    self.pattern = pattern
  }

  /// One context for each of `count` inner layers, with keys of their own.
  func split(into count: Int) -> [ApplyContext] {
    guard let key, count > 0 else { return Array(repeating: self, count: count) }
    return key.split(into: count).map { ApplyContext(key: $0, pattern: pattern) }
  }
}

extension Layer {
  public var nodeName: String { Self.nodeName }

  public var dataAxes: DataAxes? { nil }

  public var tokenCount: Int? { nil }

  public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {}

  /// Runs `body`, adding this layer's name (and `index` for one of its children) to the path of an error.
  func located<Result>(_ index: Int? = nil, _ body: () throws(NetworkError) -> Result) throws(NetworkError) -> Result {
    do {
      return try body()
    } catch {
      if let index { throw error.inside(.name(nodeName), .index(index)) }
      throw error.inside(.name(nodeName))
    }
  }
}

/// A layer with one input and one output.
public protocol SingleInputLayer: Layer {
  func outputShape(_ input: [Int]) throws(NetworkError) -> [Int]
  func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters
  /// The outputs for inputs of which nothing is masked, or what is masked is zero and needs no other care.
  func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor
  /// The outputs for inputs of which something may be masked: by default what `apply` makes of the zeroed inputs.
  func apply(_ parameters: Parameters, masked input: MaskedTensor, _ context: ApplyContext) throws(NetworkError)
    -> MaskedTensor
  /// What is masked after the layer, given a mask that broadcasts to inputs of shape `input`: by default the same.
  func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor
  func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError) -> CovarianceValue
}

extension SingleInputLayer {
  public func initialize(_ key: RandomKey, _ input: [Int], dtype: DType) throws(NetworkError) -> Parameters { .none }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    let shape = try single(input)
    return .single(try located { () throws(NetworkError) in try outputShape(shape) })
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    let shape = try single(input)
    return try located { () throws(NetworkError) in try initialize(key, shape, dtype: dtype) }
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor { mask }

  public func apply(_ parameters: Parameters, masked input: MaskedTensor, _ context: ApplyContext)
    throws(NetworkError) -> MaskedTensor
  {
    let output = try apply(parameters, input.values, context)
    return MaskedTensor(
      output,
      mask: try input.mask.map { (mask: Tensor) throws(NetworkError) in try outputMask(mask, input: input.shape) })
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  {
    let masked = try single(input)
    return .single(try located { () throws(NetworkError) in try apply(parameters, masked: masked, context) })
  }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  {
    let value = try single(input)
    do {
      return .single(try append(to: &program, value))
    } catch {
      throw error.inside(.name(nodeName))
    }
  }

  private func single<Leaf>(_ input: Branches<Leaf>) throws(NetworkError) -> Leaf {
    guard case .single(let leaf) = input else {
      throw NetworkError(path: [.name(nodeName)], expected: "one input", found: input.summary)
    }
    return leaf
  }
}

/// A layer that joins several branches into one.
protocol FanInLayer: Layer {
  func outputShape(_ branches: [[Int]]) throws(NetworkError) -> [Int]
  func apply(_ branches: [Tensor]) throws(NetworkError) -> Tensor
  /// What is masked after the layer, given one mask per branch that broadcasts to its shape.
  func outputMask(_ masks: [Tensor], branches: [[Int]]) throws(NetworkError) -> Tensor
  func append(to program: inout CovarianceProgram, _ branches: [CovarianceValue]) throws(NetworkError)
    -> CovarianceValue
}

extension FanInLayer {
  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    let shapes = try several(input)
    return .single(try located { () throws(NetworkError) in try outputShape(shapes) })
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    _ = try outputShape(input)
    return .none
  }

  /// Masked where every branch is.
  func outputMask(_ masks: [Tensor], branches: [[Int]]) throws(NetworkError) -> Tensor {
    masks.dropFirst().reduce(masks[0]) { $0 .& $1 }
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  {
    let branches = try several(input)
    return .single(
      try located { () throws(NetworkError) in
        let output = try apply(branches.map(\.values))
        guard branches.contains(where: { $0.mask != nil }) else { return MaskedTensor(output) }
        // A branch without a mask is visible everywhere.
        let masks = branches.map { $0.mask ?? Tensor.zeros($0.shape.map { _ in 1 }, dtype: .bool) }
        return MaskedTensor(output, mask: try outputMask(masks, branches: branches.map(\.shape)))
      })
  }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  {
    let values = try several(input)
    do {
      return .single(try append(to: &program, values))
    } catch {
      throw error.inside(.name(nodeName))
    }
  }

  /// The branches, which must be at least one and none of which may branch again.
  private func several<Leaf>(_ input: Branches<Leaf>) throws(NetworkError) -> [Leaf] {
    guard case .several(let branches) = input, !branches.isEmpty else {
      throw NetworkError(path: [.name(nodeName)], expected: "a list of inputs, as FanOut makes", found: input.summary)
    }
    var leaves: [Leaf] = []
    for branch in branches {
      guard case .single(let leaf) = branch else {
        throw NetworkError(path: [.name(nodeName)], expected: "a flat list of inputs", found: "a list within the list")
      }
      leaves.append(leaf)
    }
    return leaves
  }

  /// Checks that all shapes are equal.
  func requireEqual(_ shapes: [[Int]]) throws(NetworkError) {
    for shape in shapes where shape != shapes[0] {
      throw NetworkError(expected: "branches of equal shapes, the first is \(shapes[0])", found: "\(shape)")
    }
  }
}
