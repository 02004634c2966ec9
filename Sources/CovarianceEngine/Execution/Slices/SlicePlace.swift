/// Where slices are while a schedule is written: offsets in one piece of memory, in positions.
struct SlicePlaces {
  /// The memory that was needed so far.
  private(set) var size = 0
  /// Parts that are free, by offset; no two of them touch.
  private var free: [Range<Int>] = []

  /// The smallest free part that is large enough.
  mutating func allocate(_ count: Int) -> Int {
    var best: Int?
    for index in free.indices where free[index].count >= count {
      if best.map({ free[index].count < free[$0].count }) ?? true { best = index }
    }
    if let best {
      let offset = free[best].lowerBound
      if free[best].count == count {
        free.remove(at: best)
      } else {
        free[best] = offset + count..<free[best].upperBound
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
