import NeuralTangents
import Tensors
import Testing

@Suite("descriptions of networks")
struct DescriptionTests {
  private func row(_ name: String, _ description: NetworkDescription) throws -> NetworkDescription.Row {
    try #require(description.rows.first { $0.name == name })
  }

  @Test("positions are needed as what follows needs them")
  func demands() throws {
    let flattened = try ConvVec(depth: 2).description(forInput: [8, 8, 1])
    #expect(flattened.inputDemand?.isDiagonal == true && flattened.inputDemand?.entries == 64)
    let pooled = try ConvGap(depth: 2).description(forInput: [8, 8, 1])
    #expect(pooled.inputDemand?.isAll == true && pooled.inputDemand?.entries == 64 * 64)
    let windows = Serial {
      Conv(4, window: [3, 3], padding: .same)
      Relu()
      AvgPool(window: [2, 2], strides: [2, 2])
      Flatten()
      Dense(1)
    }
    // A 2×2 window needs displacements of −1 to 1 along both axes, 22 pairs of 8 positions each.
    let demand = try #require(try row("relu", windows.description(forInput: [8, 8, 1])).demand)
    #expect(demand.displacements == [[-1, 0, 1], [-1, 0, 1]] && demand.count == 9 && demand.entries == 22 * 22)
    let twice = Serial {
      Conv(4, window: [3, 3], padding: .same)
      AvgPool(window: [2, 2], strides: [2, 2])
      AvgPool(window: [2, 2], strides: [2, 2])
      Flatten()
    }
    // 2·{−1, 0, 1} + {−1, 0, 1}.
    let wider = try #require(try row("conv", twice.description(forInput: [8, 8, 1])).demand)
    #expect(wider.displacements == [Array(-3...3), Array(-3...3)])
    let strided = Serial {
      Conv(4, window: [3], strides: [2], padding: .same)
      AvgPool(window: [2])
      Flatten()
    }
    #expect(try strided.description(forInput: [8, 1]).inputDemand?.displacements == [[-2, 0, 2]])
  }

  @Test("an axis that wraps around brings displacements back in")
  func circular() throws {
    let network = Serial {
      Conv(4, window: [3], strides: [2], padding: .circular)
      GlobalAvgPool()
    }
    // 2·{−3, …, 3} modulo 8.
    #expect(try network.description(forInput: [8, 1]).inputDemand?.displacements == [[-6, -4, -2, 0, 2, 4, 6]])
  }

  @Test("parameters are counted without drawing them, however wide the network is")
  func wide() throws {
    let network = Serial {
      Dense(1_000_000, biasStd: 1)
      Relu()
      Dense(1_000_000)
    }
    let description = try network.description(forInput: [10])
    #expect(description.parameterCount == 10_000_000 + 1_000_000 + 1_000_000_000_000)
    #expect(description.rows.map(\.outputs) == [[[nil, 1_000_000]], [[nil, 1_000_000]], [[nil, 1_000_000]]])
  }

