import Foundation

/// Runs rows in processes of their own, so that time and memory of one are not those of another.
struct Child {
  let peerPython: String?
  /// A Python that has this library's package.
  var ownPython: String?

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  func measureHere(_ row: Row) throws -> Measurement {
    try run(CommandLine.arguments[0], ["--row", Wire.encode(row)])
  }

  /// nil when there is no peer, or it has nothing to do.
  func measurePeer(_ row: Row) throws -> Measurement? {
    guard let peerPython, let row = row.forPeer else { return nil }
    let script =
      switch row.kind {
      case .program: "tensor_programs"
      case .spatial: "convolutional"
      case .empirical: "empirical"
      case .gradient: "gradients"
      default: "fully_connected"
      }
    return try run(peerPython, ["Benchmarks/peer/\(script).py", Wire.encode([row])])
  }

  func measureFromPython(_ row: Row) throws -> Measurement {
    guard let ownPython else {
      throw Failure(description: "WHEEL_PYTHON: expected a Python with the package, found none")
    }
    return try run(ownPython, ["Benchmarks/python/rows.py", Wire.encode([row])])
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Measurement {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, !data.isEmpty else {
      let name = URL(fileURLWithPath: program).lastPathComponent
      throw Failure(description: "\(name): expected a measurement, found exit status \(process.terminationStatus)")
    }
    return try Wire.decode(Measurement.self, from: data)
  }
}
