import NeuralTangents
import Tensors

extension Row {
  /// A weighted sum of both kernels and its gradient in both data sets, as descent on a data set takes them.
  static let gradients: [Row] = {
    func row(
      _ name: String, _ operation: String, shape: [Int], _ count: Int, dtype: String, target: Double?, _ repeats: Int
    )
      -> Row
    {
      var row = Row(
        name: "gradient, \(name), N=\(count)x\(count), \(dtype)", kind: .gradient, dtype: dtype, operation: operation,
        repeats: repeats, target: dtype == "float32" ? target : nil)
      (row.shape, row.rows) = (shape, count)
      return row
    }
    return ["float32", "float64"].flatMap { dtype in
      [
        row(
          "3 x (Dense + relu) + Dense, 784", "dense", shape: [784], 500, dtype: dtype, target: 3, 15),
        row(
          "3 x (Conv + relu + 2x2 pool) + flatten, 16x16x3", "poolsFlatten", shape: [16, 16, 3], 16, dtype: dtype,
          target: 20, 3),
        row(
          "3 x (Conv + relu + 2x2 pool) + global pool, 16x16x3", "poolsGap", shape: [16, 16, 3], 16, dtype: dtype,
          target: 20, 3),
      ]
    }
  }()
}

/// The kernel, and then the gradient of Σ W Θ + V K in x1 and x2.
struct GradientWork {
  private let network: Serial
  private let x1: Tensor
  private let x2: Tensor
  private let cotangents: KernelCotangents

  init(_ row: Row) {
    let dtype = DType(rawValue: row.dtype) ?? .float32
    let (count, shape) = (row.rows ?? 16, row.shape ?? [784])
    x1 = uniformData(seed: 1, shape: [count] + shape, dtype: dtype)
    x2 = uniformData(seed: 2, shape: [count] + shape, dtype: dtype)
    cotangents = KernelCotangents(
      nngp: uniformData(seed: 4, shape: [count, count], dtype: dtype),
      ntk: uniformData(seed: 3, shape: [count, count], dtype: dtype))
    let (operation, weightStd) = (row.operation, 2.0.squareRoot())
    network = Serial {
      for _ in 0..<3 {
        if operation == "dense" {
          Dense(1024, weightStd: weightStd, biasStd: 0.1)
        } else {
          Conv(128, window: [3, 3], padding: .same, weightStd: weightStd, biasStd: 0.1)
        }
        Relu()
        if operation != "dense" { AvgPool(window: [2, 2], strides: [2, 2]) }
      }
      if operation == "poolsFlatten" { Flatten() }
      if operation == "poolsGap" { GlobalAvgPool() }
      Dense(10, weightStd: weightStd, biasStd: 0.1)
    }
  }

  func callAsFunction() throws -> [Tensor] {
    let kernel = try network.kernel(x1, x2)
    guard let ntk = kernel.ntk, let v = cotangents.nngp, let w = cotangents.ntk else { return [] }
    let gradient = try network.kernelGradient(x1, x2, cotangents: cotangents)
    return [(w * ntk + v * kernel.nngp).sum()] + gradient.x1.leaves + (gradient.x2?.leaves ?? [])
  }
}
