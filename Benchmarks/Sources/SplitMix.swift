import Tensors

/// Data that every language makes alike: SplitMix64 as numbers in [−1, 1), float32 or float64.
func uniformData(seed: UInt64, shape: [Int], dtype: DType) -> Tensor {
  func number(_ index: Int) -> Double {
    var z = seed &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Double(z >> 11) * 0x1p-52 - 1
  }
  if dtype == .float32 {
    return Tensor(shape: shape, of: Float.self) { buffer in
      for index in buffer.indices { buffer[index] = Float(number(index)) }
    }
  }
  return Tensor(shape: shape, of: Double.self) { buffer in
    for index in buffer.indices { buffer[index] = number(index) }
  }
}
