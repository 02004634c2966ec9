// A layer with a covariance operation of its own: the operation is one value, and the layer's `append` the one line that
// uses it.

import NeuralTangents

/// Every position takes in the next one, around the end: y[p] = x[p] + x[p + 1].
struct Blend: SingleInputLayer {
  static let nodeName = "blend"

  func outputShape(_ input: [Int]) throws(NetworkError) -> [Int] {
    guard input.count == 3, input[1] > 1 else {
      throw NetworkError(
        expected: "inputs of shape (N, positions, channels), two positions at least", found: "\(input)")
    }
    return input
  }

  func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) -> Tensor {
    input + BlendOperation.next(input, axis: 1)
  }

  func append(to program: inout CovarianceProgram, _ input: CovarianceValue) throws(NetworkError) -> CovarianceValue {
    program.appendByChannel(BlendOperation(size: input.positions[0]), input, isGaussian: input.isGaussian)
  }

  init() {}
  init(from arguments: inout LayerArguments) {}
  func write(to arguments: inout LayerArguments) {}
}

/// K[p, p'] ← Σ over a, b in {0, 1} of K[p + a, p' + b], Θ alike.
struct BlendOperation: CovarianceOperation {
  /// How many positions there are.
  let size: Int

  var description: String { "blend(\(size))" }

  /// The covariances of an operand between displacements Δ − 1, Δ and Δ + 1 are needed, around the end.
  func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  { .all(positions) }

  static func next(_ x: Tensor, axis: Int) -> Tensor {
    x.taking((0..<x.shape[axis]).map { ($0 + 1) % x.shape[axis] }, axis: axis)
  }

  func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError) -> CovarianceState {
    let state = operands[0]
    func blended(_ k: Tensor, batchAxes: Int) -> Tensor {
      let rows = k + Self.next(k, axis: batchAxes)
      return rows + Self.next(rows, axis: batchAxes + 1)
    }
    var result = state
    result.k12 = blended(state.k12, batchAxes: 2)
    result.theta = try state.theta.map { blended($0, batchAxes: 2) }
    result.k11 = blended(state.k11, batchAxes: state.layout.selfBatchAxes)
    result.k22 = blended(state.k22, batchAxes: state.layout.selfBatchAxes)
    return result
  }

  func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double { 8 * result }

  /// The executors that keep covariances in cache know linear maps of positions.
  func lower(to lowering: inout some Lowering) throws(Obstacle) { try lowering.map([.weighted(weights)]) }

  private var weights: [[Double]] {
    (0..<size).map { p in (0..<size).map { ($0 == p || $0 == (p + 1) % size) ? 1 : 0 } }
  }
}
