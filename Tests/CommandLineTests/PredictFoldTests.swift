import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict, folds and classes")
struct PredictFoldTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 1, "biasStd": 1}}, {"relu": {}}, {"dense": {"width": 1, "biasStd": 1}}]}"#,
      to: "relu.json")
    try scratch.write(#"{"dense": {"width": 1, "biasStd": 1}}"#, to: "linear.json")
    // y = a − 2 b and noise of standard deviation 5.
    let x = RandomKey(seed: 11).normal([400, 3], dtype: .float64).scalars(as: Double.self)
    let lines = (0..<400).map { "\(x[3 * $0]),\(x[3 * $0 + 1]),\(x[3 * $0] - 2 * x[3 * $0 + 1] + 5 * x[3 * $0 + 2])" }
    try scratch.write((["a,b,y"] + lines).joined(separator: "\n"), to: "noisy.csv")
    // Three well separated clouds and a text column that says nothing.
    let clouds = (0..<90).map { row in
      let (kind, shift) = (row % 3, 6.0 * Double(row % 3))
      return "\(shift + x[3 * row]),\(shift * (2 - Double(kind)) + x[3 * row + 1]),\(row % 2 == 0 ? "red" : "blue"),\(["ash", "oak", "elm"][kind])"
    }
    try scratch.write((["u,v,colour,tree"] + clouds[..<60]).joined(separator: "\n"), to: "trees.csv")
    try scratch.write((["u,v,colour,tree"] + clouds[60...]).joined(separator: "\n"), to: "more.csv")
  }

  private func predict(_ arguments: String...) throws -> Program.Outcome {
    try Program.run(["predict"] + arguments, in: scratch.url)
  }

  /// The row of numbers of the table with `header` in it.
  private func row(after header: String, in output: String) throws -> [Double] {
    let lines = output.split(separator: "\n")
    let index = try #require(lines.firstIndex { $0.contains(header) })
    return lines[index + 2].split(separator: " ").compactMap { Double($0) }
  }

  @Test("cross-validated scores are those of the noise, and intervals hold what they promise", arguments: ["nngp", "ntk"])
  func calibrated(_ method: String) throws {
    let outcome = try predict(
      "linear.json", "--train", "noisy.csv", "--target", "y", "--folds", "8", "--method", method)
    try #require(outcome.status == 0, "\(outcome.errors)")
    // RMSE, NLPD, R2, then the parts of true values in the intervals of 50, 80, 90, 95, 99 %.
    let numbers = try row(after: "RMSE", in: outcome.output)
    try #require(numbers.count == 8)
    // Errors of estimates from 400 rows: the tolerances are four standard errors.
    #expect(Swift.abs(numbers[0] - 5) < 4 * 5 / 800.0.squareRoot())
    #expect(Swift.abs(numbers[1] - (0.5 * log(2 * .pi * 25) + 0.5)) < 4 * 0.5.squareRoot() / 20)
    for (level, share) in zip([0.5, 0.8, 0.9, 0.95, 0.99], numbers[3...]) {
      #expect(Swift.abs(share / 100 - level) < 4 * (level * (1 - level) / 400).squareRoot() + 0.001)
    }
  }

  @Test("equal seeds give equal folds, other seeds others")
  func seeds() throws {
    func output(_ seed: String) throws -> String {
      try predict("relu.json", "--train", "noisy.csv", "--target", "y", "--folds", "3", "--seed", seed).output
    }
    let first = try output("1")
    #expect(first.contains("RMSE"))
    #expect(try output("1") == first)
    #expect(try output("2") != first)
  }

  @Test("separated classes are told apart, with probabilities that sum to one", arguments: ["nngp", "ntk"])
  func classes(_ method: String) throws {
    let outcome = try predict(
      "relu.json", "--train", "trees.csv", "--target", "tree", "--test", "more.csv", "--output", "p.csv", "--method", method)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("100.00 %"))
    let found = TableText(try scratch.text(of: "p.csv"))
    #expect(found.header == ["tree", "probability_ash", "probability_elm", "probability_oak"])
    #expect(found.texts("tree") == TableText(try scratch.text(of: "more.csv")).texts("tree"))
    for row in found.rows {
      let numbers = row.dropFirst().compactMap { Double($0) }
      #expect(numbers.count == 3 && Swift.abs(numbers.reduce(0, +) - 1) < 1e-9)
      #expect(found.header[1...].dropFirst(0).firstIndex(of: "probability_\(row[0])") == row[1...].indices.max { numbers[$0 - 1] < numbers[$1 - 1] })
    }
  }

  @Test("classes are judged in folds by accuracy, likelihood and a table of mistakes")
  func classFolds() throws {
    let outcome = try predict("relu.json", "--train", "trees.csv", "--target", "tree", "--folds", "5")
    try #require(outcome.status == 0, "\(outcome.errors)")
    for word in ["accuracy", "NLPD", "Brier", "true \\ predicted"] { #expect(outcome.output.contains(word)) }
    // 60 rows, 20 of each kind.
    let lines = outcome.output.split(separator: "\n")
    for tree in ["ash", "elm", "oak"] {
      let counts = try #require(lines.last { $0.contains("  \(tree) ") }).split(separator: " ").compactMap { Int($0) }
      #expect(counts.reduce(0, +) == 20)
    }
  }

  @Test("a column that is the same everywhere is left out, and that is said")
  func constantColumn() throws {
    let lines = try scratch.text(of: "trees.csv").split(separator: "\n")
    let wider = [lines[0] + ",unit"] + lines.dropFirst().map { $0 + ",7" }
    try scratch.write(wider.joined(separator: "\n"), to: "wider.csv")
    let with = try predict("relu.json", "--train", "wider.csv", "--target", "tree", "--folds", "5")
    let without = try predict("relu.json", "--train", "trees.csv", "--target", "tree", "--folds", "5")
    #expect(with.status == 0)
    #expect(with.errors.contains("note: ") && with.errors.contains("\"unit\""))
    #expect(with.output == without.output)
  }
}
