import Foundation
import Tensors

/// A whole run as a Markdown page: the machine and the date, one table for each kind of work, then what the rows say
/// together. `Benchmarks/run.sh` keeps the page of a whole run as `Benchmarks/RESULTS.md`.
struct ResultPage {
  let results: [RowResult]
  let conclusions: [String]
  /// Whether all rows were measured, with all their repeats and inputs.
  let isWhole: Bool

  var text: String {
    let tables = [kernels, times, memory, gradients, empirical, programs].compactMap(\.self)
    let facts = conclusions.isEmpty ? [] : ["## Together", conclusions.map { "- \($0)" }.joined(separator: "\n")]
    return ([introduction] + tables + facts).joined(separator: "\n\n") + "\n"
  }

  private var introduction: String {
    let peer = results.contains { !$0.peers.isEmpty }
    let lines = [
      "# Figures",
      "",
      isWhole ? "Printed by `make benchmark`." : "Printed by a part of the benchmark.",
      "",
      "| | |", "| --- | --- |",
      "| date | \(Date.now.formatted(.iso8601.year().month().day())) |",
      "| processor | \(Self.processorName ?? "unknown") |",
      "| threads | \(Threads.count) |",
      "| inner loops | \(Machine.instructionSet) |",
      "| linear algebra | \(Machine.linearAlgebra) |",
      "| system | \(ProcessInfo.processInfo.operatingSystemVersionString) |",
      "| compared with | \(peer ? "neural-tangents 0.6.5, jax 0.4.23, on the same processor in the same run" : "nothing") |",
      "",
      """
      Each row runs in processes of its own, ours and the Python library's in turn. Times are medians, the lower of two
      processes where a row is short. Ratios say how many times longer the Python library takes.
      """,
    ]
    return lines.joined(separator: "\n")
  }

  /// Kernels of networks with positions. All N1·N2 entries count on both sides, also where symmetry spares one side half
  /// of them.
  private var kernels: String? {
    table(
      "Kernels of networks with positions",
      "NNGP and NTK together. All N1·N2 entries count on both sides, also where symmetry spares one side half of them.",
      header: ["milliseconds per entry", "here", "Python", "ratio"], of: [.spatial]
    ) { result in
      [three(result.millisecondsPerEntryHere), three(result.millisecondsPerEntryPeer), three(result.ratio)]
    }
  }

  private var times: String? {
    table(
      "Fully connected kernels and predictions", nil, header: ["median time", "here", "Python", "ratio"],
      of: [.kernel, .prediction]
    ) { result in [milliseconds(result.secondsHere), milliseconds(result.secondsPeer), three(result.ratio)] }
  }

  private var memory: String? {
    table(
      "Memory beyond inputs and result", nil, header: ["kernel", "MB", "at most"], of: [.memory]
    ) { result in
      let working = result.ours.compactMap(\.workingBytes).max()
      return [
        working.map { String(format: "%.1f", $0 / 1e6) } ?? "", String(format: "%g", memoryBound(result.row) / 1e6),
      ]
    }
  }

  private var empirical: String? {
    table(
      "Kernels of finite networks", "In float32, against the fastest implementation of the peer for each row.",
      header: ["median time", "here", "peer", "ratio"], of: [.empirical]
    ) { result in [milliseconds(result.secondsHere), milliseconds(result.secondsPeer), three(result.ratio)] }
  }

  private var gradients: String? {
    table(
      "Gradients of kernels", "A weighted sum of both kernels, and its gradient in both data sets.",
      header: ["median time", "here", "Python", "ratio"], of: [.gradient]
    ) { result in [milliseconds(result.secondsHere), milliseconds(result.secondsPeer), three(result.ratio)] }
  }

  private var programs: String? {
    table(
      "Tensor programs", "In float32, against JAX's compiled functions.",
      header: ["median time", "here", "jax.jit", "ratio"], of: [.program, .elementwise]
    ) { result in [milliseconds(result.secondsHere), milliseconds(result.secondsPeer), three(result.ratio)] }
  }

  /// nil when there is no row of these kinds.
  private func table(
    _ title: String, _ note: String?, header: [String], of kinds: [Row.Kind], _ cells: (RowResult) -> [String]
  ) -> String? {
    let chosen = results.filter { kinds.contains($0.row.kind) }
    guard !chosen.isEmpty else { return nil }
    func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
    let rows = chosen.map { line([$0.row.name.trimmingCharacters(in: .whitespaces)] + cells($0)) }
    let top = ["## \(title)", ""] + (note.map { [$0, ""] } ?? [])
    return (top + [line(header), line(header.map { _ in "---" })] + rows).joined(separator: "\n")
  }

  private func three(_ value: Double?) -> String { value.map { String(format: "%.3g", $0) } ?? "" }

  private func milliseconds(_ seconds: Double?) -> String { seconds.map { String(format: "%.1f ms", 1e3 * $0) } ?? "" }

  /// As the system calls it, where it says so in a file.
  static var processorName: String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
  }
}
