import NeuralTangents
import Tensors
import Testing

@Suite("Branches on the same channels")
struct BranchIndependenceTests {
  /// Both branches are functions of one dense layer's channels, whose covariance with each other no rule knows.
  private static func network(_ branches: [any Layer], _ join: any Layer) -> Serial {
    Serial([Dense(8, biasStd: 0.5), FanOut(branches.count), Parallel(branches), join])
  }

  @Test("are errors where they are added, multiplied or concatenated along positions")
  func dependent() {
    let pair: [any Layer] = [Relu(), Erf()]
    let short: [any Layer] = [Identity(), Relu()]
    let cases: [([any Layer], any Layer)] = [
      (pair, FanInSum()), ([Identity(), Identity()] as [any Layer], FanInSum()), (pair, FanInProduct()),
      (pair, FanInConcat(axis: 1)), (short, FanInSum()),
    ]
    for (branches, join) in cases {
      let error = #expect(throws: NetworkError.self) { try Self.network(branches, join).kernel(.ones([2, 3, 4])) }
      #expect(error?.description.contains("independent branches") == true)
    }
    #expect(throws: NetworkError.self) {
      try Serial([FanOut(2), Parallel([Identity(), Identity()]), FanInProduct()]).kernel(.ones([2, 3]))
    }
  }

  @Test("may be joined once one of them has weights of its own, and along channels")
  func independent() throws {
    let residual = Self.network(
      [
        Serial {
          Relu(); Dense(8)
        }, Identity(),
      ], FanInSum())
    let plain = try Dense(8, biasStd: 0.5).kernel(FixtureInput.sine([2, 3]))
    let branch = try Serial {
      Relu(); Dense(8)
    }.kernel(of: plain)
    let joined = try residual.kernel(FixtureInput.sine([2, 3]))
    #expect(allClose(joined.nngp, plain.nngp + branch.nngp, relativeTolerance: 1e-14, absoluteTolerance: 1e-15))
    let concatenated = try Self.network([Relu(), Identity()], FanInConcat()).kernel(FixtureInput.sine([2, 3]))
    let relu = try Relu().kernel(of: plain)
    #expect(
      allClose(
        concatenated.nngp, (relu.nngp + plain.nngp) / 2, relativeTolerance: 1e-14, absoluteTolerance: 1e-15))
  }
}
