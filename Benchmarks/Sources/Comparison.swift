import Foundation

/// Runs every row in a fresh process, ours and the peer's in turn, and prints times, ratios and peak memory.
struct Comparison {
  let peerPython: String?
  /// A part of the names of the rows to measure; nil for all.
  var only: String?

  func run() throws {
    if peerPython == nil { print("PEER_PYTHON is not set: measuring this package only.") }
    let widths = [66, 10, 10, 6, 8, 8, 7, 7]
    printLine(["median of the runs", "here", "peer", "ratio", "of best", "to reach", "MB here", "MB peer"], widths)
    for row in Row.all where only.map({ row.name.contains($0) || row.operation == $0 }) ?? true {
      // Twice each, in turn, so that a disturbance does not fall on one side only.
      var ours: [Measurement] = []
      var peers: [Measurement] = []
      for _ in 0..<2 {
        ours.append(try measureHere(row))
        if let peerPython { peers.append(try measurePeer(row, peerPython)) }
      }
      let (here, peer) = (typical(ours), typical(peers))
      if let peer = peers.first, let message = disagreement(ours[0], peer) { print("  " + message) }
      let bestHere = ours.map(\.secondsBest).min()!
      printLine(
        [
          row.name, here.map(milliseconds) ?? "-", peer.map(milliseconds) ?? "-", ratio(peer, here),
          ratio(peers.map(\.secondsBest).min(), bestHere), row.target.map { String(format: "%g", $0) } ?? "-",
          megabytes(ours.map(\.peakBytes).max()!), peers.map(\.peakBytes).max().map(megabytes) ?? "-",
        ], widths)
    }
    if only == nil { try printCopyRatio() }
  }

  /// The lower of the processes' median times; nil without a process.
  private func typical(_ measurements: [Measurement]) -> Double? { measurements.map(\.secondsMedian).min() }

  private func ratio(_ peer: Double?, _ here: Double?) -> String {
    guard let peer, let here else { return "-" }
    return String(format: "%.2f", peer / here)
  }

  /// Elementwise operations are held against a plain copy of the same tensor.
  private func printCopyRatio() throws {
    var row = Row(name: "copy", kind: .elementwise, operation: "copy", repeats: 15)
    let copy = try measureHere(row).secondsBest
    row.operation = "exp"
    let exp = try measureHere(row).secondsBest
    print(String(format: "exp takes %.2f times as long as a plain copy of 10^7 floats (at most 1.5)", exp / copy))
  }

  /// Says so when the sums of the results differ by more than rounding explains.
  private func disagreement(_ here: Measurement, _ peer: Measurement) -> String? {
    for (a, b) in zip(here.checksum, peer.checksum) where abs(a - b) > 2e-2 * max(abs(a), abs(b)) {
      return "the results differ: sum \(a) here, \(b) there"
    }
    return here.checksum.count == peer.checksum.count ? nil : "a different number of results"
  }

  private func measureHere(_ row: Row) throws -> Measurement {
    try run(CommandLine.arguments[0], ["--row", Wire.encode(row)])
  }

  private func measurePeer(_ row: Row, _ python: String) throws -> Measurement {
    let script = row.kind == .program ? "tensor_programs" : "fully_connected"
    return try run(python, ["Benchmarks/peer/\(script).py", Wire.encode([row])])
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Measurement {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return try Wire.decode(Measurement.self, from: data)
  }

  private func printLine(_ cells: [String], _ widths: [Int]) {
    let padded = zip(cells, widths).enumerated().map { index, cell in
      let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return index == 0 ? cell.0 + space : space + cell.0
    }
    FileHandle.standardOutput.write(Data((padded.joined(separator: " ") + "\n").utf8))
  }

  private func milliseconds(_ seconds: Double) -> String { String(format: "%.1f ms", seconds * 1e3) }

  private func megabytes(_ bytes: Double) -> String { String(format: "%.0f", bytes / 1e6) }
}
