import CovarianceEngine
import Tensors

/// How targets and kernels with several axes become matrices, and predictions get their axes back.
///
/// Targets have axes (N, o₁, o₂, …). Over a *trace axis* the kernel is a Kronecker product with the identity: outputs
/// along it do not talk to each other, share one covariance, and the axis is absent from the kernel. The kernel has a
/// pair of axes for each of the others, in the order (n, n', o, o', …). Targets of shape (N) have no output axis and so
/// no trace axis. As matrices, targets are (all other axes, all trace axes) and the kernel is square over all other
/// axes.
struct OutputLayout: Sendable {
  let targetShape: [Int]
  let traceAxes: [Int]
  let keptAxes: [Int]

  init(targetShape: [Int], traceAxes: [Int]) throws(PredictionError) {
    let rank = targetShape.count
    guard rank > 0 else {
      throw .shapeMismatch(argument: "yTrain", expected: "one row per training point", found: "a single number")
    }
    let axes = rank == 1 ? [] : traceAxes.map { $0 < 0 ? $0 + rank : $0 }
    guard axes.allSatisfy((1..<max(2, rank)).contains), Set(axes).count == axes.count else {
      throw .invalidValue(
        argument: "traceAxes", expected: "different output axes of targets of shape \(targetShape)",
        found: "\(traceAxes)")
    }
    self.targetShape = targetShape
    self.traceAxes = axes.sorted()
    keptAxes = (0..<rank).filter { !axes.contains($0) }
  }

  var trainSizes: [Int] { keptAxes.map { targetShape[$0] } }
  var traceSizes: [Int] { traceAxes.map { targetShape[$0] } }

  /// (rows, outputs) from the axes of the targets; `argument` may have other sizes than the targets in `keptAxes`.
  func matrix(fromOutputs outputs: Tensor, rowSizes: [Int], _ argument: String) throws(PredictionError) -> Tensor {
    let expected = shape(rowSizes: rowSizes)
    guard outputs.shape == expected else {
      throw .shapeMismatch(argument: argument, expected: "shape \(expected)", found: "\(outputs.shape)")
    }
    let order = keptAxes + traceAxes
    let arranged = order == Array(order.indices) ? outputs : outputs.transposed(order)
    return arranged.reshaped([rowSizes.product, traceSizes.product])
  }

  private func shape(rowSizes: [Int]) -> [Int] {
    var result = targetShape
    for (axis, size) in zip(keptAxes, rowSizes) { result[axis] = size }
    return result
  }

  /// The kernel as a matrix over the training points.
  func trainMatrix(_ kernel: Tensor, _ argument: String) throws(PredictionError) -> Tensor {
    let expected = trainSizes.flatMap { [$0, $0] }
    guard kernel.shape == expected else {
      throw .shapeMismatch(
        argument: argument,
        expected: "shape \(expected) for targets of shape \(targetShape) with trace axes \(traceAxes)",
        found: "\(kernel.shape)")
    }
    return flattened(kernel)
  }

  /// The test-train kernel as a matrix, and the sizes of the test points' axes.
  func testTrainMatrix(
    _ kernel: Tensor, _ argument: String
  ) throws(PredictionError) -> (matrix: Tensor, rowSizes: [Int]) {
    let sizes = trainSizes
    let columns: [Int] = kernel.shape.indices.filter { $0 % 2 == 1 }.map { kernel.shape[$0] }
    guard kernel.rank == 2 * sizes.count, columns == sizes else {
      let expected = sizes.map { "any, \($0)" }.joined(separator: ", ")
      throw .shapeMismatch(argument: argument, expected: "shape [\(expected)]", found: "\(kernel.shape)")
    }
    let rows: [Int] = kernel.shape.indices.filter { $0 % 2 == 0 }.map { kernel.shape[$0] }
    return (flattened(kernel), rows)
  }

  func testTestMatrix(_ kernel: Tensor, rowSizes: [Int], _ argument: String) throws(PredictionError) -> Tensor {
    let expected = rowSizes.flatMap { [$0, $0] }
    guard kernel.shape == expected else {
      throw .shapeMismatch(argument: argument, expected: "shape \(expected)", found: "\(kernel.shape)")
    }
    return flattened(kernel)
  }

  func testDiagonal(_ diagonal: Tensor, rowSizes: [Int], _ argument: String) throws(PredictionError) -> Tensor {
    guard diagonal.shape == rowSizes else {
      throw .shapeMismatch(argument: argument, expected: "shape \(rowSizes)", found: "\(diagonal.shape)")
    }
    return diagonal.reshaped([rowSizes.product])
  }

  private func flattened(_ kernel: Tensor) -> Tensor {
    if kernel.rank == 2 { return kernel }
    let rows = Array(stride(from: 0, to: kernel.rank, by: 2))
    let columns = rows.map { $0 + 1 }
    return kernel.transposed(rows + columns)
      .reshaped([rows.map { kernel.shape[$0] }.product, columns.map { kernel.shape[$0] }.product])
  }

  /// Outputs with the axes of the targets from (…, rows, outputs); leading axes stay.
  func outputs(_ matrix: Tensor, rowSizes: [Int]) -> Tensor {
    let leading = Array(matrix.shape.dropLast(2))
    let split = matrix.reshaped(leading + rowSizes + traceSizes)
    let order = keptAxes + traceAxes
    if order == Array(order.indices) { return split }
    let places = order.indices.map { axis in leading.count + (order.firstIndex(of: axis) ?? 0) }
    return split.transposed(Array(leading.indices) + places)
  }

  /// A covariance with interleaved pairs of axes from (…, rows, rows).
  func covariance(_ matrix: Tensor, rowSizes: [Int]) -> Tensor {
    if rowSizes.count == 1 { return matrix }
    let leading = Array(matrix.shape.dropLast(2))
    let split = matrix.reshaped(leading + rowSizes + rowSizes)
    let pairs = rowSizes.indices.flatMap { [leading.count + $0, leading.count + rowSizes.count + $0] }
    return split.transposed(Array(leading.indices) + pairs)
  }

  func variance(_ vector: Tensor, rowSizes: [Int]) -> Tensor {
    vector.reshaped(vector.shape.dropLast() + rowSizes)
  }
}
