extension Evaluator {
  static func sort(_ x: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    let order = argSort(x, axis, TensorType(shape: type.shape, dtype: .int32))
    return takeAlong(x, order, axis, type)
  }

  static func argSort(_ x: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    switch x.dtype {
    case .float32: argSort(x, axis) { (v: Float) in v.sortingKey }
    case .float64: argSort(x, axis) { (v: Double) in v.sortingKey }
    case .int32: argSort(x, axis) { (v: Int32) in UInt32(bitPattern: v) ^ 0x8000_0000 }
    case .bool: argSort(x, axis) { (v: Bool) in v ? 1 as UInt8 : 0 }
    }
  }

  private static func argSort<
    Scalar: TensorScalar, Key: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable
  >(
    _ x: Tensor, _ axis: Int, key: @Sendable (Scalar) -> Key
  ) -> Tensor {
    let view = AxisView(x.shape, axis: axis)
    let (length, inner) = (view.length, view.inner)
    return Tensor(shape: x.shape) { (order: UnsafeMutableBufferPointer<Int32>) in
      x.withUnsafeBuffer(of: Scalar.self) { values in
        nonisolated(unsafe) let (order, values) = (order, values)
        Threads.forEachRange(view.outer * inner, grain: max(1, (1 << 12) / max(1, length))) { range in
          var sorter = RadixSorter<Key>(capacity: length)
          for line in range {
            let (outer, column) = line.quotientAndRemainder(dividingBy: inner)
            let first = outer * length * inner + column
            sorter.sort(count: length) {
              key(values[first + $0 * inner])
            } output: { rank, position in
              order[first + rank * inner] = Int32(truncatingIfNeeded: position)
            }
          }
        }
      }
    }
  }
}

/// A stable least-significant-digit radix sort of keys with their positions; its memory is reused from line to line.
private struct RadixSorter<Key: FixedWidthInteger & UnsignedInteger & BitwiseCopyable> {
  private struct Entry: BitwiseCopyable {
    var key: Key
    var position: UInt32
  }

  private var entries: [Entry] = []
  private var other: [Entry] = []

  init(capacity: Int) {
    entries.reserveCapacity(capacity)
    other.reserveCapacity(capacity)
  }

  mutating func sort(count: Int, key: (Int) -> Key, output: (_ rank: Int, _ position: UInt32) -> Void) {
    entries.removeAll(keepingCapacity: true)
    for position in 0..<count { entries.append(Entry(key: key(position), position: UInt32(position))) }
    if count <= 64 { insertionSort() } else { radixSort() }
    for (rank, entry) in entries.enumerated() { output(rank, entry.position) }
  }

  private mutating func insertionSort() {
    for end in entries.indices.dropFirst() {
      let entry = entries[end]
      var hole = end
      while hole > 0, entries[hole - 1].key > entry.key {
        entries[hole] = entries[hole - 1]
        hole -= 1
      }
      entries[hole] = entry
    }
  }

  private mutating func radixSort() {
    other = entries
    for shift in stride(from: 0, to: Key.bitWidth, by: 8) {
      let isMoved = entries.withUnsafeBufferPointer { from in
        other.withUnsafeMutableBufferPointer { to in Self.distribute(from, to, shift) }
      }
      if isMoved { swap(&entries, &other) }
    }
  }

  /// Orders entries by one digit of their keys; false when all share it and nothing was moved.
  private static func distribute(
    _ from: UnsafeBufferPointer<Entry>, _ to: UnsafeMutableBufferPointer<Entry>, _ shift: Int
  ) -> Bool {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 257) { starts in
      starts.initialize(repeating: 0)
      for entry in from { starts[Int(truncatingIfNeeded: entry.key >> Key(shift)) & 255 &+ 1] &+= 1 }
      if starts.contains(from.count) { return false }
      for digit in 1...256 { starts[digit] += starts[digit - 1] }
      for entry in from {
        let digit = Int(truncatingIfNeeded: entry.key >> Key(shift)) & 255
        to[starts[digit]] = entry
        starts[digit] &+= 1
      }
      return true
    }
  }
}

extension Float {
  /// An integer in the order of the numbers: zeros are equal, NaN of any sign is last.
  fileprivate var sortingKey: UInt32 {
    if isNaN { return .max }
    let bits = (self + 0).bitPattern
    return bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
  }
}

extension Double {
  /// An integer in the order of the numbers: zeros are equal, NaN of any sign is last.
  fileprivate var sortingKey: UInt64 {
    if isNaN { return .max }
    let bits = (self + 0).bitPattern
    return bits >> 63 == 1 ? ~bits : bits | 0x8000_0000_0000_0000
  }
}
