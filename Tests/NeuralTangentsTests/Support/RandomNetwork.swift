import NeuralTangents
import Tensors

/// Random valid fully connected networks, reproducible by their seed.
struct RandomNetwork {
  private var generator: SplitMix

  init(seed: Int) {
    generator = SplitMix(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
  }

  /// A network that ends in a dense layer, so that its output is Gaussian.
  mutating func network() -> Serial {
    Serial([dense()] + block(depth: 0) + [dense()])
  }

  private mutating func block(depth: Int) -> [any Layer] {
    (0..<Int.random(in: 1...3, using: &generator)).flatMap { _ in part(depth: depth) }
  }

  /// Layers that take Gaussian inputs of width 4 and give Gaussian outputs of width 4.
  private mutating func part(depth: Int) -> [any Layer] {
    switch Int.random(in: 0..<(depth < 2 ? 8 : 4), using: &generator) {
    case 0: return [LayerNorm(epsilon: 1e-6), activation(), dense()]
    case 1: return [activation(), Dropout(keepRate: 0.5 + number() / 2), dense()]
    case 2, 3: return [activation(), dense()]
    case 4:
      return [
        FanOut(2), Parallel([Serial(block(depth: depth + 1) + [dense()]), Identity()]), FanInSum(),
      ]
    case 5:
      return [
        FanOut(3),
        Parallel([
          Serial(block(depth: depth + 1) + [dense()]), Serial([activation()]),
          Serial(block(depth: depth + 1) + [dense()]),
        ]),
        FanInProduct(), dense(),
      ]
    case 6:
      return [
        FanOut(2), Parallel([Serial(block(depth: depth + 1)), activation()]), FanInConcat(), dense(),
      ]
    default: return [Repeat(Int.random(in: 0...2, using: &generator), Serial(block(depth: depth + 1)))]
    }
  }

  private mutating func dense() -> Dense {
    let isStandard = Bool.random(using: &generator)
    return Dense(
      4, weightStd: 0.6 + number(), biasStd: Bool.random(using: &generator) ? number() : nil,
      parameterization: isStandard ? .standard : .ntk)
  }

  private mutating func activation() -> any Layer {
    switch Int.random(in: 0..<16, using: &generator) {
    case 0: Relu()
    case 1: Abs()
    case 2: LeakyRelu(number())
    case 3: ABRelu(-number(), number())
    case 4: Erf(a: 0.5 + number(), b: 0.5 + number(), c: number())
    case 5: SigmoidLike()
    case 6: Gelu()
    case 7: Sin(a: 1, b: 0.5 + number(), c: number())
    case 8: Cos()
    case 9: Rbf(gamma: 0.2 + number())
    case 10: Gaussian(a: 1, b: -0.5)
    case 11: Gabor()
    case 12: Sign()
    case 13: RectifiedMonomial(degree: 1)
    case 14: Polynomial([number(), 0.5, -0.1])
    default: RandomNetwork.expNormalized
    }
  }

  /// An activation without a vector kernel.
  private static let expNormalized = Elementwise(
    dual: { q12, q11, q22 in sqrt(q11) * sqrt(q22) * exp(q12 / maximum(sqrt(q11) * sqrt(q22), 1e-300)) },
    derivativeDual: { q12, q11, q22 in exp(q12 / maximum(sqrt(q11) * sqrt(q22), 1e-300)) })

  private mutating func number() -> Double { Double.random(in: 0...1, using: &generator) }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
