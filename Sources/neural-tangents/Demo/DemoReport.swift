import Foundation
import NeuralTangents
import Tensors

/// Where the parts of the demo write to: tables to the terminal, pictures to a directory.
struct DemoReport {
  let directory: String
  /// nil when gnuplot is missing.
  let gnuplot: Gnuplot?
  let progress: ProgressReporter
  private(set) var pictures: [String] = []
  private let began = ContinuousClock.now

  init(directory: String, gnuplot: Gnuplot?, progress: ProgressReporter) {
    self.directory = directory
    self.gnuplot = gnuplot
    self.progress = progress
  }

  /// Runs one part under its heading and says how long it took.
  mutating func part(_ heading: String, _ body: (inout DemoReport) throws -> Void) throws {
    let start = ContinuousClock.now
    progress.begin(heading)
    print("\(heading)\n")
    try body(&self)
    print("\n  \(seconds(ContinuousClock.now - start)) s\n")
  }

  func write(_ text: String) { print("  \(text)") }

  func writeEmptyLine() { print() }

  func write(_ table: TextTable) { print(table) }

  /// Writes `name.csv` beside the pictures.
  func writeTable(header: [String], rows: [[String]], name: String) throws {
    try OutputFiles.makeDirectory(directory)
    let path = URL(filePath: directory).appending(path: "\(name).csv").relativePath
    try OutputFiles.writeTable(header: header, rows: rows, to: path)
    write("Table: \(path)")
  }

  mutating func draw(_ figure: Figure, name: String) throws {
    guard let gnuplot else { return }
    progress.begin("drawing \(name)")
    pictures += try gnuplot.draw(figure, name: name, into: directory)
  }

  mutating func draw(_ panels: Panels, name: String) throws {
    guard let gnuplot else { return }
    progress.begin("drawing \(name)")
    pictures += try gnuplot.draw(panels, name: name, into: directory)
  }

  mutating func animate(_ frames: [Figure], name: String) throws {
    guard let gnuplot else { return }
    progress.begin("drawing \(name)")
    pictures.append(try gnuplot.animate(frames, name: name, into: directory))
  }

  func conclude() {
    if gnuplot == nil {
      StandardError.warn(Gnuplot.missingMessage)
    } else if !pictures.isEmpty {
      print("Pictures:")
      for path in pictures { print("  \(path)") }
    }
    print("Total time: \(seconds(ContinuousClock.now - began)) s with \(Threads.count) threads")
  }

  private func seconds(_ duration: Duration) -> String { String(format: "%.1f", duration / .seconds(1)) }
}
