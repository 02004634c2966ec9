import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("neural-tangents gram", .serialized)
struct GramCommandTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    let keys = RandomKey(seed: 3).split(into: 3)
    try keys[0].normal([100, 6, 6, 2]).writeNpy(to: scratch.path("x.npy"))
    try keys[1].normal([30, 6, 6, 2]).writeNpy(to: scratch.path("y.npy"))
    let many = keys[2].normal([3000, 8, 8, 3])
    try many.writeNpy(to: scratch.path("many.npy"))
    try many[0..<1000].writeNpy(to: scratch.path("some.npy"))
    try scratch.write(Self.network(weightStd: 1.4), to: "network.json")
    try scratch.write(Self.network(weightStd: 1.5), to: "other.json")
    // Tens of milliseconds a tile and more.
    try scratch.write(
      """
      {"serial": [{"conv": {"channels": 1, "window": [3, 3], "padding": "same"}}, {"relu": {}},
        {"conv": {"channels": 1, "window": [3, 3], "padding": "same"}}, {"relu": {}},
        {"conv": {"channels": 1, "window": [3, 3], "padding": "same"}}, {"relu": {}},
        {"globalAveragePool": {}}, {"dense": {"width": 1}}]}
      """, to: "slow.json")
  }

  private static func network(weightStd: Double) -> String {
    """
    {"serial": [{"conv": {"channels": 4, "window": [3, 3], "padding": "same", "weightStd": \(weightStd)}},
      {"relu": {}}, {"globalAveragePool": {}}, {"dense": {"width": 1}}]}
    """
  }

  @discardableResult
  private func run(_ arguments: String..., status: Int32 = 0) throws -> Program.Outcome {
    let outcome = try Program.run(["gram"] + arguments, in: scratch.url)
    #expect(outcome.status == status, "\(arguments): \(outcome.output) \(outcome.errors)")
    return outcome
  }

  private func matrix(_ network: String, _ x: String, _ kernel: String) throws -> Tensor {
    let outcome = try Program.run(
      ["kernel", network, "--x1", x, "--output", "\(x).npz"], in: scratch.url)
    #expect(outcome.status == 0)
    return try NpzArchive(at: scratch.path("\(x).npz")).tensor(kernel)
  }

  private func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.path(folder)).sorted()
  }

  @Test("create, run, status, verify and export give what kernel gives")
  func steps() throws {
    let made = try run("create", "k.zarr", "network.json", "--x1", "x.npy", "--tile-size", "32")
    #expect(
      made.output == """
        k.zarr: nngp and ntk, 100x100, float32
        10 tiles of 32x32 (as asked for), 0.1 MB

        """)
    let before = try run("status", "k.zarr").output
    #expect(before.hasSuffix("0 of 10 tiles (0.0 MB), 0 workers\n"), "\(before)")
    let early = try run("export", "k.zarr", "--output", "k.npy", status: 65)
    #expect(early.errors == "error: k.zarr: 10 of 10 tiles are missing: gram run k.zarr\n")
    let first = try run("run", "k.zarr", "network.json", "--x1", "x.npy")
    #expect(first.output == "k.zarr: all 10 tiles, 10 by this process\n" && first.errors.isEmpty)
    #expect(try run("run", "k.zarr").output == "k.zarr: all 10 tiles, 0 by this process\n")
    #expect(try run("status", "k.zarr").output.hasSuffix("10 of 10 tiles (0.1 MB)\n"))
    #expect(try run("verify", "k.zarr").output == "k.zarr: 32 files read, 0 damaged\n")
    try run("export", "k.zarr", "--output", "k.npy")
    #expect(try Tensor(npyAt: scratch.path("k.npy")) == matrix("network.json", "x.npy", "ntk"))
    try run("export", "k.zarr", "--output", "nngp.npy", "--kernel", "nngp")
    #expect(try Tensor(npyAt: scratch.path("nngp.npy")) == matrix("network.json", "x.npy", "nngp"))
    try run("export", "k.zarr", "--output", "few.zarr", "--shard", "64")
    #expect(try files("few.zarr/ntk/c") == ["0", "1"] && files("few.zarr/ntk/c/1") == ["0", "1"])
    #expect(try files("k.zarr/nngp/.claims").isEmpty && files("k.zarr/nngp/.tmp").isEmpty)
  }

  @Test("two data sets, one kernel, the upper half")
  func parts() throws {
    try run(
      "create", "a.zarr", "network.json", "--x1", "y.npy", "--x2", "x.npy", "--kernels", "ntk", "--tile-size", "16")
    try run("run", "a.zarr")
    try run("export", "a.zarr", "--output", "a.npy")
    let outcome = try Program.run(
      ["kernel", "network.json", "--x1", "y.npy", "--x2", "x.npy", "--output", "a.npz"], in: scratch.url)
    #expect(outcome.status == 0)
    #expect(try Tensor(npyAt: scratch.path("a.npy")) == NpzArchive(at: scratch.path("a.npz")).tensor("ntk"))
    try run("create", "b.zarr", "network.json", "--x1", "x.npy", "--tile-size", "32", "--upper-only")
    try run("run", "b.zarr")
    #expect(try files("b.zarr/ntk/c/3") == ["3"])
    try run("export", "b.zarr", "--output", "b.npy")
    #expect(try Tensor(npyAt: scratch.path("b.npy")) == matrix("network.json", "x.npy", "ntk"))
  }

  @Test("the size of tiles is chosen by the number of workers, and said")
  func tileSize() throws {
    let outcome = try run("create", "w.zarr", "network.json", "--x1", "many.npy", "--workers", "4")
    let line = outcome.output.split(separator: "\n").last ?? ""
    #expect(line.contains("of 64x64") && line.contains("leaves each of 4 workers 100 tiles"), "\(line)")
  }

  @Test("what is wrong is one line with where, there and here, and a status")
  func mistakes() throws {
    try run("create", "k.zarr", "network.json", "--x1", "x.npy", "--tile-size", "32")
    let again = try run("create", "k.zarr", "network.json", "--x1", "x.npy", status: 73)
    #expect(
      again.errors == "error: k.zarr: there already; gram run goes on with a store, gram status says what it is\n")
    let other = try run("run", "k.zarr", "other.json", status: 65)
    #expect(
      other.errors == """
        error: k.zarr: made for another network: serial[0].conv.weightStd is 1.4 there, 1.5 here. Use another store, or \
        drop the network argument to continue this one

        """)
    #expect(
      try run("run", "k.zarr", "--x1", "y.npy", status: 65).errors.contains("the shape of x1 is [100, 6, 6, 2] there"))
    #expect(
      try run("run", "k.zarr", "--precision", "float64", status: 65).errors.contains("the precision is float32 there"))
    #expect(
      try run("run", "k.zarr", "--tile-size", "48", status: 65).errors.contains("the tile size is 32 there, 48 here"))
    #expect(
      try run("run", "nothing.zarr", status: 66).errors.contains("nothing.zarr/zarr.json: cannot be read: no such file")
    )
    #expect(try run("run", "k.zarr", "--time-limit", "3x", status: 64).errors.contains("--time-limit"))
    #expect(try run("create", "l.zarr", "network.json", status: 64).errors.contains("--x1: expected a file"))
    #expect(
      try run("export", "k.zarr", "--output", "k.npy", "--shard", "4", status: 64).errors.contains("--shard: expected"))
  }

  @Test("a store of another version is worked on with a warning")
  func otherVersion() throws {
    try run("create", "k.zarr/", "network.json", "--x1", "x.npy", "--tile-size", "32")
    let text = try scratch.text(of: "k.zarr/zarr.json")
    try scratch.write(
      text.replacing(/"libraryVersion": "[^"]*"/, with: #""libraryVersion": "0.0.9""#), to: "k.zarr/zarr.json")
    let outcome = try run("run", "k.zarr/")
    #expect(outcome.errors.hasPrefix("warning: k.zarr/: made by version 0.0.9; this is "))
    #expect(outcome.output == "k.zarr: all 10 tiles, 10 by this process\n")
  }

  @Test("damaged tiles are named, and computed again")
  func repair() throws {
    try run("create", "k.zarr", "network.json", "--x1", "x.npy", "--tile-size", "32")
    try run("run", "k.zarr")
    let url = scratch.url.appending(path: "k.zarr/ntk/c/1/2")
    let good = try Data(contentsOf: url)
    for change in [{ (data: inout Data) in data[100] ^= 1 }, { $0 = Data() }, { $0.removeLast(9) }] {
      var data = good
      change(&data)
      try data.write(to: url)
      let found = try run("verify", "k.zarr", status: 65)
      #expect(
        found.output.hasPrefix("ntk tile (1, 2): ")
          && found.errors.contains("1 file damaged: gram verify k.zarr --repair"))
      #expect(try run("export", "k.zarr", "--output", "k.npy", status: 65).errors.contains("tile"))
      let repaired = try run("verify", "k.zarr", "--repair")
      #expect(repaired.output.contains("1 tile computed again"))
      #expect(try Data(contentsOf: url) == good)
    }
  }

  @Test("a limit on the size of files, and a full file system, end with 3; what is there is safe")
  func noSpace() throws {
    let program = try #require(Program.url).path
    func shell(_ script: String) throws -> Program.Outcome {
      try Program.run(["-c", script, program], in: scratch.url, program: URL(filePath: "/bin/bash"))
    }
    try run("create", "k.zarr", "network.json", "--x1", "x.npy", "--tile-size", "64")
    // Chunks have 16,388 bytes, and blocks of this shell 1,024.
    let limited = try shell("ulimit -f 8; exec \"$0\" gram run k.zarr")
    #expect(limited.status == 3, "\(limited.errors)")
    #expect(
      limited.errors.contains(
        "error: cannot write nngp tile (0, 1): file too large (needs 0.0 MB, 0.1 MB for what is left"))
    #expect(limited.errors.hasSuffix("0 tiles are safe; free space and run again\n"))
    #expect(
      try files("k.zarr/nngp/.tmp").isEmpty && files("k.zarr/nngp/.claims").isEmpty && files("k.zarr/ntk/c/1").isEmpty)
    try run("run", "k.zarr")
    try run("verify", "k.zarr")
    // Where this process may mount, a file system of a megabyte.
    let full = try shell(
      """
      mkdir small && unshare --mount true 2>/dev/null && exec unshare --mount bash -c '
        mount -t tmpfs -o size=1m none small || exit 77
        "$0" gram create small/k.zarr network.json --x1 many.npy --tile-size 64 2>/dev/null; echo $?
        "$0" gram create small/k.zarr network.json --x1 x.npy --tile-size 64 --precision float64 >/dev/null
        head -c 4M /dev/zero > small/other 2>/dev/null; truncate -s -49152 small/other
        "$0" gram run small/k.zarr; echo $?
        find small/k.zarr/nngp/.tmp small/k.zarr/nngp/.claims -type f | wc -l
        rm small/other; "$0" gram run small/k.zarr >/dev/null && "$0" gram verify small/k.zarr' "$0"
      exit 77
      """)
    if full.status != 77 {
      #expect(full.status == 0, "\(full)")
      let lines = full.output.split(separator: "\n")
      #expect(
        lines.count == 4 && lines[0] == "3" && lines[1] == "3" && lines[2] == "0"
          && lines[3].hasSuffix(" files read, 0 damaged"), "\(full)")
      #expect(
        full.errors.contains("no space left on device (needs") && full.errors.contains("tiles are safe"), "\(full)")
    }
  }

  private func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = try #require(Program.url)
    process.arguments = ["gram"] + arguments
    process.currentDirectoryURL = scratch.url
    process.standardInput = FileHandle.nullDevice
    let output = scratch.url.appending(path: "output-\(UUID().uuidString)")
    try Data().write(to: output)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Waits until the store has tiles.
  private func waitForTiles(_ store: String, _ count: Int = 1) throws {
    for _ in 0..<600 {
      let rows = try files("\(store)/ntk/c")
      if try rows.reduce(0, { $0 + (try files("\(store)/ntk/c/\($1)").count) }) >= count { return }
      Thread.sleep(forTimeInterval: 0.1)
    }
    Issue.record("no tile came")
  }

  @Test("a time limit ends with 5 in time, in the middle of a tile, too; signals release claims")
  func limits() throws {
    try run("create", "k.zarr", "slow.json", "--x1", "many.npy", "--tile-size", "128")
    let began = ContinuousClock.now
    let outcome = try run("run", "k.zarr", "--time-limit", "3s", status: 5)
    #expect(ContinuousClock.now - began < .seconds(20))
    #expect((outcome.output + outcome.errors).contains("k.zarr: stopped at the time limit, "))
    #expect(try files("k.zarr/nngp/.claims").isEmpty && files("k.zarr/nngp/.tmp").isEmpty)
    // A tile takes longer than this.
    try run("create", "l.zarr", "slow.json", "--x1", "many.npy", "--tile-size", "2992")
    try run("run", "l.zarr", "--time-limit", "2", status: 5)
    #expect(try files("l.zarr/nngp/.claims").isEmpty && files("l.zarr/nngp/.tmp").isEmpty)
    for signal in [SIGTERM, SIGINT] {
      let process = try start(["run", "k.zarr"])
      for _ in 0..<300 where try files("k.zarr/nngp/.claims").count < 2 { Thread.sleep(forTimeInterval: 0.05) }
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      #expect(process.terminationStatus == 128 + signal && process.terminationReason == .exit)
      #expect(try files("k.zarr/nngp/.claims").isEmpty && files("k.zarr/nngp/.tmp").isEmpty)
    }
  }

  @Test("three processes share the work and do next to nothing twice")
  func sharing() throws {
    try run("create", "k.zarr", "slow.json", "--x1", "some.npy", "--tile-size", "64")
    let processes = try (0..<3).map { _ in try start(["run", "k.zarr", "--threads", "1"]) }
    for process in processes { process.waitUntilExit() }
    #expect(processes.allSatisfy { $0.terminationStatus == 0 })
    let outputs = try scratch.names.filter { $0.hasPrefix("output-") }.map { try scratch.text(of: $0) }
    let computed = outputs.compactMap { $0.firstMatch(of: /, (\d+) by this process/).flatMap { Int($0.1) } }
    #expect(computed.count == 3 && computed.reduce(0, +) >= 136 && computed.reduce(0, +) <= 137, "\(outputs)")
    #expect(try files("k.zarr/nngp/.claims").isEmpty && files("k.zarr/nngp/.tmp").isEmpty)
    try run("verify", "k.zarr")
  }

  @Test("three processes that are killed at random moments give the matrix in memory, bit for bit")
  func kills() throws {
    let (store, x) = ("k.zarr", TestSwitch.faults.isOn ? "many.npy" : "some.npy")
    try run("create", store, "slow.json", "--x1", x, "--tile-size", "64")
    var numbers = TestNumbers(seed: UInt64(Date().timeIntervalSince1970))
    let end = ContinuousClock.now + .seconds(TestSwitch.faults.isOn ? 60 : 6)
    var processes = try (0..<3).map { _ in try start(["run", store, "--lease", "2"]) }
    var killed = 0
    while ContinuousClock.now < end {
      Thread.sleep(forTimeInterval: 0.02 + 0.4 * abs(numbers.uniform()))
      let index = numbers.below(3)
      if processes[index].isRunning {
        kill(processes[index].processIdentifier, SIGKILL)
        killed += 1
      }
      processes[index].waitUntilExit()
      processes[index] = try start(["run", store, "--lease", "2"])
    }
    for process in processes { process.waitUntilExit() }
    #expect(processes.allSatisfy { $0.terminationStatus == 0 })
    let done = try run("status", store).output
    if TestSwitch.faults.isOn { print("\(killed) processes killed at random moments: \(done)") }
    #expect(try run("verify", store).output.hasSuffix(" 0 damaged\n"))
    let outcome = try Program.run(["kernel", "slow.json", "--x1", x, "--output", "k.npz"], in: scratch.url)
    #expect(outcome.status == 0)
    let archive = try NpzArchive(at: scratch.path("k.npz"))
    for kernel in ["nngp", "ntk"] {
      try run("export", store, "--output", "\(kernel).npy", "--kernel", kernel)
      #expect(try Tensor(npyAt: scratch.path("\(kernel).npy")) == archive.tensor(kernel))
    }
    // Whose claim it was, a process that was killed before it could write it has not said: its lease must be over.
    Thread.sleep(forTimeInterval: 1.5)
    try run("run", store, "--lease", "1")
    #expect(try files("\(store)/nngp/.claims").isEmpty && files("\(store)/nngp/.tmp").isEmpty)
  }
}
