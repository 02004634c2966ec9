import Foundation

// benchmarks                      every row, against the peer where PEER_PYTHON names a Python that has it
// benchmarks --only TEXT          the rows whose names contain TEXT
// benchmarks --row '{...}'        one row in this process, printed as JSON

let arguments = CommandLine.arguments
if arguments.count == 3 && arguments[1] == "--row" {
  let row = try Wire.decode(Row.self, from: Data(arguments[2].utf8))
  print(try Wire.encode(measure(row)))
} else if arguments.count == 1 || arguments.count == 3 && arguments[1] == "--only" {
  let peerPython = ProcessInfo.processInfo.environment["PEER_PYTHON"]
  try Comparison(peerPython: peerPython, only: arguments.count == 3 ? arguments[2] : nil).run()
} else {
  FileHandle.standardError.write(Data("usage: benchmarks [--only TEXT | --row JSON]\n".utf8))
  exit(64)
}
