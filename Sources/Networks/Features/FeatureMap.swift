import CovarianceEngine
import Tensors

/// Features of some inputs: rows whose products are kernels, F Fᵀ ≈ K and G Gᵀ ≈ Θ.
public struct Features: Sendable {
  /// F, shape (N, P…, features); nil where it was not asked for.
  public let nngp: Tensor?
  /// G, shape (N, P…, features); nil where it was not asked for.
  public let ntk: Tensor?
  /// K of every input with itself where it is known exactly, shape (N, P…).
  public let nngpVariances: Tensor?
  /// Θ of every input with itself where it is known exactly, shape (N, P…).
  public let ntkVariances: Tensor?

  public init(nngp: Tensor?, ntk: Tensor?, nngpVariances: Tensor? = nil, ntkVariances: Tensor? = nil) {
    (self.nngp, self.ntk) = (nngp, ntk)
    (self.nngpVariances, self.ntkVariances) = (nngpVariances, ntkVariances)
  }
}

/// A function of single inputs whose products between inputs are a network's kernels, approximately: whatever takes N² or N³
/// operations with a kernel takes N with features.
///
/// The same key gives the same features, in whatever blocks inputs come.
public struct FeatureMap: Sendable {
  /// For messages and descriptions.
  public let description: String
  private let map: @Sendable (Tensor, _ maskConstant: Double?) throws(NetworkError) -> Features

  /// A map of your own.
  ///
  /// - Parameter map: gives the features of inputs of shape (N, …); every input by itself.
  public init(
    description: String, _ map: @escaping @Sendable (Tensor, _ maskConstant: Double?) throws(NetworkError) -> Features
  ) {
    (self.description, self.map) = (description, map)
  }

  /// The features of `x`, in its element type.
  ///
  /// - Parameters:
  ///   - x: inputs, the batch along the network's axis for it.
  ///   - maskConstant: what stands in place of missing numbers.
  /// - Throws: `NetworkError` for shapes that do not fit, NaN, and features that are not finite.
  public func callAsFunction(_ x: Tensor, maskConstant: Double? = nil) throws(NetworkError) -> Features {
    try map(x, maskConstant)
  }
}

extension Layer {
  /// Random features of the network's kernels.
  ///
  /// The relative error of a kernel falls as 1/√width; rows are given the length that the kernel's diagonal says where that is known
  /// without pools, which removes the largest part of the error for a bias of the order 1/width. Linear layers are exact.
  ///
  /// ```swift
  /// let map = try network.featureMap(inputShape: [784], width: 4096, key: RandomKey(seed: 0))
  /// let features = try map(x)          // features.ntk · features.ntkᵀ ≈ network.kernel(x).ntk
  /// ```
  ///
  /// - Parameters:
  ///   - inputShape: that of an input, without the batch axis.
  ///   - width: random directions per activation.
  ///   - key: of all random numbers.
  ///   - kernels: which kernels are wanted; the NNGP alone costs half.
  ///   - projection: how random directions are drawn.
  ///   - rescales: whether rows are given the length that is known to be right.
  /// - Throws: `NetworkError` where the network does not fit the inputs or has several outputs, and where an operation has no such
  ///   features: attention, aggregation over graphs, dropout, sums of branches whose means are not zero. See `finiteFeatureMap`.
  /// - Complexity: 2 N width² multiplications and additions per activation and position with normal directions.
  ///
  /// *Source:* Zandieh et al. 2021 (arXiv 2106.07880), Han et al. 2022 (arXiv 2209.04121).
  public func featureMap(
    inputShape: [Int], width: Int, key: RandomKey, kernels: KernelSet = .all,
    projection: RandomProjection.Kind = .orthogonal, rescales: Bool = true
  ) throws(NetworkError) -> FeatureMap {
    guard width > 0, width <= 1 << 24 else {
      throw NetworkError(path: [.name("width")], expected: "from 1 to \(1 << 24) directions", found: "\(width)")
    }
    let values = try covarianceValues(forInput: inputShape)
    guard values.outputs.count == 1 else {
      throw NetworkError(expected: "a network with one output", found: "\(values.outputs.count) outputs")
    }
    var program = values.program
    let output = program.merged(values.outputs[0])
    let features = FeatureProgram(
      program, output: output, wantsTangent: kernels.contains(.ntk), width: width, projection: projection,
      rescales: rescales, key: key)
    let (axes, tokenCount, needsChannelsApart) = (dataAxes ?? DataAxes(), tokenCount, program.needsChannelsApart)
    let map = FeatureMap(description: "random features, \(width) directions per activation") {
      (x, maskConstant) throws(NetworkError) in
      let checked = try CheckedInputs(x1: x, x2: nil, axes: axes, maskConstant: maskConstant, tokenCount: tokenCount)
      let source = checked.source(isSymmetric: true)
      var shape = source.shape1
      shape.remove(at: source.axes.batch)
      let expected = inputShape + (tokenCount.map { [$0] } ?? [])
      guard shape == expected else {
        throw NetworkError(path: [.name("x")], expected: "inputs of shape \(expected)", found: "\(shape)")
      }
      guard case .data(let data) = source.input, !needsChannelsApart || !source.masksChannelsApart else {
        throw NetworkError(
          path: [.name("x")], expected: "masks of whole positions", found: "channels that are masked apart")
      }
      let state = try features([data])
      return Features(
        nngp: kernels.contains(.nngp) ? state.nngp : nil, ntk: kernels.contains(.ntk) ? state.tangent : nil,
        nngpVariances: state.variances, ntkVariances: state.exactTangentVariances)
    }
    // Operations without a rule are found here, not with the first inputs.
    var batch = inputShape
    batch.insert(1, at: min(try axes.resolved(rank: inputShape.count + 1).batch, batch.count))
    _ = try map(tokenCount == nil ? .ones(batch) : .zeros(batch, dtype: .int32))
    return map
  }
}
