import Testing

@testable import Tensors

@Suite struct ExecutableCostTests {
  private func type(_ shape: [Int], _ dtype: DType = .float32) -> TensorType { TensorType(shape: shape, dtype: dtype) }

  @Test("costs of primitives are those counted by hand")
  func primitives() {
    let a = type([3, 4])
    #expect(Primitive.unary(.tanh).cost(of: [a]) == Cost(flops: 12, bytes: 96))
    #expect(Primitive.binary(.add).cost(of: [a, type([4])]) == Cost(flops: 12, bytes: 48 + 16 + 48))
    #expect(Primitive.compare(.less).cost(of: [a, type([])]) == Cost(flops: 12, bytes: 48 + 4 + 12))
    #expect(Primitive.multiplyAdd.cost(of: [a, a, type([])]) == Cost(flops: 24, bytes: 148))
    #expect(Primitive.transpose([1, 0]).cost(of: [a]) == Cost(flops: 0, bytes: 96))
    #expect(Primitive.reshape([12]).cost(of: [a]) == .zero)
    #expect(Primitive.reduce(.sum, axes: [0]).cost(of: [a]) == Cost(flops: 8, bytes: 48 + 16))
    #expect(Primitive.cumulativeSum(axis: 1).cost(of: [a]).flops == 9)
    #expect(Primitive.sort(axis: 0).cost(of: [type([8, 2])]).flops == 48)
    let product = Primitive.dotGeneral(DotDimensions(contracting: ([2], [1]), batch: ([0], [0])))
    #expect(product.cost(of: [type([5, 2, 3]), type([5, 3, 7])]) == Cost(flops: 420, bytes: 4 * (30 + 105 + 70)))
    #expect(Primitive.cholesky.cost(of: [type([2, 6, 6], .float64)]).flops == 144)
    #expect(Primitive.eigh(vectors: true).cost(of: [type([4, 4])]) == Cost(flops: 576, bytes: 4 * (16 + 4 + 16)))
    #expect(Primitive.solve.cost(of: [type([3, 3]), type([3, 2])]).flops == 18 + 36)
  }

  @Test("the three roles of a convolution take the same arithmetic")
  func convolutions() {
    let geometry = ConvolutionGeometry(inputSize: [5, 6], window: [3, 2], groups: 2)
    let (x, w, y) = (type([2, 5, 6, 4]), type([3, 2, 2, 6]), type([2, 3, 5, 6]))
    // 2 images of 3 x 5 positions, 6 output channels, windows of 3 x 2 positions of 2 channels, 2 operations each.
    let expected = 2 * 3 * 5 * 6 * (3 * 2 * 2) * 2
    #expect(Primitive.convolution(geometry, .output).cost(of: [x, w]).flops == expected)
    #expect(Primitive.convolution(geometry, .input).cost(of: [y, w]).flops == expected)
    #expect(Primitive.convolution(geometry, .filter).cost(of: [x, y]).flops == expected)
  }

  @Test("a program costs what its equations cost, a call what its program costs")
  func programs() throws {
    let (x, w) = (Tensor(repeating: 1, shape: [2, 3]), Tensor(repeating: 1, shape: [3, 5]))
    let plain = { (x: Tensor, w: Tensor) in tanh(matmul(x, w)).sum() }
    let expected = Cost(flops: 60 + 10 + 9, bytes: 4 * (6 + 15 + 10) + 80 + 44)
    #expect(try trace(plain, at: x, w).cost == expected)
    #expect(try trace(checkpoint(plain), at: x, w).cost == expected)
  }
}
