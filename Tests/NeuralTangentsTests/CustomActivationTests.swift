import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Activations from closures")
struct CustomActivationTests {
  /// Functions whose duals are known in closed form, as closures.
  static let known: [(name: String, custom: CustomActivation, closed: any Activation)] = [
    ("erf", CustomActivation { erf($0) }, Erf()),
    ("sin", CustomActivation { sin(1.3 * $0 + 0.3) }, Sin(a: 1, b: 1.3, c: 0.3)),
    ("gelu", CustomActivation(.gelu), Gelu()),
    ("relu", CustomActivation(kinks: [0]) { maximum($0, 0) }, Relu()),
    ("leaky relu", CustomActivation(.relu, kinks: [0]), Relu()),
    ("cubic", CustomActivation { 1.3 - 1.2 * ($0 * $0) - 0.5 * ($0 * $0 * $0) }, Polynomial([1.3, 0, -1.2, -0.5])),
    ("rectified square", CustomActivation(kinks: [0]) { maximum($0, 0) * maximum($0, 0) }, RectifiedMonomial(degree: 2)),
    ("hard tanh", CustomActivation(kinks: [-1, 1]) { maximum(minimum($0, 1), -1) }, HardTanh()),
    ("elu", CustomActivation(.elu, kinks: [0]), Elu()),
    ("gaussian", CustomActivation { exp(-($0 * $0)) }, Gaussian()),
  ]

  static let covariances = [(0.1, 0.1), (1, 1), (4, 4), (0.1, 4), (1, 0.9)].flatMap { q11, q22 in
    [-1, -0.99, -0.5, 0, 0.5, 0.9, 0.99, 0.9999, 1].map { Covariance(q11, q22, correlation: $0) }
  }

  @Test("duals equal those in closed form", arguments: known.indices)
  func closedForms(_ index: Int) throws {
    let (name, custom, closed) = Self.known[index]
    let (found, expected) = (try custom.duals(Self.covariances), try closed.duals(Self.covariances))
    let scales = try closed.scales(Self.covariances)
    for (index, covariance) in Self.covariances.enumerated() {
      #expect(
        abs(found.kappa[index] - expected.kappa[index]) < 1e-10 * scales.kappa[index],
        "\(name), κ at \(covariance): \(found.kappa[index]), expected \(expected.kappa[index])")
      // Correlation ±1 is rounded, and a kink's derivative dual moves by the square root of that.
      let tolerance = abs(covariance.q12) > 0.99999 * (covariance.q11 * covariance.q22).squareRoot() ? 1e-7 : 1e-9
      #expect(
        abs(found.kappaDot[index] - expected.kappaDot[index]) < tolerance * scales.kappaDot[index],
        "\(name), κ̇ at \(covariance): \(found.kappaDot[index]), expected \(expected.kappaDot[index])")
    }
  }

  @Test("a closure works in float32 and in whole networks, on both executors")
  func network() throws {
    for dtype in [DType.float32, .float64] {
      let x = gaussianInputs([7, 5], seed: 3, dtype: dtype)
      func network(_ activation: any Activation) -> Serial { Serial([Dense(1), activation, Dense(1), activation, Dense(1)]) }
      let expected = try network(Gelu()).kernel(x)
      let found = try network(CustomActivation(.gelu)).kernel(x)
      let tolerance = dtype == .float32 ? 2e-6 : 1e-11
      #expect(largestError(found.nngp, expected.nngp, relativeTo: 1) < tolerance)
      #expect(largestError(try #require(found.ntk), try #require(expected.ntk), relativeTo: 1) < 4 * tolerance)
      #expect(found.nngp.dtype == dtype)
    }
  }

  @Test("declared kinks may repeat and come in any order")
  func kinks() {
    #expect(CustomActivation(kinks: [1, -0.0, 0, -2, 1]) { $0 }.kinks == [-2, 0, 1])
  }
}
