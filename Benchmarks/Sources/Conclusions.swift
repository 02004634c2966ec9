import Foundation
import Tensors

/// What rows say together: how much a local pool costs, what a second thread gains, how exact float32 is.
struct Conclusions {
  private let results: [RowResult]

  init(_ results: [RowResult]) {
    self.results = results
  }

  var lines: [String] {
    [poolGrowth, threadGain("threads", least: 1.9), threadGain("pair", least: 1.7)].compactMap(\.self) + float32Errors
      + [worstMemory].compactMap(\.self)
  }

  private func result(_ id: String) -> RowResult? { results.first { $0.row.id == id } }

  private var poolGrowth: String? {
    guard let flat = result("flatten"), let pooled = result("local pool"), let a = flat.millisecondsPerEntryHere,
      let b = pooled.millisecondsPerEntryHere
    else { return nil }
    let here = String(format: "a 2x2 pool before flatten makes an entry %.1f times as expensive (at most 12)", b / a)
    guard let a = flat.millisecondsPerEntryPeer, let b = pooled.millisecondsPerEntryPeer else { return here }
    return here + String(format: "; of the peer %.0f times", b / a)
  }

  private func threadGain(_ id: String, least: Double) -> String? {
    guard let one = result("\(id) 1"), let two = result("\(id) 2") else { return nil }
    let what = id == "pair" ? " on a single pair of images" : ""
    return String(
      format: "two threads are %.2f times as fast as one%@ (at least %.1f)", one.secondsHere / two.secondsHere, what,
      least)
  }

  private var float32Errors: [String] {
    guard let single = result("pooled 32"), let double = result("pooled 64") else { return [] }
    let sides: [(String, KeyPath<RowResult, [Measurement]>)] = [("here", \.ours), ("of the peer", \.peers)]
    var lines = sides.compactMap { name, side in
      largestErrors(single[keyPath: side].first?.corner, double[keyPath: side].first?.corner).map {
        "CNN-21 + pool, largest relative error of float32 \(name): \($0)"
      }
    }
    if let errors = largestErrors(double.peers.first?.corner, double.ours.first?.corner) {
      lines.append("CNN-21 + pool, largest relative difference of both sides in float64: \(errors)")
    }
    return lines
  }

  /// Of NNGP and of NTK, which are one half of the numbers each.
  private func largestErrors(_ numbers: [Double]?, _ exact: [Double]?) -> String? {
    guard let numbers, let exact, numbers.count == exact.count, !exact.isEmpty else { return nil }
    let errors = zip(numbers, exact).map { abs($0 - $1) / abs($1) }
    let half = errors.count / 2
    return String(format: "NNGP %.1e, NTK %.1e", errors[..<half].max() ?? 0, errors[half...].max() ?? 0)
  }

  private var worstMemory: String? {
    let rows = results.filter { $0.row.kind == .memory }
    guard !rows.isEmpty else { return nil }
    func part(_ row: RowResult) -> Double { (row.ours.compactMap(\.workingBytes).max() ?? .nan) / memoryBound(row.row) }
    let worst = rows.max { part($0) < part($1) }!
    return String(
      format: "beyond inputs and result a kernel takes at most %.2f of what it may: %@", part(worst), worst.row.name)
  }
}

/// What a row of kind `memory` may take, in bytes: per thread, but for finite networks, whose threads work on one block.
func memoryBound(_ row: Row) -> Double {
  (row.target ?? 64) * 1e6 * Double(row.operation == nil ? row.threads ?? Threads.count : 1)
}
