import Foundation
import Tensors
import Testing

@Suite("Contractions and linear algebra against the fixtures")
struct LinearAlgebraFixtureTests {
  private struct Fixture: Decodable {
    var entries: [Entry]
  }

  private struct Entry: Decodable {
    var op: String
    var inputs: [Array]
    var arguments: Arguments?
    var output: Array

    enum Keys: String, CodingKey { case op, inputs, arguments, output }

    /// Other operations' entries have other arguments and inputs.
    init(from decoder: Decoder) throws {
      let container = try decoder.container(keyedBy: Keys.self)
      op = try container.decode(String.self, forKey: .op)
      inputs = (try? container.decode([Array].self, forKey: .inputs)) ?? []
      arguments = try? container.decode(Arguments.self, forKey: .arguments)
      output = (try? container.decode(Array.self, forKey: .output)) ?? Array(shape: [], values: [])
    }
  }

  private struct Arguments: Decodable {
    var expression: String?
    var lower: Bool?
    var transposed: Bool?
    var leftAxes: [Int]?
    var rightAxes: [Int]?
  }

  private struct Array: Decodable {
    var shape: [Int]
    var values: [Double]
  }

  @Test(
    "float64 agrees to 1e-11, float32 to 1e-4",
    arguments: [
      ("matmul", 10), ("einsum", 28), ("tensordot", 3), ("cholesky", 5), ("choleskyLogDeterminant", 5),
      ("triangularSolve", 20), ("solvePositiveDefinite", 5), ("solve", 5), ("eighValues", 11), ("singularValues", 5),
      ("qr", 5),
    ], [DType.float64, .float32])
  func agrees(_ operation: (name: String, count: Int), _ dtype: DType) throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/tensor", withExtension: "json"))
    let entries = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url)).entries
      .filter { $0.op == operation.name }
    #expect(entries.count >= operation.count)
    for (index, entry) in entries.enumerated() {
      let inputs = entry.inputs.map { NaiveLinearAlgebra.tensor($0.values, $0.shape, dtype) }
      let result = try evaluate(entry, inputs)
      #expect(result.shape == entry.output.shape, "\(operation.name) \(index)")
      let scale = max(1, entry.output.values.map(abs).max() ?? 0)
      let worst = zip(result.doubles, entry.output.values).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= scale * (dtype == .float64 ? 1e-11 : 1e-4), "\(operation.name) \(index): off by \(worst)")
    }
  }

  private func evaluate(_ entry: Entry, _ inputs: [Tensor]) throws -> Tensor {
    switch entry.op {
    case "matmul": return matmul(inputs[0], inputs[1])
    case "einsum": return einsum(try #require(entry.arguments?.expression), inputs)
    case "tensordot":
      let axes = (try #require(entry.arguments?.leftAxes), try #require(entry.arguments?.rightAxes))
      return dotGeneral(inputs[0], inputs[1], contracting: axes)
    case "cholesky": return try cholesky(inputs[0])
    case "choleskyLogDeterminant": return try logDeterminant(inputs[0])
    case "triangularSolve":
      return try triangularSolve(
        inputs[0], inputs[1], lower: try #require(entry.arguments?.lower as Bool?),
        transpose: try #require(entry.arguments?.transposed as Bool?))
    case "solvePositiveDefinite": return try choleskySolve(cholesky(inputs[0]), inputs[1])
    case "solve": return try solve(inputs[0], inputs[1])
    case "eighValues": return try eigenvaluesSymmetric(inputs[0])
    case "singularValues": return try singularValues(inputs[0])
    default:
      let r = try qr(inputs[0]).r
      // The fixtures choose the factor whose diagonal is not negative.
      let signs = r.matrices[0].enumerated().map { $1[$0] < 0 ? -1.0 : 1.0 }
      return r * Tensor(signs, shape: [signs.count, 1]).asType(r.dtype)
    }
  }
}
