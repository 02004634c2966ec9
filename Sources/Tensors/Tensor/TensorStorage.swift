import Platform
import Synchronization

/// The memory of a tensor: 64-byte aligned, uninitialised at first, shared by copies until one of them is written to.
/// A traced tensor has no memory but the value of a program that it stands for.
///
/// Written to only while uniquely referenced, which is what makes it safe to send.
package final class TensorStorage: @unchecked Sendable {
  private let address: UnsafeMutableRawPointer?
  let byteCount: Int
  private let capacity: Int
  /// What a traced tensor stands for; nil when there are elements.
  let traced: TracedValue?

  init(byteCount: Int) {
    self.byteCount = byteCount
    capacity = StorageRecycler.capacity(for: byteCount)
    address = StorageRecycler.shared.take(capacity)
    traced = nil
  }

  init(traced: TracedValue) {
    (address, byteCount, capacity) = (nil, 0, 0)
    self.traced = traced
  }

  deinit {
    if let address { StorageRecycler.shared.give(address, capacity) }
  }

  /// - Precondition: there are elements.
  package var bytes: UnsafeMutableRawPointer {
    guard let address else {
      preconditionFailure(
        """
        the elements of a traced tensor are not known: while a function is traced its tensors have a shape and an \
        element type only. Replace an `if` on elements by `select`, reading a number by tensor operations, or compute \
        it before the traced function
        """)
    }
    return address
  }

  /// Gives freed blocks that are kept for later back to the allocator.
  static func releaseKept() { StorageRecycler.shared.releaseKept() }

  /// Whether both hold the same bytes.
  func hasSameBytes(as other: TensorStorage) -> Bool {
    byteCount == other.byteCount && memcmp(bytes, other.bytes, byteCount) == 0
  }

  func copy() -> TensorStorage {
    let result = TensorStorage(byteCount: byteCount)
    result.bytes.copyMemory(from: bytes, byteCount: byteCount)
    return result
  }
}

/// Keeps large freed blocks for the next allocation of about their size: a fresh block costs a page fault per 4 KiB,
/// several times the elementwise operation that fills it.
private final class StorageRecycler: Sendable {
  static let shared = StorageRecycler()

  private static let alignment = 64
  private static let smallestKept = 1 << 18
  /// An eighth of the machine's memory, at most a gigabyte: some Gram matrices of thousands of rows.
  private static let mostKept = min(1 << 30, Computer.physicalMemory / 8)

  /// Blocks of some huge pages are asked to be made of them: a five-hundredth of the page faults.
  private static let hugePage = 2 << 20
  private static let smallestHuge = 4 << 20

  private struct Kept {
    var blocks: [Int: [UInt]] = [:]
    var byteCount = 0

    var allBlocks: [UInt] { blocks.values.flatMap { $0 } }
  }

  private let kept = Mutex(Kept())

  static func capacity(for byteCount: Int) -> Int {
    // Large blocks in steps of an eighth of their size, so that a freed one fits the next of nearly its size.
    let step =
      byteCount < smallestKept ? alignment : max(alignment, (1 << (Int.bitWidth - byteCount.leadingZeroBitCount)) >> 4)
    return max(alignment, (byteCount + step - 1) / step * step)
  }

  func take(_ capacity: Int) -> UnsafeMutableRawPointer {
    if capacity >= Self.smallestKept {
      let address = kept.withLock { kept -> UInt? in
        guard let address = kept.blocks[capacity]?.popLast() else { return nil }
        kept.byteCount -= capacity
        return address
      }
      if let address, let block = UnsafeMutableRawPointer(bitPattern: address) { return block }
    }
    guard capacity >= Self.smallestHuge else { return .allocate(byteCount: capacity, alignment: Self.alignment) }
    let block = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: Self.hugePage)
    #if os(Linux)
      // Advice only: without it the block is made of ordinary pages.
      madvise(block, capacity, MADV_HUGEPAGE)
    #endif
    return block
  }

  func releaseKept() {
    deallocate(
      kept.withLock { kept in
        defer { kept = Kept() }
        return kept.allBlocks
      })
  }

  func give(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
    guard capacity >= Self.smallestKept, capacity <= Self.mostKept else {
      block.deallocate()
      return
    }
    let address = UInt(bitPattern: block)
    // When there is no room, what is kept is of sizes that nobody asks for any more.
    let stale = kept.withLock { kept in
      var stale: [UInt] = []
      if kept.byteCount + capacity > Self.mostKept {
        stale = kept.allBlocks
        kept = Kept()
      }
      kept.blocks[capacity, default: []].append(address)
      kept.byteCount += capacity
      return stale
    }
    deallocate(stale)
  }

  private func deallocate(_ addresses: [UInt]) {
    for address in addresses { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }
}
