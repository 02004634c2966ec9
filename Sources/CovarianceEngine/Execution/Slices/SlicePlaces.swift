/// Where slices are while a schedule is written: offsets in one piece of memory, in positions.
struct SlicePlaces {
  /// The memory that was needed so far.
  private(set) var size = 0
  /// Parts that are free, by offset; no two of them touch.
  private var free: [Range<Int>] = []

  /// The first free part that is large enough: low addresses are used again and again, and stay in cache.
  mutating func allocate(_ count: Int) -> Int {
    if let index = free.firstIndex(where: { $0.count >= count }) {
      let offset = free[index].lowerBound
      if free[index].count == count {
        free.remove(at: index)
      } else {
        free[index] = offset + count..<free[index].upperBound
      }
      return offset
    }
    let offset = free.last.map { $0.upperBound == size ? $0.lowerBound : size } ?? size
    if offset < size { free.removeLast() }
    size = offset + count
    return offset
  }

  mutating func release(_ part: Range<Int>) {
    guard !part.isEmpty else { return }
    var (low, high) = (0, free.count)
    while low < high {
      let middle = (low + high) / 2
      if free[middle].lowerBound < part.lowerBound { low = middle + 1 } else { high = middle }
    }
    free.insert(part, at: low)
    if low + 1 < free.count, free[low + 1].lowerBound == part.upperBound {
      free[low] = free[low].lowerBound..<free[low + 1].upperBound
      free.remove(at: low + 1)
    }
    if low > 0, free[low - 1].upperBound == part.lowerBound {
      free[low - 1] = free[low - 1].lowerBound..<free[low].upperBound
      free.remove(at: low)
    }
  }
}
