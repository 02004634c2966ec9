import Foundation
import NeuralTangents
import Tensors

/// The formulas that fixtures give their inputs by: S and C of the row-major index.
enum FixtureInput {
  static func sine(_ shape: [Int], dtype: DType = .float64) -> Tensor { fill(shape, dtype) { sin(0.37 * $0 + 0.1) } }
  static func cosine(_ shape: [Int], dtype: DType = .float64) -> Tensor { fill(shape, dtype) { cos(0.53 * $0 + 0.2) } }

  private static func fill(_ shape: [Int], _ dtype: DType, _ formula: (Double) -> Double) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { formula(Double($0)) }, shape: shape).asType(dtype)
  }
}

/// Reads a JSON fixture of this target.
func loadFixture<Content: Decodable>(_ name: String, as type: Content.Type = Content.self) throws -> Content {
  let url = Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "json")
  guard let url else { throw CocoaError(.fileNoSuchFile) }
  return try JSONDecoder().decode(type, from: Data(contentsOf: url))
}

/// The largest difference of two tensors relative to `scale`, an upper bound of what is compared.
func largestError(_ found: Tensor, _ expected: [Double], scale: [Double]) -> Double {
  let found = found.asType(.float64).scalars(as: Double.self)
  guard found.count == expected.count else { return .infinity }
  var largest = 0.0
  for index in expected.indices {
    let error = Swift.abs(found[index] - expected[index]) / Swift.max(scale[index], 1e-300)
    largest = error.isNaN ? .infinity : Swift.max(largest, error)
  }
  return largest
}

func largestError(_ found: Tensor, _ expected: Tensor, relativeTo scale: Double) -> Double {
  let expected = expected.asType(.float64).scalars(as: Double.self)
  return largestError(found, expected, scale: expected.map { _ in scale })
}
