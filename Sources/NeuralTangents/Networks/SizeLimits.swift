import Foundation
import Tensors

/// Throws unless a number of a layer is from `minimum` up to `maximum`: what files may say holds for layers made in Swift,
/// too, so that products of sizes stay numbers, and every network that works can be written to a file.
func requireSize(
  _ name: String, _ value: Int, atLeast minimum: Int = 1, atMost maximum: Int = LayerArguments.largestSize
) throws(NetworkError) {
  guard value >= minimum else {
    throw NetworkError(path: [.name(name)], expected: "an integer of at least \(minimum)", found: "\(value)")
  }
  guard value <= maximum else {
    throw NetworkError(
      path: [.name(name)], expected: "an integer of at least \(minimum) and at most \(maximum)", found: "\(value)")
  }
}

/// The same of every number in a list.
func requireSizes(
  _ name: String, _ values: [Int], atLeast minimum: Int = 1, atMost maximum: Int = LayerArguments.largestSize
) throws(NetworkError) {
  for (index, value) in values.enumerated() {
    do {
      try requireSize(name, value, atLeast: minimum, atMost: maximum)
    } catch {
      throw NetworkError(path: [.name(name), .index(index)], expected: error.expected, found: error.found)
    }
  }
}

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
    let memory = Double(ProcessInfo.processInfo.physicalMemory)
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
