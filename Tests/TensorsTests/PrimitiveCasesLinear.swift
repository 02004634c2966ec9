@testable import Tensors

extension PrimitiveTable {
  mutating func addContractions() {
    typealias Pair = ([Int], [Int])
    for (a, b, contracting, batch) in [
      ([3, 4], [4, 2], ([1], [0]), ([], [])), ([4, 3], [2, 4], ([0], [1]), ([], [])), ([3], [3], ([0], [0]), ([], [])),
      ([2, 3], [4], ([], []), ([], [])), ([2, 3, 4], [2, 4, 3], ([2], [1]), ([0], [0])),
      ([2, 3, 4, 2], [4, 2, 3], ([2, 3], [0, 1]), ([1], [2])), ([3, 2, 4], [2, 4, 3, 2], ([1, 2], [0, 1]), ([0], [2])),
      ([2, 3, 4], [3, 4, 2], ([2, 1], [1, 0]), ([0], [2])), ([2, 3, 4], [4, 3, 2], ([], []), ([0, 2], [2, 0])),
      ([2, 3, 2], [3, 2, 5], ([2], [1]), ([1], [0])), ([0, 3], [3, 2], ([1], [0]), ([], [])),
      ([2, 0], [0, 3], ([1], [0]), ([], [])), ([1, 1], [1, 1], ([1], [0]), ([], [])), ([], [2], ([], []), ([], [])),
      ([2, 3, 2, 3], [3, 2, 2], ([3, 0], [0, 2]), ([2], [1])), ([0, 2, 3], [0, 3, 2], ([2], [1]), ([0], [0])),
    ] as [([Int], [Int], Pair, Pair)] {
      add(.dotGeneral(DotDimensions(contracting: contracting, batch: batch))) { [$0.real(a), $0.real(b)] }
    }
    let geometries: [(ConvolutionGeometry, n: Int, c: Int, o: Int)] = [
      (ConvolutionGeometry(inputSize: [5], window: [3]), 2, 2, 3),
      (ConvolutionGeometry(inputSize: [6], window: [3], strides: [2], paddingLow: [1], paddingHigh: [2]), 1, 1, 2),
      (ConvolutionGeometry(inputSize: [4], window: [2], inputDilation: [2], windowDilation: [2]), 2, 2, 1),
      (ConvolutionGeometry(inputSize: [5], window: [2], paddingLow: [-1], paddingHigh: [-1], groups: 2), 2, 4, 2),
      (
        ConvolutionGeometry(
          inputSize: [4, 3], window: [2, 2], strides: [1, 2], paddingLow: [0, 1], paddingHigh: [1, 1],
          inputDilation: [2, 1], windowDilation: [1, 2], groups: 2), 2, 2, 4
      ),
      (.same(inputSize: [3, 3], window: [3, 3], groups: 3), 1, 3, 6), (.valid(inputSize: [1, 2], window: [1, 1]), 1, 1, 1),
      (ConvolutionGeometry(inputSize: [], window: []), 3, 2, 2), (.valid(inputSize: [4], window: [2]), 0, 2, 1),
      (.valid(inputSize: [2], window: [3]), 2, 1, 1), (.same(inputSize: [2, 2, 3], window: [2, 1, 2]), 1, 2, 2),
      (ConvolutionGeometry(inputSize: [6], window: [2], strides: [3], windowDilation: [3], groups: 2), 2, 6, 4),
    ]
    for (geometry, n, c, o) in geometries {
      let input = [n] + geometry.inputSize + [c]
      let filter = geometry.window + [c / geometry.groups, o]
      let output = [n] + geometry.outputSize + [o]
      add(.convolution(geometry, .output)) { [$0.real(input), $0.real(filter)] }
      add(.convolution(geometry, .input)) { [$0.real(output), $0.real(filter)] }
      add(.convolution(geometry, .filter)) { [$0.real(input), $0.real(output)] }
    }
    for (geometry, shape) in [
      (WindowGeometry(window: [3]), [5]), (WindowGeometry(window: [2], strides: [2], paddingLow: [1]), [5]),
      (WindowGeometry(window: [1, 2], strides: [1, 3], paddingHigh: [0, 2], windowDilation: [1, 2]), [2, 6]),
      (WindowGeometry(window: [2, 3], paddingLow: [-1, 1], paddingHigh: [1, -1]), [3, 4]), (WindowGeometry(window: [4]), [2]),
      (WindowGeometry(window: [2, 2], strides: [3, 1], paddingLow: [2, 0], windowDilation: [2, 1]), [4, 3]),
      (WindowGeometry(window: []), []), (WindowGeometry(window: [1, 1]), [0, 2]), (WindowGeometry(window: [1]), [1]),
      (WindowGeometry(window: [0]), [3]), (WindowGeometry(window: [0], windowDilation: [2]), [3]),
    ] {
      add(.windowSum(geometry)) { [$0.real(shape)] }
    }
  }

