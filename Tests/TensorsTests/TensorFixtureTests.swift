import Foundation
import Testing

@testable import Tensors

/// Tensor operations as NumPy and SciPy compute them.
struct TensorFixture: Decodable {
  struct Array: Decodable {
    let shape: [Int]
    let values: [Double]

    var naive: NaiveTensor {
      var values = values.makeIterator()
      return NaiveTensor(shape) { _ in values.next() ?? .nan }
    }
  }

  struct Arguments: Decodable {
    let axes: [Int]?
    let axis: Int?
    let keepDimensions: Bool?
    let permutation: [Int]?
    let shape: [Int]?
    let slices: [[Int?]]?
    let indices: [Int]?
    let widths: [[Int]]?
    let value: Double?
    let offset: Int?
  }

  struct Entry: Decodable {
    let op: String
    let inputs: [Array]
    let arguments: Arguments
    let output: Array
  }

  let entries: [Entry]
}

@Suite("Tensor operations against NumPy")
struct TensorFixtureTests {
  /// The result for an entry; nil for operations that are tested elsewhere.
  private func result(_ entry: TensorFixture.Entry) throws -> Tensor? {
    let inputs = entry.inputs.map { $0.naive.tensor(.float64) }
    let arguments = entry.arguments
    let keepDims = arguments.keepDimensions ?? false
    guard let x = inputs.first else { return nil }
    switch entry.op {
    case "add": return x + inputs[1]
    case "subtract": return x - inputs[1]
    case "multiply": return x * inputs[1]
    case "divide": return x / inputs[1]
    case "maximum": return maximum(x, inputs[1])
    case "minimum": return minimum(x, inputs[1])
    case "less": return x .< inputs[1]
    case "lessOrEqual": return x .<= inputs[1]
    case "equal": return x .== inputs[1]
    case "sum": return x.sum(axes: arguments.axes, keepDims: keepDims)
    case "product": return x.product(axes: arguments.axes, keepDims: keepDims)
    case "mean": return x.mean(axes: arguments.axes, keepDims: keepDims)
    case "max": return x.max(axes: arguments.axes, keepDims: keepDims)
    case "min": return x.min(axes: arguments.axes, keepDims: keepDims)
    case "argmax": return x.argMax(axis: try #require(arguments.axis))
    case "argmin": return x.argMin(axis: try #require(arguments.axis))
    case "cumulativeSum": return x.cumulativeSum(axis: try #require(arguments.axis))
    case "transpose": return x.transposed(try #require(arguments.permutation))
    case "reshape": return x.reshaped(try #require(arguments.shape))
    case "broadcast": return x.broadcast(to: try #require(arguments.shape))
    case "flip": return apply(.reverse(normalizedAxes(try #require(arguments.axes), rank: x.rank)), [x])
    case "slice":
      return try #require(arguments.slices).enumerated().reduce(x) { part, slice in
        let step = TensorIndex.steps(from: slice.element[0], to: slice.element[1], by: slice.element[2] ?? 1)
        // One axis at a time, moved to the front and back.
        return part.movedAxis(from: slice.offset, to: 0)[step].movedAxis(from: 0, to: slice.offset)
      }
    case "take": return x.taking(try #require(arguments.indices), axis: try #require(arguments.axis))
    case "concatenate": return concatenate(inputs, axis: try #require(arguments.axis))
    case "stack": return stack(inputs, axis: try #require(arguments.axis))
    case "pad":
      return x.padded(
        try #require(arguments.widths).map { (low: $0[0], high: $0[1]) }, value: try #require(arguments.value))
    case "sort": return x.sorted(axis: try #require(arguments.axis))
    case "diagonal": return x.diagonal(offset: try #require(arguments.offset))
    case "upperTriangle": return x.upperTriangle(offset: try #require(arguments.offset))
    case "lowerTriangle": return x.lowerTriangle(offset: try #require(arguments.offset))
    case "where": return select(x.asType(.bool), inputs[1], inputs[2])
    default: return nil
    }
  }

  @Test("elementwise operations, reductions, shapes and indices agree with NumPy")
  func agreement() throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/tensor", withExtension: "json"))
    let fixture = try JSONDecoder().decode(TensorFixture.self, from: Data(contentsOf: url))
    var compared = 0
    for entry in fixture.entries {
      guard let found = try result(entry) else { continue }
      compared += 1
      expectSame(
        found, entry.output.naive, relative: 1e-14, absolute: 1e-15,
        "\(entry.op) of \(entry.inputs.map(\.shape)) with \(entry.arguments)")
    }
    #expect(compared > 700)
  }
}
