import Foundation
import Tensors
import Testing

@Suite("errors of neural-tangents kernel")
struct KernelErrorTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    let network = #"{"serial": [{"dense": {"width": 4}}, {"relu": {}}, {"dense": {"width": 1}}]}"#
    try scratch.write(network, to: "good.json")
    try scratch.write(network.replacing("relu", with: "rleu"), to: "misspelt.json")
    try scratch.write(network.replacing("4", with: "-4"), to: "negative.json")
    try scratch.write(#"{"serial": ["#, to: "broken.json")
    try Tensor.ones([3, 2]).writeNpy(to: scratch.path("x.npy"))
    try Tensor.ones([3, 5]).writeNpy(to: scratch.path("wide.npy"))
    try Tensor.zeros([0, 2]).writeNpy(to: scratch.path("empty.npy"))
    try Tensor([1, .nan], shape: [1, 2]).writeNpy(to: scratch.path("nan.npy"))
    try scratch.write("not an array", to: "text.npy")
    try scratch.write("a,b\n1,2\n3,x\n", to: "words.csv")
    try scratch.write("a,b\n1,2\n3\n", to: "ragged.csv")
    try scratch.write("a,b\n", to: "norows.csv")
    try FileManager.default.createDirectory(
      at: scratch.url.appending(path: "folder.npz"), withIntermediateDirectories: true)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var network = "good.json"
    var x1 = "x.npy"
    var others: [String] = []
    var output = "k.npz"
    var status: Int32
    var mentions: [String]

    var testDescription: String { ([network, x1] + others + [output]).joined(separator: " ") }
  }

  static let cases = [
    Case(network: "absent.json", status: 66, mentions: ["absent.json", "no such file"]),
    Case(network: "misspelt.json", status: 65, mentions: ["misspelt.json", "serial[1].rleu", "relu"]),
    Case(network: "negative.json", status: 65, mentions: ["serial[0].dense.width", "-4"]),
    Case(network: "broken.json", status: 65, mentions: ["broken.json"]),
    Case(x1: "absent.npy", status: 66, mentions: ["absent.npy", "no such file"]),
    Case(x1: "empty.npy", status: 65, mentions: ["empty.npy", "at least one row"]),
    Case(x1: "nan.npy", status: 65, mentions: ["nan.npy", "NaN", "[0, 1]"]),
    Case(x1: "text.npy", status: 65, mentions: ["text.npy"]),
    Case(x1: "words.csv", status: 65, mentions: ["words.csv", "line 3", "\"b\"", "\"x\""]),
    Case(x1: "ragged.csv", status: 65, mentions: ["ragged.csv", "line 3"]),
    Case(x1: "norows.csv", status: 65, mentions: ["norows.csv", "at least one row"]),
    Case(x1: "good.json", status: 65, mentions: ["good.json", "JSON"]),
    Case(others: ["--x2", "wide.npy"], status: 65, mentions: ["x2", "[3, 2]", "found [3, 5]"]),
    Case(others: ["--threads", "0"], status: 64, mentions: ["--threads", "found 0"]),
    Case(others: ["--precision", "half"], status: 64, mentions: ["--precision", "float32", "float64"]),
    Case(others: ["--kernels", "nngp,ntkk"], status: 64, mentions: ["--kernels", "ntk"]),
    Case(others: ["--colour"], status: 64, mentions: ["--colour"]),
    Case(x1: "x.npy:a", status: 65, mentions: ["x.npy", "named arrays"]),
    Case(others: ["--x2", "-", "--pattern1", "/dev/stdin"], status: 64, mentions: ["standard input", "/dev/stdin"]),
    Case(output: "k.npy", status: 64, mentions: ["--output", ".npz"]),
    Case(output: "absent/k.npz", status: 73, mentions: ["absent", "no directory"]),
    Case(output: "folder.npz", status: 73, mentions: ["folder.npz", "directory"]),
  ]

  @Test("say in one line what is wrong, with the exit status of its kind", arguments: cases)
  func failure(_ failure: Case) throws {
    let arguments = ["kernel", failure.network, "--x1", failure.x1] + failure.others + ["--output", failure.output]
    let outcome = try Program.run(arguments, in: scratch.url)
    #expect(outcome.status == failure.status)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.hasSuffix("\n"))
    #expect(outcome.errors.split(separator: "\n").count == 1)
    for word in failure.mentions { #expect(outcome.errors.contains(word), "\(word) in \(outcome.errors)") }
  }
}
