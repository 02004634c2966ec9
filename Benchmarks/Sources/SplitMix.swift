import Tensors

/// Data that every language makes alike: SplitMix64 as numbers in [−1, 1).
func uniformData(seed: UInt64, shape: [Int], dtype: DType) -> Tensor {
  let tensor = Tensor(shape: shape, of: Double.self) { buffer in
    for index in buffer.indices {
      var z = seed &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      buffer[index] = Double(z >> 11) * 0x1p-52 - 1
    }
  }
  return tensor.asType(dtype)
}