  @Test("repeated layers are listed once and counted as often as they are")
  func repeats() throws {
    let network = Serial {
      Dense(4)
      Repeat(3) {
        Relu()
        Dense(4, biasStd: 1)
      }
      Dense(2)
    }
    let description = try network.description(forInput: [5])
    #expect(description.rows.map(\.name) == ["dense", "repeat", "serial", "relu", "dense", "dense"])
    #expect(description.rows.map(\.level) == [0, 0, 1, 2, 2, 0])
    #expect(description.rows.map(\.parameterCount) == [20, 60, 60, 0, 60, 8] && description.parameterCount == 88)
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [1, 5])
    #expect(parameters.count == 88)
    let (once, relu) = (try row("dense", description).cost, try row("relu", description).cost)
    #expect(try #require(relu).flops == 3 * 25 && once?.flops == 4)
  }

  @Test("a fully connected network's work is what its operations sum to")
  func cost() throws {
    let description = try FullyConnected(depth: 1, width: 3).description(forInput: [7])
    // Product of the inputs, two affine maps of both kernels, one dual.
    #expect(description.cost?.flops == 2 * 7 + 2 * 4 + 25)
    let images = try ConvGap(depth: 1).description(forInput: [4, 4, 3])
    // 256 entries: products of 3 channels; sums of 3 along two axes and a scaling for both kernels, an affine map; a dual;
    // the mean; one affine map at the end.
    let conv = try #require(try row("conv", images).cost)
    #expect(conv.flops == 256 * (2 * 5 + 4))
    #expect(images.cost?.flops == 256 * (2 * 3 + 14 + 25 + 2) + 4)
  }

  @Test("edges follow branches")
  func branches() throws {
    let network = Serial {
      Dense(4)
      FanOut(2)
      Parallel {
        Serial {
          Relu()
          Dense(4)
        }
        Identity()
      }
      FanInSum()
    }
    let description = try network.description(forInput: [5])
    let sum = try row("fanInSum", description)
    #expect(sum.sources.map { description.rows[$0].name } == ["dense", "identity"])
    #expect(description.outputRows == [description.rows.count - 1])
    #expect(try row("fanOut", description).outputs == [[nil, 4], [nil, 4]])
  }

  @Test("a network without an infinite limit is described all the same, and says why")
  func finiteOnly() throws {
    let network = Serial {
      Relu()
      Dense(2)
    }
    let description = try network.description(forInput: [5])
    #expect(description.parameterCount == 10 && description.cost == nil && description.inputDemand == nil)
    #expect(description.infiniteError?.description.hasPrefix("serial[0].relu: expected Gaussian inputs") == true)
  }

  @Test("inputs that do not fit are errors with their place")
  func wrongInput() throws {
    let network = Serial { Conv(4, window: [9], padding: .valid) }
    let error = try #require(throws: NetworkError.self) { try network.description(forInput: [8, 1]) }
    #expect(error.description.hasPrefix("serial[0].conv"))
    #expect(throws: NetworkError.self) { try network.description(forInput: []) }
  }

  @Test("tokens are described by their shape without channels")
  func tokens() throws {
    let network = Serial {
      Embedding(vocabulary: 20, width: 6)
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
    let description = try network.description(forInput: [12])
    #expect(description.parameterCount == 20 * 6 + 6 && description.rows[0].outputs == [[nil, 12, 6]])
    #expect(description.inputDemand?.isAll == true && description.inputDemand?.entries == 144)
  }

  @Test("what the reference executor computes is named with its reason, and the rest is fused")
  func obstacles() throws {
    let network = Serial {
      Conv(4, window: [3], padding: .same)
      Relu()
      GlobalSelfAttention(outputChannels: 4, keyChannels: 4, valueChannels: 4, heads: 1)
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
    let description = try network.description(forInput: [6, 2])
    #expect(description.rows.map { $0.obstacle == nil } == [true, true, false, true, true, true])
    #expect(description.rows[2].obstacle?.contains("ttention") == true && description.obstacle == nil)
    // Normalising over the batch leaves nothing to cut.
    let mixing = Serial {
      Conv(4, window: [3], padding: .same)
      LayerNorm(axes: [0, 2])
      Flatten()
    }
    let whole = try mixing.description(forInput: [6, 2])
    #expect(whole.obstacle != nil && whole.rows.allSatisfy { $0.obstacle == whole.obstacle })
    let matrix = Serial {
      Dense(4)
      Elementwise(dual: { q12, _, _ in q12 })
      Dense(1)
    }
    #expect(try matrix.description(forInput: [3]).obstacle?.contains("vector kernel") == true)
    #expect(try matrix.description(forInput: [3]).executor == "reference")
    #expect(try FullyConnected(depth: 2).description(forInput: [3]).executor == "rows")
    #expect(try ConvGap(depth: 2).description(forInput: [8, 8, 3]).executor == "slices")
    #expect(description.executor == "slices and reference" && whole.executor == "reference")
  }
}
