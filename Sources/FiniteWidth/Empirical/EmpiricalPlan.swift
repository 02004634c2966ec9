import CovarianceEngine
import Tensors

/// How the tangent kernel of a function is computed: the blocks that it is cut into, and per parameter tensor the contraction.
///
/// Printed it says what was chosen and why, for example
/// ```
/// structured derivatives: 1 × 1 tiles of 64 × 64 inputs, 10 outputs at a time, 9.1 MB
/// parameter 0 [784, 1024]: (known·known)·(cotangents·cotangents), 0.1 GFLOP, 33 kB
/// ```
public struct EmpiricalPlan: Sendable, CustomStringConvertible {
  /// What one parameter tensor, or a part of it, contributes.
  public struct Leaf: Sendable {
    /// Which tensor of the parameters' tree.
    public let parameter: Int
    /// Its shape.
    public let shape: [Int]
    /// The order of contraction in words.
    public let contraction: String
    /// Operations on numbers for the whole kernel.
    public let flops: Double
    /// Bytes of what is made on the way, for a tile.
    public let bytes: Double
  }

  /// What was chosen, or asked for.
  public let implementation: EmpiricalImplementation
  /// Estimated seconds of the ways that were compared, on a machine of today: good for comparisons only.
  public let estimates: [EmpiricalImplementation: Double]
  /// Per tensor of the parameters, or part of one, what it contributes; empty for products with vectors.
  public let leaves: [Leaf]
  /// Inputs of both data sets in a tile.
  public let tileInputs: (Int, Int)
  /// Tiles that are computed.
  public let tileCount: Int
  /// Outputs along trace axes whose derivatives are taken at a time.
  public let tileOutputs: Int
  /// Estimated bytes beyond inputs and results.
  public let bytes: Double

  public var description: String {
    let name =
      switch implementation {
      case .automatic: "automatic"
      case .jacobianContraction: "Jacobian contraction"
      case .tangentVectorProducts: "tangent-vector products"
      case .structuredDerivatives: "structured derivatives"
      }
    let head =
      "\(name): \(tileCount) \(tileCount == 1 ? "tile" : "tiles") of \(tileInputs.0) × \(tileInputs.1) inputs, "
      + "\(tileOutputs) \(tileOutputs == 1 ? "output" : "outputs") at a time, \(Self.bytes(bytes))"
    return
      ([head]
      + leaves.map {
        "parameter \($0.parameter) \($0.shape): \($0.contraction), \(Self.flops($0.flops)), \(Self.bytes($0.bytes))"
      }).joined(separator: "\n")
  }

  private static func bytes(_ count: Double) -> String {
    count < 1e6
      ? "\(rounded(count / 1e3)) kB" : count < 1e9 ? "\(rounded(count / 1e6)) MB" : "\(rounded(count / 1e9)) GB"
  }

  private static func flops(_ count: Double) -> String {
    count < 1e9 ? "\(rounded(count / 1e6)) MFLOP" : "\(rounded(count / 1e9)) GFLOP"
  }

  private static func rounded(_ value: Double) -> String {
    value >= 100 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
  }
}

extension PieceContraction {
  /// The order in words.
  var words: String {
    if form != .factors { return form == .derivative ? "derivatives" : "derivatives of known·cotangents" }
    var names =
      isLookup ? ["equal positions", "cotangents", "cotangents′"] : ["known", "cotangents", "known′", "cotangents′"]
    for step in order.steps {
      let merged = "(\(names[step.first])·\(names[step.second]))"
      names = names.indices.filter { $0 != step.first && $0 != step.second }.map { names[$0] } + [merged]
    }
    return String(names[0].dropFirst().dropLast())
  }
}
