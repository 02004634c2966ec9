import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Signals in deep networks")
struct SignalPropagationTests {
  private struct Golden: Sendable {
    var name: String
    var activation: any Activation
    var weight: Double
    var bias: Double
    var variance: Double
    var correlation: Double
    var chi1: Double
    var varianceScale: Double
    var correlationScale: Double
  }

  // By quadrature; ReLU by hand.
  private static let goldens = [
    Golden(
      name: "tanh ordered", activation: Tanh(), weight: 1.5, bias: 0.05, variance: 0.4180372005, correlation: 1,
      chi1: 0.9386362682, varianceScale: 1.6828283887, correlationScale: 15.790994034),
    Golden(
      name: "tanh chaotic", activation: Tanh(), weight: 3, bias: 0.05,
      variance: 1.428008462197, correlation: 0.299317641814, chi1: 1.208934424061, varianceScale: 1.041460695391,
      correlationScale: 9.051455725894),
    Golden(
      name: "erf chaotic", activation: Erf(), weight: 2, bias: 0.05, variance: 0.9659548126,
      correlation: 0.4344812375, chi1: 1.1546527671, varianceScale: 1.0731291411, correlationScale: 10.184973874),
    Golden(
      name: "ReLU ordered", activation: Relu(), weight: 1.5, bias: 0.1, variance: 0.4, correlation: 1, chi1: 0.75,
      varianceScale: 3.4760594968, correlationScale: 3.4760594968),
  ]

  @Test("fixed points and depth scales are those of quadrature")
  func goldens() throws {
    for golden in Self.goldens {
      let found = try SignalPropagation(golden.activation, weightVariance: golden.weight, biasVariance: golden.bias)
      for (value, expected) in [
        (found.fixedVariance, golden.variance), (found.fixedCorrelation, golden.correlation), (found.chi1, golden.chi1),
        (found.varianceDepthScale, golden.varianceScale), (found.depthScale, golden.correlationScale),
      ] {
        #expect(abs(value - expected) < 2e-9 * expected, "\(golden.name): \(value), \(expected)")
      }
      #expect(found.phase == (golden.chi1 > 1 ? .chaotic : .ordered))
    }
  }

  @Test(
    "erf has the fixed points of its closed forms, found by bisection",
    arguments: [0.3, 0.9, 1.2, 1.7, 2.5, 6], [1e-3, 0.05, 0.4])
  func closedForm(_ weight: Double, _ bias: Double) throws {
    func root(_ f: (Double) -> Double, _ low: Double, _ high: Double) -> Double {
      var (low, high) = (low, high)
      for _ in 0..<200 {
        let middle = (low + high) / 2
        if f(middle) > 0 { low = middle } else { high = middle }
      }
      return low
    }
    let q = root({ weight * 2 / .pi * asin(2 * $0 / (1 + 2 * $0)) + bias - $0 }, 0, weight + bias + 1)
    func slope(_ c: Double) -> Double { 4 * weight / (.pi * sqrt(pow(1 + 2 * q, 2) - 4 * c * c * q * q)) }
    let c =
      slope(1) <= 1
      ? 1 : root({ (weight * 2 / .pi * asin(2 * $0 * q / (1 + 2 * q)) + bias) / q - $0 }, 0, 1 - 1e-9)
    let found = try SignalPropagation(Erf(), weightVariance: weight, biasVariance: bias)
    #expect(abs(found.fixedVariance - q) < 1e-12)
    #expect(abs(found.chi1 - slope(1)) < 1e-12)
    // As exact as the angle at which the curve crosses the diagonal.
    #expect(abs(found.fixedCorrelation - c) < 1e-13 / max(1e-4, 1 - slope(c)) + 1e-9 * (slope(1) > 1.01 ? 0 : 1))
    #expect(abs(found.correlationSlope - slope(found.fixedCorrelation)) < 1e-12)
  }

  @Test("the critical line has slope one, for every kind of activation")
  func criticalLines() throws {
    let known = try criticalLine(Tanh(), variances: [1, 0.5700478816])
    #expect(abs(known[0].weightVariance - 2.1533026507) < 2e-9 && abs(known[0].biasVariance - 0.1509646287) < 2e-9)
    #expect(abs(known[1].weightVariance - 1.7609546396) < 2e-9 && abs(known[1].biasVariance - 0.05) < 2e-9)
    let activations: [any Activation] = [
      Erf(), Tanh(), Gelu(), Sigmoid(), Sin(), HardTanh(), CustomActivation { x in x / sqrt(1 + x * x) },
    ]
    for activation in activations {
      for point in try criticalLine(activation, variances: [0.2, 0.7, 1.3]) {
        let found = try? SignalPropagation(
          activation, weightVariance: point.weightVariance, biasVariance: point.biasVariance)
        // From 1 iteration need not come to this one of several fixed variances.
        guard let found, abs(found.fixedVariance - point.fixedVariance) < 1e-3 else {
          #expect(activation is Gelu || activation is Sin)
          continue
        }
        #expect(abs(found.chi1 - 1) < 1e-8 && found.fixedCorrelation > 0.999, "\(activation.fingerprint)")
      }
    }
    let given = try criticalPoint(Tanh(), biasVariance: 0.05)
    #expect(abs(given.weightVariance - 1.7609546396) < 2e-9 && abs(given.fixedVariance - 0.5700478816) < 4e-9)
    let edge = try criticalPoint(Erf(), biasVariance: 0)
    #expect(abs(edge.weightVariance - .pi / 4) < 1e-11 && edge.fixedVariance == 0)
    #expect(throws: DynamicsError.self) { try criticalPoint(Relu(), biasVariance: 0.1) }
    #expect(try criticalPoint(Relu(), biasVariance: 0).weightVariance == 2)
    // ReLU is critical at one point, whatever the variance.
    for point in try criticalLine(Relu(), variances: [0.1, 3]) {
      #expect(abs(point.weightVariance - 2) < 1e-12 && point.biasVariance < 1e-12)
    }
    let relu = try SignalPropagation(Relu(), weightVariance: 2, biasVariance: 0)
    #expect(relu.phase == .critical && relu.depthScale == .infinity && relu.varianceDepthScale == .infinity)
  }

