import Foundation
import Testing

@testable import Tensors

/// Primitives and their derivatives as NumPy, SciPy, mpmath and JAX compute them.
private struct PrimitiveFixture: Decodable {
  struct Function: Decodable {
    let name: String
    let points: [Double]
    let values: [Double]
    let first: [Double]
    let second: [Double]
  }

  struct Attributes: Decodable {
    let axis: Int?
    let axes: [Int]?
    let size: Int?
    let sizes: [Int]?
    let low: [Int]?
    let high: [Int]?
    let interior: [Int]?
    let contracting: [[Int]]?
    let batch: [[Int]]?
    let left: Bool?
    let lower: Bool?
    let transpose: Bool?
    let unit: Bool?
  }

  struct Entry: Decodable {
    let primitive: String
    let attributes: Attributes
    let inputs: [TensorFixture.Array]
    let integers: [Bool]
    let output: TensorFixture.Array
    let tangent: TensorFixture.Array
  }

  let functions: [Function]
  let entries: [Entry]
}

@Suite("Primitives and their derivatives against NumPy, mpmath and JAX")
struct PrimitiveFixtureTests {
  private func fixture() throws -> PrimitiveFixture {
    let url = try #require(Bundle.module.url(forResource: "primitives", withExtension: "json", subdirectory: "Fixtures"))
    return try JSONDecoder().decode(PrimitiveFixture.self, from: Data(contentsOf: url))
  }

  @Test("elementary functions have the derivatives that complex steps give, and second derivatives to 40 digits rounded")
  func functions() throws {
    let functions = try fixture().functions
    // All but those made of steps, whose derivatives are zero, and their kin.
    #expect(functions.count == UnaryFunction.allCases.count - 6)
    for entry in functions {
      let function = try #require(UnaryFunction(rawValue: entry.name))
      let f = { (x: Tensor) -> Tensor in apply(.unary(function), [x]) }
      let x = Tensor(entry.points)
      let one = Tensor.ones(x.shape, dtype: .float64)
      let first = { (x: Tensor) in try jvp(f, at: x, along: one).tangent }
      let shape = [entry.points.count]
      func naive(_ values: [Double]) -> NaiveTensor {
        var values = values.makeIterator()
        return NaiveTensor(shape) { _ in values.next() ?? .nan }
      }
      expectSame(f(x), naive(entry.values), relative: 1e-15, absolute: 1e-16, entry.name)
      expectSame(try first(x), naive(entry.first), relative: 4e-15, absolute: 1e-16, "\(entry.name)′")
      let reverse = try vjp(f, at: x).pullback(one)
      expectSame(reverse, naive(entry.first), relative: 4e-15, absolute: 1e-16, "\(entry.name)′ by reverse derivatives")
      let second = try jvp(first, at: x, along: one).tangent
      expectSame(second, naive(entry.second), relative: 1e-14, absolute: 1e-14, "\(entry.name)″")
    }
  }

  private func primitive(_ entry: PrimitiveFixture.Entry) throws -> Primitive {
    let attributes = entry.attributes
    if let function = BinaryFunction(rawValue: entry.primitive) { return .binary(function) }
    for reduction in Reduction.allCases {
      let primitive = Primitive.reduce(reduction, axes: attributes.axes ?? [])
      if primitive.name == entry.primitive { return primitive }
    }
    switch entry.primitive {
    case "multiplyAdd": return .multiplyAdd
    case "sort": return .sort(axis: try #require(attributes.axis))
    case "cumulativeSum": return .cumulativeSum(axis: try #require(attributes.axis))
    case "take": return .take(axis: try #require(attributes.axis))
    case "scatterAdd": return .scatterAdd(axis: try #require(attributes.axis), size: try #require(attributes.size))
    case "takeAlong": return .takeAlong(axis: try #require(attributes.axis))
    case "dynamicSlice": return .dynamicSlice(sizes: try #require(attributes.sizes))
    case "dynamicUpdateSlice": return .dynamicUpdateSlice
    case "pad":
      return .pad(
        low: try #require(attributes.low), high: try #require(attributes.high), interior: try #require(attributes.interior))
    case "dotGeneral":
      let (contracting, batch) = (try #require(attributes.contracting), try #require(attributes.batch))
      return .dotGeneral(
        DotDimensions(contracting: (contracting[0], contracting[1]), batch: (batch[0], batch[1])))
    case "triangularSolve":
      return .triangularSolve(
        TriangularSolveOptions(
          side: try #require(attributes.left) ? .left : .right, lower: try #require(attributes.lower),
          transpose: try #require(attributes.transpose), unitDiagonal: try #require(attributes.unit)))
    case "cholesky": return .cholesky
    case "solve": return .solve
    case "eigh": return .eigh(vectors: false)
    default:
      Issue.record("a primitive \(entry.primitive) is not known")
      return .stopGradient
    }
  }

  @Test("results agree with NumPy and directional derivatives with JAX")
  func entries() throws {
    let entries = try fixture().entries
    #expect(entries.count > 130)
    for entry in entries {
      let primitive = try primitive(entry)
      let inputs = zip(entry.inputs, entry.integers).map { $0.naive.tensor($1 ? .int32 : .float64) }
      var place = 0.0
      let tangents = inputs.map { input -> Tensor in
        guard input.dtype.isFloatingPoint else { return .zero(of: input) }
        defer { place += 1 }
        return Tensor((0..<input.count).map { cos(0.53 * Double($0) + 0.2) + place }, shape: input.shape)
      }
      let (value, tangent) = try jvp({ (x: [Tensor]) in try applyAll(primitive, x)[0] }, at: inputs, along: tangents)
      let context = "\(primitive.name) {\(primitive.attributes ?? "")} of \(inputs.map(\.type))"
      expectSame(value, entry.output.naive, relative: 1e-12, absolute: 1e-13, context)
      expectSame(tangent, entry.tangent.naive, relative: 1e-11, absolute: 1e-12, "the derivative of \(context)")
    }
  }
}
