import DataFiles
import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict with solvers")
struct PredictSolverTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 4, "biasStd": 0.2}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "net.json")
    let keys = RandomKey(seed: 12).split(into: 2)
    let x = keys[0].normal([120, 4], dtype: .float64)
    let noise = keys[1].normal([120], dtype: .float64) * 0.1
    let numbers = sin(x[.all, 0]) + x[.all, 1] * x[.all, 2] + noise
    let classes = (numbers .> 0).asType(.int32)
    for (name, rows) in [("train", 0..<90), ("test", 90..<120)] {
      try x[rows].writeNpy(to: scratch.path("\(name).npy"))
      try numbers[rows].writeNpy(to: scratch.path("\(name)-numbers.npy"))
      try classes[rows].writeNpy(to: scratch.path("\(name)-classes.npy"))
    }
  }

  private func predict(_ targets: String, _ arguments: [String], limit: Int32 = 0) throws -> (
    table: TableText, outcome: Program.Outcome
  ) {
    let outcome = try Program.run(
      [
        "predict", "net.json", "--train", "train.npy", "--train-targets", "train-\(targets).npy", "--test", "test.npy",
        "--test-targets", "test-\(targets).npy", "--output", "p.csv", "--tails", "normal", "--target-transform", "none",
        "--inputs", "standardize", "--column-scales", "none",
      ] + arguments, in: scratch.url)
    try #require(outcome.status == limit, "\(outcome.errors)")
    return (TableText(try scratch.text(of: "p.csv")), outcome)
  }

  @Test("every solver predicts the same numbers and deviations", arguments: ["nngp", "ntk"])
  func numbers(method: String) throws {
    let exact = try predict("numbers", ["--method", method, "--diag-reg", "0.02"]).table
    for solver in ["cg", "mixed", "out-of-core"] {
      let found = try predict(
        "numbers",
        ["--method", method, "--diag-reg", "0.02", "--solver", solver, "--tolerance", "1e-5", "--precision", "float64"])
      for (column, tolerance) in [("target", 1e-4), ("target_std", 0.02)] {
        for (a, b) in zip(exact.numbers(column), found.table.numbers(column)) {
          #expect(abs(a - b) <= tolerance * max(1, abs(a)), "\(solver) \(column)")
        }
      }
      let name =
        ["cg": "conjugate gradients", "mixed": "float32 Cholesky", "out-of-core": "in panels of"][solver] ?? ""
      #expect(found.outcome.output.contains("solver: ") && found.outcome.output.contains(name))
    }
  }

  @Test("classes are predicted alike, with what is certified")
  func classes() throws {
    let exact = try predict("classes", ["--diag-reg", "0.02"])
    let found = try predict("classes", ["--diag-reg", "0.02", "--solver", "cg", "--tolerance", "0.001"])
    #expect(exact.table.rows.map { $0[0] } == found.table.rows.map { $0[0] })
    #expect(found.outcome.output.contains("preconditioned by"))
    #expect(found.outcome.output.contains("errors of means at most"))
    #expect(!exact.outcome.output.contains("solver:"))
  }

  @Test("at the limit of products the predictions are written, and the exit status is 4")
  func limit() throws {
    let found = try predict(
      "classes", ["--diag-reg", "1e-6", "--solver", "cg", "--tolerance", "1e-12", "--max-products", "2"], limit: 4)
    #expect(found.table.rows.count == 30)
    #expect(found.outcome.errors.contains("error: after 2 products errors of means are certified to be at most"))
    #expect(found.outcome.errors.contains("raise --diag-reg, --tolerance or --max-products"))
  }

  @Test("numbers that make no sense are refused")
  func mistakes() throws {
    for arguments in [["--tolerance", "0"], ["--max-products", "0"], ["--solver", "lu"]] {
      let outcome = try Program.run(
        [
          "predict", "--train", "train.npy", "--train-targets", "train-numbers.npy", "--test", "test.npy", "--output",
          "p",
        ]
          + arguments, in: scratch.url)
      #expect(outcome.status == 64)
    }
  }

  @Test("without noise conjugate gradients are refused with the way on")
  func noNoise() throws {
    let outcome = try Program.run(
      [
        "predict", "net.json", "--train", "train.npy", "--train-targets", "train-numbers.npy", "--test", "test.npy",
        "--output", "p.csv", "--solver", "cg", "--diag-reg", "0",
      ], in: scratch.url)
    #expect(outcome.status == 65 && outcome.errors.contains("expected a positive diagonal regularizer"))
  }
}
