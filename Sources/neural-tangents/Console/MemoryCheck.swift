import Tensors

/// Says before long work that there is not enough memory for it.
enum MemoryCheck {
  /// - Parameters:
  ///   - work: what needs it, as the subject of a sentence.
  ///   - wayOn: what takes less.
  /// - Throws: `CommandError` when so many bytes are not available.
  static func require(_ bytes: Double, for work: String, wayOn: String = "") throws(CommandError) {
    if isAvailable(bytes) { return }
    let available = Double(AvailableMemory.bytes)
    throw .internalFailure(
      "\(work) needs about \(gigabytes(bytes)) of memory, \(gigabytes(available)) are available"
        + (wayOn.isEmpty ? "" : "; \(wayOn)"))
  }

  static func isAvailable(_ bytes: Double) -> Bool {
    if AvailableMemory.covers(bytes) { return true }
    ResidentMemory.releaseFreed()
    return bytes <= Double(AvailableMemory.bytes)
  }

  static func gigabytes(_ bytes: Double) -> String { "\(format(bytes / 1e9, bytes < 1e10 ? 2 : 1)) GB" }
}
