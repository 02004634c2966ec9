import CovarianceEngine
import Tensors

/// The continuous constants of a network as a tree of scalar tensors, each with its place in the network.
///
/// ```swift
/// let evidence = { (constants: HyperParameters) in
///   try logMarginalLikelihood(network.kernel(x, hyperParameters: constants).nngp, y, noiseVariance: Tensor(0.1))
/// }
/// let slopes = try gradient(of: evidence)(network.hyperParameters)   // slopes["serial[0].dense.weightStd"]
/// ```
public struct HyperParameters: TensorTree, Sendable {
  /// What a constant is to its layer.
  public enum Kind: Sendable, Hashable {
    /// The standard deviation of random parameters: only its magnitude counts.
    case standardDeviation
    /// A constant of an activation.
    case constant
  }

  /// A constant with its place.
  public struct Entry: Sendable {
    /// Where, as in error messages: `serial[0].dense.weightStd`.
    public let path: String
    /// What the constant is.
    public let kind: Kind
    /// A scalar.
    public var value: Tensor
  }

  /// From the first layer to the last.
  public private(set) var entries: [Entry]

  init(entries: [Entry]) {
    self.entries = entries
  }

  /// The value at a path.
  ///
  /// - Precondition: the network has a constant there.
  public subscript(path: String) -> Tensor {
    get { entries[index(of: path)].value }
    set { entries[index(of: path)].value = newValue }
  }

  /// The places, in the order of the network.
  public var paths: [String] { entries.map(\.path) }

  private func index(of path: String) -> Int {
    guard let index = entries.firstIndex(where: { $0.path == path }) else {
      preconditionFailure("no hyper-parameter \(path); there are \(paths.joined(separator: ", "))")
    }
    return index
  }

  public func mapTensors<Failure: Error>(
    _ transform: (Tensor) throws(Failure) -> Tensor
  ) throws(Failure) -> HyperParameters {
    var result = self
    for index in entries.indices { result.entries[index].value = try transform(entries[index].value) }
    return result
  }

  public var structure: [String] { paths }
}

extension Layer {
  /// The continuous constants of this layer and the layers in it, float64. A `biasStd` of nil is absent.
  public var hyperParameters: HyperParameters {
    var visitor = HyperParameterVisitor(replacements: nil)
    var copy: any Layer = self
    visitor.visit(&copy)
    return HyperParameters(entries: visitor.entries)
  }

  /// The same network with other constants. Traced scalars make kernels and outputs functions of them; concrete ones
  /// are numbers of the network like any others, which a network file can hold.
  ///
  /// - Throws: `NetworkError` when `hyperParameters` are those of another network, or a number is not one that the layer
  ///   can have.
  public func replacing(_ hyperParameters: HyperParameters) throws(NetworkError) -> Self {
    var visitor = HyperParameterVisitor(replacements: hyperParameters.entries)
    var copy: any Layer = self
    visitor.visit(&copy)
    let expected = visitor.entries.map(\.path)
    guard expected == hyperParameters.paths else {
      throw NetworkError(
        path: [.name("hyperParameters")],
        expected: "those of this network: " + (expected.isEmpty ? "none" : expected.joined(separator: ", ")),
        found: hyperParameters.paths.isEmpty ? "none" : hyperParameters.paths.joined(separator: ", "))
    }
    if let failure = visitor.failure { throw failure }
    guard let result = copy as? Self else { preconditionFailure("visiting changed the type of \(Self.nodeName)") }
    return result
  }

  /// The kernels with other constants in place of the network's own; see `kernel(_:_:patterns:maskConstant:kernels:options:)`.
  public func kernel(
    _ x1: Tensor, _ x2: Tensor? = nil, patterns: GraphPatterns? = nil, maskConstant: Double? = nil,
    hyperParameters: HyperParameters, kernels: KernelSet = .all, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) -> Kernel {
    try replacing(hyperParameters).kernel(
      x1, x2, patterns: patterns, maskConstant: maskConstant, kernels: kernels, options: options)
  }

  /// Whether traced scalars stand in for some constant.
  var hasTracedHyperParameters: Bool { hyperParameters.entries.contains { $0.value.isTraced } }
}
