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
  private let page: ResultPage

  /// - Parameter isWhole: whether all rows were measured, with all their repeats and inputs.
  init(_ results: [RowResult], _ conclusions: [String], isWhole: Bool) {
    page = ResultPage(results: results, conclusions: conclusions, isWhole: isWhole)
    report = Report(
      threads: Threads.count, system: ProcessInfo.processInfo.operatingSystemVersionString,
      processor: ResultPage.processorName, rows: results.map(Line.init), conclusions: conclusions)
  }

  func write(to directory: String) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let folder = URL(fileURLWithPath: directory)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes]
    try writeFile(encoder.encode(report), to: folder.appendingPathComponent("benchmark.json").path)
    try Table.writeCsv(
      header: Line.header, rows: report.rows.map(\.cells), to: folder.appendingPathComponent("benchmark.csv").path)
    try writeFile(Data(page.text.utf8), to: folder.appendingPathComponent("benchmark.md").path)
    print("\nTables: benchmark.csv, benchmark.json and benchmark.md in \(directory)")
  }
}
