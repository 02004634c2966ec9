import CovarianceEngine
import Tensors

/// A well-known architecture under one name: for inputs of a given shape it is a `Serial` of ordinary layers, and all that
/// they can do it can, finite and infinite.
///
/// Inputs have shape (batch, positions…, channels). All layers share one standard deviation of the weights and one of the
/// biases, which are the network's hyper-parameters besides the constants of its activation.
public protocol ReadyMadeNetwork: Layer {
  /// The layers for inputs of shape `input`.
  ///
  /// - Throws: `NetworkError` when the architecture does not fit the inputs.
  func network(forInput input: [Int]) throws(NetworkError) -> Serial

  /// The arguments that the number at the end of a short name such as `myrtle10` stands for.
  static func arguments(forNumber number: Int) throws(NetworkError) -> [String: NodeValue]
}

extension ReadyMadeNetwork {
  public static func arguments(forNumber number: Int) throws(NetworkError) -> [String: NodeValue] {
    ["depth": .integer(number)]
  }

  public var dataAxes: DataAxes? { DataAxes() }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    try located { () throws(NetworkError) in try expanded(input).outputShape(input) }
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    try located { () throws(NetworkError) in try expanded(input).initialize(key, input, dtype: dtype) }
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  {
    try located { () throws(NetworkError) in
      try expanded(input.map(\.shape)).apply(parameters, input, context)
    }
  }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  {
    do {
      return try expanded(input.map(\.shape)).append(to: &program, input)
    } catch {
      throw error.inside(.name(nodeName))
    }
  }

  private func expanded(_ input: Branches<[Int]>) throws(NetworkError) -> Serial {
    guard case .single(let shape) = input else { throw NetworkError(expected: "one input", found: input.summary) }
    return try network(forInput: shape)
  }
}

/// What ready-made networks have in common: the classes they tell apart, their activation, and the constants that all
/// their weights and biases share.
struct ReadyMadeSettings: Sendable {
  /// Keeps the variance of a ReLU network from layer to layer.
  static let defaultWeightStd = 2.0.squareRoot()

  let classes: Int
  private(set) var activation: any Activation
  @HyperParameter var weightStd: Double
  var bias: HyperParameter?

  init(classes: Int, activation: any Activation, weightStd: Double, biasStd: Double?) {
    precondition(weightStd.isFinite && (biasStd ?? 0).isFinite, "expected finite standard deviations")
    self.classes = classes
    self.activation = activation
    self.weightStd = weightStd
    bias = biasStd.map { HyperParameter($0) }
  }

  /// Throws unless the network can have these sizes, its classes, and this many layers.
  func check(_ sizes: [(name: String, value: Int)], depth: Int = 0) throws(NetworkError) {
    try requireSize("depth", depth, atLeast: 0, atMost: largestLayerCount)
    for (name, value) in sizes + [("classes", classes)] { try requireSize(name, value) }
  }

  func dense(_ width: Int) -> Dense { Dense(width, weightStd: weightStd, biasStd: bias?.wrappedValue) }

  /// The last layer: one output per class.
  var readout: Dense { dense(classes) }

  /// The same window and stride along `positions` axes; zeros around the input by default.
  func convolution(_ channels: Int, positions: Int, window: Int = 3, stride: Int = 1) -> Conv {
    Conv(
      channels, window: [Int](repeating: window, count: positions), strides: [Int](repeating: stride, count: positions),
      padding: .same, weightStd: weightStd, biasStd: bias?.wrappedValue)
  }

  /// `layers` in a row, with constants that may be traced in place of the numbers.
  func network(_ layers: [any Layer]) throws(NetworkError) -> Serial {
    let network = Serial(layers)
    guard $weightStd.isTensor || bias?.isTensor ?? false else { return network }
    var constants = network.hyperParameters
    for path in constants.paths {
      if path.hasSuffix(".weightStd") { constants[path] = $weightStd.asTensor }
      if let bias, path.hasSuffix(".biasStd") { constants[path] = bias.asTensor }
    }
    return try network.replacing(constants)
  }

  mutating func visit(_ visitor: inout HyperParameterVisitor) {
    visitor.visit("weightStd", &$weightStd, kind: .standardDeviation)
    visitor.visit("biasStd", &bias, kind: .standardDeviation)
    var layer: any Layer = activation
    visitor.visit("activation", &layer)
    if let visited = layer as? any Activation { activation = visited }
  }

  init(from arguments: inout LayerArguments) throws(NetworkError) {
    classes = try arguments.integer("classes", default: 10, atLeast: 1)
    weightStd = try arguments.number("weightStd", default: Self.defaultWeightStd)
    bias = try arguments.optionalNumber("biasStd").map { HyperParameter($0) }
    activation = Relu()
    guard arguments.take("activation") != nil else { return }
    let layer = try arguments.layer("activation")
    guard let given = layer as? any Activation else {
      throw NetworkError(path: [.name("activation")], expected: "an activation", found: "the layer \(layer.nodeName)")
    }
    activation = given
  }

  func write(to arguments: inout LayerArguments) throws(NetworkError) {
    arguments.set("classes", classes, default: 10)
    arguments.set("weightStd", weightStd, default: Self.defaultWeightStd)
    arguments.set("biasStd", bias?.wrappedValue)
    if try activation.node() != Relu().node() {
      try arguments.set("activation", activation)
    }
  }
}

/// What becomes of positions before the last layer of a ready-made network.
public enum ReadyMadePooling: String, Sendable, CaseIterable {
  /// The mean over all of them.
  case average
  case sum
  /// All are kept, as channels.
  case none

  var layer: any Layer {
    switch self {
    case .average: GlobalAvgPool()
    case .sum: GlobalSumPool()
    case .none: Flatten()
    }
  }
}

/// The number of axes of positions of an input of shape (batch, positions…, channels), which must have some.
func positionAxisCount(_ input: [Int]) throws(NetworkError) -> Int {
  guard input.count >= 3 else {
    throw NetworkError(expected: "an input of shape (batch, positions…, channels)", found: "shape \(input)")
  }
  return input.count - 2
}

/// What `layers` make of the input, added to it or to what `shortcut` makes of it.
func residualBlock(_ layers: [any Layer], shortcut: any Layer = Identity()) -> Serial {
  Serial([FanOut(2), Parallel([Serial(layers), shortcut]), FanInSum()])
}