  mutating func addLinearAlgebra() {
    for (batch, size) in [([], 1), ([], 4), ([2], 3), ([2, 1], 2), ([0], 3), ([], 0)] {
      add(.cholesky) { [$0.positiveDefinite(batch, size)] }
      for columns in [1, 3] {
        add(.solve) { [$0.positiveDefinite(batch, size), $0.real(batch + [size, columns])] }
      }
      add(.eigh(vectors: false)) { [$0.symmetric(batch, size) { 1.5 * Double($0) - 2 }] }
      // A vector's sign is arbitrary; that of its product with itself is not.
      add(.eigh(vectors: true), finish: { [$0[0], $0[1].expandedDims(-1) * $0[1].expandedDims(-2)] }) {
        [$0.symmetric(batch, size) { 1.5 * Double($0) - 2 }]
      }
    }
    add(.solve) { [$0.positiveDefinite([2], 3), $0.real([2, 3, 0])] }
    for options in Self.triangularOptions {
      func sides(_ batch: [Int], _ size: Int, _ count: Int) -> [Int] {
        batch + (options.side == .left ? [size, count] : [count, size])
      }
      for (aBatch, bBatch, size, count) in [
        ([], [], 3, 2), ([], [2], 3, 1), ([2], [2], 2, 3), ([], [2, 3], 2, 2), ([2, 1], [2, 1], 2, 1), ([], [], 1, 1),
        ([], [], 0, 2), ([0], [0], 2, 1), ([], [0], 2, 1), ([], [], 2, 0),
      ] {
        add(.triangularSolve(options)) { [$0.positiveDefinite(aBatch, size), $0.real(sides(bBatch, size, count))] }
      }
    }
  }

  mutating func addCalls() {
    /// Two results, one of them an integer.
    @Sendable func body(_ x: [Tensor]) -> [Tensor] {
      [sin(x[0]) * x[1] + exp(x[1]).sum(), x[0].argSorted(axis: 0), (x[0] * x[0]).sum()]
    }
    for (a, b) in [([3], [3]), ([3, 2], [2]), ([1], []), ([0, 2], [2])] {
      add("call checkpoint", { dtype in
        let types = [TensorType(shape: a, dtype: dtype), TensorType(shape: b, dtype: dtype)]
        return .call(Subprogram("checkpoint", Program.trace(types, body).program.simplified(), .recomputed))
      }) { [$0.apart(a), $0.real(b)] }
      add("call custom", { dtype in
        let types = [TensorType(shape: a, dtype: dtype), TensorType(shape: b, dtype: dtype)]
        // The true derivative in other words.
        let rule = Program.trace(types + types) { x in
          let integers = x[0].argSorted(axis: 0) + 7
          return [
            cos(x[0]) * x[2] * x[1] + sin(x[0]) * x[3] + (exp(x[1]) * x[3]).sum(), integers, 2 * (x[0] * x[2]).sum(),
          ]
        }
        let program = Program.trace(types, body).program.simplified()
        return .call(Subprogram("custom", program, .custom(rule.program.simplified())))
      }) { [$0.apart(a), $0.real(b)] }
    }
  }
}
