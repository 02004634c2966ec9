import Foundation
import Testing

@testable import Tensors

/// Networks small enough to be expanded again and again.
enum TaylorNetworks {
  static func wave(_ shape: [Int], _ frequency: Double = 0.37, _ phase: Double = 0.1) -> Tensor {
    TaylorCase.wave(shape, frequency, phase)
  }

  static func perceptron(_ weights: [Tensor], _ x: Tensor) -> Tensor {
    matmul(weights.dropLast().reduce(x) { tanh(matmul($0, $1)) }, weights[weights.count - 1])
  }

  static let weights = [wave([3, 6], 0.53, 0.2), wave([6, 5], 0.91), wave([5, 2], 0.67)]
  static let moves = [wave([3, 6], 0.31), wave([6, 5], 0.47), wave([5, 2], 0.83)]
  static let x = wave([4, 3])

  static func convolutional(_ p: [String: Tensor], _ x: Tensor) throws -> Tensor {
    let geometry = ConvolutionGeometry(inputSize: [6, 6], window: [3, 3], paddingLow: [1, 1], paddingHigh: [1, 1])
    guard let filter = p["filter"], let bias = p["bias"], let dense = p["dense"] else { return x }
    let h = erf(convolution(x, filter, geometry) + bias)
    let pooled = windowSum(h, WindowGeometry(window: [1, 2, 2, 1], strides: [1, 2, 2, 1])) / 4
    return matmul(pooled.reshaped([x.shape[0], -1]), dense)
  }

  static let filters = ["filter": wave([3, 3, 2, 3], 0.71), "bias": wave([3], 1.9), "dense": wave([27, 2], 0.43)]
  static let filterMoves = ["filter": wave([3, 3, 2, 3], 0.59), "bias": wave([3], 2.3), "dense": wave([27, 2], 0.87)]
  static let images = wave([2, 6, 6, 2], 0.23)

  static func distance(_ a: Tensor, _ b: Tensor) -> Double { sqrt(square(a - b).sum()).scalar(as: Double.self) }
}

@Suite("Taylor expansion in parameters")
struct TaylorExpansionTests {
  private typealias Networks = TaylorNetworks

  private func moved(_ scale: Double = 1) -> [Tensor] {
    zip(Networks.weights, Networks.moves).map { $0 + scale * $1 }
  }

  @Test("a polynomial is its expansion from its degree on", arguments: 3...5)
  func polynomials(_ order: Int) throws {
    func cubic(_ p: [Tensor], _ x: Tensor) -> Tensor { p[0] * p[0] * matmul(x, p[1]) + 2 * p[0] - pow(p[0], 3) }
    let p = [Networks.wave([2]), Networks.wave([3, 2], 0.8)]
    let q = [Networks.wave([2], 1.1), Networks.wave([3, 2], 0.2)]
    let found = try taylorExpand(cubic, at: p, order: order)(q, Networks.x)
    #expect(allClose(found, cubic(q, Networks.x), relativeTolerance: 1e-13, absoluteTolerance: 1e-13))
    let lower = try taylorExpand(cubic, at: p, order: 2)(q, Networks.x)
    #expect(!allClose(lower, cubic(q, Networks.x), relativeTolerance: 1e-3, absoluteTolerance: 1e-3))
  }

  @Test("at the parameters it is expanded at, it is the function, for every order", arguments: 0...4)
  func atExpansionPoint(_ order: Int) throws {
    let exact = Networks.perceptron(Networks.weights, Networks.x)
    let expansion = taylorExpand(Networks.perceptron, at: Networks.weights, order: order)
    #expect(try expansion(Networks.weights, Networks.x) == exact)
    let images = try Networks.convolutional(Networks.filters, Networks.images)
    let found = try taylorExpand(Networks.convolutional, at: Networks.filters, order: order)(
      Networks.filters, Networks.images)
    #expect(allClose(found, images, relativeTolerance: 1e-15, absoluteTolerance: 1e-15))
    #expect(try linearize(Networks.perceptron, at: Networks.weights)(Networks.weights, Networks.x) == exact)
  }

  @Test("order 0 does not move, order 1 is the linearization")
  func lowestOrders() throws {
    let (f, w, x) = (Networks.perceptron, Networks.weights, Networks.x)
    #expect(try taylorExpand(f, at: w, order: 0)(moved(), x) == f(w, x))
    let linear = try linearize(f, at: w)(moved(), x)
    #expect(allClose(try taylorExpand(f, at: w, order: 1)(moved(), x), linear, relativeTolerance: 1e-13))
    let (value, tangent) = try jvp({ (w: [Tensor]) in f(w, x) }, at: w, along: Networks.moves)
    #expect(allClose(linear, value + tangent, relativeTolerance: 1e-13))
  }

