import DataFiles
import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict on arrays")
struct PredictArrayTests {
  let scratch: ScratchDirectory
  /// Pictures of a bright spot in one of two corners, and which.
  let images: Tensor
  let labels: [Int]

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"conv": {"channels": 4, "window": [3, 3], "padding": "same"}}, {"relu": {}}, {"flatten": {}}, {"dense": {"width": 1}}]}"#,
      to: "conv.json")
    try scratch.write(#"{"serial": [{"dense": {"width": 4}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "net.json")
    let noise = RandomKey(seed: 31).normal([40, 36], dtype: .float64).scalars(as: Double.self)
    labels = (0..<40).map { ($0 * 7) % 3 % 2 }
    var pixels = noise.map { 20 * $0 + 100 }
    for (row, label) in labels.enumerated() { pixels[row * 36 + (label == 0 ? 7 : 28)] += 120 }
    images = Tensor(pixels, shape: [40, 6, 6])
    try NpyFile.write(images[0..<30], labels: labels[..<30], to: scratch, "train")
    try NpyFile.write(images[30..<40], labels: labels[30...], to: scratch, "test")
  }

  private func predict(_ arguments: [String]) throws -> (classes: [String], outcome: Program.Outcome) {
    let outcome = try Program.run(["predict"] + arguments + ["--output", "p.csv"], in: scratch.url)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let table = TableText(try scratch.text(of: "p.csv"))
    return (table.rows.map { $0[0] }, outcome)
  }

  private var truth: [String] { labels[30...].map(String.init) }

  @Test(
    "inputs and targets in files of their own, for networks with and without positions",
    arguments: ["conv.json", "net.json", "auto"])
  func apart(_ network: String) throws {
    let found = try predict([
      network, "--train", "train.npy", "--train-targets", "train-labels.npy", "--test", "test.npy", "--test-targets",
      "test-labels.npy",
    ])
    #expect(found.classes == truth && found.outcome.output.contains("100.00 %"))
    let shape = network == "conv.json" ? "6x6x1" : "36"
    #expect(found.outcome.errors.contains("inputs of shape 6x6 are taken as \(shape)"), "\(found.outcome.errors)")
  }

  @Test("an archive with both, whose target is named")
  func archive() throws {
    let found = try predict(["conv.json", "--train", "train.npz", "--target", "labels", "--test", "test.npz"])
    #expect(found.classes == truth && found.outcome.output.contains("100.00 %"))
    let part = try predict(["conv.json", "--train", "train.npz", "--target", "labels", "--test", "test.npz:images"])
    #expect(part.classes == truth && !part.outcome.output.contains("accuracy"))
  }

  @Test("columns of a table with a shape are the same as an array")
  func shaped() throws {
    func table(_ rows: Range<Int>) -> String {
      let numbers = images.scalars(as: Double.self)
      let lines = rows.map { row in
        (numbers[row * 36..<(row + 1) * 36].map { "\($0)" } + ["\(labels[row])"]).joined(separator: ",")
      }
      return (["\((0..<36).map { "p\($0)" }.joined(separator: ",")),kind"] + lines).joined(separator: "\n") + "\n"
    }
    try scratch.write(table(0..<30), to: "train.csv")
    try scratch.write(table(30..<40), to: "test.csv")
    _ = try predict([
      "conv.json", "--train", "train.csv", "--target", "kind", "--test", "test.csv", "--input-shape", "6,6,1",
    ])
    let shaped = TableText(try scratch.text(of: "p.csv"))
    _ = try predict([
      "conv.json", "--train", "train.npy", "--train-targets", "train-labels.npy", "--test", "test.npy",
    ])
    let array = TableText(try scratch.text(of: "p.csv"))
    #expect(shaped.rows == array.rows)
  }

  @Test("numbers are predicted for arrays without positions, one or several targets")
  func regression() throws {
    let x = RandomKey(seed: 5).normal([30, 3], dtype: .float64)
    try scratch.save(x, to: "x.npy")
    try scratch.save(concatenate([x[.all, 0..<1] * 2, x[.all, 1..<2] + 7.5], axis: 1), to: "y.npy")
    let outcome = try Program.run(
      ["predict", "net.json", "--train", "x.npy", "--train-targets", "y.npy", "--test", "x.npy", "--output", "p.csv"],
      in: scratch.url)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let found = TableText(try scratch.text(of: "p.csv"))
    #expect(found.header.prefix(5) == ["target0", "target0_std", "target0_lower95", "target0_upper95", "target1"])
    let expected = x.scalars(as: Double.self)
    for row in 0..<30 { #expect(abs(found.numbers("target0")[row] - 2 * expected[3 * row]) < 0.5) }
  }

  @Test("images that are all the same, and one alone, give what can be predicted")
  func constant() throws {
    try scratch.save(Tensor.zeros([4, 6, 6], dtype: .float64), to: "zero.npy")
    try scratch.save(Tensor([1.5, 2.5, 3.5, 4.5], shape: [4, 1]), to: "numbers.npy")
    for network in ["conv.json", "net.json", "auto"] {
      let outcome = try Program.run(
        [
          "predict", network, "--train", "zero.npy", "--train-targets", "numbers.npy", "--test", "zero.npy", "--output",
          "p.csv",
        ], in: scratch.url)
      try #require(outcome.status == 0, "\(network): \(outcome.errors)")
      #expect(outcome.errors.contains("inputs do not tell rows apart"))
      let found = TableText(try scratch.text(of: "p.csv"))
      #expect(found.header[0] == "target" && found.numbers("target").allSatisfy { abs($0 - 3) < 1 })
    }
    try NpzArchive.write([("x", images[0..<1]), ("y", Tensor([7.5], shape: [1, 1]))], to: scratch.path("one.npz"))
    let one = try Program.run(
      ["predict", "conv.json", "--train", "one.npz", "--target", "y", "--test", "one.npz", "--output", "p.csv"],
      in: scratch.url)
    try #require(one.status == 0, "\(one.errors)")
    #expect(TableText(try scratch.text(of: "p.csv")).numbers("y")[0] == 7.5)
  }

  @Test("networks whose outputs have positions are refused with the way on")
  func positions() throws {
    try scratch.write(
      #"{"serial": [{"conv": {"channels": 4, "window": [3, 3], "padding": "same"}}, {"relu": {}}]}"#, to: "pos.json")
    let outcome = try Program.run(
      [
        "predict", "pos.json", "--train", "train.npy", "--train-targets", "train-labels.npy", "--input-shape", "6,6,1",
        "--folds", "2",
      ],
      in: scratch.url)
    #expect(outcome.status == 65 && outcome.errors.contains("as after flatten or globalAveragePool"), "\(outcome)")
  }

  @Test("a network and data may come from pipes")
  func pipes() throws {
    let shell = try Program.run(
      [
        "-c",
        "cat net.json | \"$0\" predict - --train train.npy --train-targets train-labels.npy --test test.npy --output p.csv",
        try #require(Program.url).path,
      ], in: scratch.url, program: URL(filePath: "/bin/sh"))
    #expect(shell.status == 0, "\(shell.errors)")
    #expect(TableText(try scratch.text(of: "p.csv")).rows.map { $0[0] } == truth)
  }

  @Test("fit takes arrays, too")
  func fit() throws {
    let outcome = try Program.run(
      ["fit", "net.json", "--train", "train.npy", "--train-targets", "train-labels.npy", "--max-iterations", "5"],
      in: scratch.url)
    #expect(outcome.status == 0 && outcome.output.contains("log marginal likelihood"), "\(outcome.errors)")
  }

  @Test("mistakes name the file and what was expected")
  func mistakes() throws {
    try scratch.save(Tensor([1.0, 2]), to: "short.npy")
    try scratch.save(images[0..<30].reshaped([30, 3, 12]), to: "other.npy")
    let labelled = ["--train", "train.npy", "--train-targets", "train-labels.npy"]
    let cases: [([String], Int32, [String])] = [
      (["conv.json", "--train", "train.npy", "--folds", "2"], 64, ["--target", "--train-targets"]),
      (
        ["conv.json", "--train", "train.npy", "--train-targets", "short.npy", "--folds", "2"], 65,
        ["short.npy", "30 as in train.npy", "found 2"]
      ),
      (["conv.json"] + labelled + ["--folds", "2", "--input-shape", "5,7,1"], 64, ["--input-shape", "36", "5x7x1"]),
      (["conv.json"] + labelled + ["--folds", "2", "--input-shape", "six"], 64, ["--input-shape"]),
      (["conv.json"] + labelled + ["--folds", "2", "--inputs", "rank"], 64, ["--inputs rank", "positions"]),
      (["conv.json"] + labelled + ["--test-targets", "test-labels.npy", "--folds", "2"], 64, ["--test"]),
      (
        [
          "conv.json", "--train", "train.csv", "--target", "y", "--test-targets", "a.npy", "--test", "b", "--output",
          "p.csv",
        ],
        64, ["--train-targets"]
      ),
      (["conv.json", "--train", "train.npz", "--target", "kind", "--folds", "2"], 65, ["kind"]),
    ]
    for (arguments, status, mentions) in cases {
      let outcome = try Program.run(["predict"] + arguments, in: scratch.url)
      #expect(outcome.status == status, "\(arguments) \(outcome)")
      for mention in mentions { #expect(outcome.errors.contains(mention), "\(mention) in \(outcome.errors)") }
    }
  }
}

private enum NpyFile {
  /// Images and labels in files of their own, and both in an archive.
  static func write(_ images: Tensor, labels: ArraySlice<Int>, to scratch: ScratchDirectory, _ name: String) throws {
    let numbers = Tensor(labels.map { Int32($0) })
    try scratch.save(images, to: "\(name).npy")
    try scratch.save(numbers, to: "\(name)-labels.npy")
    try NpzArchive.write([("images", images), ("labels", numbers)], to: scratch.path("\(name).npz"))
  }
}

extension ScratchDirectory {
  fileprivate func save(_ tensor: Tensor, to name: String) throws { try tensor.writeNpy(to: path(name)) }
}
