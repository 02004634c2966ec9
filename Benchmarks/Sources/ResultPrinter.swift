import Foundation

/// Prints results as the rows of tables: one table for kernels, one for their memory, one for other work.
struct ResultPrinter {
  private enum Table { case kernels, memory, times }

  private var table: Table?

  mutating func print(_ result: RowResult) {
    let next: Table =
      switch result.row.kind {
      case .memory: .memory
      case .kernel, .spatial: .kernels
      default: .times
      }
    if table != next {
      table = next
      line(Self.header(next), isFirst: true)
    }
    line(Self.cells(result, next), isFirst: false)
    if let message = result.disagreement { Swift.print("  " + message) }
  }

  private static func header(_ table: Table) -> [String] {
    switch table {
    case .kernels:
      return [
        "milliseconds per entry", "here", "peer", "ratio", "of best", "to reach", "N here", "N peer", "MB here",
        "MB peer",
      ]
    case .memory: return ["memory beyond inputs and result", "MB", "at most", "", "", "", "seconds"]
    case .times:
      return ["median of the runs", "here", "peer", "ratio", "of best", "to reach", "", "", "MB here", "MB peer"]
    }
  }

  private static func cells(_ result: RowResult, _ table: Table) -> [String] {
    let row = result.row
    let ratios = [
      result.ratio.map(ratio) ?? "-", result.bestRatio.map(ratio) ?? "-",
      row.target.map { String(format: "%g", $0) } ?? "-",
    ]
    let peaks = [megabytes(result.peakBytesHere), result.peakBytesPeer.map(megabytes) ?? "-"]
    switch table {
    case .kernels:
      let sizes = [size(row.rows ?? 2000, row.columns), peerSize(result)]
      let times = [result.millisecondsPerEntryHere, result.millisecondsPerEntryPeer]
      return [row.name] + times.map { $0.map { String(format: "%.3g", $0) } ?? "-" } + ratios + sizes + peaks
    case .memory:
      let working = result.ours.compactMap(\.workingBytes).max() ?? .nan
      return [
        row.name, String(format: "%.1f", working / 1e6), String(format: "%g", memoryBound(row) / 1e6), "", "", "",
        String(format: "%.1f", result.secondsHere),
      ]
    case .times:
      let times = [result.secondsHere, result.secondsPeer]
      return [row.name] + times.map { $0.map { String(format: "%.1f ms", 1e3 * $0) } ?? "-" } + ratios + ["", ""]
        + peaks
    }
  }

  private static func peerSize(_ result: RowResult) -> String {
    guard !result.peers.isEmpty, let row = result.row.forPeer else { return "-" }
    return size(row.rows ?? 2000, row.columns)
  }

  private static func size(_ rows: Int, _ columns: Int?) -> String { "\(rows)x\(columns ?? rows)" }

  private static func ratio(_ value: Double) -> String { String(format: value < 20 ? "%.2f" : "%.0f", value) }

  private static func megabytes(_ bytes: Double) -> String { String(format: "%.0f", bytes / 1e6) }

  private func line(_ cells: [String], isFirst: Bool) {
    let widths = [66, 10, 10, 6, 8, 8, 9, 9, 7, 7]
    let padded = zip(cells, widths).enumerated().map { index, cell in
      let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return index == 0 ? cell.0 + space : space + cell.0
    }
    let text = (isFirst ? "\n" : "") + padded.joined(separator: " ") + "\n"
    // Unbuffered: rows take long.
    FileHandle.standardOutput.write(Data(text.utf8))
  }
}
