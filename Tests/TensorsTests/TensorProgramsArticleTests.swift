import Foundation
import Tensors
import Testing

/// The examples of the article on tensor programs, with what it says about them.
@Suite("Examples of the article on tensor programs")
struct TensorProgramsArticleTests {
  private func network(_ weights: [Tensor], _ x: Tensor) -> Tensor {
    matmul(tanh(matmul(x, weights[0])), weights[1])
  }
  private func loss(_ weights: [Tensor], _ x: Tensor, _ y: Tensor) -> Tensor {
    square(network(weights, x) - y).mean()
  }

  private static func wave(_ shape: [Int], _ frequency: Double) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { Float(sin(frequency * Double($0) + 0.2)) }, shape: shape)
  }

  private let weights = [Self.wave([3, 4], 0.5), Self.wave([4, 2], 0.7)]
  private let x = Self.wave([5, 3], 0.9)
  private let y = Self.wave([5, 2], 1.1)

  @Test("printing and walking")
  func printing() throws {
    let program = try trace(loss, at: weights, x, y)
    print(program)
    let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Sources/Tensors/Tensors.docc/TensorPrograms.md")
    #expect(try String(contentsOf: article, encoding: .utf8).contains(program.description))
    #expect(program.equations.filter { $0.primitive.name == "dotGeneral" }.count == 2)
    #expect(try program(weights + [x, y]) == [loss(weights, x, y)])
  }

  @Test("select in place of a branch")
  func restriction() throws {
    func clipped(_ x: Tensor) -> Tensor { select(x .> 1, 1, x) }
    let compiled = compile(clipped)
    #expect(try compiled(Tensor([0.5, 2] as [Float])) == Tensor([0.5, 1] as [Float]))
  }

  @Test("derivatives")
  func derivatives() throws {
    let directions = weights.map { 0.5 * $0 }
    let zeros = 0 * x
    let (value, tangent) = try jvp(network, at: (weights, x), along: (directions, zeros))
    let (output, pullback) = try vjp(network, at: weights, x)
    let (weightCotangents, inputCotangent) = try pullback(output)
    let slopes = try gradient(of: loss)(weights, x, y)
    let curvature = try hessian(of: { (x: Tensor) in loss(weights, x, y) })(x)
    #expect(value == network(weights, x) && output == value)
    #expect(tangent.shape == [5, 2] && inputCotangent.shape == [5, 3])
    #expect(weightCotangents.map(\.shape) == [[3, 4], [4, 2]] && slopes.map(\.shape) == [[3, 4], [4, 2]])
    #expect(curvature.shape == [5, 3, 5, 3])
    let forward = (tangent * output).sum()
    let reverse = zip(weightCotangents, directions).map { ($0 * $1).sum() }
    #expect(allClose(reverse[0] + reverse[1], forward, relativeTolerance: 1e-5))
  }

  @Test("mapping and compiling")
  func mapping() throws {
    let perExample = vmap(gradient(of: loss), inAxes: [nil, 0, 0])
    let each = try perExample(weights, x, y)
    let step = compile(valueAndGradient(of: loss))
    let result = try step(weights, x, y)
    #expect(each.map(\.shape) == [[5, 3, 4], [5, 4, 2]])
    #expect(allClose(result.value, loss(weights, x, y), relativeTolerance: 1e-5))
    #expect(allClose(result.gradient[0], each[0].mean(axis: 0), relativeTolerance: 1e-4, absoluteTolerance: 1e-6))
  }

  struct Affine: TensorTree {
    var weight: Tensor
    var bias: Tensor

    func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure) -> Affine {
      Affine(weight: try transform(weight), bias: try transform(bias))
    }
  }

  @Test("trees")
  func trees() throws {
    let layer = Affine(weight: weights[0], bias: Self.wave([4], 0.3))
    func total(_ layer: Affine, _ x: Tensor) -> Tensor { tanh(matmul(x, layer.weight) + layer.bias).sum() }
    let slopes = try gradient(of: total)(layer, x)
    let updated = layer.combined(with: slopes) { $0 - 0.1 * $1 }
    #expect(updated.weight == layer.weight - 0.1 * slopes.weight && updated.bias == layer.bias - 0.1 * slopes.bias)
  }

  @Test("derivatives of one's own, and memory")
  func custom() throws {
    let softplus = withJvp({ (x: Tensor) in log1p(exp(x)) }, rule: { x, tangent in tangent / (1 + exp(-x)) })
    let lean = checkpoint(network)
    let slope = try gradient(of: { (x: Tensor) in try softplus(x).sum() })(x)
    #expect(allClose(slope, 1 / (1 + exp(-x)), relativeTolerance: 1e-6))
    let found = try gradient(of: { (w: [Tensor], x: Tensor) in try lean(w, x).sum() })(weights, x)
    let expected = try gradient(of: { (w: [Tensor], x: Tensor) in network(w, x).sum() })(weights, x)
    for (a, b) in zip(found, expected) { #expect(allClose(a, b, relativeTolerance: 1e-5, absoluteTolerance: 1e-6)) }
  }

  @Test("Taylor expansion")
  func expansion() throws {
    let moved = weights.map { 1.01 * $0 }
    let linear = linearize(network, at: weights)
    let cubic = taylorExpand(network, at: weights, order: 3)
    let near = try cubic(moved, x)
    let slope = try gradient(of: { (w: [Tensor], x: Tensor) in try cubic(w, x).sum() })(moved, x)
    #expect(allClose(near, network(moved, x), relativeTolerance: 1e-5, absoluteTolerance: 1e-6))
    #expect(allClose(try linear(moved, x), near, relativeTolerance: 1e-2, absoluteTolerance: 1e-3))
    #expect(slope.map(\.shape) == [[3, 4], [4, 2]])
    let ones = Tensor.ones([5, 3])
    let coefficients = try taylorCoefficients(of: { (x: Tensor) in exp(x) }, at: x, along: ones, order: 4)
    #expect(allClose(coefficients[4], exp(x) / 24, relativeTolerance: 1e-5))
  }
}
