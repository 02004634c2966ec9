import Foundation
import NeuralTangents
import Tensors
import Testing

@testable import neural_tangents

@Suite("neural-tangents describe")
struct DescribeCommandTests {
  let scratch: ScratchDirectory

  private static let hasGraphviz = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/dot") }

  init() throws {
    scratch = try ScratchDirectory()
    let network = """
      {"serial": [
        {"conv": {"channels": 4, "window": [3, 3], "padding": "same"}},
        {"fanOut": {"count": 2}},
        {"parallel": [{"serial": [{"relu": {}}, {"conv": {"channels": 4, "window": [3, 3], "padding": "same"}}]},
                      {"identity": {}}]},
        {"fanInSum": {}}, {"flatten": {}}, {"dense": {"width": 3, "biasStd": 0.1}}]}
      """
    try scratch.write(network, to: "network.json")
    try scratch.write(network.replacing("fanInSum", with: "fanInSun"), to: "misspelt.json")
    try scratch.write(#"{"serial": [{"relu": {}}, {"dense": {"width": 2}}]}"#, to: "finite.json")
  }

  private func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Program.Outcome {
    try Program.run(["describe"] + arguments, in: scratch.url, environment: environment)
  }

  @Test("the table has a row per layer with shapes, parameters and covariances")
  func table() throws {
    let outcome = try run("network.json", "--input", "8,8,1")
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    let conv = try #require(lines.first { $0.contains("conv") })
    for word in ["channels 4", "window 3x3", "padding same", "Nx8x8x4", " 36 ", "diagonal", " 64 "] {
      #expect(conv.contains(word), "\(word) in \(conv)")
    }
    #expect(lines.contains { $0.hasPrefix("      relu ") })
    #expect(lines.contains { $0.contains("fanInSum") && $0.contains("Nx8x8x4") })
    #expect(lines.contains { $0.contains("dense width 3") && $0.contains(" \(256 * 3 + 3) ") })
    #expect(outcome.output.contains("Parameters of the finite network: \(36 + 144 + 256 * 3 + 3)"))
    #expect(outcome.output.contains("One entry of NNGP and NTK"))
  }

  @Test("ready-made networks need no file; pools down to one position need all covariances")
  func readyMade() throws {
    let outcome = try run("myrtle5", "--input", "8,8,1")
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    for word in ["myrtle depth 5", "averagePool", " all ", "Nx10"] {
      #expect(outcome.output.contains(word), "\(word) in \(outcome.output)")
    }
  }

  @Test("a file goes before a ready-made network of the same name")
  func fileFirst() throws {
    try FileManager.default.copyItem(atPath: scratch.path("finite.json"), toPath: scratch.path("myrtle5"))
    let outcome = try run("myrtle5", "--input", "8")
    #expect(outcome.status == 0 && outcome.output.contains("Parameters of the finite network: 16"))
    #expect(outcome.output.contains("No infinite limit: serial[0].relu: "))
  }

  @Test("kernels of ready-made networks are computed by name")
  func kernelByName() throws {
    let x = RandomKey(seed: 1).normal([3, 4, 4, 1], dtype: .float64)
    try x.writeNpy(to: scratch.path("x.npy"))
    let outcome = try Program.run(["kernel", "convVec2", "--x1", "x.npy", "--output", "k.npz"], in: scratch.url)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let nngp = try NpzArchive(at: scratch.path("k.npz")).tensor("nngp")
    #expect(nngp.scalars(as: Double.self) == (try ConvVec(depth: 2).nngp(x)).scalars(as: Double.self))
  }

  @Test("the picture is drawn in the format of its ending", .enabled(if: hasGraphviz))
  func picture() throws {
    for (name, start) in [("network.svg", "<?xml"), ("network.png", "\u{89}PNG"), ("network.pdf", "%PDF")] {
      let outcome = try run("network.json", "--input", "8,8,1", "--output", name)
      #expect(outcome.status == 0 && outcome.output.contains("Picture: \(name)"), "\(outcome.errors)")
      let data = try Data(contentsOf: scratch.url.appending(path: name))
      #expect(data.starts(with: start.unicodeScalars.map { UInt8($0.value) }))
    }
    let svg = try scratch.text(of: "network.svg")
    for word in ["conv", "relu", "flatten", "Nx8x8x4", "input", "output"] { #expect(svg.contains(word)) }
    #expect(!svg.contains("identity"))
    #expect(
      try scratch.names == [
        "finite.json", "misspelt.json", "network.json", "network.pdf", "network.png", "network.svg",
      ])
  }

  @Test("the graph joins each layer to those it reads")
  func graph() throws {
    let network = Serial {
      Dense(4)
      Repeat(2) { residual }
      Relu()
    }
    let text = NetworkGraph(try network.description(forInput: [5])).text
    #expect(text.contains("2 times") && text.contains("label=\"+\""))
    #expect(text.split(separator: "\n").filter { $0.contains("subgraph") }.count == 1)
    // input → dense → relu → dense → sum, dense → sum, sum → relu → output.
    #expect(text.split(separator: "\n").filter { $0.contains("->") }.count == 7)
    #expect(text.filter { $0 == "{" }.count == text.filter { $0 == "}" }.count)
  }

  private var residual: Serial {
    Serial {
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
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var mentions: [String]
    var path: String?

    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let cases = [
    Case(arguments: ["absent.json", "--input", "8"], status: 66, mentions: ["absent.json", "no such file"]),
    Case(arguments: ["absent", "--input", "8"], status: 66, mentions: ["absent", "no such file", "myrtle"]),
    Case(arguments: ["myrtle6", "--input", "8,8,1"], status: 64, mentions: ["myrtle6", "5, 7 or 10"]),
    Case(arguments: ["myrtle", "--input", "8,8,1"], status: 64, mentions: ["depth", "myrtle10"]),
    Case(arguments: ["wideResNet11", "--input", "8,8,1"], status: 64, mentions: ["28"]),
    Case(arguments: ["misspelt.json", "--input", "8,8,1"], status: 65, mentions: ["serial[3].fanInSun", "fanInSum"]),
    Case(arguments: ["network.json", "--input", "8"], status: 65, mentions: ["serial[0].conv"]),
    Case(arguments: ["network.json", "--input", "8,0,1"], status: 64, mentions: ["--input", "8,0,1"]),
    Case(arguments: ["network.json", "--input", "8;8"], status: 64, mentions: ["--input", "8;8"]),
    Case(arguments: ["network.json"], status: 64, mentions: ["--input"]),
    Case(
      arguments: ["network.json", "--input", "8,8,1", "--output", "n.gif"], status: 64, mentions: ["--output", ".svg"]),
    Case(
      arguments: ["network.json", "--input", "8,8,1", "--output", "absent/n.svg"], status: 73,
      mentions: ["absent", "no directory"]),
    Case(
      arguments: ["network.json", "--input", "8,8,1", "--output", "n.svg"], status: 70,
      mentions: ["dot is not installed", "apt install graphviz", "brew install graphviz"], path: "/nowhere"),
  ]

  @Test("errors are one line with the exit status of their kind", arguments: cases)
  func failure(_ failure: Case) throws {
    let outcome = try Program.run(
      ["describe"] + failure.arguments, in: scratch.url, environment: failure.path.map { ["PATH": $0] } ?? [:])
    #expect(outcome.status == failure.status, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.split(separator: "\n").count == 1)
    for word in failure.mentions { #expect(outcome.errors.contains(word), "\(word) in \(outcome.errors)") }
  }
}
