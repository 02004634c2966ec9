import Foundation
import NeuralTangents
import Tensors

/// Exact predictions for ever more rows, beside the Python library until it stops: kernels of 784 inputs and 1,000 test rows, by
/// the solver that is chosen for the number of rows. Each in a process of its own.
struct SizeTable {
  let child: Child
  var counts = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]
  /// GiB that the Python library's process may address; nil for as many as there are.
  var peerMemory: Double?

  private static let inputs = 784
  private static let testRows = 1000

  /// What one process has measured.
  struct Found: Codable {
    var seconds: Double
    var peakBytes: Double
    var solver: String
    /// How far means may be off, in units of the targets' standard deviation; zero where that is rounding.
    var error: Double
  }

  /// Measures one number of rows in this process.
  static func measure(_ count: Int) throws -> Found {
    let network = Serial {
      for _ in 0..<3 {
        Dense(1024, weightStd: 2.0.squareRoot(), biasStd: 0.1)
        Relu()
      }
      Dense(1, weightStd: 2.0.squareRoot(), biasStd: 0.1)
    }
    let x = uniformData(seed: 1, shape: [count, inputs], dtype: .float32)
    let test = uniformData(seed: 2, shape: [testRows, inputs], dtype: .float32)
    let y = uniformData(seed: 3, shape: [count, 1], dtype: .float32)
    let clock = ContinuousClock()
    let began = clock.now
    let process = try GaussianProcess(
      GramJob(network, x, kernels: .all, options: KernelOptions(precision: .float32, tileSize: 1024)), y, kernel: .ntk,
      regularizer: 1e-3)
    _ = try process.predict(
      GramJob(network, test, x, kernels: .all, options: KernelOptions(precision: .float32)), kernel: .ntk,
      withVariances: false)
    let seconds = (clock.now - began) / .seconds(1)
    let deviation = square(y.asType(.float64) - y.asType(.float64).mean()).mean().scalar(as: Double.self).squareRoot()
    return Found(
      seconds: seconds, peakBytes: Double(ResidentMemory.peak), solver: process.solverDescription,
      error: (process.certificate?.largestError ?? 0) / deviation)
  }

  /// Prints a row for each number of rows.
  ///
  /// - Returns: whether all of them could be predicted here.
  func print() throws -> Bool {
    Swift.print("Exact predictions of \(Self.testRows) rows from N rows of \(Self.inputs) inputs, NTK, float32 kernels")
    Swift.print("       N   seconds      GiB   peer: seconds      GiB   solver")
    var stopped: String?
    var isWhole = true
    for count in counts {
      let own = try? found(count)
      isWhole = isWhole && own != nil
      var peer = stopped == nil ? "" : "-"
      if child.peerPython == nil { (peer, stopped) = ("not there", "not there") }
      if stopped == nil {
        do {
          peer = Self.text(try peerMeasurement(count))
        } catch {
          stopped = "\(error)"
          peer = "stops"
        }
      }
      let mine = own.map { Self.text(($0.seconds, $0.peakBytes)) } ?? "fails"
      let solver = own.map { $0.solver + ($0.error > 0 ? String(format: "; means off by at most %.1g", $0.error) : "") }
      Swift.print(Self.padded("\(count)", 8) + Self.padded(mine, 18) + Self.padded(peer, 24) + "   \(solver ?? "")")
      fflush(nil)
    }
    if let stopped, child.peerPython != nil { Swift.print("the peer: \(stopped)") }
    return isWhole
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  private static func text(_ measured: (seconds: Double, peakBytes: Double)) -> String {
    String(format: "%.1f %8.2f", measured.seconds, measured.peakBytes / Double(1 << 30))
  }

  private func found(_ count: Int) throws -> Found {
    try Wire.decode(Found.self, from: try output(CommandLine.arguments[0], ["--size", "\(count)"]))
  }

  private func peerMeasurement(_ count: Int) throws -> (seconds: Double, peakBytes: Double) {
    let row =
      #"[{"name": "\#(count)", "kind": "prediction", "get": "ntk", "dtype": "float32", "rows": \#(count), "repeats": 1}]"#
    // A limit in kilobytes, so that it ends with an error rather than with the machine.
    let limit = peerMemory.map { "ulimit -v \(Int($0 * Double(1 << 20)));" } ?? ""
    let data = try output(
      "/bin/sh",
      ["-c", "\(limit) exec \"$0\" \"$@\"", child.peerPython ?? "", "Benchmarks/peer/fully_connected.py", row])
    let measured = try Wire.decode(Measurement.self, from: data)
    return (measured.secondsBest, measured.peakBytes)
  }

  private func output(_ program: String, _ arguments: [String]) throws -> Data {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, !data.isEmpty else {
      let way = process.terminationReason == .uncaughtSignal ? "signal" : "exit status"
      throw Child.Failure(description: "expected a measurement, found \(way) \(process.terminationStatus)")
    }
    return data
  }
}
