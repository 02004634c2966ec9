import Foundation
import Tensors

// benchmarks                every row, against the peer where PEER_PYTHON names a Python that has it
//   --only TEXT             the rows whose names contain TEXT
//   --quick                 fewer repeats and inputs
//   --output DIRECTORY      where benchmark.csv and benchmark.json go
// benchmarks --cycles       cycles of the inner loops of slices, beside their bounds
// benchmarks --blas         BLAS with the inner loops for every kind of processor that this one can be
// benchmarks --cliff        what every activation takes beside Erf; fails where one takes far too long
// benchmarks --plans      how tangent kernels of a residual network are computed for ever more outputs
// benchmarks --workers      a simulation of workers that share the tiles of a store, and the tile sizes that it leads to
// benchmarks --row '{...}'  one row in this process, printed as JSON

func usage() -> Never {
  let text =
    "usage: benchmarks [--only TEXT] [--quick] [--output DIRECTORY] | --cycles | --blas | --cliff | --plans | --workers | --row JSON\n"
  FileHandle.standardError.write(Data(text.utf8))
  exit(64)
}

/// Stops where the environment asks for what there is not.
func stop(_ mistake: String) -> Never {
  FileHandle.standardError.write(Data("error: \(mistake)\n".utf8))
  exit(64)
}

if let mistake = Machine.instructionSetMistake { stop(mistake) }
let peerPython = ProcessInfo.processInfo.environment["PEER_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
if let peerPython, !FileManager.default.isExecutableFile(atPath: peerPython) {
  stop("PEER_PYTHON: expected a program that can be run, found \"\(peerPython)\"")
}

var arguments = CommandLine.arguments.dropFirst()
var comparison = Comparison(child: Child(peerPython: peerPython))
while let argument = arguments.popFirst() {
  switch argument {
  case "--quick": comparison.isQuick = true
  case "--cycles":
    printKernelCycles()
    exit(0)
  case "--blas": exit(try BlasCores.compare() ? 0 : 1)
  case "--blas-here":
    try BlasCores.measureHere()
    exit(0)
  case "--plans":
    try printEmpiricalPlans()
    exit(0)
  case "--workers": exit(WorkerSimulation.printTable() ? 0 : 1)
  case "--cliff": exit(try checkCliff() ? 0 : 1)
  case "--only", "--output", "--row":
    guard let value = arguments.popFirst() else { usage() }
    switch argument {
    case "--only": comparison.only = value
    case "--output": comparison.directory = value
    default:
      print(try Wire.encode(measure(Wire.decode(Row.self, from: Data(value.utf8)))))
      exit(0)
    }
  default: usage()
  }
}
exit(try comparison.run() ? 0 : 1)
