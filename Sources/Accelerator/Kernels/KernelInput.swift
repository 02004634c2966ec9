import CovarianceEngine
import Tensors

/// A tensor that the module of a block takes from the host.
enum KernelInput: Hashable {
  /// The inputs of a data set, shape (N, P…, C).
  case data(DataSet)
  /// The int32 number 0.
  case zero
  /// Where the numbers of the second inputs stand for pages of positions of these sizes: made on the device, once.
  case columnIndex([Int])
  /// What is made of single inputs.
  case perInput(PerInput, DataSet)
  /// What the turns of a loop read of single inputs, of one element type: a row of numbers for each turn.
  case stacked([[KernelInput]])

  /// Numbers per input and position, shape (N, P…).
  enum PerInput: Hashable {
    /// Variances of a value.
    case variance(value: Int)
    /// Their square roots.
    case root(value: Int)
    /// 1 / √(v + ε) with the variances of a value averaged over some axes of positions.
    case factor(value: Int, epsilon: Double, axes: [Int])
    /// True where a value is masked.
    case mask(value: Int)
    /// One over the number of positions of a value that are not masked, shape (N).
    case visible(value: Int)
  }
}

/// What the host makes of single inputs of one data set.
struct InputNumbers: Sendable {
  /// Variances of values that activations and normalisations read, shape (N, P…).
  let variances: [Int: Tensor]
  /// Covariances of the outputs with themselves, as kernels return them.
  let outputs: [Tensor]
  /// Masks of all values that have one.
  let masks: [Int: Tensor]
  /// What is masked in the outputs.
  let outputMasks: [Tensor?]
  /// The inputs themselves.
  let data: Tensor

  /// Those of some inputs, the last one again and again where there are not as many.
  func part(_ range: Range<Int>, paddedTo count: Int) -> InputNumbers {
    func rows(_ x: Tensor) -> Tensor {
      if range.count == count { return x[range] }
      return x.taking((0..<count).map { min(range.lowerBound + $0, range.upperBound - 1) }, axis: 0)
    }
    return InputNumbers(
      variances: variances.mapValues(rows), outputs: [], masks: masks.mapValues(rows), outputMasks: [], data: rows(data)
    )
  }

  func tensor(_ input: KernelInput.PerInput) -> Tensor {
    switch input {
    case .variance(let value): return variance(value)
    case .root(let value): return sqrt(variance(value))
    case .factor(let value, let epsilon, let axes):
      let v = variance(value)
      guard !axes.isEmpty else { return rsqrt(v + epsilon) }
      let places = axes.map { $0 + 1 }
      var mean = v.mean(axes: places, keepDims: true)
      if let mask = masks[value] {
        let visible = (.!mask).asType(v.dtype)
        mean =
          (v * visible).sum(axes: places, keepDims: true) / maximum(visible.sum(axes: places, keepDims: true), 1)
      }
      return rsqrt(mean + epsilon).broadcast(to: v.shape)
    case .mask(let value):
      guard let mask = masks[value] else { preconditionFailure("value \(value) has no mask") }
      return mask
    case .visible(let value):
      guard let mask = masks[value] else { preconditionFailure("value \(value) has no mask") }
      let visible = (.!mask).asType(data.dtype)
      return 1 / maximum(visible.rank == 1 ? visible : visible.sum(axes: Array(1..<visible.rank)), 1)
    }
  }

  private func variance(_ value: Int) -> Tensor {
    guard let variance = variances[value] else { preconditionFailure("the variances of value \(value) are not known") }
    return variance
  }
}
