import Foundation
import Testing

@Suite("errors of neural-tangents predict")
struct PredictErrorTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(#"{"serial": [{"dense": {"width": 4}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "net.json")
    try scratch.write(#"{"serial": [{"dense": {"width": 4, "weightstd": 1}}]}"#, to: "misspelt.json")
    try scratch.write("a,b,y\n1,2,3\n2,1,4\n3,3,7\n4,0,1\n", to: "train.csv")
    try scratch.write("a,b\n1,2\n", to: "test.csv")
    try scratch.write("a,b,y\n1,2,3\n2,4\n", to: "ragged.csv")
    try scratch.write("a,b,y\n1,2,3\n2,oops,4\n3,3,7\n4,0,1\n", to: "word.csv")
    try scratch.write("a,b,y\n1,2,3\n2,nan,4\n3,3,7\n4,0,1\n", to: "nan.csv")
    try scratch.write("a,b,y\n1,2,3\n2,,4\n3,3,7\n4,0,1\n", to: "gap.csv")
    try scratch.write("a,b,y\n", to: "norows.csv")
    try scratch.write("", to: "nothing.csv")
    try scratch.write("a,b,y\n1,2,5\n2,1,5\n3,3,5\n4,0,5\n", to: "constant.csv")
    try scratch.write("a,y\n1,3\n1,4\n1,7\n1,1\n", to: "nofeature.csv")
    try scratch.write("a,b,y\n1,2,3\n1,2,4\n3,3,7\n4,0,1\n", to: "twice.csv")
    try scratch.write("a,b\n1,\n", to: "hole.csv")
    try scratch.write("a,b,y\n1,2,\n2,1,NA\n", to: "unlabelled.csv")
    try scratch.write("a\n1\n", to: "narrow.csv")
    try scratch.write("a,b,c\n1,2,3\n", to: "wide.csv")
    try scratch.write("a,b\n1,zwei\n", to: "german.csv")
    try scratch.write("a,b,y\n1,2,three\n", to: "wordtruth.csv")
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var network = "net.json"
    var train = "train.csv"
    var target = "y"
    var options = ["--test", "test.csv", "--output", "p.csv"]
    var status: Int32
    var mentions: [String]

    var testDescription: String { ([network, train, target] + options).joined(separator: " ") }
  }

  static let folds = ["--folds", "2"]
  static let prediction = ["--test", "test.csv", "--output", "p.csv"]

  static let cases = [
    Case(network: "absent.json", status: 66, mentions: ["absent.json"]),
    Case(network: "misspelt.json", status: 65, mentions: ["misspelt.json", "serial[0].dense", "weightstd"]),
    Case(train: "absent.csv", status: 66, mentions: ["absent.csv", "no such file"]),
    Case(train: "ragged.csv", status: 65, mentions: ["ragged.csv", "line 3", "3 cells", "found 2"]),
    Case(train: "word.csv", status: 65, mentions: ["word.csv", "line 3", "\"b\"", "\"oops\""]),
    Case(
      train: "nan.csv", options: ["--missing", "error"] + prediction, status: 65,
      mentions: ["nan.csv", "line 3", "\"b\"", "--missing fill"]),
    Case(
      train: "gap.csv", options: ["--missing", "error"] + prediction, status: 65,
      mentions: ["gap.csv", "line 3", "\"b\"", "missing"]),
    Case(
      options: ["--missing", "error", "--test", "hole.csv", "--output", "p.csv"], status: 65,
      mentions: ["hole.csv", "line 2", "\"b\"", "missing"]),
    Case(options: ["--missing", "guess"] + folds, status: 64, mentions: ["--missing", "fill", "drop", "error"]),
    Case(options: ["--ignore", "y"] + folds, status: 65, mentions: ["ignored", "\"y\""]),
    Case(options: ["--ignore", "z"] + folds, status: 65, mentions: ["train.csv", "\"z\""]),
    Case(options: ["--group", "z"] + folds, status: 65, mentions: ["train.csv", "\"z\""]),
    Case(options: ["--group", "a"] + prediction, status: 64, mentions: ["--group", "--folds"]),
    Case(
      train: "nofeature.csv", options: ["--group", "a"] + folds, status: 65, mentions: ["--group", "at least two"]),
    Case(options: ["--keep", "c"] + prediction, status: 65, mentions: ["test.csv", "\"c\""]),
    Case(options: ["--keep", "a"] + folds, status: 64, mentions: ["--keep", "--output"]),
    Case(train: "unlabelled.csv", status: 65, mentions: ["unlabelled.csv", "\"y\"", "at least one row"]),
    Case(train: "norows.csv", status: 65, mentions: ["norows.csv", "at least one row"]),
    Case(train: "nothing.csv", status: 65, mentions: ["nothing.csv", "header"]),
    Case(
      train: "twice.csv", options: ["--diag-reg", "0"] + prediction, status: 65,
      mentions: ["positive definite", "--diag-reg"]),
    Case(target: "z", status: 65, mentions: ["train.csv", "\"z\""]),
    Case(options: ["--test", "absent.csv", "--output", "p.csv"], status: 66, mentions: ["absent.csv"]),
    Case(options: ["--test", "narrow.csv", "--output", "p.csv"], status: 65, mentions: ["narrow.csv", "\"b\""]),
    Case(
      options: ["--test", "german.csv", "--output", "p.csv"], status: 65,
      mentions: ["german.csv", "line 2", "\"b\"", "zwei"]),
    Case(
      options: ["--test", "norows.csv", "--output", "p.csv"], status: 65, mentions: ["norows.csv", "at least one row"]),
    Case(
      options: ["--test", "wordtruth.csv", "--output", "p.csv"], status: 65,
      mentions: ["wordtruth.csv", "line 2", "three"]),
    Case(options: ["--test", "test.csv", "--output", "absent/p.csv"], status: 73, mentions: ["absent"]),
    Case(options: ["--test", "test.csv"], status: 64, mentions: ["--output"]),
    Case(options: ["--output", "p.csv"], status: 64, mentions: ["--test"]),
    Case(options: [], status: 64, mentions: ["--test", "--folds"]),
    Case(options: ["--folds", "1"], status: 64, mentions: ["--folds", "at least 2"]),
    Case(options: ["--folds", "5"], status: 64, mentions: ["--folds", "4 rows", "found 5"]),
    Case(options: ["--folds", "two"], status: 64, mentions: ["--folds", "two"]),
    Case(options: ["--diag-reg", "-1"] + folds, status: 64, mentions: ["--diag-reg", "-1"]),
    Case(options: ["--diag-reg-absolute", "nan"] + folds, status: 64, mentions: ["--diag-reg-absolute", "nan"]),
    Case(options: ["--diag-reg", "1", "--diag-reg-absolute", "1"] + folds, status: 64, mentions: ["only one"]),
    Case(options: ["--time", "0"] + folds, status: 64, mentions: ["--time"]),
    Case(options: ["--learning-rate", "-2"] + folds, status: 64, mentions: ["--learning-rate"]),
    Case(options: ["--threads", "0"] + folds, status: 64, mentions: ["--threads"]),
    Case(options: ["--method", "gp"] + folds, status: 64, mentions: ["--method", "nngp", "ntk"]),
    Case(options: ["--task", "guess"] + folds, status: 64, mentions: ["--task", "regression"]),
  ]

  @Test("say in one line what is wrong, and write nothing", arguments: cases)
  func failure(_ failure: Case) throws {
    let before = try scratch.names
    let outcome = try Program.run(
      ["predict", failure.network, "--train", failure.train, "--target", failure.target] + failure.options,
      in: scratch.url)
    #expect(outcome.status == failure.status)
    #expect(outcome.output.isEmpty)
    let lines = outcome.errors.split(separator: "\n").filter { !$0.hasPrefix("note: ") }
    #expect(lines.count == 1 && lines[0].hasPrefix("error: "))
    for word in failure.mentions { #expect(outcome.errors.contains(word), "\(word) in \(outcome.errors)") }
    #expect(try scratch.names == before)
  }
}
