import Foundation
import NeuralTangents
import Tensors

/// Measures one row in this process: one untimed warm-up, then `repeats` timed runs.
func measure(_ row: Row) throws -> Measurement {
  switch row.kind {
  case .memory: return try measureMemory(row)
  case .spatial:
    let work = SpatialWork(row)
    try work.warmUp()
    return try time(row, work.callAsFunction)
  default:
    let work = try work(of: row)
    _ = try work()
    return try time(row, work)
  }
}

private func time(_ row: Row, _ work: () throws -> [Tensor]) throws -> Measurement {
  var result: [Tensor] = []
  var seconds: [Double] = []
  for _ in 0..<(row.repeats ?? 5) {
    result = []
    let start = ContinuousClock.now
    result = try work()
    seconds.append((ContinuousClock.now - start) / .seconds(1))
  }
  return measurement(row, seconds.sorted(), result)
}

/// The first run of the process, so that nothing is there that an earlier one left.
private func measureMemory(_ row: Row) throws -> Measurement {
  let work: () throws -> [Tensor] =
    row.operation == nil ? SpatialWork(row).callAsFunction : try EmpiricalWork(row).callAsFunction
  ResidentMemory.resetPeak()
  let before = ResidentMemory.current
  let start = ContinuousClock.now
  let result = try work()
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  let growth = ResidentMemory.peak - before
  let resultBytes = result.reduce(0) { $0 + $1.shape.reduce(1, *) * $1.dtype.byteCount }
  var measured = measurement(row, [seconds], result)
  measured.workingBytes = Double(max(0, growth - resultBytes))
  return measured
}

private func measurement(_ row: Row, _ seconds: [Double], _ result: [Tensor]) -> Measurement {
  var measured = Measurement(
    name: row.name, secondsBest: seconds[0], secondsMedian: seconds[seconds.count / 2],
    peakBytes: Double(ResidentMemory.peak),
    checksum: result.map { part in
      // Sums of gradients cancel; those of their magnitudes do not.
      let numbers = part.asType(.float64)
      return (row.kind == .program || row.kind == .gradient ? abs(numbers) : numbers).sum().scalar(as: Double.self)
    })
  guard row.kind == .spatial else { return measured }
  measured.entries = row.entries
  measured.corner = result.flatMap { part -> [Double] in
    let size = row.corner ?? 2
    let (rows, columns) = (min(size, part.shape[0]), min(size, part.shape[1]))
    let corner = part.sliced(axis: 0, from: 0, to: rows).sliced(axis: 1, from: 0, to: columns)
    return corner.asType(.float64).scalars(as: Double.self)
  }
  return measured
}

private func work(of row: Row) throws -> () throws -> [Tensor] {
  let dtype = DType(rawValue: row.dtype) ?? .float32
  let features = row.features ?? 784
  switch row.kind {
  case .kernel:
    let x = uniformData(seed: 1, shape: [row.rows ?? 2000, features], dtype: dtype)
    let network = network(row.activation)
    return {
      let kernel = try network.kernel(x)
      return [kernel.nngp] + (kernel.ntk.map { [$0] } ?? [])
    }
  case .prediction:
    let count = row.rows ?? 4000
    let train = uniformData(seed: 1, shape: [count, features], dtype: dtype)
    let test = uniformData(seed: 2, shape: [row.testRows ?? 1000, features], dtype: dtype)
    let targets = uniformData(seed: 3, shape: [count, 1], dtype: dtype)
    let network = network(row.activation)
    return {
      let ensemble = try GradientFlowEnsemble(
        network, train, targets, kernels: row.get == "nngp" ? .nngp : .all,
        diagonalRegularizer: .relative(row.diagonal ?? 1e-3))
      let prediction = try ensemble.predict(
        test, kernel: row.get == "nngp" ? .nngp : .ntk, covariance: row.covariance == true ? .full : .none)
      return [prediction.mean] + (prediction.covariance.map { [$0] } ?? [])
    }
  case .program: return try tensorProgram(of: row)
  case .spatial, .memory: return SpatialWork(row).callAsFunction
  case .empirical: return try EmpiricalWork(row).callAsFunction
  case .gradient: return GradientWork(row).callAsFunction
  case .elementwise:
    let count = row.count ?? 10_000_000
    let (a, b, c) = (
      uniformData(seed: 1, shape: [count], dtype: dtype), uniformData(seed: 4, shape: [count], dtype: dtype),
      uniformData(seed: 5, shape: [count], dtype: dtype)
    )
    switch row.operation {
    case "exp": return { [exp(a)] }
    case "copy": return { [copy(of: a)] }
    default: return { [multiplyAdd(a, b, c)] }
    }
  }
}

/// A plain copy to other memory, on one core as memcpy does it: what elementwise operations are held against.
private func copy(of tensor: Tensor) -> Tensor {
  tensor.withUnsafeBuffer(of: Float.self) { source in
    Tensor(shape: tensor.shape, of: Float.self) { target in
      _ = target.update(from: source)
    }
  }
}

private func network(_ activation: String?) -> Serial {
  let weightStd = activation == "erf" ? 1.5 : 2.0.squareRoot()
  return Serial {
    for _ in 0..<3 {
      Dense(1024, weightStd: weightStd, biasStd: 0.1)
      if activation == "erf" { Erf() } else { Relu() }
    }
    Dense(1, weightStd: weightStd, biasStd: 0.1)
  }
}
