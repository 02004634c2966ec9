import Tensors

/// A slice of K and of Θ in memory.
struct Slice<Scalar: SliceScalar> {
  var k: UnsafeMutablePointer<Scalar>
  var theta: UnsafeMutablePointer<Scalar>
  /// Which of the sizes its memory has; nil when somebody else goes on reading it.
  var ownedSize: Int?

  var isOwned: Bool { ownedSize != nil }
}

/// Memory for slices that is used again and again.
final class SliceBuffers<Scalar: SliceScalar> {
  /// The most covariances that a slice of every size has.
  private let capacities: [Int]
  private var free: [[UnsafeMutablePointer<Scalar>]]
  private var all: [Scratch<Scalar>] = []

  init(capacities: [Int]) {
    self.capacities = capacities
    free = Array(repeating: [], count: capacities.count)
  }

  /// Memory for a slice; its numbers are not set.
  func allocate(_ size: Int) -> Slice<Scalar> {
    let count = capacities[size] * Scalar.lanes
    let pointer: UnsafeMutablePointer<Scalar>
    if let last = free[size].popLast() {
      pointer = last
    } else {
      // A cache line between K and Θ keeps them from competing for the same sets of the cache.
      let memory = Scratch<Scalar>(2 * count + Scalar.lanes)
      all.append(memory)
      pointer = memory.pointer
    }
    return Slice(k: pointer, theta: pointer + count + Scalar.lanes, ownedSize: size)
  }

  func release(_ slice: Slice<Scalar>) {
    if let size = slice.ownedSize { free[size].append(slice.k) }
  }
}
