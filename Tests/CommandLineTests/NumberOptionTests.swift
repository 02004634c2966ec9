import ArgumentParser
import Foundation
import Testing

@testable import neural_tangents

@Suite("neural-tangents, numbers beyond reason")
struct NumberOptionTests {
  /// An option that takes a number, found in the command itself.
  struct NumberOption: CustomTestStringConvertible {
    var command: String
    var name: String
    var isInteger: Bool

    var testDescription: String { "\(command) \(name)" }
  }

  /// Every option of every command that takes a number.
  static let all: [NumberOption] = NeuralTangentsCommand.configuration.subcommands.flatMap { command in
    options(of: Mirror(reflecting: command.init())).map {
      NumberOption(command: command.configuration.commandName ?? "", name: $0.name, isInteger: $0.isInteger)
    }
  }

  private static func options(of mirror: Mirror) -> [(name: String, isInteger: Bool)] {
    mirror.children.flatMap { label, value -> [(name: String, isInteger: Bool)] in
      // A property `threads` is stored as `_threads`; its option is `--threads`.
      let name = (label ?? "").dropFirst().reduce(into: "--") { $0 += $1.isUppercase ? "-\($1.lowercased())" : "\($1)" }
      switch value {
      case is Option<Int>, is Option<Int?>: return [(name, true)]
      case is Option<Double>, is Option<Double?>: return [(name, false)]
      case is OptionGroup<ComputeOptions>: return options(of: Mirror(reflecting: ComputeOptions()))
      default: return []
      }
    }
  }

  /// What every command can be run with in little time.
  private static func arguments(of command: String) -> [String] {
    switch command {
    case "kernel", "empirical": ["network.json", "--x1", "table.csv", "--output", "new.npz"]
    case "predict":
      ["network.json", "--train", "table.csv", "--target", "y", "--test", "table.csv", "--output", "new.csv"]
        + ["--task", "regression", "--method", "ntk"]
    case "fit": ["network.json", "--train", "table.csv", "--target", "y", "--task", "regression"]
    case "demo": ["kernel"]
    case "benchmark": ["kernels", "--only", "Dense x 3 + Erf"]
    default: []
    }
  }

  private static let integers = [
    "9223372036854775807", "-9223372036854775808", "99999999999999999999", "0", "-1", "2147483648", "4294967296",
  ]
  private static let numbers = ["inf", "-inf", "nan", "0", "-1", "1e308", "-1e308", "5e-324", "1e-300"]

  @Test("all of them are found")
  func found() {
    let names = Set(Self.all.map(\.name))
    #expect(
      names.isSuperset(of: [
        "--threads", "--tile-size", "--folds", "--seed", "--max-iterations", "--restarts", "--max-rows", "--seconds",
        "--time", "--learning-rate", "--diag-reg", "--diag-reg-absolute", "--mask-constant", "--samples",
        "--block-memory",
      ]), "\(names.sorted())")
  }

  @Test("work, or are one line that names the option", arguments: all)
  func extremes(_ option: NumberOption) throws {
    let scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 1}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "network.json")
    let rows = (0..<12).map { "\(Double($0) / 7),\($0 % 5),\(Double($0 % 3) / 2)" }
    try scratch.write((["a,b,y"] + rows).joined(separator: "\n") + "\n", to: "table.csv")
    for value in option.isInteger ? Self.integers : Self.numbers {
      // How long a measurement takes is what this number says.
      if option.name == "--seconds", Double(value) == 1e308 { continue }
      // So many networks can be drawn, in days.
      if option.name == "--samples", value == "2147483648" { continue }
      let outcome = try Program.run(
        [option.command] + Self.arguments(of: option.command) + ["\(option.name)=\(value)"], in: scratch.url,
        environment: ["PATH": scratch.url.path])
      let place: Comment = "\(option.command) \(option.name)=\(value): \(outcome.status) \(outcome.errors)"
      let lines = outcome.messages.filter { !$0.hasPrefix("warning: ") }
      switch outcome.status {
      case 0: #expect(lines.isEmpty, place)
      case 64:
        #expect(lines.count == 1 && outcome.errors.contains(option.name), place)
        #expect(outcome.errors.contains("expected") || outcome.errors.contains("is invalid for"), place)
        #expect(outcome.output.isEmpty, place)
        // As the number is printed: 1e308 as 1e+308.
        let found = Double(value).map { option.isInteger ? value : "\($0)" } ?? value
        #expect(outcome.errors.contains(found) || outcome.errors.contains(value), place)
      default:
        // The number is possible, and what is computed with it is not.
        #expect([65, 70].contains(outcome.status) && lines.count == 1 && lines[0].hasPrefix("error: "), place)
        #expect(lines.allSatisfy { $0.count < 400 }, place)
      }
      #expect(!outcome.output.lowercased().contains("nan"), "\(place)\n\(outcome.output)")
    }
  }

  @Test("more threads than there can be are those that there can be, and change no byte")
  func threads() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 1}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "network.json")
    try scratch.write((["a"] + (0..<40).map { "\($0)" }).joined(separator: "\n") + "\n", to: "x.csv")
    func run(_ name: String, _ options: [String]) throws -> Data {
      let outcome = try Program.run(
        ["kernel", "network.json", "--x1", "x.csv", "--output", name] + options, in: scratch.url)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try Data(contentsOf: scratch.url.appending(path: name))
    }
    let plain = try run("a.npz", [])
    #expect(try run("b.npz", ["--threads", "3000000000"]) == plain)
    #expect(try run("c.npz", ["--tile-size", "9223372036854775807"]) == plain)
  }
}
