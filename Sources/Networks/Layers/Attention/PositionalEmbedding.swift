import CovarianceEngine
import Platform
import Tensors

/// How attention tells positions apart: trainable vectors, one per position.
public enum PositionalEmbedding: String, Sendable, CaseIterable {
  case none
  /// Added to the inputs.
  case sum
  /// Further channels of the inputs.
  case concat
}

/// How the correlation of the embeddings of two positions falls with their distance.
public enum PositionalDecay: Sendable {
  /// 1 / (1 + d).
  case linear
  /// e^−d.
  case exponential
  /// A function of all distances, a float64 tensor of shape (L, L), element by element; network files cannot hold it.
  case custom(@Sendable (Tensor) -> Tensor)
}

/// The correlations of the embeddings of L positions: R[p, p'] = decay(Σ |p_a − p'_a|^norm over the axes a), without
/// a decay the identity.
struct PositionalCorrelation: Sendable {
  var norm: Double
  var decay: PositionalDecay?

  /// Shape (L, L), float64, positions in row-major order.
  func matrix(_ positions: [Int]) throws(NetworkError) -> Tensor {
    let count = positions.product
    guard let decay else { return .eye(count, dtype: .float64) }
    let distances = distances(positions)
    switch decay {
    case .linear: return 1 / (1 + distances)
    case .exponential: return exp(-distances)
    case .custom(let function):
      let result = function(distances)
      guard result.shape == distances.shape else {
        throw NetworkError(
          path: [.name("positionalDecay")], expected: "correlations of shape \(distances.shape), one for each distance",
          found: "shape \(result.shape)")
      }
      return result
    }
  }

  /// A lower triangle whose rows make embeddings with these correlations of independent ones; nil where they are
  /// independent.
  func factor(_ positions: [Int]) throws(NetworkError) -> Tensor? {
    guard decay != nil else { return nil }
    let matrix = try matrix(positions)
    do {
      return try cholesky(matrix)
    } catch {
      throw NetworkError(
        path: [.name("positionalDecay")],
        expected: "a decay that makes positive definite correlations of positions \(positions)", found: "\(error)")
    }
  }

  private func distances(_ positions: [Int]) -> Tensor {
    let strides = positions.indices.map { positions[($0 + 1)...].reduce(1, *) }
    let places: [[Double]] = (0..<positions.product).map { index in
      positions.indices.map { Double(index / strides[$0] % positions[$0]) }
    }
    let distances: [Double] = places.flatMap { (row: [Double]) -> [Double] in
      places.map { (column: [Double]) -> Double in
        zip(row, column).reduce(0.0) { (sum: Double, pair) in sum + pow(Swift.abs(pair.0 - pair.1), norm) }
      }
    }
    return Tensor(distances, shape: [places.count, places.count])
  }
}

extension PositionalDecay {
  private enum Name: String, CaseIterable { case none, linear, exponential }

  static func read(from arguments: inout LayerArguments) throws(NetworkError) -> PositionalDecay? {
    switch try arguments.choice("positionalDecay", default: Name.none) {
    case .none: nil
    case .linear: .linear
    case .exponential: .exponential
    }
  }

  static func write(_ decay: PositionalDecay?, to arguments: inout LayerArguments) throws(NetworkError) {
    switch decay {
    case nil: break
    case .linear: arguments.set("positionalDecay", Name.linear.rawValue)
    case .exponential: arguments.set("positionalDecay", Name.exponential.rawValue)
    case .custom:
      throw NetworkError(
        path: [.name("positionalDecay")], expected: "linear or exponential, which network files can name",
        found: "a function")
    }
  }
}
