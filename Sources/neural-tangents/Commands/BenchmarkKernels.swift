import NeuralTangents
import Tensors

/// The part `kernels` of the benchmark: one line per network.
struct BenchmarkKernels {
  struct Row {
    var name: String
    var work: KernelTimer.Work
  }

  let rows: [Row]
  let timer: KernelTimer

  static let all: [Row] = {
    let image = [32, 32, 3]
    var rows: [Row] = []
    func add(_ name: String, _ network: any Layer, _ shape: [Int], _ dtypes: [DType] = [.float32]) {
      for dtype in dtypes { rows.append(Row(name: name, work: .init(network: network, shape: shape, dtype: dtype))) }
    }
    let both: [DType] = [.float32, .float64]
    add("Dense x 3 + ReLU", FullyConnected(depth: 3, biasStd: 0.1), [784], both)
    add("Dense x 3 + Erf", FullyConnected(depth: 3, activation: Erf(), biasStd: 0.1), [784])
    add("CNN-21 + flatten", ConvVec(depth: 21, biasStd: 0.1), image, both)
    add("CNN-21 + global average pool", ConvGap(depth: 21, biasStd: 0.1), image, both)
    for depth in [5, 7, 10] { add("Myrtle-\(depth)", Myrtle(depth: depth, biasStd: 0.1), image) }
    add("WideResNet-16 + global average pool", WideResNet(blockSize: 2, biasStd: 0.1), image)
    add("CNN-21 + global average pool", ConvGap(depth: 21, biasStd: 0.1), [256, 4])
    add("CNN-5 + global average pool", ConvGap(depth: 5, biasStd: 0.1), [8, 8, 8, 1])
    return rows
  }()

  func run(_ report: inout DemoReport, writesTable: Bool) throws {
    var table = TextTable(["network", "input", "precision", "N1 x N2", "ms per entry", "entries per second", "MB"])
    for row in rows {
      report.progress.begin(row.name)
      let timing = try timer.rectangle(row.work)
      table.add([
        row.name, row.work.shape.map { "\($0)" }.joined(separator: "x"), "\(row.work.dtype)",
        "\(timing.rows) x \(timing.columns)",
        significant(1e3 * timing.secondsPerEntry),
        significant(1 / timing.secondsPerEntry),
        format(Double(timing.bytes) / 1e6, 1),
      ])
    }
    report.write(table)
    report.writeEmptyLine()
    report.write("MB: memory with inputs and kernel. \(Threads.count) threads.")
    if writesTable {
      try report.writeTable(
        header: [
          "network", "input", "precision", "inputs", "milliseconds_per_entry", "entries_per_second", "megabytes",
        ],
        rows: table.rows, name: "benchmark-kernels")
    }
  }
}
