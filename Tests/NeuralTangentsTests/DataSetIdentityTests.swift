import NeuralTangents
import Testing

/// Two data sets are one when they hold the same numbers, and only then.
@Suite struct DataSetIdentityTests {
  private let network = Serial {
    Dense(8, weightStd: 1.3)
    Relu()
    Dense(1)
  }

  @Test("tiny data sets that differ are two", arguments: [DType.float32, .float64])
  func tiny(dtype: DType) throws {
    let x1 = Tensor([1e-13, 0, 0], shape: [1, 3]).asType(dtype)
    let x2 = Tensor([0, 5e-13, 0], shape: [1, 3]).asType(dtype)
    let kernel = try network.kernel(x1, x2)
    #expect(!kernel.isSymmetric)
    // Orthogonal inputs: the covariance is that of correlation zero, 1/(2π) of the product of their lengths, not a variance.
    let product = (1e-13 * 5e-13) / 3 * 1.3 * 1.3 / (2 * Double.pi)
    let found = kernel.nngp.asType(.float64).scalars(as: Double.self)[0]
    #expect(abs(found - product) < 1e-5 * product)
    let finite = try empiricalKernel(
      of: network, at: network.initialize(RandomKey(seed: 0), inputShape: [1, 3]), x1, x2)
    #expect(finite.cov2 != nil && finite.nngp.shape == [1, 1])
  }

  @Test("a last bit makes data sets two")
  func lastBit() throws {
    let x = Tensor([0.5, 1.5, -2.5, 3.25], shape: [2, 2])
    var numbers = x.scalars(as: Double.self)
    numbers[3] = numbers[3].nextUp
    #expect(try network.kernel(x, Tensor(x.scalars(as: Double.self), shape: [2, 2])).isSymmetric)
    #expect(try !network.kernel(x, Tensor(numbers, shape: [2, 2])).isSymmetric)
  }

  @Test("the same numbers in another precision are one data set")
  func precisions() throws {
    let x = Tensor([0.5, 1.5, -2.5, 3.25], shape: [2, 2])
    #expect(try network.kernel(x, x.asType(.float32)).isSymmetric)
    #expect(
      try !network.kernel(Tensor([0.1, 0.2], shape: [1, 2]), Tensor([Float(0.1), 0.2], shape: [1, 2])).isSymmetric)
  }

  @Test("what stands in the place of missing numbers does not count, which numbers are missing does")
  func masks() throws {
    let (x, same, other) = (
      Tensor([1.0, 9, 2, 3], shape: [2, 2]), Tensor([1.0, 9, 2, 3], shape: [2, 2]),
      Tensor([1.0, 0, 2, 3], shape: [2, 2])
    )
    #expect(try network.kernel(x, same, maskConstant: 9).isSymmetric)
    #expect(try !network.kernel(x, other, maskConstant: 9).isSymmetric)
  }
}
