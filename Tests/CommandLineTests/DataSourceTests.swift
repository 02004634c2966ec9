import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("neural-tangents, data from anywhere")
struct DataSourceTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(#"{"serial": [{"dense": {"width": 4}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "net.json")
    let rows = (0..<12).map { "\(Double($0 * $0 % 7) / 4),\($0 % 5),\(Double($0) + 0.5)" }
    try scratch.write((["a,b,y"] + rows).joined(separator: "\n") + "\n", to: "train.csv")
  }

  private static let predict = ["predict", "net.json", "--target", "y", "--diag-reg", "0.1", "--folds", "2", "--train"]

  /// Runs a line of a shell in which `$0` is the program.
  private func shell(_ line: String, _ arguments: [String] = []) throws -> Program.Outcome {
    let program = try #require(Program.url)
    return try Program.run(
      ["-c", line, program.path] + arguments, in: scratch.url, program: URL(filePath: "/bin/bash"))
  }

  private static let hasBash = FileManager.default.isExecutableFile(atPath: "/bin/bash")

  @Test("a file, a pipe, standard input and a compressed one give the same", .enabled(if: hasBash))
  func sources() throws {
    let plain = try Program.run(Self.predict + ["train.csv"], in: scratch.url)
    try #require(plain.status == 0, "\(plain.errors)")
    for line in [
      "cat train.csv | \"$0\" \"$@\" /dev/stdin", "cat train.csv | \"$0\" \"$@\" -", "\"$0\" \"$@\" - < train.csv",
      "\"$0\" \"$@\" <(cat train.csv)", "gzip -c train.csv | \"$0\" \"$@\" -",
      "gzip -c train.csv > train.data; \"$0\" \"$@\" train.data",
      "mkfifo fifo; cat train.csv > fifo & \"$0\" \"$@\" fifo",
    ] {
      let outcome = try shell(line, Self.predict)
      #expect(outcome.status == 0 && outcome.output == plain.output && outcome.errors.isEmpty, "\(line): \(outcome)")
    }
  }

  @Test("a table and an array of the same numbers give the same kernel, whatever the file is called")
  func formats() throws {
    let x = Tensor([1.5, 2, 3.25, 4, 5, 6], shape: [3, 2])
    try x.writeNpy(to: scratch.path("x"))
    try NpzArchive.write([("x", x), ("y", Tensor([1.0, 2, 3]))], to: scratch.path("two.data"), compression: .deflate)
    try scratch.write("a;b\n1,5;2\n3,25;4\n5;6\n", to: "x.table")
    var kernels: [Tensor] = []
    for name in ["x", "two.data:x", "x.table"] {
      let outcome = try Program.run(["kernel", "net.json", "--x1", name, "--output", "k.npz"], in: scratch.url)
      #expect(outcome.status == 0, "\(outcome.errors)")
      kernels.append(try NpzArchive(at: scratch.path("k.npz")).tensor("ntk"))
    }
    #expect(kernels[0] == kernels[1] && kernels[0] == kernels[2])
    let outcome = try Program.run(["kernel", "net.json", "--x1", "two.data", "--output", "k.npz"], in: scratch.url)
    #expect(outcome.status == 65 && outcome.errors.contains("the file has \"x\", \"y\""), "\(outcome.errors)")
  }

  @Test("what was understood in a way of its own is said on standard error, and options say otherwise")
  func notes() throws {
    let rows = (0..<12).map { "0\($0 % 3)1;-;\($0),5" }
    try scratch.write((["code;gap;y"] + rows).joined(separator: "\n") + "\n", to: "odd.csv")
    let codes = try Program.run(
      Self.predict + ["odd.csv", "--missing-text", "-", "--categorical", "gap,code"], in: scratch.url)
    #expect(
      codes.errors.contains("column \"gap\" has no value in any training row and is not used"), "\(codes.errors)")
    let names = try Program.run(Self.predict + ["odd.csv", "--categorical", "code"], in: scratch.url)
    #expect(names.status == 0 && names.output.contains("12 rows, 3 inputs"), "\(names)")
    #expect(names.errors.contains("note: odd.csv: commas in numbers are decimal marks"))
    let numbers = try Program.run(Self.predict + ["odd.csv", "--decimal", ","], in: scratch.url)
    #expect(numbers.status == 0 && numbers.output.contains("12 rows, 1 input,"), "\(numbers)")
    #expect(
      numbers.errors.contains("column \"code\": digits after a leading zero") && !numbers.errors.contains("commas"))
  }

  @Test("columns with commas and quotes in their names are targets like others")
  func names() throws {
    let rows = (0..<12).map { "\($0 % 5),\(Double($0) + 0.5),\(Double($0 % 7) + 0.25)" }
    try scratch.write((["a,\"net, 5\"\" pipe\",y"] + rows).joined(separator: "\n") + "\n", to: "names.csv")
    for (target, count) in [
      ("net, 5\" pipe", 1), ("\"net, 5\"\" pipe\"", 1), ("y,\"net, 5\"\" pipe\"", 2), (" y ", 1),
    ] {
      let outcome = try Program.run(
        ["predict", "net.json", "--train", "names.csv", "--target", target, "--folds", "2", "--diag-reg", "0.1"],
        in: scratch.url)
      #expect(outcome.status == 0, "\(target): \(outcome.errors)")
      #expect(outcome.output.contains("12 rows, \(3 - count) input\(count == 2 ? "" : "s"),"), "\(outcome.output)")
    }
  }

  @Test("test rows are read like training rows")
  func matching() throws {
    let rows = (1...12).map { "\($0)/\($0 + 10)/2024,\($0 % 3 == 0 ? "x" : "7"),\($0).5" }
    try scratch.write((["day,code,y"] + rows).joined(separator: "\n") + "\n", to: "dates.csv")
    try scratch.write("day,code\n1/2/2024,7\n", to: "one.csv")
    let outcome = try Program.run(
      [
        "predict", "net.json", "--train", "dates.csv", "--target", "y", "--categorical", "code", "--diag-reg", "0.1",
        "--test", "one.csv", "--output", "-",
      ], in: scratch.url)
    #expect(outcome.status == 0, "\(outcome.errors)")
    // The second of January, as months come first in the training rows.
    #expect(outcome.errors.contains("\"1/2/2024\" is 19724"), "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("y,y_std,"))
  }
}
