import CovarianceEngine
import Tensors

/// Activations times a constant, y = x · rhs or lhs · x, over any axes, as `dotGeneral(_:_:contracting:batch:)`.
///
/// Axes of the output: the batch axes of the product in their order, then those that are left of the left factor, then
/// those of the right one. Where the product sums over the inputs, the output is one input, and a batch axis of size 1
/// stands in front of it. Without a factor the layer is the identity.
///
/// Infinite width: K ← A K Aᵀ with the constant A on both positions, and on both inputs where A has an axis for them;
/// Θ alike, since A is not trained; Gaussian inputs stay Gaussian. An output is masked unless an input that is not
/// masked has a weight other than zero in it. A kernel needs channels that no axis of A is paired with, and as many
/// inputs in both data sets as an axis of A that is paired with the batch has entries.
public struct DotGeneral: SingleInputLayer {
  public static let nodeName = "dotGeneral"

  private let product: ConstantProduct?
  private let axes: DataAxes

  /// The product of the inputs with a constant on the right.
  ///
  /// - Parameters:
  ///   - contracting: axes of the inputs, and the axes of `rhs` that they are summed over with; negative axes count from
  ///     the end.
  ///   - batch: axes of the inputs, and the axes of `rhs` that run along with them.
  /// - Precondition: both lists of a pair are equally long, no axis is named twice, `rhs` has at least one element.
  public init(
    rhs: Tensor, contracting: ([Int], [Int]) = ([], []), batch: ([Int], [Int]) = ([], []), batchAxis: Int = 0,
    channelAxis: Int = -1
  ) {
    self.init(
      ConstantProduct(rhs, isLeft: false, contracting: contracting, batch: batch),
      DataAxes(batch: batchAxis, channel: channelAxis))
  }

  /// The product of a constant with the inputs; axes are those of `lhs` first, then those of the inputs.
  ///
  /// - Precondition: as for a constant on the right.
  public init(
    lhs: Tensor, contracting: ([Int], [Int]) = ([], []), batch: ([Int], [Int]) = ([], []), batchAxis: Int = 0,
    channelAxis: Int = -1
  ) {
    self.init(
      ConstantProduct(
        lhs, isLeft: true, contracting: (contracting.1, contracting.0), batch: (batch.1, batch.0)),
      DataAxes(batch: batchAxis, channel: channelAxis))
  }

  /// The product with a number.
  public init(_ factor: Double, batchAxis: Int = 0, channelAxis: Int = -1) {
    self.init(rhs: Tensor(factor), batchAxis: batchAxis, channelAxis: channelAxis)
  }

  /// The identity.
  public init(batchAxis: Int = 0, channelAxis: Int = -1) {
    product = nil
    axes = DataAxes(batch: batchAxis, channel: channelAxis)
  }

  private init(_ product: ConstantProduct, _ axes: DataAxes) {
    if let error = product.error { preconditionFailure(error.description) }
    self.product = product
    self.axes = axes
  }

  public var dataAxes: DataAxes? { axes }

  public func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    guard let product else { return input }
    return try product.placed(input, try axes.resolved(for: input)).outputShape
  }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) throws(NetworkError) -> Tensor {
    guard let product else { return input }
    return try product.placed(input.shape, try axes.resolved(for: input.shape), isExact: true)
      .apply(input, product.constant)
  }

  public func outputMask(_ mask: Tensor, input: [Int]) throws(NetworkError) -> Tensor {
    guard let product else { return mask }
    let visible = (.!mask.broadcast(to: input)).asType(.float32)
    return try product.placed(input, try axes.resolved(for: input), isExact: true)
      .apply(visible, product.constant .!= 0) .<= 0
  }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError)
    -> CovarianceValue
  {
    let axes = try axes.resolved(for: input.shape)
    try input.require(axes)
    guard let product else { return input }
    let placed = try product.placed(input.shape, axes, isExact: true)
    guard !placed.touches(input.channelAxis) else {
      throw NetworkError(
        path: [.name(product.pairs.contains { $0.data == input.channelAxis && $0.isBatch } ? "batch" : "contracting")],
        expected: "axes other than \(input.channelAxis), the channels, which have no order at infinite width",
        found: "\(input.channelAxis)")
    }
    return program.appendByChannel(
      DotGeneralOperation(product: placed, constant: product.constant), input, shape: placed.outputShape,
      axes: placed.outputAxes, isGaussian: input.isGaussian)
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    let (left, right) = (try arguments.nestedNumbers("lhs"), try arguments.nestedNumbers("rhs"))
    let (contracting, batch) = (try arguments.axisPair("contracting"), try arguments.axisPair("batch"))
    axes = try DataAxes(from: &arguments)
    if left != nil && right != nil {
      throw NetworkError(path: [.name("rhs")], expected: "nothing beside lhs", found: "a constant")
    }
    if let left {
      product = ConstantProduct(
        left, isLeft: true, contracting: (contracting.1, contracting.0), batch: (batch.1, batch.0))
    } else if let right {
      product = ConstantProduct(right, isLeft: false, contracting: contracting, batch: batch)
    } else {
      product = nil
    }
    if let error = product?.error { throw error }
  }

  public func write(to arguments: inout LayerArguments) throws(NetworkError) {
    axes.write(to: &arguments)
    guard let product else { return }
    try arguments.set(product.isLeft ? "lhs" : "rhs", nested: product.constant)
    for (name, isBatch) in [("contracting", false), ("batch", true)] {
      let pairs = product.pairs.filter { $0.isBatch == isBatch }
      guard !pairs.isEmpty else { continue }
      let (data, constant) = (pairs.map(\.data), pairs.map(\.constant))
      arguments.set(
        name, .array((product.isLeft ? [constant, data] : [data, constant]).map { .array($0.map(NodeValue.integer)) }))
    }
  }
}

