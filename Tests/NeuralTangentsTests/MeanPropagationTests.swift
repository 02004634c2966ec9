import NeuralTangents
import Tensors
import Testing

@Suite("Branches that do not have zero mean")
struct MeanPropagationTests {
  /// Two branches of activations, of dense layers of their own.
  private static func branches(_ join: any Layer, _ layers: [any Layer]) -> [any Layer] {
    [
      FanOut(2),
      Parallel([
        Serial {
          Dense(1024, weightStd: 1.4, biasStd: 0.3); Relu()
        },
        Serial {
          Dense(1024, weightStd: 1.1); Gelu()
        },
      ]), join,
    ] + layers
  }

  @Test("the sum of activations has the products of their means in its kernel")
  func closedForm() throws {
    let x = FixtureInput.sine([3, 4])
    let relu = Serial {
      Dense(1, weightStd: 1.4, biasStd: 0.3); Relu()
    }
    let abs = Serial {
      Dense(1, weightStd: 0.9); Abs()
    }
    let network = Serial {
      FanOut(2); Parallel([relu, abs]); FanInSum(); Dense(1)
    }
    let found = try network.nngp(x)
    let (a, b) = (try relu.kernel(x).nngp, try abs.kernel(x).nngp)
    // E[max(u, 0)] = √(q/2π), E|u| = √(2q/π), with q the variances before the activation.
    let q = (try Dense(1, weightStd: 1.4, biasStd: 0.3).kernel(x)).cov1
    let p = (try Dense(1, weightStd: 0.9).kernel(x)).cov1
    let (m, n) = (sqrt(q * (0.5 / Double.pi)), sqrt(p * (2 / Double.pi)))
    let products = m.expandedDims(1) * n.expandedDims(0)
    #expect(
      allClose(found, a + b + products + products.transposed(), relativeTolerance: 1e-13, absoluteTolerance: 1e-15))
  }

  @Test("sums and concatenations of activations agree with random networks", arguments: [0, 1, 2])
  func monteCarlo(_ kind: Int) throws {
    let network: Serial =
      switch kind {
      case 0: Serial(Self.branches(FanInSum(), [Dense(1024, weightStd: 1.2), Relu(), Dense(512)]))
      case 1:
        Serial(Self.branches(FanInConcat(axis: 1), [GlobalAvgPool(), Dense(1024, biasStd: 0.2), Erf(), Dense(512)]))
      default:
        // An activation on channels of two kinds.
        Serial {
          FanOut(2)
          Parallel([Dense(1024, weightStd: 1.4, biasStd: 0.3), Dense(512, weightStd: 0.5)])
          FanInConcat()
          Relu()
          Dense(512)
        }
      }
    let shape = kind == 1 ? [2, 3, 4] : [3, 4]
    try expectAgreement(
      network, FixtureInput.sine(shape, dtype: .float32), FixtureInput.cosine(shape, dtype: .float32), samples: 24,
      key: RandomKey(seed: UInt64(kind)))
  }

  @Test("a sum whose covariance does not follow from means is an error")
  func unknown() {
    let network = Serial {
      FanOut(2)
      Parallel([
        Serial {
          Dense(2); Relu(); Flatten()
        },
        Serial {
          Dense(2); Relu(); Flatten()
        },
      ])
      FanInSum()
    }
    #expect(throws: NetworkError.self) { try network.kernel(.ones([2, 3, 4])) }
    #expect(throws: NetworkError.self) {
      try Serial {
        FanOut(2); FanInSum()
      }.kernel(.ones([2, 3]))
    }
  }
}
