import NeuralTangents
import Tensors
import Testing

/// One number made of all entries of both kernels: Σ S · nngp + C · ntk.
func weightedSum(_ kernel: Kernel) throws -> Tensor {
  let dtype = kernel.nngp.dtype
  let ntk = try #require(kernel.ntk)
  return (FixtureInput.sine(kernel.nngp.shape, dtype: dtype) * kernel.nngp).sum()
    + (FixtureInput.cosine(ntk.shape, dtype: dtype) * ntk).sum()
}

/// Reproducible inputs in general position.
func gaussianInputs(_ shape: [Int], seed: Int, dtype: DType = .float64) -> Tensor {
  RandomKey(seed: seed).normal(shape, dtype: dtype)
}

/// How the forward and the reverse derivative of a scalar function along a direction compare with its central
/// difference: the larger of both errors, relative to the derivative or the function's value, whichever is larger.
func largestDerivativeError(
  _ f: @escaping (Tensor) throws -> Tensor, at x: Tensor, along direction: Tensor, step: Double = 1e-5
) throws -> Double {
  func number(_ tensor: Tensor) -> Double { tensor.scalar(as: Double.self) }
  let (above, below) = (number(try f(x + step * direction)), number(try f(x - step * direction)))
  let expected = (above - below) / (2 * step)
  let (value, tangent) = try jvp(f, at: x, along: direction)
  let reverse = number((try gradient(of: f)(x) * direction).sum())
  let scale = max(1, abs(expected), abs(number(value)))
  let error = max(abs(number(tangent) - expected), abs(reverse - expected)) / scale
  return error.isNaN ? .infinity : error
}
