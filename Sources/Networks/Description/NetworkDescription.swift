import CovarianceEngine
import Tensors

/// What a network is for inputs of a given shape: its layers with the shapes of their outputs, how many parameters the
/// finite network has, and what the infinite network needs and costs.
///
/// No parameters are drawn and no kernel is computed, so that this is cheap however wide the network is.
public struct NetworkDescription: Sendable {
  /// One layer, or a layer that holds others, which follow it.
  public struct Row: Sendable {
    /// How many layers this one is inside of.
    public let level: Int
    /// The layer's name in network files.
    public let name: String
    /// Its arguments but for other layers, by name.
    public let arguments: [(name: String, value: String)]
    /// Whether it holds other layers.
    public let isContainer: Bool
    /// Whether it is an elementwise nonlinearity.
    public let isActivation: Bool
    /// Rows whose outputs it reads; empty for containers, and for layers that read the network's input.
    public let sources: [Int]
    /// Shapes of the outputs, the batch axis as `nil`.
    public let outputs: [[Int?]]
    /// Scalars that the finite network trains; of a container, all that it holds.
    public internal(set) var parameterCount: Int
    /// Which covariances of the output the infinite network needs; nil for containers, for several outputs, and where
    /// there is no infinite limit.
    public internal(set) var demand: DisplacementDemand?
    /// Estimated work for NNGP and tangent kernel of one pair of inputs, in float32; nil like `demand`.
    public internal(set) var cost: Cost?
    /// Why the fused executor leaves the layer to the reference executor; nil where it does not.
    public internal(set) var obstacle: String?
  }

  /// The shape of one input, without the batch axis.
  public let input: [Int]
  /// Which covariances of the input are needed, and what their computation costs; nil without an infinite limit.
  public internal(set) var inputDemand: DisplacementDemand?
  public internal(set) var inputCost: Cost?
  /// From the first layer to the last.
  public internal(set) var rows: [Row]
  /// Rows whose outputs are those of the network.
  public internal(set) var outputRows: [Int]
  /// Why there is no infinite-width limit; nil when there is one.
  public internal(set) var infiniteError: NetworkError?

  /// Which executor computes kernels of one input of this shape per data set; nil without an infinite limit.
  public internal(set) var executor: String?
  /// Why the whole network is left to the reference executor; nil where it is not.
  public internal(set) var obstacle: String?

  /// Scalars that the finite network trains.
  public var parameterCount: Int {
    rows.reduce(0) { $0 + ($1.isContainer ? 0 : $1.parameterCount) }
  }

  /// Estimated work for one entry of the NNGP and of the tangent kernel; nil without an infinite limit.
  public var cost: Cost? {
    guard let inputCost else { return nil }
    return rows.reduce(inputCost) { $0 + ($1.cost ?? .zero) }
  }
}

extension Layer {
  /// Describes the network for inputs of shape `input`, given without the batch axis.
  ///
  /// - Throws: `NetworkError` when the network does not fit such inputs.
  public func description(forInput input: [Int]) throws(NetworkError) -> NetworkDescription {
    var writer = NetworkDescriber(network: self, input: input)
    return try writer.describe()
  }
}
