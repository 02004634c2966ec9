import Foundation
import Testing

@Suite("neural-tangents, files that cannot be written")
struct WritingTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 1}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "network.json")
    // Its file is larger than the limit below.
    let deep = [String](repeating: #"{"dense": {"width": 1, "biasStd": 0.1}}, {"relu": {}}"#, count: 12)
    try scratch.write("{\"serial\": [\(deep.joined(separator: ", ")), {\"dense\": {\"width\": 1}}]}", to: "deep.json")
    let rows = (0..<200).map { "\(Double($0) / 7),\($0 % 5),\($0 % 3)" }
    try scratch.write((["a,b,y"] + rows).joined(separator: "\n") + "\n", to: "table.csv")
  }

  /// Every command that writes a file of its own, without the name of the file.
  enum Writer: String, CaseIterable {
    case kernel, predict, fit, describe

    var arguments: [String] {
      switch self {
      case .kernel: ["kernel", "network.json", "--x1", "table.csv", "--output"]
      case .predict:
        [
          "predict", "network.json", "--train", "table.csv", "--target", "y", "--task", "regression", "--diag-reg",
          "0.1",
        ]
          + ["--test", "table.csv", "--output"]
      case .fit: ["fit", "deep.json", "--train", "table.csv", "--target", "y", "--max-iterations", "2", "--output"]
      case .describe: ["describe", "myrtle10", "--input", "32,32,3", "--output"]
      }
    }

    var output: String {
      switch self {
      case .kernel: "old.npz"
      case .predict: "old.csv"
      case .fit: "old.json"
      case .describe: "old.svg"
      }
    }
  }

  private static let hasGraphviz = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/dot") }

  @Test(
    "a disk that is full is one line, the old file stays, and nothing is left",
    arguments: Writer.allCases.filter { $0 != .describe || hasGraphviz })
  func fullDisk(_ writer: Writer) throws {
    try scratch.write("old", to: writer.output)
    let before = try scratch.names
    let program = try #require(Program.url)
    // A limit on the size of files, in blocks of 512 bytes.
    let outcome = try Program.run(
      ["-c", "ulimit -f 2; exec \"$0\" \"$@\" 2>&1 | cat", program.path] + writer.arguments + [writer.output],
      in: scratch.url, program: URL(filePath: "/bin/sh"))
    // On a busy machine a fit says how far it is.
    let lines = outcome.output.split(separator: "\n").filter { !$0.contains(" so far") }
    #expect(lines.count == 1 && lines[0].hasPrefix("error: ") && lines[0].count < 200, "\(outcome.output)")
    #expect(lines.allSatisfy { $0.contains(writer.output) }, "\(outcome.output)")
    #expect(try scratch.text(of: writer.output) == "old")
    #expect(try scratch.names == before)
  }

  @Test("a full device, a missing folder, a folder and a place for no files are one line each, with status 73")
  func places() throws {
    for (place, reason) in [
      ("/dev/full", "No space left on device"), ("missing/new.csv", "there is no directory"),
      (".", "it is a directory"),
      ("/proc/new.csv", "cannot be written: "),
    ] {
      let outcome = try Program.run(Writer.predict.arguments + [place], in: scratch.url)
      #expect(outcome.status == 73 && outcome.output.isEmpty)
      let messages = outcome.messages
      #expect(messages.count == 1 && messages[0].hasPrefix("error: \(place): "), "\(outcome.errors)")
      #expect(messages.allSatisfy { $0.contains(reason) }, "\(outcome.errors)")
    }
  }

  @Test("a pipe, a device and standard output are written as they are; a link stays one")
  func streams() throws {
    let plain = try Program.run(Writer.predict.arguments + ["plain.csv"], in: scratch.url)
    try #require(plain.status == 0, "\(plain.errors)")
    let expected = try scratch.text(of: "plain.csv")
    // What the command says goes elsewhere when the table goes to standard output.
    let direct = try Program.run(Writer.predict.arguments + ["/dev/stdout"], in: scratch.url)
    #expect(direct.status == 0 && direct.output == expected)
    let messages = direct.messages.map { String($0).replacing("/dev/stdout", with: "plain.csv") }
    #expect(messages == plain.output.split(separator: "\n").map(String.init))
    let dash = try Program.run(Writer.predict.arguments + ["-"], in: scratch.url)
    #expect(dash.status == 0 && dash.output == expected && dash.messages.last == "-: 200 predictions")
    #expect(try Program.run(Writer.predict.arguments + ["/dev/null"], in: scratch.url).status == 0)

    mkfifo(scratch.path("pipe"), 0o600)
    let reader = Process()
    reader.executableURL = URL(filePath: "/bin/sh")
    reader.arguments = ["-c", "exec cat pipe > read.csv"]
    reader.currentDirectoryURL = scratch.url
    try reader.run()
    let piped = try Program.run(Writer.predict.arguments + ["pipe"], in: scratch.url)
    reader.waitUntilExit()
    #expect(try piped.status == 0 && scratch.text(of: "read.csv") == expected)

    try FileManager.default.createSymbolicLink(atPath: scratch.path("link.csv"), withDestinationPath: "plain.csv")
    try scratch.write("old", to: "plain.csv")
    #expect(try Program.run(Writer.predict.arguments + ["link.csv"], in: scratch.url).status == 0)
    #expect(try scratch.text(of: "plain.csv") == expected)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.path("link.csv")) == "plain.csv")
  }

  @Test("a device stays one, also behind a link with a name that says a format", arguments: Writer.allCases)
  func devices(_ writer: Writer) throws {
    guard writer != .describe || Self.hasGraphviz else { return }
    try FileManager.default.createSymbolicLink(atPath: scratch.path(writer.output), withDestinationPath: "/dev/null")
    let before = try scratch.names
    let outcome = try Program.run(writer.arguments + [writer.output], in: scratch.url)
    #expect(outcome.status == 0, "\(outcome.errors)")
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    #expect(try scratch.names == before)
  }

  @Test("an output that is also an input is refused before any work, under whatever name", arguments: Writer.allCases)
  func inputs(_ writer: Writer) throws {
    guard writer != .describe else { return }
    let input = writer.arguments.first { $0.hasSuffix(".csv") } ?? ""
    let ending = String(writer.output.split(separator: ".")[1])
    let text = try scratch.text(of: input)
    // The inputs under a name with an ending that the command writes.
    for link in ["soft", "hard"] {
      let name = "\(link).\(ending)"
      if link == "soft" {
        try FileManager.default.createSymbolicLink(atPath: scratch.path(name), withDestinationPath: input)
      } else {
        try FileManager.default.linkItem(atPath: scratch.path(input), toPath: scratch.path(name))
      }
      let outcome = try Program.run(writer.arguments + [name], in: scratch.url)
      #expect(outcome.status == 64 && outcome.output.isEmpty)
      #expect(
        outcome.errors == "error: \(name): expected an output that is not also an input, found the file of \(input)\n")
    }
    #expect(try scratch.text(of: input) == text)
  }

  @Test("a name says the format, and one that says none or another lists those that there are")
  func endings() throws {
    for (writer, known) in [
      (Writer.kernel, ".npz"), (.predict, ".csv"), (.fit, ".json, .yaml or .yml"), (.describe, ".svg, .png or .pdf"),
    ] {
      for name in ["new.xlsx", "new"] {
        let outcome = try Program.run(writer.arguments + [name], in: scratch.url)
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.errors == "error: --output: expected a name ending in \(known), found \(name)\n")
      }
    }
  }

  @Test("a result that standard output does not take is an error", arguments: ["info", "--help", "--version"])
  func standardOutput(_ argument: String) throws {
    let program = try #require(Program.url)
    let outcome = try Program.run(
      ["-c", "exec \"$0\" \(argument) > /dev/full", program.path], in: scratch.url, program: URL(filePath: "/bin/sh"))
    #expect(outcome.status == 73)
    #expect(outcome.errors == "error: standard output: cannot be written: No space left on device\n")
  }

  @Test("a program that draws and fails, or stops in the middle, leaves the old picture")
  func drawing() throws {
    try scratch.write("old", to: "old.svg")
    for (script, status, reason) in [
      ("exit 3", 70, "exit status 3"), ("echo wrong >&2; exit 1", 70, "wrong"),
      ("cat > /dev/null; echo '<svg>' > \"$3\"", 73, "not drawn to the end"),
    ] {
      try scratch.write("#!/bin/sh\n\(script)\n", to: "dot")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path("dot"))
      let before = try scratch.names
      // A long script meets a program that has ended before it reads.
      let outcome = try Program.run(
        ["describe", "myrtle10", "--input", "32,32,3", "--output", "old.svg"], in: scratch.url,
        environment: ["PATH": "\(scratch.url.path):/usr/bin:/bin"])
      #expect(outcome.status == status && outcome.errors.contains(reason), "\(outcome.errors)")
      #expect(try scratch.names == before && scratch.text(of: "old.svg") == "old")
    }
  }
}
