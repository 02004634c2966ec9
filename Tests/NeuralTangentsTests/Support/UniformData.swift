import Tensors

/// SplitMix64 as uniform numbers in [−1, 1), rounded to float32: the data that the peer's figures are for.
func uniformData(seed: UInt64, shape: [Int]) -> Tensor {
  let values: [Double] = (0..<shape.reduce(1, *)).map { index in
    var z: UInt64 = seed &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Double(Float(Double(z >> 11) * 0x1p-52 - 1))
  }
  return Tensor(values, shape: shape)
}
