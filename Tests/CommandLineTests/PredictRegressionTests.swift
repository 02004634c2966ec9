import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict, numbers")
struct PredictRegressionTests {
  let scratch: ScratchDirectory
  /// y = 3 + 2 a − b and noise, in unhandy units.
  let rows: [(a: Double, b: Double, y: Double)]

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 1, "weightStd": 1.5, "biasStd": 0.5}}]}"#, to: "linear.json")
    try scratch.write(
      #"{"serial": [{"dense": {"width": 9, "biasStd": 0.5}}, {"erf": {}}, {"dense": {"width": 1}}]}"#, to: "erf.json")
    let numbers = RandomKey(seed: 3).normal([15, 3], dtype: .float64).scalars(as: Double.self)
    rows = (0..<15).map { row in
      let (a, b) = (20 + 4 * numbers[3 * row], -3 + 0.1 * numbers[3 * row + 1])
      return (a, b, 3 + 2 * a - b + 3 * numbers[3 * row + 2])
    }
    try scratch.write(table(rows[..<12], withTarget: true), to: "train.csv")
    try scratch.write(table(rows[12...], withTarget: false), to: "test.csv")
  }

  private func table(_ rows: ArraySlice<(a: Double, b: Double, y: Double)>, withTarget: Bool) -> String {
    (["a,b" + (withTarget ? ",y" : "")] + rows.map { "\($0.a),\($0.b)" + (withTarget ? ",\($0.y)" : "") })
      .joined(separator: "\n") + "\n"
  }

  private func predict(_ arguments: String...) throws -> Program.Outcome {
    try Program.run(["predict"] + arguments, in: scratch.url)
  }

  private func predictions(_ arguments: String...) throws -> TableText {
    let outcome = try Program.run(
      ["predict"] + arguments + ["--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "p.csv"],
      in: scratch.url)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return TableText(try scratch.text(of: "p.csv"))
  }

  @Test(
    "predictions and intervals are those of the textbook formulas, in the target's units",
    arguments: ["nngp", "ntk"])
  func textbook(_ method: String) throws {
    let found = try predictions("linear.json", "--method", method, "--diag-reg-absolute", "0.3")
    #expect(found.header == ["y", "y_std", "y_lower95", "y_upper95"])
    let (a, b, y) = (
      Standardized(rows[..<12].map(\.a)), Standardized(rows[..<12].map(\.b)), Standardized(rows[..<12].map(\.y))
    )
    let process = NaiveRegression(
      kernel: { 1.5 * 1.5 * ($0[0] * $1[0] + $0[1] * $1[1]) / 2 + 0.25 }, noise: 0.3,
      x: zip(a.values, b.values).map { [$0, $1] }, y: y.values)
    // One layer: the tangent kernel is the NNGP.
    let formula: (NaiveRegression, [Double]) -> (mean: Double, variance: Double) =
      method == "nngp" ? { $0.posterior($1) } : { $0.ensemble($1) }
    let scale = process.leaveOneOutScale(formula)
    for (index, row) in rows[12...].enumerated() {
      let point = [(row.a - a.mean) / a.deviation, (row.b - b.mean) / b.deviation]
      let (mean, variance) = formula(process, point)
      let expected = mean * y.deviation + y.mean
      let deviation = (scale * (variance + 0.3)).squareRoot() * y.deviation
      #expect(Swift.abs(found.numbers("y")[index] - expected) < 1e-8)
      #expect(Swift.abs(found.numbers("y_std")[index] - deviation) < 1e-8)
      #expect(Swift.abs(found.numbers("y_lower95")[index] - (expected - 1.959963984540054 * deviation)) < 1e-8)
      #expect(Swift.abs(found.numbers("y_upper95")[index] - (expected + 1.959963984540054 * deviation)) < 1e-8)
    }
  }

  @Test("a relative regularizer is one in units of the mean diagonal", arguments: ["nngp", "ntk"])
  func relativeRegularizer(_ method: String) throws {
    // Standardised features: the mean of x·x is their number.
    let diagonal = 1.5 * 1.5 + 0.25
    let relative = try predictions("linear.json", "--method", method, "--diag-reg", "0.2")
    let absolute = try predictions("linear.json", "--method", method, "--diag-reg-absolute", "\(0.2 * diagonal)")
    for name in relative.header {
      #expect(zip(relative.numbers(name), absolute.numbers(name)).allSatisfy { Swift.abs($0 - $1) < 1e-8 })
    }
  }

  @Test("no training predicts the mean, and endless training what no time predicts", arguments: ["nngp", "ntk"])
  func trainingTime(_ method: String) throws {
    let common = ["erf.json", "--method", method, "--diag-reg", "0.1"]
    func run(_ more: String...) throws -> TableText {
      let outcome = try Program.run(
        ["predict"] + common + more
          + ["--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "p.csv"], in: scratch.url)
      try #require(outcome.status == 0, "\(outcome.errors)")
      return TableText(try scratch.text(of: "p.csv"))
    }
    let mean = rows[..<12].reduce(0) { $0 + $1.y } / 12
    #expect(try run("--time", "1e-9").numbers("y").allSatisfy { Swift.abs($0 - mean) < 1e-5 })
    let (late, end) = (try run("--time", "1e9", "--learning-rate", "1e3"), try run())
    #expect(zip(late.numbers("y"), end.numbers("y")).allSatisfy { Swift.abs($0 - $1) < 1e-6 })
    #expect(try run("--time", "inf").numbers("y") == end.numbers("y"))
  }

  @Test("true values in the test table are scored, columns may come in any order")
  func scored() throws {
    try scratch.write(
      (["y,b,a"] + rows[12...].map { "\($0.y),\($0.b),\($0.a)" }).joined(separator: "\n"), to: "shuffled.csv")
    let plain = try predictions("erf.json")
    let outcome = try predict(
      "erf.json", "--train", "train.csv", "--target", "y", "--test", "shuffled.csv", "--output", "q.csv")
    #expect(outcome.status == 0 && outcome.output.contains("RMSE") && outcome.output.contains("in 95 %"))
    let other = TableText(try scratch.text(of: "q.csv"))
    #expect(other.numbers("y") == plain.numbers("y"))
    // The printed error is that of the file.
    let error =
      (zip(other.numbers("y"), rows[12...]).reduce(0) { $0 + ($1.0 - $1.1.y) * ($1.0 - $1.1.y) } / 3).squareRoot()
    #expect(outcome.output.contains(String(format: "%.4g", error)))
  }

  @Test("several targets are predicted together as they are alone")
  func severalTargets() throws {
    let options = ["--diag-reg", "0.1", "--output", "p.csv", "--train", "train.csv", "--test", "one.csv"]
    try scratch.write("a\n21\n17\n", to: "one.csv")
    func run(_ target: String, train: String) throws -> TableText {
      let arguments = ["predict", "erf.json", "--target", target] + options
      let outcome = try Program.run(arguments.map { $0 == "train.csv" ? train : $0 }, in: scratch.url)
      try #require(outcome.status == 0, "\(outcome.errors)")
      return TableText(try scratch.text(of: "p.csv"))
    }
    let both = try run("y,b", train: "train.csv")
    #expect(both.header == ["y", "y_std", "y_lower95", "y_upper95", "b", "b_std", "b_lower95", "b_upper95"])
    try scratch.write((["a,y"] + rows[..<12].map { "\($0.a),\($0.y)" }).joined(separator: "\n"), to: "y.csv")
    let alone = try run("y", train: "y.csv")
    for name in alone.header {
      #expect(zip(alone.numbers(name), both.numbers(name)).allSatisfy { Swift.abs($0 - $1) < 1e-9 })
    }
  }
}
