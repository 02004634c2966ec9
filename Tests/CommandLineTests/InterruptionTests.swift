import Foundation
import Tensors
import Testing

@Suite("neural-tangents, progress and Ctrl-C")
struct InterruptionTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    // Some minutes of work: attention between all positions of long sequences.
    try scratch.write(
      """
      {"serial": [{"globalSelfAttention": {"outputChannels": 4, "keyChannels": 4, "valueChannels": 4, "heads": 1}},
        {"relu": {}}, {"flatten": {}}, {"dense": {"width": 1}}]}
      """, to: "slow.json")
    try RandomKey(seed: 1).normal([5000, 48, 2], dtype: .float64).writeNpy(to: scratch.path("x.npy"))
    try RandomKey(seed: 2).normal([600, 4], dtype: .float64).writeNpy(to: scratch.path("small.npy"))
    try scratch.write(#"{"serial": [{"dense": {"width": 1}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "fast.json")
  }

  @Test(
    "Ctrl-C, kill and a closed terminal end with 128 and the signal, and no file is left",
    arguments: [SIGINT, SIGTERM, SIGHUP])
  func interruption(_ signal: Int32) throws {
    let program = try #require(Program.url)
    let process = Process()
    process.executableURL = program
    process.arguments = ["kernel", "slow.json", "--x1", "x.npy", "--output", "k.npz", "--tile-size", "4"]
    process.currentDirectoryURL = scratch.url
    let errors = scratch.url.appending(path: "errors")
    try Data().write(to: errors)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    // The first line comes after two seconds. Waiting keeps this thread: given away it might come back when all other tests
    // are done.
    for _ in 0..<300 {
      if try !scratch.text(of: "errors").isEmpty { break }
      Thread.sleep(forTimeInterval: 0.1)
    }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationStatus == 128 + signal && process.terminationReason == .exit)
    let line = try scratch.text(of: "errors")
    #expect(line.hasPrefix("kernel of 5000x5000: "), "\(line)")
    #expect(line.contains(" tiles, ") && line.contains("entries/s") && line.contains("s left"), "\(line)")
    #expect(try scratch.names.allSatisfy { !$0.hasPrefix("k.npz") })
  }

  /// Starts `describe` with a program `dot` that begins a picture and goes on for some time, and waits until it has begun.
  private func startDrawing(then script: String, ignoring trap: String = "") throws -> Process {
    try scratch.write("old", to: "x.svg")
    try scratch.write("#!/bin/sh\necho $$ > dot.pid\necho begin > \"$3\"\n\(script)\n", to: "dot")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path("dot"))
    let program = try #require(Program.url)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "\(trap) exec \"$0\" describe fast.json --input 4 --output x.svg", program.path]
    process.currentDirectoryURL = scratch.url
    process.environment = ["PATH": "\(scratch.url.path):/usr/bin:/bin"]
    (process.standardInput, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
    process.standardError = FileHandle.nullDevice
    try process.run()
    for _ in 0..<300 {
      if try unfinished.contains(where: { try scratch.text(of: $0) == "begin\n" }) { return process }
      Thread.sleep(forTimeInterval: 0.1)
    }
    Issue.record("no picture was begun")
    return process
  }

  private var unfinished: [String] {
    get throws { try scratch.names.filter { $0.hasSuffix(".partial") } }
  }

  @Test(
    "a signal in the middle of a picture ends the program that draws it, removes its file and leaves the old one",
    arguments: [SIGINT, SIGTERM, SIGHUP])
  func drawing(_ signal: Int32) throws {
    let process = try startDrawing(then: "sleep 300")
    let child = try #require(pid_t(scratch.text(of: "dot.pid").trimmingCharacters(in: .whitespacesAndNewlines)))
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationStatus == 128 + signal && process.terminationReason == .exit)
    #expect(try unfinished.isEmpty && scratch.text(of: "x.svg") == "old")
    // Gone, or nobody has asked for its status yet.
    let state = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)
    #expect(state.map { $0.contains(") Z ") } ?? true)
  }

  @Test("a program that was started to ignore a closed terminal goes on")
  func ignoredSignal() throws {
    let process = try startDrawing(then: "sleep 2; echo '<svg></svg>' > \"$3\"", ignoring: "trap '' HUP;")
    kill(process.processIdentifier, SIGHUP)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
    #expect(try unfinished.isEmpty && scratch.text(of: "x.svg") == "<svg></svg>\n")
  }

  @Test("tile size and threads change no byte of the archive, and short work says nothing")
  func tileSize() throws {
    func run(_ name: String, _ options: [String]) throws -> Data {
      let outcome = try Program.run(
        ["kernel", "fast.json", "--x1", "small.npy", "--output", name] + options, in: scratch.url)
      #expect(outcome.status == 0 && outcome.errors.isEmpty)
      return try Data(contentsOf: scratch.url.appending(path: name))
    }
    let plain = try run("a.npz", [])
    #expect(try run("b.npz", ["--tile-size", "256", "--threads", "1"]) == plain)
  }

  @Test("a tile size of nothing is refused")
  func wrongTileSize() throws {
    let outcome = try Program.run(
      ["kernel", "fast.json", "--x1", "small.npy", "--output", "k.npz", "--tile-size", "0"], in: scratch.url)
    #expect(outcome.status == 64 && outcome.errors == "error: --tile-size: expected at least 1, found 0\n")
    #expect(outcome.output.isEmpty)
  }
}
