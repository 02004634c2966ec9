import Foundation
import Testing

@testable import Tensors

@Suite struct SmokeTests {
  @Test func smoke() {
    let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    print(x + 1, x * x, exp(x), x.sum(), x.sum(axis: 0), x.sum(axis: -1, keepDims: true))
    print(x[0], x[.ellipsis, 1], x[0..<1, .stride(by: -1)], x[1..., .newAxis, (-1)...], x.transposed())
    var y = x
    y[0..<1, ..<2] = Tensor([9, 8] as [Float])
    print(y, y.argMax(), y.argMax(axis: 0), y.sorted(), y.argSorted(axis: 0), y.cumulativeSum(axis: 1))
    print(Tensor.eye(3).diagonal(), Tensor.linspace(0, 1, count: 5), Tensor.arange(1, 3, step: 0.5))
    print(concatenate([x, y], axis: 1), stack([x, y]), x.padded([(1, 0), (-1, 2)], interior: [0, 1], value: 7))
    print(x .> 2, select(x .> 2, x, 0), pow(x, 0.5), x.variance(), Tensor.zeros([40, 50]))
    print(x.taking([2, 0, -1], axis: 1), x == x, allClose(x, x + 1e-7), x.max(), x.min(axes: [0]))
    print(x.broadcast(to: [2, 2, 3]), x.asType(.int32), x / 3)
  }
}
