import Platform

extension RandomKey {
  /// The integers below `count` in random order.
  ///
  /// Sorting by random 32-bit keys, in as many rounds as it takes until ties in all of them are improbable.
  /// O(n log n) time.
  public func permutation(_ count: Int) -> [Int] {
    precondition(count >= 0 && count <= Int(UInt32.max), "expected a count below 2^32, found \(count)")
    let rounds = Int((3 * log(Double(max(1, count))) / log(Double(UInt32.max))).rounded(.up))
    var order = Array(0..<count)
    var key = self
    for _ in 0..<rounds {
      let keys = key.split()
      key = keys[0]
      // The position in the low word makes the sort stable.
      let sorted = zip(keys[1].bits(count, of: UInt32.self), 0...).map { UInt64($0) << 32 | UInt64($1) }.sorted()
      order = sorted.map { order[Int(truncatingIfNeeded: $0 & 0xFFFF_FFFF)] }
    }
    return order
  }

  /// `tensor` with its slices along `axis` in random order; a negative axis counts from the last.
  public func permutation(of tensor: Tensor, axis: Int = 0) -> Tensor {
    let normalizedAxis = axis < 0 ? axis + tensor.rank : axis
    precondition(tensor.shape.indices.contains(normalizedAxis), "axis \(axis) of a tensor of shape \(tensor.shape)")
    let length = tensor.shape[normalizedAxis]
    let order = permutation(length)
    let blockSize = tensor.shape[(normalizedAxis + 1)...].reduce(1, *) * tensor.dtype.byteCount
    let result = Tensor(uninitialized: tensor.shape, dtype: tensor.dtype)
    guard tensor.count > 0 else { return result }
    for outer in 0..<tensor.shape[..<normalizedAxis].reduce(1, *) {
      for (position, source) in order.enumerated() {
        (result.storage.bytes + (outer * length + position) * blockSize)
          .copyMemory(from: tensor.storage.bytes + (outer * length + source) * blockSize, byteCount: blockSize)
      }
    }
    return result
  }
}
