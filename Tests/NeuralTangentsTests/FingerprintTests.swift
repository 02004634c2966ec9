import NeuralTangents
import Testing

/// A program's fingerprint tells the kernels of one network from those of another.
@Suite struct FingerprintTests {
  private func fingerprint(_ layers: any Layer..., input: [Int] = [8, 8, 3]) throws -> String {
    try Serial(layers).covarianceProgram(forInput: input).fingerprint
  }

  @Test("every constant of a network counts, its widths do not")
  func constants() throws {
    let networks: [[any Layer]] = [
      [Conv(4, window: [3, 3]), Relu(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3], padding: .same), Relu(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 2]), Relu(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3], strides: [2, 2]), Relu(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3], weightStd: 1.1), Relu(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), Erf(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), LeakyRelu(0.1), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), LeakyRelu(0.1.nextUp), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), Relu(), GlobalAvgPool(), Dense(1)],
      [Conv(4, window: [3, 3]), Relu(), AvgPool(window: [2, 2]), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), Relu(), Flatten(), Dense(1, biasStd: 0.1)],
      [Conv(4, window: [3, 3]), Relu(), Flatten(), Dense(1, parameterization: .standard)],
      [Conv(4, window: [3, 3]), CustomActivation { tanh($0) }, Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), CustomActivation { tanh(1.001 * $0) }, Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), LayerNorm(), Relu(), Flatten(), Dense(1)],
      [Conv(4, window: [3, 3]), Dropout(keepRate: 0.5), Flatten(), Dense(1)],
    ]
    let prints = try networks.map { try Serial($0).covarianceProgram(forInput: [8, 8, 3]).fingerprint }
    #expect(Set(prints).count == networks.count)
    #expect(prints.allSatisfy { $0.count == 32 })
    let wide = try fingerprint(Conv(64, window: [3, 3]), Relu(), Flatten(), Dense(1))
    #expect(wide == prints[0])
  }

  @Test("it is the same in every run and on every machine")
  func stable() throws {
    let program = try Serial {
      Dense(4, weightStd: 1.5, biasStd: 0.05)
      Erf()
      Dense(1)
    }.covarianceProgram(forInput: [3])
    #expect(
      program.description.hasPrefix(
        "v0 [] = input\nv1 [] = affine(2.25, 0.0025000000000000005, theta: 0.0, 1.0, 0.0) of v0"))
    #expect(program.fingerprint == program.fingerprint && program.description.split(separator: "\n").count == 4)
  }

  @Test("operations of the same text are equal, and hash alike")
  func operations() {
    #expect(AffineOperation(weightVariance: HyperParameter(2)) == AffineOperation(weightVariance: HyperParameter(2)))
    #expect(AffineOperation(weightVariance: HyperParameter(2)) != AffineOperation(weightVariance: HyperParameter(3)))
    #expect(Set([FlattenOperation(), FlattenOperation()]).count == 1)
    #expect(DualOperation(Relu()) != DualOperation(Erf()) && DualOperation(Tanh()) == DualOperation(Tanh()))
  }

  @Test("wrong inputs are errors")
  func errors() {
    #expect(throws: NetworkError.self) { try fingerprint(Dense(1), input: []) }
    #expect(throws: NetworkError.self) { try fingerprint(Dense(1), input: [0]) }
    #expect(throws: NetworkError.self) { try fingerprint(Conv(1, window: [3, 3]), input: [3]) }
  }
}
