import Tensors

/// One value of a covariance program as features: numbers whose products between inputs and positions are its covariances,
/// F Fᵀ ≈ K and G Gᵀ ≈ Θ.
public struct FeatureState: Sendable {
  /// F, shape (N, P…, features).
  public var nngp: Tensor
  /// G, shape (N, P…, features); absent where nobody asked for it, and zero where no layer with weights came before.
  public var ntk: Tangent
  /// K of every input and position with itself where it is known without an approximation, shape (N, P…).
  public var variances: Tensor?
  /// Θ of every input and position with itself where it is known, shape (N, P…); nil, too, where `ntk` is absent or zero.
  public var tangentVariances: Tensor?
  /// True where a position is masked, shape (N, P…); features are zero there.
  public var mask: Tensor?

  /// The features of the tangent kernel.
  public enum Tangent: Sendable {
    case absent
    case zero
    case given(Tensor)

    /// The features; nil where there are none.
    public var features: Tensor? {
      if case .given(let features) = self { return features }
      return nil
    }

    /// The features under a linear map; none stay none.
    public func map(_ transform: (Tensor) throws(NetworkError) -> Tensor) throws(NetworkError) -> Tangent {
      if case .given(let features) = self { return .given(try transform(features)) }
      return self
    }
  }

  public init(
    nngp: Tensor, ntk: Tangent, variances: Tensor? = nil, tangentVariances: Tensor? = nil, mask: Tensor? = nil
  ) {
    (self.nngp, self.ntk, self.mask) = (nngp, ntk, mask)
    (self.variances, self.tangentVariances) = (variances, tangentVariances)
  }

  /// Sizes along the axes of positions.
  public var positions: [Int] { Array(nngp.shape.dropFirst().dropLast()) }
  /// Number of inputs.
  public var count: Int { nngp.shape[0] }
  /// The axis of features.
  var featureAxis: Int { nngp.rank - 1 }

  /// Both kinds of features under one linear map, which leaves variances and masks to the caller.
  func map(_ transform: (Tensor) throws(NetworkError) -> Tensor) throws(NetworkError) -> FeatureState {
    FeatureState(nngp: try transform(nngp), ntk: try ntk.map(transform), mask: mask)
  }

  /// A factor per input and position, shape (N, P…), which multiplies all features; their variances are not known then.
  func scaled(by factor: Tensor) -> FeatureState {
    let factor = factor.expandedDims(factor.rank)
    var result = FeatureState(nngp: nngp * factor, ntk: ntk, mask: mask)
    if case .given(let features) = ntk { result.ntk = .given(features * factor) }
    return result
  }

  /// Zero where a position is masked.
  func maskedToZero() -> FeatureState {
    guard let mask else { return self }
    var result = self
    let all = mask.expandedDims(mask.rank)
    result.nngp = select(all, 0, nngp)
    if case .given(let features) = ntk { result.ntk = .given(select(all, 0, features)) }
    result.variances = variances.map { select(mask, 0, $0) }
    result.tangentVariances = tangentVariances.map { select(mask, 0, $0) }
    return result
  }

  /// The exact variances where they are known, else those that the features give, shape (N, P…).
  func knownVariances() -> Tensor { variances ?? square(nngp).sum(axis: featureAxis) }

  /// Θ of every input with itself, which is zero before all layers with weights; nil where it is not known.
  var knownTangentVariances: Tensor? {
    if case .zero = ntk { return .zeros(Array(nngp.shape.dropLast()), dtype: nngp.dtype) }
    return tangentVariances
  }

  /// Features side by side: those of a sum of independent values.
  static func joined(_ parts: [Tangent]) -> Tangent {
    let given = parts.compactMap(\.features)
    if let first = given.first { return .given(given.count == 1 ? first : concatenate(given, axis: first.rank - 1)) }
    return parts.contains { if case .absent = $0 { true } else { false } } ? .absent : .zero
  }

  /// The sum of what is known; nil where something is not.
  static func sum(_ parts: [Tensor?]) -> Tensor? {
    let known = parts.compactMap { $0 }
    guard known.count == parts.count, let first = known.first else { return nil }
    return known.dropFirst().reduce(first) { $0 + $1 }
  }
}

/// What an operation draws its features with.
public struct FeatureRandomness: Sendable {
  /// Features per dual or product.
  public var width: Int
  /// How random directions are drawn.
  public var projection: RandomProjection.Kind
  /// For this operation alone.
  public var key: RandomKey
  /// Whether the features of every input and position are given the length that is known to be right.
  public var rescales: Bool
  /// Projections that were drawn before.
  let projections: RandomProjections

  /// `x`, of shape (…, features), along `width` random directions: x W with W a matrix whose entries have mean zero and variance one.
  ///
  /// - Parameter number: tells the directions of one operation from each other.
  func directions(_ x: Tensor, _ number: UInt32) -> Tensor {
    projections.projection(projection, key: key.folding(in: number), from: x.shape[x.rank - 1], to: width, x.dtype)(x)
  }

  /// The features with the length that their variances say, where these are known.
  func rescaled(_ features: Tensor, _ variances: Tensor?) -> Tensor {
    guard rescales, let variances else { return features }
    let axis = features.rank - 1
    let lengths = square(features).sum(axis: axis)
    let factor = select(lengths .> 0, sqrt(variances / select(lengths .> 0, lengths, 1)), 0)
    return features * factor.expandedDims(axis)
  }
}

extension FeatureState {
  /// The features of the tangent kernel, one column of zeros where it is zero.
  package var tangent: Tensor {
    ntk.features ?? .zeros(Array(nngp.shape.dropLast()) + [1], dtype: nngp.dtype)
  }

  /// Θ of every input and position with itself; nil where it is not known.
  package var exactTangentVariances: Tensor? {
    if case .absent = ntk { return nil }
    return knownTangentVariances
  }
}
