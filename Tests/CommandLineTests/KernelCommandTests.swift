import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("neural-tangents kernel")
struct KernelCommandTests {
  let scratch: ScratchDirectory
  let x1: Tensor
  let x2: Tensor

  private static let network = """
    {"serial": [{"dense": {"width": 8, "weightStd": 1.3, "biasStd": 0.4}}, {"erf": {}}, {"dense": {"width": 1}}]}
    """

  init() throws {
    scratch = try ScratchDirectory()
    let keys = RandomKey(seed: 7).split()
    x1 = keys[0].normal([7, 3], dtype: .float64)
    x2 = keys[1].normal([4, 3], dtype: .float64)
    try x1.writeNpy(to: scratch.path("x1.npy"))
    try x2.writeNpy(to: scratch.path("x2.npy"))
    try scratch.write(Self.network, to: "network.json")
  }

  private func run(_ arguments: String...) throws -> Program.Outcome {
    try Program.run(["kernel"] + arguments, in: scratch.url)
  }

  @Test("the archive holds the kernels of a linear network as worked out by hand")
  func linearNetwork() throws {
    try scratch.write(#"{"dense": {"width": 1, "weightStd": 2, "biasStd": 3}}"#, to: "linear.json")
    let outcome = try run("linear.json", "--x1", "x1.npy", "--x2", "x2.npy", "--output", "k.npz")
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let archive = try NpzArchive(at: scratch.path("k.npz"))
    #expect(archive.names == ["nngp", "ntk"])
    let (a, b) = (x1.scalars(as: Double.self), x2.scalars(as: Double.self))
    for name in archive.names {
      let kernel = try archive.tensor(name)
      #expect(kernel.shape == [7, 4] && kernel.dtype == .float64)
      let values = kernel.scalars(as: Double.self)
      for i in 0..<7 {
        for j in 0..<4 {
          let product = (0..<3).reduce(0) { $0 + a[3 * i + $1] * b[3 * j + $1] }
          // For one layer Θ = K; K = σw² x·x'/3 + σb².
          #expect(Swift.abs(values[4 * i + j] - (4 * product / 3 + 9)) < 1e-12)
        }
      }
    }
  }

  @Test("without a second data set the kernel is that of the first with itself")
  func symmetric() throws {
    #expect(try run("network.json", "--x1", "x1.npy", "--output", "one.npz").status == 0)
    #expect(try run("network.json", "--x1", "x1.npy", "--x2", "x1.npy", "--output", "two.npz").status == 0)
    let (one, two) = (try NpzArchive(at: scratch.path("one.npz")), try NpzArchive(at: scratch.path("two.npz")))
    for name in ["nngp", "ntk"] {
      let kernel = try one.tensor(name)
      #expect(kernel == kernel.transposed())
      #expect(allClose(kernel, try two.tensor(name), relativeTolerance: 1e-12, absoluteTolerance: 1e-12))
    }
  }

  @Test("the archive holds the kernels that were asked for, in the precision that was asked for")
  func kernelsAndPrecision() throws {
    let arguments = ["network.json", "--x1", "x1.npy", "--precision", "float32", "--threads", "1"]
    #expect(
      try Program.run(["kernel"] + arguments + ["--kernels", "ntk", "--output", "k.npz"], in: scratch.url).status == 0)
    let archive = try NpzArchive(at: scratch.path("k.npz"))
    #expect(archive.names == ["ntk"])
    let ntk = try archive.tensor("ntk")
    #expect(ntk.dtype == .float32)
    let expected = try NetworkFile(json: Self.network).network.ntk(x1)
    #expect(allClose(ntk.asType(.float64), expected, relativeTolerance: 1e-5, absoluteTolerance: 1e-6))
  }

  @Test("CSV inputs and YAML networks give what NPY inputs and JSON networks give")
  func otherFormats() throws {
    try scratch.write(
      "serial:\n  - dense: {width: 8, weightStd: 1.3, biasStd: 0.4}\n  - erf: {}\n  - dense: {width: 1}\n",
      to: "network.yaml")
    let cells = x1.scalars(as: Double.self)
    let lines = (0..<7).map { row in (0..<3).map { "\(cells[3 * row + $0])" }.joined(separator: ",") }
    try scratch.write((["a,b,c"] + lines).joined(separator: "\n"), to: "x1.csv")
    #expect(try run("network.json", "--x1", "x1.npy", "--output", "npy.npz").status == 0)
    #expect(try run("network.yaml", "--x1", "x1.csv", "--output", "csv.npz").status == 0)
    let (npy, csv) = (try NpzArchive(at: scratch.path("npy.npz")), try NpzArchive(at: scratch.path("csv.npz")))
    #expect(try npy.tensor("ntk") == csv.tensor("ntk"))
  }

  @Test("images, masks and graphs give what the library gives")
  func positions() throws {
    let text = #"""
      {"serial": [
        {"conv": {"channels": 2, "window": [3], "padding": "same"}}, {"relu": {}}, {"dense": {"width": 1}}, {"aggregate": {}}
      ]}
      """#
    try scratch.write(text, to: "line.json")
    var x = RandomKey(seed: 1).normal([3, 5, 2], dtype: .float64)
    x[1, 2] = Tensor(-4.0)
    let edges = abs(RandomKey(seed: 2).normal([3, 5, 5], dtype: .float64))
    try x.writeNpy(to: scratch.path("line.npy"))
    try edges.writeNpy(to: scratch.path("edges.npy"))
    let outcome = try run(
      "line.json", "--x1", "line.npy", "--pattern1", "edges.npy", "--mask-constant", "-4", "--positions", "diagonal",
      "--kernels", "ntk,cov1,mask1", "--output", "k.npz")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let archive = try NpzArchive(at: scratch.path("k.npz"))
    #expect(archive.names == ["ntk", "cov1", "mask1"])
    let expected = try NetworkFile(json: text).network.kernel(
      x, patterns: GraphPatterns(edges), maskConstant: -4, options: KernelOptions(positions: .diagonal))
    #expect(try archive.tensor("ntk") == expected.ntk)
    #expect(try archive.tensor("cov1") == expected.cov1)
    #expect(try archive.tensor("mask1").shape == [3, 5])
    #expect(try run("line.json", "--x1", "line.npy", "--pattern2", "edges.npy", "--output", "k.npz").status == 64)
    #expect(try run("line.json", "--x1", "line.npy", "--kernels", "mask1", "--output", "k.npz").status == 64)
  }

  @Test("a failure leaves an older output as it was, and nothing else behind")
  func failureLeavesNothing() throws {
    try scratch.write("precious", to: "k.npz")
    try Tensor.zeros([4, 2]).writeNpy(to: scratch.path("narrow.npy"))
    let before = try scratch.names
    let outcome = try run("network.json", "--x1", "x1.npy", "--x2", "narrow.npy", "--output", "k.npz")
    #expect(outcome.status == 65)
    #expect(try scratch.text(of: "k.npz") == "precious")
    #expect(try scratch.names == before)
  }
}
