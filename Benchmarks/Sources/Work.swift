import Foundation
import NeuralTangents
import Tensors

/// Measures one row in this process: one untimed warm-up, then `repeats` timed runs.
func measure(_ row: Row) throws -> Measurement {
  let work = try work(of: row)
  var result = try work()
  var seconds: [Double] = []
  for _ in 0..<(row.repeats ?? 5) {
    result = []
    let start = ContinuousClock.now
    result = try work()
    seconds.append((ContinuousClock.now - start) / .seconds(1))
  }
  seconds.sort()
  var usage = rusage()
  #if os(Linux)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let peak = Double(usage.ru_maxrss) * 1024
  #else
    getrusage(RUSAGE_SELF, &usage)
    let peak = Double(usage.ru_maxrss)
  #endif
  return Measurement(
    name: row.name, secondsBest: seconds[0], secondsMedian: seconds[seconds.count / 2], peakBytes: peak,
    checksum: result.map { part in
      // Sums of gradients cancel; those of their magnitudes do not.
      let numbers = part.asType(.float64)
      return (row.kind == .program ? abs(numbers) : numbers).sum().scalar(as: Double.self)
    })
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
