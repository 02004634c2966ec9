import Tensors

/// Memory that a computation is going to take.
enum MemoryNeed {
  /// - Throws: `PredictionError.memory` when so many bytes are not available.
  static func require(_ bytes: Double, for purpose: String) throws(PredictionError) {
    guard !isAvailable(bytes) else { return }
    throw .memory(purpose: purpose, needed: bytes, available: Double(AvailableMemory.bytes))
  }

  static func isAvailable(_ bytes: Double) -> Bool {
    if AvailableMemory.covers(bytes) { return true }
    ResidentMemory.releaseFreed()
    return AvailableMemory.covers(bytes)
  }

  static func text(_ bytes: Double) -> String {
    let gigabytes = bytes / 1e9
    return gigabytes < 10 ? "\((gigabytes * 100).rounded() / 100) GB" : "\((gigabytes * 10).rounded() / 10) GB"
  }
}
