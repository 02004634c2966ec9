import NeuralTangents
import Tensors

/// A tensor in a fixture.
struct FixtureArray: Decodable, Sendable {
  let shape: [Int]
  let values: [Double]
  let dtype: DType?

  var tensor: Tensor { Tensor(values, shape: shape).asType(dtype ?? .float64) }

  /// What differences of single entries are relative to: the entry, but not below a thousandth of the largest.
  var scale: [Double] {
    let largest = values.map { Swift.abs($0) }.max() ?? 0
    return values.map { Swift.max(Swift.abs($0), 1e-3 * largest) }
  }
}

/// A network in a fixture; one that cannot be read fails the test that uses it.
struct FixtureNetwork: Decodable, Sendable {
  private let result: Result<NetworkFile, any Error>

  init(from decoder: any Decoder) throws {
    result = Result { try NetworkFile(from: decoder) }
  }

  var layer: any Layer { get throws { try result.get().network } }
}

extension Tensor {
  /// The same tensor with `constant` at some row-major indices.
  func replacing(_ indices: [Int]?, by constant: Double?) -> Tensor {
    guard let indices, let constant else { return self }
    var values = asType(.float64).scalars(as: Double.self)
    for index in indices { values[index] = constant }
    return Tensor(values, shape: shape).asType(dtype)
  }
}
