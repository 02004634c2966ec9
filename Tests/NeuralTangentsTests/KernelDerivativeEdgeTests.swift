import NeuralTangents
import Tensors
import Testing

/// Derivatives where duals have square roots of zero: at zero, equal and opposite inputs.
@Suite("Derivatives of kernels at zero, equal and opposite inputs")
struct KernelDerivativeEdgeTests {
  private func rows(_ factors: [Double], dtype: DType) -> Tensor {
    let row = [0.3, -0.7, 1.1, 0.4]
    return Tensor(factors.flatMap { factor in row.map { factor * $0 } }, shape: [factors.count, 4]).asType(dtype)
  }

  private func isFinite(_ tensors: Tensor...) -> Bool {
    tensors.allSatisfy { $0.asType(.float64).scalars(as: Double.self).allSatisfy(\.isFinite) }
  }

  @Test(
    "first derivatives are finite, forward and reverse, for every activation",
    arguments: KernelDerivativeTests.activations, [DType.float32, .float64])
  func finite(_ sample: ActivationSample, dtype: DType) throws {
    for biasStd in [nil, 0.3] {
      let network = Serial {
        Dense(8, weightStd: 0.6, biasStd: biasStd)
        sample.activation
        Dense(8, weightStd: 0.7, biasStd: biasStd)
        sample.activation
        Dense(1, biasStd: biasStd)
      }
      let x1 = rows([1, 0, 1, -1, 2], dtype: dtype)
      let x2 = rows([-1, 1, 0, 0.5], dtype: dtype)
      let direction = gaussianInputs(x1.shape, seed: 1, dtype: dtype)
      for f in [
        { (x: Tensor) in try weightedSum(network.kernel(x, x2)) },
        { (x: Tensor) in try weightedSum(network.kernel(x)) },
      ] {
        let forward = try jvp(f, at: x1, along: direction)
        #expect(isFinite(forward.value, forward.tangent, try gradient(of: f)(x1)))
      }
      let slopes = try gradient(
        of: { (constants: HyperParameters) in try weightedSum(network.kernel(x1, x2, hyperParameters: constants)) })(
          network.hyperParameters)
      #expect(slopes.leaves.allSatisfy { isFinite($0) })
    }
  }

  @Test(
    "traced kernels have the values of concrete ones, also where inputs are equal or opposite",
    arguments: [
      DType.float32, .float64,
    ])
  func values(dtype: DType) throws {
    let network = Serial {
      Dense(8, weightStd: 1.3)
      Relu()
      Dense(8, weightStd: 1.3, biasStd: 0.1)
      Relu()
      Dense(1)
    }
    let x = concatenate([
      gaussianInputs([3, 50], seed: 1, dtype: dtype), gaussianInputs([2, 50], seed: 2, dtype: dtype),
    ])
    let y = concatenate([x, -x, gaussianInputs([2, 50], seed: 3, dtype: dtype)])
    let expected = try network.kernel(x, y, options: KernelOptions(executor: .reference))
    let program = try trace(
      { (x: Tensor, y: Tensor) in
        let kernel = try network.kernel(x, y)
        return [kernel.nngp, try #require(kernel.ntk)]
      }, at: x, y)
    let found = try program([x, y])
    // An angle between equal inputs that is not exactly zero would show as the square root of rounding in the NTK.
    let tolerance = dtype == .float32 ? 2e-6 : 1e-14
    #expect(largestError(found[0], expected.nngp, relativeTo: 1) < tolerance)
    #expect(largestError(found[1], try #require(expected.ntk), relativeTo: 1) < tolerance)
    let equal = found[1].asType(.float64).scalars(as: Double.self)[0]
    let variance = try network.ntk(x).asType(.float64).scalars(as: Double.self)[0]
    #expect(abs(equal - variance) < tolerance * variance)
  }

  @Test("a ReLU network without bias has gradient exactly zero at zero inputs", arguments: [DType.float32, .float64])
  func zero(dtype: DType) throws {
    let network = Serial {
      Dense(8, weightStd: 1.4)
      Relu()
      Dense(8, weightStd: 1.4)
      Relu()
      Dense(1)
    }
    let zeros = Tensor.zeros([3, 4], dtype: dtype)
    #expect(try gradient(of: { (x: Tensor) in try weightedSum(network.kernel(x)) })(zeros) == zeros)
    #expect(try gradient(of: { (x: Tensor) in try weightedSum(network.kernel(x, zeros)) })(zeros) == zeros)
    let tangent = try jvp({ (x: Tensor) in try weightedSum(network.kernel(x)) }, at: zeros, along: zeros + 1).tangent
    #expect(tangent == Tensor.zeros([], dtype: dtype))
  }

  @Test("smooth kernels have right derivatives at zero, equal and opposite inputs")
  func smooth() throws {
    let activations: [any Activation] = [
      Erf(), Gelu(), Sin(), Cos(), Rbf(), Gaussian(), Gabor(), Polynomial([0.1, 1, 0.3]),
    ]
    let x1 = rows([1, 0, 1, -1, 2], dtype: .float64)
    let x2 = rows([-1, 1, 0, 0.5], dtype: .float64)
    let direction = gaussianInputs(x1.shape, seed: 2)
    for activation in activations {
      let network = Serial {
        Dense(8, weightStd: 0.9)
        activation
        Dense(1, weightStd: 1.1)
      }
      for f in [
        { (x: Tensor) in try weightedSum(network.kernel(x, x2)) },
        { (x: Tensor) in try weightedSum(network.kernel(x)) },
      ] {
        #expect(try largestDerivativeError(f, at: x1, along: direction) < 1e-6, "\(activation.nodeName)")
      }
    }
  }

  @Test("the kernel of an input with itself follows the input for kinked activations too")
  func diagonal() throws {
    let network = Serial {
      Dense(8, weightStd: 1.2, biasStd: 0.1)
      Relu()
      Dense(1)
    }
    let x = gaussianInputs([3, 4], seed: 3)
    let direction = gaussianInputs([3, 4], seed: 4)
    let f = { (x: Tensor) in
      let kernel = try network.kernel(x)
      return kernel.nngp.diagonal().sum() + (try #require(kernel.ntk)).diagonal().sum()
    }
    #expect(try largestDerivativeError(f, at: x, along: direction) < 1e-6)
  }
}
