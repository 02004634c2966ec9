import CVectorKernels

extension RandomKey {
  /// Numbers uniform on [`minimum`, `maximum`): 23 random bits each in float32, 52 in float64.
  ///
  /// - Precondition: `dtype` is a floating-point type.
  public func uniform(
    _ shape: [Int], from minimum: Double = 0, to maximum: Double = 1, dtype: DType = .float32
  ) -> Tensor {
    if let drawn = DrawnTypes.standIn(shape, dtype) { return drawn }
    return switch dtype {
    case .float32:
      Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Float>) in
        fill(buffer.count, buffer, pairs: (buffer.count + 1) / 2) { first, second, count, lower, upper, out in
          nt_random_uniform_f(first, second, count, lower, upper, Float(minimum), Float(maximum), out)
        }
      }
    case .float64:
      Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Double>) in
        fill(buffer.count, buffer, pairs: buffer.count) { first, second, count, lower, upper, out in
          nt_random_uniform_d(first, second, count, lower, upper, minimum, maximum, out)
        }
      }
    case .int32, .bool: preconditionFailure("expected a floating-point type to draw, found \(dtype)")
    }
  }

  /// Independent standard normal numbers: √2 erf⁻¹(u) of u uniform on (−1, 1).
  ///
  /// float64 uses the C library's logarithm; where that does not round as glibc's does, a few numbers in a thousand may
  /// differ in their last bit.
  ///
  /// - Precondition: `dtype` is a floating-point type.
  ///
  /// *Source:* Giles, "Approximating the erfinv function" (2010).
  public func normal(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    if let drawn = DrawnTypes.standIn(shape, dtype) { return drawn }
    return switch dtype {
    case .float32:
      Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Float>) in
        fill(buffer.count, buffer, pairs: (buffer.count + 1) / 2, with: nt_random_normal_f)
      }
    case .float64:
      Tensor(shape: shape) { (buffer: UnsafeMutableBufferPointer<Double>) in
        fill(buffer.count, buffer, pairs: buffer.count, with: nt_random_normal_d)
      }
    case .int32, .bool: preconditionFailure("expected a floating-point type to draw, found \(dtype)")
    }
  }

  /// True with the given probability: a tensor of bool.
  ///
  /// `dtype` is the type of the uniform numbers that are compared with `probability`: JAX takes it from the type of its
  /// argument `p` (float64 for a Python number under `jax_enable_x64`, else float32).
  public func bernoulli(_ shape: [Int], probability: Double = 0.5, dtype: DType = .float32) -> Tensor {
    let draw = uniform(shape, dtype: dtype)
    if draw.isTraced { return draw .< probability }
    return Tensor(shape: shape) { (result: UnsafeMutableBufferPointer<Bool>) in
      if dtype == .float32 {
        let bound = Float(probability)
        draw.withUnsafeBuffer(of: Float.self) { draw in
          for index in result.indices { result[index] = draw[index] < bound }
        }
      } else {
        draw.withUnsafeBuffer(of: Double.self) { draw in
          for index in result.indices { result[index] = draw[index] < probability }
        }
      }
    }
  }
}
