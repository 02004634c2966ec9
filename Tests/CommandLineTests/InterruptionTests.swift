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

  @Test("Ctrl-C ends with status 130, says how far it was before, and leaves no file")
  func interruption() throws {
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
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130 && process.terminationReason == .exit)
    let line = try scratch.text(of: "errors")
    #expect(line.hasPrefix("kernel of 5000x5000: "), "\(line)")
    #expect(line.contains(" tiles, ") && line.contains("entries/s") && line.contains("s left"), "\(line)")
    #expect(try scratch.names.allSatisfy { !$0.hasPrefix("k.npz") })
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
