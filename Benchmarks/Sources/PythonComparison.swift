import Foundation

/// What users of the Python package get: rows of kernels and predictions here, by the package in an interpreter of its own, and
/// by the peer in another, one after the other.
struct PythonComparison {
  let child: Child
  /// A part of the names of the rows to measure; nil for all.
  var only: String?

  /// How much of the ratio to the peer the way through Python may take.
  private static let mostLoss = 0.1
  private static let rounds = 3

  /// - Returns: whether every row could be measured.
  func run() throws -> Bool {
    let rows = Row.all.filter { row in
      [.kernel, .prediction, .spatial].contains(row.kind) && row.forPeer != nil && (row.threads ?? 2) > 1
        && only.map { row.name.contains($0) } ?? true
    }
    print(
      ["best of \(Self.rounds) processes, medians", "here ms", "Python ms", "peer ms", "ratio", "from Python", "loss"]
        .enumerated().map { pad($1, first: $0 == 0) }.joined(separator: " "))
    var isComplete = true
    for row in rows {
      do {
        try print(measure(row))
      } catch {
        isComplete = false
        print("  \(row.name): \(error)")
      }
    }
    return isComplete
  }

  private func measure(_ row: Row) throws -> String {
    var (here, python): ([Measurement], [Measurement]) = ([], [])
    var peer: Measurement?
    for _ in 0..<Self.rounds {
      here.append(try child.measureHere(row))
      python.append(try child.measureFromPython(row))
    }
    if child.peerPython != nil { peer = try child.measurePeer(row) }
    for (a, b) in zip(here[0].checksum, python[0].checksum) where !(abs(a - b) <= 1e-3 * max(abs(a), abs(b))) {
      throw Child.Failure(description: "the results differ: sum \(a) here, \(b) from Python")
    }
    func seconds(_ runs: [Measurement]) -> Double { runs.map(\.secondsMedian).min() ?? .nan }
    // The peer computes fewer entries where it takes long over one.
    let scale = Double(row.entries ?? 1) / Double(peer?.entries ?? row.entries ?? 1)
    let times = [seconds(here), seconds(python), peer.map { $0.secondsMedian * scale } ?? .nan]
    let ratios = [times[2] / times[0], times[2] / times[1]]
    let loss = 1 - times[0] / times[1]
    let cells =
      times.map { $0.isNaN ? "-" : String(format: "%.2f", 1e3 * $0) }
      + ratios.map { $0.isNaN ? "-" : String(format: "%.2f", $0) } + [String(format: "%.1f %%", 100 * loss)]
    let note = loss > Self.mostLoss ? "  more than \(Int(100 * Self.mostLoss)) %" : ""
    return ([row.name] + cells).enumerated().map { pad($1, first: $0 == 0) }.joined(separator: " ") + note
  }

  private func pad(_ text: String, first: Bool) -> String {
    let missing = String(repeating: " ", count: max(0, (first ? 62 : 11) - text.count))
    return first ? text + missing : missing + text
  }
}
