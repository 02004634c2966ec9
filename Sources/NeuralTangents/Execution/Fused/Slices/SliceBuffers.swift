import Tensors

/// A slice of K and of Θ in memory.
struct Slice<Scalar: SliceScalar> {
  var k: UnsafeMutablePointer<Scalar>
  var theta: UnsafeMutablePointer<Scalar>
  /// What its memory was asked for with; nil when somebody else goes on reading it.
  var ownedCapacity: Int?

  var isOwned: Bool { ownedCapacity != nil }
}

/// Memory for slices that is used again and again.
final class SliceBuffers<Scalar: SliceScalar> {
  private var free: [Int: [UnsafeMutablePointer<Scalar>]] = [:]
  private var all: [Scratch<Scalar>] = []

  /// Memory for a slice of at most `capacity` covariances; its numbers are not set.
  func allocate(_ capacity: Int) -> Slice<Scalar> {
    let size = capacity * Scalar.lanes
    let pointer: UnsafeMutablePointer<Scalar>
    if let last = free[capacity]?.popLast() {
      pointer = last
    } else {
      // A cache line between K and Θ keeps them from competing for the same sets of the cache.
      let memory = Scratch<Scalar>(2 * size + Scalar.lanes)
      all.append(memory)
      pointer = memory.pointer
    }
    return Slice(k: pointer, theta: pointer + size + Scalar.lanes, ownedCapacity: capacity)
  }

  func release(_ slice: Slice<Scalar>) {
    guard let capacity = slice.ownedCapacity else { return }
    free[capacity, default: []].append(slice.k)
  }}