  @Test("the error shrinks as the move to the power order + 1", arguments: 0...5)
  func convergence(_ order: Int) throws {
    func rate(_ error: (Double) throws -> Double) rethrows -> Double { log2(try error(0.02) / error(0.01)) }
    let dense = try rate { scale in
      let expansion = taylorExpand(Networks.perceptron, at: Networks.weights, order: order)
      return try Networks.distance(
        expansion(moved(scale), Networks.x), Networks.perceptron(moved(scale), Networks.x))
    }
    let convolutional = try rate { scale in
      let q = Networks.filters.combined(with: Networks.filterMoves) { $0 + scale * $1 }
      let expansion = taylorExpand(Networks.convolutional, at: Networks.filters, order: order)
      return try Networks.distance(expansion(q, Networks.images), Networks.convolutional(q, Networks.images))
    }
    print("order \(order): the error falls as the power \(dense) (dense), \(convolutional) (convolutional)")
    #expect(abs(dense - Double(order + 1)) < 0.15)
    #expect(abs(convolutional - Double(order + 1)) < 0.15)
  }

  @Test("the gradient of the linearization is the pulled back gradient of the loss")
  func linearGradient() throws {
    let (f, w, x) = (Networks.perceptron, Networks.weights, Networks.x)
    let linear = linearize(f, at: w)
    let found = try gradient(of: { (q: [Tensor]) in square(try linear(q, x)).sum() })(moved())
    let (_, pullback) = try vjp({ (w: [Tensor]) in f(w, x) }, at: w)
    let expected = try pullback(2 * linear(moved(), x))
    let viaTaylor = try gradient(
      of: { (q: [Tensor]) in square(try taylorExpand(f, at: w, order: 1)(q, x)).sum() })(moved())
    for (index, tensor) in found.enumerated() {
      #expect(allClose(tensor, expected[index], relativeTolerance: 1e-11, absoluteTolerance: 1e-12))
      #expect(allClose(viaTaylor[index], expected[index], relativeTolerance: 1e-11, absoluteTolerance: 1e-12))
    }
  }

  @Test("gradients of expansions agree with central differences", arguments: 1...4)
  func gradients(_ order: Int) throws {
    let expansion = taylorExpand(Networks.perceptron, at: Networks.weights, order: order)
    func loss(_ q: [Tensor]) throws -> Tensor { (sin(try expansion(q, Networks.x))).sum() }
    let (q, step) = (moved(0.5), 1e-5)
    let direction = q.map { Networks.wave($0.shape, 1.3, 0.4) }
    let slope = zip(try gradient(of: loss)(q), direction).map { ($0 * $1).sum().scalar(as: Double.self) }.reduce(0, +)
    let plus = try loss(zip(q, direction).map { $0 + step * $1 }).scalar(as: Double.self)
    let minus = try loss(zip(q, direction).map { $0 - step * $1 }).scalar(as: Double.self)
    #expect(abs(slope - (plus - minus) / (2 * step)) < 1e-8 * max(1, abs(slope)))
  }

  @Test("a linearized network learns")
  func training() throws {
    let linear = linearize(Networks.perceptron, at: Networks.weights)
    let targets = Networks.wave([4, 2], 1.7)
    let step = compile(
      valueAndGradient(of: { (q: [Tensor], x: Tensor, y: Tensor) in square(try linear(q, x) - y).mean() }))
    var (q, losses) = (Networks.weights, [Double]())
    for _ in 0..<20 {
      let result = try step(q, Networks.x, targets)
      losses.append(result.value.scalar(as: Double.self))
      q = q.combined(with: result.gradient) { $0 - 0.05 * $1 }
    }
    #expect(zip(losses, losses.dropFirst()).allSatisfy { $1 < $0 })
    #expect(losses[19] < 0.7 * losses[0])
  }

