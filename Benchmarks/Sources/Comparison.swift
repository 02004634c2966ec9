import Foundation

/// Runs rows, ours and the peer's in turn, and prints times, ratios and memory as they come.
struct Comparison {
  let child: Child
  /// A part of the names of the rows to measure; nil for all.
  var only: String?
  var isQuick = false
  /// Where the tables go as CSV and JSON; nil for nowhere.
  var directory: String?

  /// - Returns: whether every row could be measured.
  func run() throws -> Bool {
    if child.peerPython == nil { print("PEER_PYTHON is not set: measuring this package only.") }
    var (results, failures) = ([RowResult](), 0)
    var printer = ResultPrinter()
    for row in Row.all where only.map({ row.name.contains($0) || row.operation == $0 }) ?? true {
      do {
        let result = try measure(isQuick ? row.quick : row)
        printer.print(result)
        results.append(result)
      } catch {
        failures += 1
        print("  \(row.name): \(error)")
      }
    }
    var conclusions = Conclusions(results).lines
    if only == nil { conclusions.append(try copyRatio()) }
    if !conclusions.isEmpty { print("\n" + conclusions.joined(separator: "\n")) }
    if let directory {
      try ResultFiles(results, conclusions, isWhole: only == nil && !isQuick).write(to: directory)
    }
    return failures == 0
  }

  /// Ours, the peer's, ours and, where it takes little time, the peer's again, so that a disturbance does not fall on one
  /// side only.
  private func measure(_ row: Row) throws -> RowResult {
    var row = row
    if let peer = row.peer {
      // The entries that both sides compute.
      row.corner = [2, row.rows ?? 1, row.columns ?? 2, peer.rows, peer.columns ?? 2].min()
    }
    var result = RowResult(row: row, ours: [], peers: [])
    for round in 0..<(isQuick || row.kind == .memory ? 1 : 2) {
      result.ours.append(try child.measureHere(row))
      if round == 0 || row.isRepeated, let measurement = try peer(row) { result.peers.append(measurement) }
    }
    return result
  }

  /// A peer that fails leaves our side to be told.
  private func peer(_ row: Row) throws -> Measurement? {
    do {
      return try child.measurePeer(row)
    } catch let failure as Child.Failure {
      print("  \(row.name), peer: \(failure)")
      return nil
    }
  }

  /// Elementwise operations are held against a plain copy of the same tensor.
  private func copyRatio() throws -> String {
    var row = Row(name: "copy", kind: .elementwise, operation: "copy", repeats: 15)
    let copy = try child.measureHere(row).secondsBest
    row.operation = "exp"
    let exp = try child.measureHere(row).secondsBest
    return String(format: "exp takes %.2f times as long as a plain copy of 10^7 floats (at most 1.5)", exp / copy)
  }
}
