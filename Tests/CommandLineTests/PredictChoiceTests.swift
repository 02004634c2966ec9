import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict, what it chooses")
struct PredictChoiceTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 4, "biasStd": 0.3}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "net.json")
    // A price that noise multiplies, one column that matters, one with far outliers, and four that say nothing.
    let z = RandomKey(seed: 21).normal([260, 8], dtype: .float64).scalars(as: Double.self)
    let lines = (0..<260).map { row in
      let own = Array(z[8 * row..<8 * row + 8])
      let price = exp(2 * sin(2 * own[0]) + 0.3 * own[1] + 0.15 * own[2])
      return (own[..<7].enumerated().map { $0 == 1 ? "\(exp(4 * $1))" : "\($1)" } + ["\(price)"]).joined(separator: ",")
    }
    let header = "a,b,c,d,e,f,g,price"
    try scratch.write(([header] + lines[..<200]).joined(separator: "\n") + "\n", to: "train.csv")
    try scratch.write(([header] + lines[200...]).joined(separator: "\n") + "\n", to: "test.csv")
  }

  private static let usual = [
    "--train", "train.csv", "--target", "price", "--test", "test.csv", "--output", "p.csv",
  ]
  private static let off = [
    "--inputs", "standardize", "--target-transform", "none", "--tails", "normal", "--column-scales", "none",
  ]

  private func predict(_ arguments: [String]) throws -> Program.Outcome {
    let outcome = try Program.run(["predict"] + arguments, in: scratch.url)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return outcome
  }

  /// NLPD as it is printed.
  private func density(_ outcome: Program.Outcome) throws -> Double {
    let line = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("  price") })
    return try #require(Double(line.split(separator: " ")[2]))
  }

  @Test("without a network or options, what is chosen is said and predicts better than what is not chosen")
  func automatic() throws {
    let outcome = try predict(Self.usual)
    for line in ["inputs: ", "column scales: fitted", "target: transform ", "networks: ", "noise: "] {
      #expect(outcome.output.contains(line), "\(line) in \(outcome.output)")
    }
    #expect(outcome.output.contains("nats a row better than without for left-out rows"))
    let plain = try predict(["net.json"] + Self.usual + Self.off)
    for line in ["inputs: ", "column scales", "networks: ", "errors: "] { #expect(!plain.output.contains(line)) }
    #expect(try density(outcome) < density(plain) - 0.3)
  }

  @Test("of more rows than --max-rows a random part is learned from")
  func maxRows() throws {
    let outcome = try predict(["net.json"] + Self.usual + Self.off + ["--max-rows", "50", "--seed", "3"])
    #expect(outcome.output.hasPrefix("50 rows, 7 inputs"))
    #expect(outcome.errors.contains("50 of 200 rows are learned from"))
    #expect(try predict(["net.json"] + Self.usual + Self.off + ["--max-rows", "200"]).errors.isEmpty)
  }

  @Test("--network names a network, too, and auto none")
  func network() throws {
    let named = try predict(["--network", "net.json"] + Self.usual + Self.off)
    #expect(named.output == (try predict(["net.json"] + Self.usual + Self.off).output))
    #expect(try predict(["--network", "auto"] + Self.usual).output == predict(Self.usual).output)
    let both = try Program.run(["predict", "net.json", "--network", "relu.json"] + Self.usual, in: scratch.url)
    #expect(both.status == 64 && both.errors.contains("expected one network"))
  }

  @Test("each choice can be taken away, and what is left is chosen", arguments: [0, 1, 2, 3])
  func switchedOff(_ index: Int) throws {
    let words = ["inputs: ", "transform", "Student", "column scales"]
    let outcome = try predict(["net.json"] + Self.usual + Array(Self.off[2 * index..<2 * index + 2]))
    #expect(!outcome.output.contains(words[index]))
  }

  @Test(
    "named choices are taken",
    arguments: [("log", "logarithm"), ("sqrt", "square root"), ("yeo-johnson", "Yeo-Johnson")])
  func named(_ choice: String, _ name: String) throws {
    let outcome = try predict(
      ["net.json"] + Self.usual + ["--target-transform", choice, "--inputs", "rank", "--median"])
    #expect(outcome.output.contains("errors: "))
    let found = TableText(try scratch.text(of: "p.csv"))
    #expect(found.header == ["price", "price_std", "price_lower95", "price_upper95", "price_median"])
    for row in found.rows {
      let numbers = row.compactMap { Double($0) }
      // Skewed to the right: the median lies in the interval, below the mean.
      #expect(numbers[2] < numbers[4] && numbers[4] < numbers[3] && numbers[4] < numbers[0] && numbers[1] > 0)
    }
  }

  @Test("a transform that targets do not have, and other mistakes, are errors")
  func mistakes() throws {
    try scratch.write("a,y\n1,-1.5\n2,2.5\n3,4.25\n", to: "negative.csv")
    let cases: [([String], Int32, String)] = [
      (["--target-transform", "log"], 65, "positive numbers in column \"y\""),
      (["--target-transform", "sqrt"], 65, "not negative"), (["--target-transform", "square"], 64, "yeo-johnson"),
      (["--inputs", "pca"], 64, "standardize"), (["--tails", "fat"], 64, "student"),
      (["--column-scales", "some"], 64, "auto"),
    ]
    for (options, status, mention) in cases {
      let outcome = try Program.run(
        ["predict", "--train", "negative.csv", "--target", "y", "--folds", "3"] + options, in: scratch.url)
      #expect(outcome.status == status && outcome.errors.contains(mention), "\(outcome)")
    }
  }

  @Test("predictions are the same for any number of threads, but for rounding in linear algebra")
  func threads() throws {
    let tables = try ["1", "2"].map { count in
      _ = try predict(Self.usual + ["--threads", count])
      return TableText(try scratch.text(of: "p.csv"))
    }
    for name in tables[0].header {
      let pairs = zip(tables[0].numbers(name), tables[1].numbers(name))
      #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-6 * abs($0) })
    }
  }

  @Test("classes are told apart without a network, and probabilities are calibrated")
  func classes() throws {
    let z = RandomKey(seed: 22).normal([300, 3], dtype: .float64).scalars(as: Double.self)
    let lines = (0..<300).map { row in
      "\(z[3 * row]),\(z[3 * row + 1]),\(z[3 * row] + 0.7 * z[3 * row + 2] > 0 ? "up" : "down")"
    }
    try scratch.write((["a,b,way"] + lines).joined(separator: "\n") + "\n", to: "ways.csv")
    let outcome = try predict(["--train", "ways.csv", "--target", "way", "--folds", "4"])
    let lines2 = outcome.output.split(separator: "\n")
    let index = try #require(lines2.firstIndex { $0.contains("accuracy") })
    let numbers = lines2[index + 2].split(separator: " ").compactMap { Double($0) }
    // The best there is: probit with slope 1 / 0.7, log loss 0.40 with a standard error of 0.03.
    #expect(numbers[0] > 74 && numbers[1] < 0.52)
  }
}
