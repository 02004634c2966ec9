import Foundation
import DataFiles
import Tensors

/// Writes results as `benchmark.csv`, `benchmark.json` and, for people, `benchmark.md`.
struct ResultFiles {
  private struct Report: Encodable {
    var threads: Int
    var system: String
    var processor: String?
    var rows: [Line]
    var conclusions: [String]
  }

  /// Seconds are medians; what is not measured is left out.
  private struct Line: Encodable {
    var name: String
    var kind: String
    var dtype: String
    var secondsHere: Double
    var secondsPeer: Double?
    var entriesHere: Int?
    var entriesPeer: Int?
    var millisecondsPerEntryHere: Double?
    var millisecondsPerEntryPeer: Double?
    var ratio: Double?
    var ratioOfBest: Double?
    var target: Double?
    var threads: Int
    var peakBytesHere: Double
    var peakBytesPeer: Double?
    var workingBytes: Double?

    init(_ result: RowResult) {
      let row = result.row
      (name, kind, dtype, target) = (row.name, row.kind.rawValue, row.dtype, row.target)
      threads = row.threads ?? Threads.count
      (secondsHere, secondsPeer) = (result.secondsHere, result.secondsPeer)
      entriesHere = row.entries
      entriesPeer = row.entries == nil ? nil : result.entriesPeer
      millisecondsPerEntryHere = result.millisecondsPerEntryHere
      millisecondsPerEntryPeer = result.millisecondsPerEntryPeer
      (ratio, ratioOfBest) = (result.ratio, result.bestRatio)
      (peakBytesHere, peakBytesPeer) = (result.peakBytesHere, result.peakBytesPeer)
      workingBytes = result.ours.compactMap(\.workingBytes).max()
    }

    static let header = [
      "name", "kind", "dtype", "seconds_here", "seconds_peer", "entries_here", "entries_peer",
      "milliseconds_per_entry_here", "milliseconds_per_entry_peer", "ratio", "ratio_of_best", "target", "threads",
      "peak_bytes_here", "peak_bytes_peer", "working_bytes",
    ]

    var cells: [String] {
      func cell(_ value: Double?) -> String { value.map { String(format: "%.6g", $0) } ?? "" }
      func cell(_ value: Int?) -> String { value.map { "\($0)" } ?? "" }
      return [
        name, kind, dtype, cell(secondsHere), cell(secondsPeer), cell(entriesHere), cell(entriesPeer),
        cell(millisecondsPerEntryHere), cell(millisecondsPerEntryPeer), cell(ratio), cell(ratioOfBest), cell(target),
        "\(threads)", cell(peakBytesHere), cell(peakBytesPeer), cell(workingBytes),
      ]
    }
  }

  private let report: Report
  private let kernels: [RowResult]

  init(_ results: [RowResult], _ conclusions: [String]) {
    kernels = results.filter { $0.row.kind == .spatial || $0.row.kind == .kernel }
    report = Report(
      threads: Threads.count, system: ProcessInfo.processInfo.operatingSystemVersionString,
      processor: Self.processorName, rows: results.map(Line.init), conclusions: conclusions)
  }

  func write(to directory: String) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let folder = URL(fileURLWithPath: directory)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes]
    try writeFile(encoder.encode(report), to: folder.appendingPathComponent("benchmark.json").path)
    try CsvTable.write(
      header: Line.header, rows: report.rows.map(\.cells), to: folder.appendingPathComponent("benchmark.csv").path)
    try writeFile(Data(markdown.utf8), to: folder.appendingPathComponent("benchmark.md").path)
    print("\nTables: benchmark.csv, benchmark.json and benchmark.md in \(directory)")
  }

  /// The kernels as a table, then the conclusions as a list.
  private var markdown: String {
    func number(_ value: Double?) -> String { value.map { String(format: "%.3g", $0) } ?? "" }
    var lines = ["| milliseconds per entry of NNGP and NTK | here | Python | ratio |", "| --- | --- | --- | --- |"]
    for result in kernels {
      let cells = [
        result.row.name, number(result.millisecondsPerEntryHere), number(result.millisecondsPerEntryPeer),
        number(result.ratio),
      ]
      lines.append("| \(cells.joined(separator: " | ")) |")
    }
    return (lines + [""] + report.conclusions.map { "- \($0)" }).joined(separator: "\n") + "\n"
  }

  /// As the system calls it, where it says so in a file.
  private static var processorName: String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
  }
}
