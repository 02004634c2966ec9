import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Random networks with positions")
struct NetworkFuzzTests {
  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 2000 : 60))

  /// One network, its inputs and the kernel that the properties are about.
  private struct Case {
    let sample: RandomSpatialNetwork.Sample
    let network: Serial
    let x: Tensor
    let graphs: Tensor?
    let kernel: Kernel
    let note: Comment
    /// What rounding may change, relative to the largest entry: at correlation one the derivative duals of kinked
    /// functions have square roots, and so has the dual of sign, which makes a fourth root of both.
    let tolerance: Double

    static let constant = 1000.0

    init(seed: Int) throws {
      var random = RandomSpatialNetwork(seed: seed)
      sample = try random.sample()
      note = Comment(rawValue: "seed \(seed), inputs \(sample.inputs.shape), \(sample.json)")
      network = try sample.network
      x = sample.data(seed: seed, constant: Self.constant)
      graphs = sample.graphs(seed: seed + 1)
      tolerance = sample.json.contains("\"sign\"") ? 1e-3 : sample.hasKinks ? 1e-6 : 1e-9
      kernel = try network.kernel(
        x, patterns: graphs.map { GraphPatterns($0) }, maskConstant: sample.isMasked ? Self.constant : nil)
    }

    func kernel(
      _ x1: Tensor, _ x2: Tensor? = nil, graphs: Tensor? = nil, constant: Double = Self.constant,
      options: KernelOptions = KernelOptions()
    ) throws -> Kernel {
      try network.kernel(
        x1, x2, patterns: (graphs ?? self.graphs).map { GraphPatterns($0) },
        maskConstant: sample.isMasked ? constant : nil, options: options)
    }

    /// Expects both kernels to be those of `other`.
    func expectEqual(_ other: Kernel, to expected: Kernel, _ what: String) throws {
      let label = Comment(rawValue: what + ": " + note.rawValue)
      #expect(other.nngp.shape == expected.nngp.shape, label)
      #expect(largestError(other.nngp, expected.nngp, relativeTo: scale(kernel.nngp)) < tolerance, label)
      let (a, b) = (try #require(other.ntk), try #require(expected.ntk))
      #expect(largestError(a, b, relativeTo: scale(try #require(kernel.ntk))) < tolerance, label)
    }
  }

  private static func scale(_ tensor: Tensor) -> Double { max(abs(tensor).max().scalar(as: Double.self), 1e-12) }

  @Test("kernels and finite networks have the properties that all have", arguments: seeds)
  func properties(seed: Int) throws {
    let test = try Case(seed: seed)
    try finiteNetwork(test)
    try positiveSemidefinite(test)
    try stages(test, seed: seed)
    try parts(test)
    try masks(test)
  }

  /// Shapes agree, outputs are finite numbers.
  private func finiteNetwork(_ test: Case) throws {
    let shape = try test.network.outputShape(forInput: test.x.shape)
    let parameters = try test.network.initialize(RandomKey(seed: 5), inputShape: test.x.shape, dtype: .float64)
    let output = try test.network.masked(
      parameters, test.x, key: RandomKey(seed: 6), pattern: test.graphs,
      maskConstant: test.sample.isMasked ? Case.constant : nil)
    #expect(output.shape == shape && test.kernel.shape1 == shape, test.note)
    #expect(output.values.scalars(as: Double.self).allSatisfy { $0.isFinite }, test.note)
    guard let mask = output.mask else { return }
    #expect(select(mask, output.values, 0).scalars(as: Double.self).allSatisfy { $0 == 0 }, test.note)
    // What is masked in the finite network is what is masked in the infinite one.
    let axes = test.kernel.axes
    let rank = shape.count
    let (batch, channel) = ((axes.batch + rank) % rank, (axes.channel + rank) % rank)
    let order = [batch] + shape.indices.filter { $0 != batch && $0 != channel } + [channel]
    let positions = mask.broadcast(to: shape).transposed(order).all(axis: rank - 1)
    let found =
      test.kernel.mask1.map { $0.broadcast(to: positions.shape) } ?? Tensor.zeros(positions.shape, dtype: .bool)
    #expect(!(found .^ positions).any().scalar(as: Bool.self), test.note)
  }

  /// A covariance of inputs and positions as one matrix.
  private func matrix(_ k: Tensor) -> Tensor {
    let (n, m) = (k.shape[0], k.shape[1])
    let count = (k.rank - 2) / 2
    let (p, q) = (k.shape[2..<2 + count].reduce(1, *), k.shape[(2 + count)...].reduce(1, *))
    return k.reshaped([n, m, p, q]).transposed(0, 2, 1, 3).reshaped([n * p, m * q])
  }

  private func positiveSemidefinite(_ test: Case) throws {
    for k in [test.kernel.nngp, try #require(test.kernel.ntk)] {
      let matrix = matrix(k)
      let scale = Self.scale(matrix)
      #expect(matrix.scalars(as: Double.self).allSatisfy { $0.isFinite }, test.note)
      #expect(
        largestError(matrix.transposed(), matrix, relativeTo: scale) < (test.sample.hasKinks ? 1e-7 : 1e-12), test.note)
      let values = try eigh(matrix).values.scalars(as: Double.self)
      let (least, largest) = (try #require(values.first), max(1e-12, try #require(values.last)))
      #expect(least >= -(test.sample.hasKinks ? 1e-7 : 1e-9) * largest, test.note)
    }
    // The covariances of an input with itself are those on the diagonal.
    let n = test.kernel.nngp.shape[0]
    let diagonal = stack((0..<n).map { test.kernel.nngp[$0, $0] }, axis: 0)
    let own =
      test.kernel.layout.hasFullBatch ? stack((0..<n).map { test.kernel.cov1[$0, $0] }, axis: 0) : test.kernel.cov1
    #expect(largestError(own, diagonal, relativeTo: Self.scale(diagonal)) < 1e-12, test.note)
  }

  /// In two stages, with both arguments given, and with fewer positions asked for: the same kernel.
  private func stages(_ test: Case, seed: Int) throws {
    try test.expectEqual(try test.kernel(test.x, test.x), to: test.kernel, "kernel(x, x)")
    let diagonal = try test.kernel(test.x, options: KernelOptions(positions: .diagonal))
    let (n, count) = (test.kernel.nngp.shape[0], (test.kernel.nngp.rank - 2) / 2)
    let sizes = Array(test.kernel.nngp.shape[2..<2 + count])
    func selfCovariances(_ k: Tensor) -> Tensor {
      einsum("nmpp->nmp", k.reshaped([n, n, sizes.reduce(1, *), sizes.reduce(1, *)])).reshaped([n, n] + sizes)
    }
    var expected = test.kernel
    expected.nngp = selfCovariances(expected.nngp)
    expected.ntk = selfCovariances(try #require(expected.ntk))
    try test.expectEqual(diagonal, to: expected, "positions with themselves")
    guard !test.sample.cuts.isEmpty else { return }
    let cut = test.sample.cuts[seed % test.sample.cuts.count]
    let first = try test.sample.serial(test.sample.layers[..<cut])
    let patterns = test.graphs.map { GraphPatterns($0) }
    let half = try first.kernel(
      test.x, patterns: patterns, maskConstant: test.sample.isMasked ? Case.constant : nil,
      options: KernelOptions(batch: test.sample.mixesInputs ? .all : .diagonal))
    let staged = try test.sample.serial(test.sample.layers[cut...]).kernel(of: half, patterns: patterns)
    try test.expectEqual(staged, to: test.kernel, "cut at \(cut)")
    #expect(staged.shape1 == test.kernel.shape1 && staged.isGaussian == test.kernel.isGaussian, test.note)
  }

  /// The kernel of some inputs is a part of the kernel of all.
  private func parts(_ test: Case) throws {
    guard !test.sample.mixesInputs else { return }
    let n = test.sample.inputs.shape[test.sample.inputs.batch]
    let some = Array([n - 1, 0].prefix(max(1, n - 1)))
    let part = try test.kernel(
      test.x.taking(some, axis: test.sample.inputs.batch), graphs: test.graphs?.taking(some, axis: 0))
    var expected = test.kernel
    expected.nngp = expected.nngp.taking(some, axis: 0).taking(some, axis: 1)
    expected.ntk = expected.ntk?.taking(some, axis: 0).taking(some, axis: 1)
    try test.expectEqual(part, to: expected, "inputs \(some)")
  }

  /// What stands where inputs are masked does not matter.
  private func masks(_ test: Case) throws {
    guard test.sample.isMasked else { return }
    let isMasked = test.x .== Tensor(Case.constant)
    for constant in [-7.5, Double.nan] {
      let other = try test.kernel(select(isMasked, Tensor(constant), test.x), constant: constant)
      try test.expectEqual(other, to: test.kernel, "masked by \(constant)")
    }
  }
}
