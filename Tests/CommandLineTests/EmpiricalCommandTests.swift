import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("neural-tangents empirical")
struct EmpiricalCommandTests {
  let scratch: ScratchDirectory
  let x1: Tensor
  let x2: Tensor

  private static let network = """
    {"serial": [{"dense": {"width": 8, "weightStd": 1.3, "biasStd": 0.4}}, {"erf": {}}, {"dense": {"width": 3}}]}
    """

  init() throws {
    scratch = try ScratchDirectory()
    let keys = RandomKey(seed: 7).split()
    x1 = keys[0].normal([5, 3], dtype: .float64)
    x2 = keys[1].normal([4, 3], dtype: .float64)
    try x1.writeNpy(to: scratch.path("x1.npy"))
    try x2.writeNpy(to: scratch.path("x2.npy"))
    try scratch.write(Self.network, to: "network.json")
  }

  private func run(_ arguments: [String]) throws -> Program.Outcome {
    try Program.run(["empirical"] + arguments, in: scratch.url)
  }

  private func archive(_ arguments: String...) throws -> NpzArchive {
    let outcome = try run(arguments + ["--output", "k.npz"])
    try #require(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    return try NpzArchive(at: scratch.path("k.npz"))
  }

  private func parameters(_ network: any Layer, seed: Int = 0) throws -> Parameters {
    try network.initialize(RandomKey(seed: seed), inputShape: [5, 3], dtype: .float64)
  }