  @Test("slopes are the differences of the maps, and fixed points stay", arguments: [0.05, 0.3])
  func slopes(_ bias: Double) throws {
    let activations: [any Activation] = [Erf(), Tanh(), Relu(), Gelu(), Softplus(), LeakyRelu(0.3), Cos()]
    for activation in activations {
      let found = try SignalPropagation(activation, weightVariance: 1.1, biasVariance: bias)
      let (q, c) = (found.fixedVariance, found.fixedCorrelation)
      let step = 1e-4 * q
      let image = { try found.variances(from: $0, depth: 1)[1] }
      #expect(abs(try image(q) - q) < 1e-12 * q)
      let difference = try (image(q + step) - image(q - step)) / (2 * step)
      #expect(abs(difference - found.varianceSlope) < 1e-6, "\(activation.fingerprint)")
      #expect(abs(try found.correlations(from: c, depth: 1)[1] - c) < 1e-12)
      let below = { try found.correlations(from: $0, depth: 1)[1] }
      let chord = try (below(0.5 + 1e-5) - below(0.5 - 1e-5)) / 2e-5
      #expect(abs(chord - (try slope(found, at: 0.5))) < 1e-7)
    }
  }

  private func slope(_ signals: SignalPropagation, at c: Double) throws -> Double {
    let q = Tensor(signals.fixedVariance)
    return signals.weightVariance * (try signals.activation.derivativeDual(c * q, q, q)).scalar(as: Double.self)
  }

  @Test("kernels of deep networks come to the fixed points at the rate of the depth scale")
  func deepKernels() throws {
    let (weight, bias) = (2.0, 0.05)
    let signals = try SignalPropagation(Erf(), weightVariance: weight, biasVariance: bias)
    let dense = Dense(1, weightStd: weight.squareRoot(), biasStd: bias.squareRoot())
    func kernel(_ depth: Int) throws -> Kernel {
      try Serial([dense] + (0..<depth).flatMap { _ -> [any Layer] in [Erf(), dense] })
        .kernel(Tensor([1.0, 0.2, -0.3, 1.4], shape: [2, 2]))
    }
    let correlation = { (kernel: Kernel) -> Double in
      let k = kernel.nngp.scalars(as: Double.self)
      return k[1] / (k[0] * k[3]).squareRoot()
    }
    let deep = try kernel(200)
    #expect(abs(deep.nngp.scalars(as: Double.self)[0] - signals.fixedVariance) < 1e-12)
    #expect(abs(correlation(deep) - signals.fixedCorrelation) < 1e-6)
    let (a, b) = (correlation(try kernel(60)), correlation(try kernel(61)))
    let rate = (b - signals.fixedCorrelation) / (a - signals.fixedCorrelation)
    #expect(abs(-1 / log(rate) - signals.depthScale) < 0.01 * signals.depthScale)
  }

  @Test("a grid has what each of its points has, and nothing where variances grow without bound")
  func grid() throws {
    let (weights, biases) = ([0.4, 1.9, 2.0, 2.5], [0.0, 0.2])
    for activation in [Erf(), Relu()] as [any Activation] {
      let grid = try SignalPropagation.grid(activation, weightVariances: weights, biasVariances: biases)
      #expect(grid.count == 2 && grid.allSatisfy { $0.count == 4 })
      for (row, bias) in zip(grid, biases) {
        for (entry, weight) in zip(row, weights) {
          let alone = try? SignalPropagation(activation, weightVariance: weight, biasVariance: bias)
          #expect(alone?.fixedVariance == entry?.fixedVariance && alone?.fixedCorrelation == entry?.fixedCorrelation)
          #expect(alone?.chi1 == entry?.chi1)
          #expect((entry == nil) == (activation is Relu && (weight > 2 || weight == 2 && bias > 0)))
        }
      }
    }
    let nothing = try SignalPropagation(Erf(), weightVariance: 0.5, biasVariance: 0)
    #expect(nothing.fixedVariance == 0 && nothing.fixedCorrelation == 1)
    #expect(abs(nothing.chi1 - 0.5 * 4 / .pi) < 1e-9)
    #expect(try SignalPropagation.grid(Erf(), weightVariances: [], biasVariances: [0, 1]).map(\.count) == [0, 0])
  }

  @Test("mistakes are errors that say what is possible")
  func mistakes() throws {
    func message(_ body: () throws -> Any) -> String {
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      message { try SignalPropagation(Relu(), weightVariance: 2.1, biasVariance: 0.1) }.contains("no fixed variance"))
    #expect(
      message { try SignalPropagation(Erf(), weightVariance: -1, biasVariance: 0.1) }
        == "weightVariance: expected zero or a positive number, found -1.0")
    #expect(message { try SignalPropagation(Erf(), weightVariance: 1, biasVariance: .nan) }.contains("biasVariance"))
    #expect(message { try criticalLine(Erf(), variances: [0]) }.contains("positive numbers, found 0.0"))
    let signals = try SignalPropagation(Erf(), weightVariance: 1, biasVariance: 1)
    #expect(message { try signals.correlations(from: 1.5, depth: 1) }.contains("from -1 to 1"))
    #expect(message { try signals.variances(from: 1, depth: -1) }.contains("at least 0"))
  }
}