  @Test("expansions map, compile and expand again")
  func transformations() throws {
    let (f, w, x) = (Networks.perceptron, Networks.weights, Networks.x)
    let expansion = taylorExpand(f, at: w, order: 3)
    let expected = try expansion(moved(), x)
    #expect(allClose(try vmap(expansion, inAxes: [nil, 0])(moved(), x), expected, relativeTolerance: 1e-12))
    let many = stack([moved()[0], moved(0.5)[0]])
    let mapped = try vmap({ (w0: Tensor) in try expansion([w0] + moved()[1...], x) })(many)
    #expect(allClose(mapped[0], expected, relativeTolerance: 1e-12))
    let compiled = compile(expansion)
    #expect(allClose(try compiled(moved(), x), expected, relativeTolerance: 1e-13))
    #expect(
      allClose(
        try compiled(moved(0.5), x + 1), try expansion(moved(0.5), x + 1), relativeTolerance: 1e-12,
        absoluteTolerance: 1e-13))
    // A polynomial of degree 3 is its own expansion.
    let again = taylorExpand(expansion, at: moved(0.3), order: 3)
    #expect(allClose(try again(moved(), x), expected, relativeTolerance: 1e-11))
    // Its derivative at the expansion point is that of the function.
    let slope = try jvp({ (q: [Tensor]) in try expansion(q, x) }, at: w, along: Networks.moves).tangent
    let exact = try jvp({ (q: [Tensor]) in f(q, x) }, at: w, along: Networks.moves).tangent
    #expect(allClose(slope, exact, relativeTolerance: 1e-13))
  }

  @Test("expanding at traced parameters differentiates in them too")
  func tracedExpansionPoint() throws {
    let (f, x) = (Networks.perceptron, Networks.x)
    func value(_ scale: Double) throws -> Double {
      try taylorExpand(f, at: moved(scale), order: 2)(moved(), x).sum().scalar(as: Double.self)
    }
    let slope = try gradient(
      of: { (scale: Tensor) in
        let p = zip(Networks.weights, Networks.moves).map { $0 + scale * $1 }
        return try taylorExpand(f, at: p, order: 2)(moved(), x).sum()
      })(Tensor(0.2))
    let numeric = (try value(0.2 + 1e-5) - value(0.2 - 1e-5)) / 2e-5
    #expect(abs(slope.scalar(as: Double.self) - numeric) < 1e-8)
  }

  @Test("parameters of integer type do not move")
  func integers() throws {
    func f(_ p: [Tensor], _ x: Tensor) -> Tensor { sin(p[0]).taking(p[1], axis: 0) * x }
    let w = Networks.wave([3])
    let expansion = taylorExpand(f, at: [w, Tensor([0, 2] as [Int32])], order: 2)
    let found = try expansion([w + 0.1, Tensor([1, 1] as [Int32])], Tensor(2.0))
    let near = 2 * (sin(w) + 0.1 * cos(w) - 0.005 * sin(w))
    #expect(allClose(found, near.taking([0, 2], axis: 0), relativeTolerance: 1e-13))
  }

  @Test("any number of arguments, and element types stay")
  func arguments() throws {
    let p = Tensor([1, 2] as [Float])
    #expect(try taylorExpand({ (p: Tensor) in p * p }, at: p, order: 2)(p + 1).dtype == .float32)
    #expect(try linearize({ (p: Tensor) in p * p }, at: p)(p + 1) == Tensor([3, 8] as [Float]))
    let two = linearize({ (p: Tensor, a: Tensor, b: Tensor) in p * p * a + b }, at: p)
    #expect(try two(p + 1, p, p) == Tensor([4, 18] as [Float]))
    let three: (Tensor, Tensor, Tensor, Tensor) throws -> Tensor = taylorExpand(
      { (p: Tensor, a: Tensor, b: Tensor, c: Tensor) in p * p * a + b * c }, at: p, order: 2)
    #expect(try three(p + 1, p, p, p) == Tensor([5, 22] as [Float]))
  }

  @Test("checkpoints and derivatives of one's own expand as what they stand for")
  func calls() throws {
    let layer = checkpoint { (w: Tensor, x: Tensor) in tanh(matmul(x, w)) }
    func f(_ weights: [Tensor], _ x: Tensor) throws -> Tensor {
      matmul(try layer(weights[1], layer(weights[0], x)), weights[2])
    }
    let plain = try taylorExpand(Networks.perceptron, at: Networks.weights, order: 4)(moved(), Networks.x)
    let expansion = taylorExpand(f, at: Networks.weights, order: 4)
    #expect(allClose(try expansion(moved(), Networks.x), plain, relativeTolerance: 1e-12))
    let slopes = try gradient(of: { (q: [Tensor]) in try expansion(q, Networks.x).sum() })(moved())
    let expected = try gradient(
      of: { (q: [Tensor]) in
        try taylorExpand(Networks.perceptron, at: Networks.weights, order: 4)(q, Networks.x).sum()
      })(moved())
    for (a, b) in zip(slopes, expected) { #expect(allClose(a, b, relativeTolerance: 1e-11, absoluteTolerance: 1e-12)) }
  }
}

/// An erf network as neural-tangents expands it.
private struct TaylorNetworkFixture: Decodable {
  struct Entry: Decodable {
    let degree: Int
    let output: TensorFixture.Array
  }

  let input: TensorFixture.Array
  let parameters: [TensorFixture.Array]
  let moves: [TensorFixture.Array]
  let entries: [Entry]
}

@Suite("Taylor expansion against neural-tangents")
struct TaylorNetworkFixtureTests {
  @Test("linearize and taylorExpand of an erf network")
  func network() throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/taylor-network", withExtension: "json"))
    let fixture = try JSONDecoder().decode(TaylorNetworkFixture.self, from: Data(contentsOf: url))
    let (x, w) = (fixture.input.naive.tensor(), fixture.parameters.map { $0.naive.tensor() })
    let q = zip(w, fixture.moves).map { $0 + $1.naive.tensor() }
    func f(_ weights: [Tensor], _ x: Tensor) -> Tensor {
      matmul(weights.dropLast().reduce(x) { erf(matmul($0, $1)) }, weights[weights.count - 1])
    }
    #expect(fixture.entries.map(\.degree) == [1, 2, 3])
    for entry in fixture.entries {
      let expected = entry.output.naive.tensor()
      let found = try taylorExpand(f, at: w, order: entry.degree)(q, x)
      let error = (abs(found - expected) / abs(expected)).max().scalar(as: Double.self)
      print("degree \(entry.degree): largest relative deviation from neural-tangents \(error)")
      #expect(error < 1e-9)
      if entry.degree == 1 {
        #expect(allClose(try linearize(f, at: w)(q, x), expected, relativeTolerance: 1e-9, absoluteTolerance: 0))
      }
    }
  }
}