  @Test("a linear network has the tangent kernel of arithmetic by hand, whatever its parameters", arguments: [0, 5])
  func linearNetwork(_ seed: Int) throws {
    try scratch.write(#"{"dense": {"width": 2, "weightStd": 2, "biasStd": 3}}"#, to: "linear.json")
    let archive = try archive("linear.json", "--x1", "x1.npy", "--x2", "x2.npy", "--seed", "\(seed)")
    #expect(archive.names == ["nngp", "ntk"])
    let expected = 4 * matmul(x1, x2.transposed()) / 3 + 9
    #expect(allClose(try archive.tensor("ntk"), expected, relativeTolerance: 1e-12, absoluteTolerance: 1e-12))
    let network = Dense(2, weightStd: 2, biasStd: 3)
    let parameters = try network.initialize(RandomKey(seed: seed), inputShape: [5, 3], dtype: .float64)
    let outputs = matmul(try network(parameters, x1), try network(parameters, x2).transposed()) / 2
    #expect(allClose(try archive.tensor("nngp"), outputs, relativeTolerance: 1e-12, absoluteTolerance: 1e-12))
  }

  @Test("every way gives the kernel of the library, with any axes")
  func axes() throws {
    let network = try NetworkFile(json: Self.network).network
    let parameters = try parameters(network, seed: 4)
    let jacobians = try [x1, x2].map { x in
      let rows = try parameters.leaves.indices.map { leaf in
        try jacobianReverse { (value: Tensor) in
          var leaves = parameters.leaves
          leaves[leaf] = value
          return try network(parameters.replacingLeaves(leaves), x)
        }(parameters.leaves[leaf]).reshaped([x.shape[0], 3, -1])
      }
      return concatenate(rows, axis: 2)
    }
    let full = einsum("nop,mqp->nmoq", jacobians[0], jacobians[1])
    for method in ["automatic", "jacobian-contraction", "tangent-vector-products", "structured-derivatives"] {
      func ntk(_ axes: String...) throws -> Tensor {
        let arguments = [
          "network.json", "--x1", "x1.npy", "--x2", "x2.npy", "--seed", "4", "--kernels", "ntk", "--output", "k.npz",
          "--implementation", method,
        ]
        let outcome = try run(arguments + axes)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try NpzArchive(at: scratch.path("k.npz")).tensor("ntk")
      }
      for (found, expected) in [
        (try ntk("--trace-axes", "none"), full), (try ntk(), einsum("nmoo->nm", full) / 3),
        (try ntk("--trace-axes", "none", "--diagonal-axes", "-1"), einsum("nmoo->nmo", full)),
      ] {
        #expect(allClose(found, expected, relativeTolerance: 1e-11, absoluteTolerance: 1e-11), "\(method)")
      }
    }
    // Variances only: the diagonal of the batch, of one data set.
    let variances = try archive(
      "network.json", "--x1", "x1.npy", "--seed", "4", "--diagonal-axes", "0", "--kernels", "nngp,ntk")
    let own = einsum("nop,nop->n", jacobians[0], jacobians[0]) / 3
    #expect(allClose(try variances.tensor("ntk"), own, relativeTolerance: 1e-11, absoluteTolerance: 1e-11))
    #expect(try variances.tensor("nngp").shape == [5])
  }

  @Test("an average over some outputs, and the kernel of their sum, stand for the average over all")
  func means() throws {
    let network = try NetworkFile(json: Self.network).network
    let parameters = try parameters(network)
    let first = try archive("network.json", "--x1", "x1.npy", "--trace-mean", "1", "--kernels", "ntk").tensor("ntk")
    let sum = try archive("network.json", "--x1", "x1.npy", "--trace-mean", "sum", "--kernels", "ntk").tensor("ntk")
    let exact = { (f: @escaping (Tensor) -> Tensor) in
      try empiricalNTK(
        of: { (p: Parameters, x: Tensor) in f(try network(p, x)) }, at: parameters, x1,
        options: EmpiricalOptions(axes: OutputAxes(trace: [])))
    }
    let expected = try exact { $0[.all, 0] }
    #expect(allClose(first, expected, relativeTolerance: 1e-11, absoluteTolerance: 1e-11))
    let ofSum = try exact { $0.sum(axis: 1) / 3.0.squareRoot() }
    #expect(allClose(sum, ofSum, relativeTolerance: 1e-11, absoluteTolerance: 1e-11))
  }

  @Test("the mean over networks is the infinite kernel, within its standard errors and what width costs")
  func samples() throws {
    try scratch.write(Self.network.replacing(#""width": 8"#, with: #""width": 256"#), to: "wide.json")
    let archive = try archive("wide.json", "--x1", "x1.npy", "--x2", "x2.npy", "--samples", "200", "--seed", "3")
    #expect(archive.names == ["nngp", "nngp_standard_error", "ntk", "ntk_standard_error"])
    let network = try NetworkFile(contentsOf: scratch.path("wide.json")).network
    let infinite = try network.kernel(x1, x2)
    for (name, expected) in [("nngp", infinite.nngp), ("ntk", try #require(infinite.ntk))] {
      let (mean, error) = (try archive.tensor(name), try archive.tensor("\(name)_standard_error"))
      #expect(mean.shape == [5, 4] && error.shape == [5, 4])
      let sigmas: Double = (abs(mean - expected) / (error + 0.01)).max().scalar()
      #expect(sigmas < 5)
      let sizes: (Double, Double) = (error.min().scalar(), error.max().scalar())
      #expect(sizes.0 > 0 && sizes.1 < 0.5)
    }
    // As the library has it, to the last bit.
    let estimate = try network.monteCarloKernel(x1, x2, samples: 200, key: RandomKey(seed: 3))
    #expect(try archive.tensor("ntk") == estimate.ntk)
    #expect(try archive.tensor("nngp_standard_error") == estimate.nngpStandardError)
    let one = try run(["wide.json", "--x1", "x1.npy", "--samples", "1", "--output", "one.npz"])
    #expect(one.status == 0 && one.output.contains("no standard error"))
    #expect(try NpzArchive(at: scratch.path("one.npz")).names == ["nngp", "ntk"])
  }

  @Test("masks, graphs and positions go into the function")
  func positions() throws {
    let text = #"""
      {"serial": [
        {"conv": {"channels": 2, "window": [3], "padding": "same"}}, {"relu": {}}, {"dense": {"width": 2}}, {"aggregate": {}}
      ]}
      """#
    try scratch.write(text, to: "line.json")
    var x = RandomKey(seed: 1).normal([3, 5, 2], dtype: .float64)
    x[1, 2] = Tensor(-4.0)
    let edges = abs(RandomKey(seed: 2).normal([3, 5, 5], dtype: .float64))
    try x.writeNpy(to: scratch.path("line.npy"))
    try edges.writeNpy(to: scratch.path("edges.npy"))
    let archive = try archive(
      "line.json", "--x1", "line.npy", "--pattern1", "edges.npy", "--mask-constant", "-4", "--kernels", "ntk",
      "--diagonal-axes", "1")
    let network = try NetworkFile(json: text).network
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [3, 5, 2], dtype: .float64)
    let expected = try empiricalKernel(
      of: network, at: parameters, x, patterns: GraphPatterns(edges), maskConstant: -4,
      options: EmpiricalKernelOptions(positions: .diagonal))
    let ntk = try #require(expected.ntk)
    #expect(try archive.tensor("ntk").shape == [3, 3, 5])
    #expect(allClose(try archive.tensor("ntk"), ntk, relativeTolerance: 1e-11, absoluteTolerance: 1e-11))
  }

  @Test("layers that draw random numbers need a seed of their own")
  func randomLayers() throws {
    let text = #"{"serial": [{"dense": {"width": 6}}, {"dropout": {"keepRate": 0.7}}, {"dense": {"width": 1}}]}"#
    try scratch.write(text, to: "dropout.json")
    let without = try run(["dropout.json", "--x1", "x1.npy", "--output", "k.npz"])
    #expect(without.status == 65 && without.errors.contains("dropout"), "\(without.errors)")
    let archive = try archive(
      "dropout.json", "--x1", "x1.npy", "--layer-seed", "9", "--implementation", "jacobian-contraction")
    let network = try NetworkFile(json: text).network
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: [5, 3], dtype: .float64)
    let expected = try empiricalKernel(
      of: network, at: parameters, x1, key: RandomKey(seed: 9),
      options: EmpiricalKernelOptions(implementation: .jacobianContraction))
    #expect(try archive.tensor("ntk") == expected.ntk && archive.tensor("nngp") == expected.nngp)
  }

  @Test("the plan names every parameter, and float32 is float32")
  func planAndPrecision() throws {
    let outcome = try run(
      ["network.json", "--x1", "x1.npy", "--precision", "float32", "--plan", "--threads", "1", "--output", "k.npz"])
    #expect(outcome.status == 0)
    for word in ["tile", "parameter 0 [3, 8]", "k.npz: ntk, 5x5, float32"] { #expect(outcome.output.contains(word)) }
    #expect(try NpzArchive(at: scratch.path("k.npz")).tensor("nngp").dtype == .float32)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var mentions: [String]
    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let cases = [
    Case(arguments: ["--trace-axes", "2"], status: 65, mentions: ["trace", "[5, 3]", "[2]"]),
    Case(
      arguments: ["--trace-axes", "1", "--diagonal-axes", "1"], status: 64, mentions: ["--diagonal-axes", "1 in both"]),
    Case(arguments: ["--trace-axes", "1", "--diagonal-axes", "-1"], status: 65, mentions: ["axis 1"]),
    Case(arguments: ["--trace-axes", "1,1"], status: 64, mentions: ["--trace-axes", "1,1"]),
    Case(arguments: ["--x2", "x2.npy", "--diagonal-axes", "0"], status: 65, mentions: ["equal sizes", "axis 0"]),
    Case(arguments: ["--x2", "wide.npy"], status: 65, mentions: ["x2", "[5, 3]", "[2, 7]"]),
    Case(arguments: ["--samples", "0"], status: 64, mentions: ["--samples", "at least 1, found 0"]),
    Case(arguments: ["--samples", "4", "--trace-axes", "none"], status: 64, mentions: ["--trace-axes", "--samples"]),
    Case(arguments: ["--positions", "diagonal"], status: 64, mentions: ["--positions", "--samples"]),
    Case(arguments: ["--kernels", "cov1"], status: 64, mentions: ["--kernels", "cov1"]),
    Case(
      arguments: ["--implementation", "magic"], status: 64, mentions: ["--implementation", "structured-derivatives"]),
    Case(arguments: ["--trace-mean", "0"], status: 64, mentions: ["--trace-mean"]),
    Case(arguments: ["--block-memory", "0"], status: 64, mentions: ["--block-memory", "found 0"]),
    Case(arguments: ["--pattern2", "x2.npy"], status: 64, mentions: ["--pattern2", "--pattern1"]),
    Case(arguments: ["--x2", "absent.npy"], status: 66, mentions: ["absent.npy", "no such file"]),
  ]

  @Test("mistakes are errors of one line, and leave an older output as it was", arguments: cases)
  func mistakes(_ example: Case) throws {
    try Tensor.ones([2, 7]).writeNpy(to: scratch.path("wide.npy"))
    try scratch.write("precious", to: "k.npz")
    let outcome = try run(["network.json", "--x1", "x1.npy", "--output", "k.npz"] + example.arguments)
    #expect(outcome.status == example.status, "\(outcome.errors)")
    #expect(outcome.output.isEmpty && outcome.errors.hasPrefix("error: "))
    #expect(outcome.errors.split(separator: "\n").count == 1)
    for word in example.mentions { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    #expect(try scratch.text(of: "k.npz") == "precious")
  }

  @Test("a kernel that memory does not hold is refused before any work")
  func memory() throws {
    try scratch.write(#"{"dense": {"width": 100000}}"#, to: "outputs.json")
    try Tensor.ones([2000, 3]).writeNpy(to: scratch.path("many.npy"))
    let outcome = try run(["outputs.json", "--x1", "many.npy", "--trace-axes", "none", "--output", "k.npz"])
    #expect(outcome.status == 70 && outcome.errors.contains("of memory"), "\(outcome.errors)")
  }
}