// MARK: - Arguments in network files

extension LayerArguments {
  /// A number or an array of arrays… of numbers; nil when it is left out.
  fileprivate mutating func nestedNumbers(_ name: String) throws(NetworkError) -> Tensor? {
    guard let value = take(name) else { return nil }
    func scalars(_ node: NodeValue, _ shape: ArraySlice<Int>, _ path: [NetworkError.PathComponent])
      throws(NetworkError) -> [Double]
    {
      guard let size = shape.first else {
        guard let number = node.double, number.isFinite else {
          throw NetworkError(path: path, expected: "a finite number", found: node.summary)
        }
        return [number]
      }
      guard case .array(let parts) = node, parts.count == size else {
        throw NetworkError(path: path, expected: "a list of \(size), as the first one", found: node.summary)
      }
      var result: [Double] = []
      for (index, part) in parts.enumerated() {
        result += try scalars(part, shape.dropFirst(), path + [.index(index)])
      }
      return result
    }
    var shape: [Int] = []
    var first = value
    while case .array(let parts) = first {
      shape.append(parts.count)
      guard let part = parts.first else {
        throw NetworkError(path: [.name(name)], expected: "lists that are not empty", found: "an empty one")
      }
      first = part
    }
    return Tensor(try scalars(value, shape[...], [.name(name)]), shape: shape)
  }

  /// Two lists of axes, of the left and of the right factor; empty ones when it is left out.
  fileprivate mutating func axisPair(_ name: String) throws(NetworkError) -> ([Int], [Int]) {
    guard let value = take(name) else { return ([], []) }
    func error(_ found: NodeValue) -> NetworkError {
      NetworkError(
        path: [.name(name)], expected: "two lists of axes, of lhs and of rhs", found: found.summary)
    }
    guard case .array(let sides) = value, sides.count == 2 else { throw error(value) }
    var lists: [[Int]] = []
    for side in sides {
      guard case .array(let axes) = side else { throw error(side) }
      var list: [Int] = []
      for axis in axes {
        guard case .integer(let integer) = axis else { throw error(axis) }
        list.append(integer)
      }
      lists.append(list)
    }
    return (lists[0], lists[1])
  }

  /// A tensor as a number or an array of arrays… of numbers.
  fileprivate mutating func set(_ name: String, nested tensor: Tensor) throws(NetworkError) {
    guard !tensor.isTraced else {
      throw NetworkError(path: [.name(name)], expected: "numbers", found: "an argument of a function being traced")
    }
    let scalars = tensor.asType(.float64).scalars(as: Double.self)
    if let index = scalars.firstIndex(where: { !$0.isFinite }) {
      throw NetworkError(path: [.name(name)], expected: "finite numbers", found: "\(scalars[index])")
    }
    func node(_ part: ArraySlice<Double>, _ shape: ArraySlice<Int>) -> NodeValue {
      guard let size = shape.first else { return .number(part[part.startIndex]) }
      let step = part.count / size
      return .array(
        (0..<size).map {
          let start = part.startIndex + $0 * step
          return node(part[start..<start + step], shape.dropFirst())
        })
    }
    set(name, node(scalars[...], tensor.shape[...]))
  }
}
