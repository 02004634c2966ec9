import CLinearAlgebra
import Foundation
import Tensors

/// How fast BLAS is with the inner loops for each kind of processor that it knows and this one can be, against those that
/// the package has it run: `benchmarks --blas`.
enum BlasCores {
  private struct Work {
    let name: String
    let multiplications: Double
    let run: () throws -> Void
  }

  /// Tiles of Gram matrices as the row executor makes them, on one thread, and a factorisation.
  private static func work() -> [Work] {
    let (rows, inputs, size) = (512, 784, 1024)
    let singles = (0..<rows * inputs).map { Float(sin(0.37 * Double($0))) }, doubles = singles.map(Double.init)
    var singleTile = [Float](repeating: 0, count: rows * rows)
    var doubleTile = [Double](repeating: 0, count: rows * rows)
    let tile = Double(rows * rows * inputs)
    let kernel = Tensor(shape: [size, size]) { (elements: UnsafeMutableBufferPointer<Double>) in
      for index in elements.indices {
        let (row, column) = (index / size, index % size)
        elements[index] = exp(-abs(Double(row - column)) / 50) + (row == column ? 0.1 : 0)
      }
    }
    return [
      Work(name: "float32 tile", multiplications: tile) {
        GramProducts.multiplyTransposed(rows, rows, inputs, alpha: 1, singles, singles, &singleTile, ldc: rows)
      },
      Work(name: "float64 tile", multiplications: tile) {
        GramProducts.multiplyTransposed(rows, rows, inputs, alpha: 1, doubles, doubles, &doubleTile, ldc: rows)
      },
      Work(name: "float64 Cholesky", multiplications: pow(Double(size), 3) / 6) {
        _ = try Threads.withLimit(1) { try cholesky(kernel) }
      },
    ]
  }

  /// Prints the core and, for every work, its billions of multiplications and additions in a second: what a child does.
  static func measureHere() throws {
    var results = [String(cString: nt_get_blas_core().name)]
    for work in work() {
      let seconds = fastest(of: 15) { try? work.run() }
      results.append(String(format: "%.2f", 2 * work.multiplications / seconds / 1e9))
    }
    print(results.joined(separator: " "))
  }

  /// Prints a table, and returns whether the loops that run without anybody's help are within 10 % of the best.
  static func compare() throws -> Bool {
    var best: [String: [Double]] = [:]
    let asked = [
      "", "Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids",
    ]
    var chosen = ""
    // In turns, because the machine may be slower for a while.
    for _ in 0..<3 {
      for name in asked {
        guard let (core, speeds) = try child(name) else { continue }
        // A name that this OpenBLAS does not know, or that the processor cannot be.
        guard name.isEmpty || core.lowercased() == name.lowercased() else { continue }
        // What runs by itself is one of them, measured twice as often.
        if name.isEmpty { chosen = core }
        best[core] = zip(best[core] ?? speeds, speeds).map(max)
      }
    }
    guard let own = best[chosen] else { return false }
    print("BLAS by core, GFLOP/s on one thread: " + work().map(\.name).joined(separator: ", "))
    for (core, speeds) in best.sorted(by: { $0.key < $1.key }) {
      print(
        "  " + (core == chosen ? "\(core) (runs)" : core).padding(toLength: 20, withPad: " ", startingAt: 0)
          + speeds.map { String(format: "%9.1f", $0) }.joined())
    }
    let fastest = own.indices.map { index in best.values.map { $0[index] }.max() ?? 0 }
    let share = zip(own, fastest).map { $0 / $1 }.min() ?? 0
    print(String(format: "The core that runs reaches %.0f %% of the best one, work by work, or more.", 100 * share))
    return share >= 0.9
  }

  /// The core that runs and its speeds when a new process is asked for a core; nil when it cannot run that.
  private static func child(_ core: String) throws -> (core: String, speeds: [Double])? {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
    process.arguments = ["--blas-here"]
    var environment = ProcessInfo.processInfo.environment
    environment["OPENBLAS_CORETYPE"] = core.isEmpty ? nil : core
    process.environment = environment
    process.standardOutput = output
    // Cores that the processor cannot run are refused with a warning.
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let words = text.split(whereSeparator: \.isWhitespace)
    let speeds = words.dropFirst().compactMap { Double($0) }
    guard process.terminationStatus == 0, let name = words.first, speeds.count == 3 else { return nil }
    return (String(name), speeds)
  }
}
