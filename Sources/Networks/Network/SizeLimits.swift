import CovarianceEngine
import Platform
import Tensors

/// The largest number of layers in a row, or copies side by side, that one layer may stand for.
let largestLayerCount = 4096

/// The largest window, stride, dilation or size of a resampled axis, which is more than any input has positions.
let largestWindow = 4096

/// Throws when a layer would make more positions than pairs of them can be counted.
///
/// - Parameter name: the argument that says how many.
func requireCountable(positions: [Int], _ name: String) throws(NetworkError) {
  let limit = 1 << 22
  guard positions.reduce(1.0, { $0 * Double($1) }) <= Double(limit) else {
    throw NetworkError(
      path: [.name(name)], expected: "an output of at most \(limit) positions",
      found: positions.map { "\($0)" }.joined(separator: "x"))
  }
}

extension RandomKey {
  /// Standard normal parameters of this shape.
  ///
  /// - Throws: `NetworkError` when there are more than memory or one draw can hold.
  func normalParameters(_ shape: [Int], dtype: DType) throws(NetworkError) -> Tensor {
    let count = shape.reduce(1.0) { $0 * Double($1) }
    // A draw has fewer than 2³² words; where only shapes are wanted, they need to be counted.
    let words = dtype == .float64 ? 2 * count : count
    let memory = Double(Computer.physicalMemory)
    let fits =
      areDrawsTypesOnly
      ? count <= 0x1p48 : words < 0x1p32 - 1 && count * Double(dtype.byteCount) <= memory
    guard fits else {
      throw NetworkError(
        expected: "weights that fit into memory and have fewer than 2^32 words of 32 bits",
        found: "\(count) numbers of \(dtype), shape \(shape)")
    }
    return normal(shape, dtype: dtype)
  }
}
