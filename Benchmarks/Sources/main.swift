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
// benchmarks --mnist FOLDER all of MNIST, exactly, with certified errors; FOLDER has its four IDX files
//   --counts 1000,60000     how many of the training images
// benchmarks --solvers N    solvers side by side on N synthetic rows
// benchmarks --out-of-core N --panels FOLDER   a factorisation of so many rows in files, which goes on after a kill
// benchmarks --python       kernels and predictions here, by the Python package in WHEEL_PYTHON, and by the peer
// benchmarks --features N   a regression with random features over N rows of a hundred columns that are never in memory together
//   --width 2048            random directions per activation
// benchmarks --sizes 1000,…  predictions from ever more rows, beside the peer until it stops
//   --peer-memory 12        GiB that the peer may address
// benchmarks --row '{...}'  one row in this process, printed as JSON

func usage() -> Never {
  let text =
    "usage: benchmarks [--only TEXT] [--quick] [--output DIRECTORY] | --cycles | --blas | --cliff | --plans | --workers | --mnist FOLDER [--counts N,…] | --solvers N | --out-of-core N --panels FOLDER | --features N [--width N] | --sizes N,… [--peer-memory GIB] | --python [--only TEXT] | --row JSON\n"
  FileHandle.standardError.write(Data(text.utf8))
  exit(64)
}

/// Stops where the environment asks for what there is not.
func stop(_ mistake: String) -> Never {
  FileHandle.standardError.write(Data("error: \(mistake)\n".utf8))
  exit(64)
}

if let mistake = Machine.instructionSetMistake { stop(mistake) }
/// The Python that a variable of the environment names.
func python(_ variable: String) -> String? {
  guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else { return nil }
  guard FileManager.default.isExecutableFile(atPath: path) else {
    stop("\(variable): expected a program that can be run, found \"\(path)\"")
  }
  return path
}

var arguments = CommandLine.arguments.dropFirst()
var comparison = Comparison(child: Child(peerPython: python("PEER_PYTHON"), ownPython: python("WHEEL_PYTHON")))
var comparesPython = false
var mnist: String?
var counts = MnistTable.counts
var (outOfCore, panels): (Int?, String?)
var sizes: [Int]?
var peerMemory: Double?
var (features, width): (Int?, Int) = (nil, 2048)
while let argument = arguments.popFirst() {
  switch argument {
  case "--quick": comparison.isQuick = true
  case "--python": comparesPython = true
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
  case "--only", "--output", "--row", "--mnist", "--counts", "--solvers", "--out-of-core", "--panels", "--features",
    "--width", "--sizes", "--size", "--peer-memory":
    guard let value = arguments.popFirst() else { usage() }
    switch argument {
    case "--mnist": mnist = value
    case "--counts": counts = value.split(separator: ",").compactMap { Int($0) }
    case "--panels": panels = value
    case "--features": features = Int(value) ?? 0
    case "--sizes": sizes = value.split(separator: ",").compactMap { Int($0) }
    case "--peer-memory": peerMemory = Double(value)
    case "--size":
      guard let count = Int(value), count > 0 else { usage() }
      print(try Wire.encode(SizeTable.measure(count)))
      exit(0)
    case "--width": width = Int(value) ?? 0
    case "--out-of-core": outOfCore = Int(value)
    case "--solvers":
      guard let count = Int(value), count > 0 else { usage() }
      try compareSolvers(count)
      exit(0)
    case "--only": comparison.only = value
    case "--output": comparison.directory = value
    default:
      print(try Wire.encode(measure(Wire.decode(Row.self, from: Data(value.utf8)))))
      exit(0)
    }
  default: usage()
  }
}
if let outOfCore {
  guard let panels, outOfCore > 0 else { usage() }
  try factorOutOfCore(outOfCore, folder: panels)
  exit(0)
}
if let features {
  guard features > 0, width > 0 else { usage() }
  try FeatureStream(rows: features, width: width).print()
  exit(0)
}
if let sizes {
  guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }) else { usage() }
  exit(try SizeTable(child: comparison.child, counts: sizes, peerMemory: peerMemory).print() ? 0 : 1)
}
if let mnist {
  try MnistTable(folder: mnist, counts: counts).print()
  exit(0)
}
if comparesPython {
  exit(try PythonComparison(child: comparison.child, only: comparison.only).run() ? 0 : 1)
}
exit(try comparison.run() ? 0 : 1)
