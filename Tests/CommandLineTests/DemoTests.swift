import Foundation
import Testing

@Suite("neural-tangents demo")
struct DemoTests {
  private static let hasGnuplot = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/gnuplot") }

  @Test("the whole demo prints its tables and draws its pictures", .enabled(if: hasGnuplot))
  func whole() throws {
    let scratch = try ScratchDirectory()
    let outcome = try Program.run(["demo", "--output-directory", "pictures"], in: scratch.url)
    try #require(outcome.status == 0, "\(outcome.errors)")
    for word in ["RMSE", "NLPD", "wine", "breast-cancer", "digits", "NTK", "Total time"] {
      #expect(outcome.output.contains(word))
    }
    let names = ["regression-intervals", "reliability", "accuracy-by-depth", "learning-curve", "kernel-heat-map"]
    let folder = scratch.url.appending(path: "pictures")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2 * names.count)
    for name in names {
      #expect(outcome.output.contains("pictures/\(name).svg") && outcome.output.contains("pictures/\(name).png"))
      let svg = try String(contentsOf: folder.appending(path: "\(name).svg"), encoding: .utf8)
      #expect(svg.contains("<svg") && svg.contains("</svg>"))
      let png = try Data(contentsOf: folder.appending(path: "\(name).png"))
      #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) && png.count > 10_000)
    }
    // More images, fewer errors; and a deep network makes fewer than a linear one.
    let curve = try rows(of: "training images", in: outcome.output)
    let (first, last) = (try #require(curve.first), try #require(curve.last))
    #expect(first[0] == 10 && last[0] == 1000)
    #expect(last[1] < first[1] && last[2] < first[2] && last[2] < last[1] / 2)
    // 442 patients in folds: 95 % of true values in the 95 % intervals, up to three standard errors.
    let folds = try rows(of: "RMSE", in: String(outcome.output.split(separator: "On all").last ?? ""))
    #expect(folds.count == 3)
    for row in folds {
      // RMSE, NLPD, then coverage of 50, 80, 90, 95, 99 %.
      let numbers = Array(row.suffix(7))
      #expect(numbers[0] > 50 && numbers[0] < 60)
      #expect(abs(numbers[5] - 95) < 3 * 1.04)
    }
  }

  @Test("without gnuplot the tables are printed and the missing package is named")
  func withoutGnuplot() throws {
    let scratch = try ScratchDirectory()
    let outcome = try Program.run(["demo", "kernel"], in: scratch.url, environment: ["PATH": scratch.url.path])
    #expect(outcome.status == 0)
    #expect(outcome.errors.hasPrefix("warning: ") && outcome.errors.contains("gnuplot-nox"))
    #expect(outcome.output.contains("mean with its own"))
    #expect(try scratch.names.isEmpty)
  }

  @Test("a directory that cannot be made is an error before any work", .enabled(if: hasGnuplot))
  func unwritable() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("a file", to: "taken")
    let outcome = try Program.run(["demo", "--output-directory", "taken"], in: scratch.url)
    #expect(outcome.status == 73 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains("taken"))
  }

  @Test("impossible options are errors", arguments: [["demo", "flight"], ["demo", "--threads", "0"]])
  func options(_ arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
  }

  /// The numbers in each row of the table whose header has `name`; ± and what follows it are left out.
  private func rows(of name: String, in output: String) throws -> [[Double]] {
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.contains(name) })
    return lines[(start + 2)...].prefix { !$0.isEmpty }.map { line in
      line.replacing(/± [\d.]+/, with: "").split(separator: " ").compactMap { Double($0) }
    }
  }
}
