import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("neural-tangents fit")
struct FitCommandTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 9, "weightStd": 3, "biasStd": 0.1}}, {"erf": {}}, {"dense": {"width": 1}}]}"#,
      to: "net.json")
    let numbers = RandomKey(seed: 3).normal([40, 3], dtype: .float64).scalars(as: Double.self)
    let rows = (0..<40).map { row in
      let (a, b, noise) = (20 + 4 * numbers[3 * row], -3 + 0.1 * numbers[3 * row + 1], numbers[3 * row + 2])
      return "\(a),\(b),\(3 + 2 * a - b + 2 * noise)"
    }
    try scratch.write((["a,b,y"] + rows[..<30]).joined(separator: "\n") + "\n", to: "train.csv")
    try scratch.write((["a,b,y"] + rows[30...]).joined(separator: "\n") + "\n", to: "test.csv")
    try scratch.write("a,b\n1,2\n", to: "unlabelled.csv")
  }

  private func run(_ arguments: [String]) throws -> Program.Outcome { try Program.run(arguments, in: scratch.url) }

  /// The numbers of the row of a table that begins with `name`.
  private func numbers(_ text: String, row name: String) -> [Double] {
    let line = text.split(separator: "\n").first { $0.trimmingCharacters(in: .whitespaces).hasPrefix(name + " ") }
    return line?.split(separator: " ").compactMap { Double($0) } ?? []
  }

  @Test("a fitted network is written, and predict takes it as the last line says")
  func fitted() throws {
    let outcome = try run(
      ["fit", "net.json", "--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "fitted.json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let evidence = numbers(outcome.output, row: "log marginal likelihood")
    #expect(evidence.count == 2 && evidence[1] > evidence[0])
    let network = try NetworkFile(json: scratch.text(of: "fitted.json")).network
    let constants = network.hyperParameters
    #expect(
      constants.paths.filter { $0.contains("dense") } == [
        "serial[0].dense.weightStd", "serial[0].dense.biasStd", "serial[2].dense.weightStd",
      ])
    let shown = numbers(outcome.output, row: "serial[0].dense.weightStd")
    #expect(shown.count == 2 && shown[0] == 3)
    #expect(abs(shown[1] - constants["serial[0].dense.weightStd"].scalar(as: Double.self)) < 1e-3 * shown[1])

    let line = try #require(outcome.output.split(separator: "\n").last { $0.hasPrefix("Predict with: ") })
    let arguments = line.split(separator: " ").dropFirst(3).map(String.init)
    #expect(arguments.prefix(2) == ["predict", "fitted.json"])
    let prediction = try run(
      arguments + ["--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "p.csv"])
    try #require(prediction.status == 0, "\(prediction.errors)")
    // Both judge the same predictions.
    let after = numbers(outcome.output, row: "after")
    let judged = numbers(prediction.output, row: "y")
    #expect(after.count >= 3 && judged.count >= 3)
    #expect(after[0] == judged[0] && abs(after[1] - judged[1]) < 1e-3)
  }

  @Test("a fit makes predictions of the diabetes data better: lower NLPD in cross-validation")
  func diabetes() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = root.appending(path: "Sources/neural-tangents/Resources/Data/diabetes.csv").path
    try scratch.write(
      """
      {"serial": [
        {"dense": {"width": 512, "weightStd": 1.4142135623730951, "biasStd": 0.1}}, {"relu": {}},
        {"dense": {"width": 512, "weightStd": 1.4142135623730951, "biasStd": 0.1}}, {"relu": {}},
        {"dense": {"width": 1, "weightStd": 1.4142135623730951, "biasStd": 0.1}}
      ]}
      """, to: "relu.json")
    let outcome = try run([
      "fit", "relu.json", "--train", data, "--target", "target", "--folds", "3", "--max-iterations", "25",
    ])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let (before, after) = (numbers(outcome.output, row: "before"), numbers(outcome.output, row: "after"))
    try #require(before.count >= 2 && after.count >= 2)
    #expect(after[0] < before[0] && after[1] < before[1])
  }

  @Test("classes and the NTK are fitted too")
  func classes() throws {
    let rows = RandomKey(seed: 5).normal([30, 2], dtype: .float64).scalars(as: Double.self)
    let lines = (0..<30).map { "\(rows[2 * $0]),\(rows[2 * $0 + 1]),\(rows[2 * $0] > 0 ? "warm" : "cold")" }
    try scratch.write((["a,b,state"] + lines).joined(separator: "\n") + "\n", to: "classes.csv")
    let outcome = try run([
      "fit", "net.json", "--train", "classes.csv", "--target", "state", "--folds", "3", "--kernel", "ntk", "--tied",
      "--output", "fitted.yaml",
    ])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("accuracy") && outcome.output.contains("--method ntk"))
    #expect(try scratch.text(of: "fitted.yaml").hasPrefix("serial:\n- dense:\n"))
    let constants = try NetworkFile(contentsOf: scratch.path("fitted.yaml")).network.hyperParameters
    let (first, last) = (constants["serial[0].dense.weightStd"], constants["serial[2].dense.weightStd"])
    #expect(abs(first.scalar(as: Double.self) - 3 * last.scalar(as: Double.self)) < 1e-9)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var mentions: [String]

    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let usual = ["--train", "train.csv", "--target", "y"]

  @Test(
    "mistakes are one line with a place and the right exit status",
    arguments: [
      Case(arguments: ["absent.json"] + usual, status: 66, mentions: ["absent.json"]),
      Case(arguments: ["net.json", "--train", "absent.csv", "--target", "y"], status: 66, mentions: ["absent.csv"]),
      Case(arguments: ["net.json", "--train", "train.csv", "--target", "z"], status: 65, mentions: ["\"z\""]),
      Case(arguments: ["net.json", "--train", "train.csv"], status: 64, mentions: ["--target"]),
      Case(arguments: ["net.json"] + usual + ["--max-iterations", "0"], status: 64, mentions: ["--max-iterations"]),
      Case(arguments: ["net.json"] + usual + ["--folds", "1"], status: 64, mentions: ["--folds"]),
      Case(arguments: ["net.json"] + usual + ["--folds", "31"], status: 64, mentions: ["--folds", "30 rows"]),
      Case(arguments: ["net.json"] + usual + ["--kernel", "both"], status: 64, mentions: ["nngp"]),
      Case(
        arguments: ["net.json"] + usual + ["--test", "unlabelled.csv"], status: 65,
        mentions: ["unlabelled.csv", "target"]),
      Case(arguments: ["net.json"] + usual + ["--output", "no/where.json"], status: 73, mentions: ["no/where.json"]),
    ])
  func mistakes(_ mistake: Case) throws {
    let outcome = try run(["fit"] + mistake.arguments)
    #expect(outcome.status == mistake.status)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.split(separator: "\n").count == 1)
    for mention in mistake.mentions { #expect(outcome.errors.contains(mention), "\(outcome.errors)") }
    #expect(try scratch.names.allSatisfy { !$0.hasPrefix("fitted") })
  }
}
