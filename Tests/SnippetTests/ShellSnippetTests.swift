import DataFiles
import Foundation
import Tensors
import Testing

/// A command of a page that runs the program.
struct ShellSnippet: Sendable, CustomTestStringConvertible {
  var page: String
  var line: Int
  var command: String
  /// What the page shows of its output; a line of three dots stands for any.
  var output: [String]

  var testDescription: String { "\(page):\(line): \(command)" }
}

/// The commands of README and articles, run one after another as a reader would, beside data such as theirs.
@Suite("Commands of README and articles", .serialized)
struct ShellSnippetTests {
  private static let folder = try? SnippetFolder()

  @Test("a command that a page shows succeeds and prints what the page says", arguments: shellSnippets)
  func run(_ snippet: ShellSnippet) throws {
    let folder = try #require(Self.folder)
    let (status, output) = try folder.run(snippet.command)
    #expect(status == 0, "\(snippet.testDescription)\n\(output)")
    var lines = output.split(separator: "\n", omittingEmptySubsequences: false).map(trimmed)[...]
    for expected in snippet.output.map({ trimmed($0[...]) })
    where expected.trimmingCharacters(in: .whitespaces) != "..." {
      let index = lines.firstIndex(of: expected)
      #expect(index != nil, "\(snippet.testDescription) does not print\n\(expected)\nbut\n\(output)")
      if let index { lines = lines[(index + 1)...] }
    }
  }

  @Test("no page shows a command twice, and README shows some")
  func commands() {
    for (page, snippets) in Dictionary(grouping: shellSnippets, by: \.page) {
      let commands = snippets.map(\.command)
      #expect(Set(commands).count == commands.count, "\(page)")
    }
    #expect(shellSnippets.contains { $0.page == "README.md" })
  }

  /// Without blanks at the end.
  private func trimmed(_ line: Substring) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
  }
}

/// A folder with files of the names that pages use, and the package's folders.
private struct SnippetFolder {
  private let url: URL
  private let program: URL

  init() throws {
    program = try #require(Self.programURL, "the program neural-tangents was not found beside the tests")
    url = FileManager.default.temporaryDirectory.appending(path: "snippets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
    for name in ["Examples", "Sources"] {
      try FileManager.default.createSymbolicLink(
        at: url.appending(path: name), withDestinationURL: root.appending(path: name))
    }
    try makeData()
  }

  private func makeData() throws {
    let keys = RandomKey(seed: 0).split(into: 3)
    try keys[0].normal([12, 4]).writeNpy(to: path("train.npy"))
    try keys[1].normal([5, 4]).writeNpy(to: path("test.npy"))
    try keys[2].normal([4, 8, 8, 3]).writeNpy(to: path("images.npy"))
    try write(
      """
      {"serial": [
        {"dense": {"width": 512, "weightStd": 1.5, "biasStd": 0.05}},
        {"erf": {}},
        {"dense": {"width": 1, "weightStd": 1.5, "biasStd": 0.05}}
      ]}
      """, to: "network.json")
    try write(
      """
      serial:
        - dense: {width: 512, weightStd: 1.5, biasStd: 0.05}
        - erf: {}
        - dense: {width: 1, weightStd: 1.5, biasStd: 0.05}
      """, to: "network.yaml")
    func table(_ rows: Range<Int>, hasTargets: Bool) -> String {
      let lines = rows.map { row in
        let (area, rooms) = (40 + (37 * row) % 90, 1 + row % 5)
        let features = "\(area),\(rooms),\(area > 80 ? "large" : "small")"
        return hasTargets ? "\(features),\(1000 * area + 5000 * rooms)" : features
      }
      return (["area,rooms,class" + (hasTargets ? ",price" : "")] + lines).joined(separator: "\n") + "\n"
    }
    try write(table(0..<60, hasTargets: true), to: "train.csv")
    try write(table(60..<70, hasTargets: false), to: "test.csv")
  }

  private func path(_ name: String) -> String { url.appending(path: name).path }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: url.appending(path: name))
  }

  /// Runs a command by the shell, which finds the program first.
  func run(_ command: String) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = url
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = program.deletingLastPathComponent().path + ":" + (environment["PATH"] ?? "")
    process.environment = environment
    let log = url.appending(path: "output-\(UUID().uuidString)")
    try Data().write(to: log)
    let handle = try FileHandle(forWritingTo: log)
    process.standardInput = FileHandle.nullDevice
    (process.standardOutput, process.standardError) = (handle, handle)
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOf: log, encoding: .utf8))
  }

  /// Beside the test bundle, wherever the build put that.
  private static var programURL: URL? {
    let starts = [URL(filePath: CommandLine.arguments[0])] + Bundle.allBundles.map(\.bundleURL)
    for start in starts {
      var folder = start.standardizedFileURL
      for _ in 0..<6 {
        folder.deleteLastPathComponent()
        let candidate = folder.appending(path: "neural-tangents")
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isDirectory), !isDirectory.boolValue {
          return candidate
        }
      }
    }
    return nil
  }
}
