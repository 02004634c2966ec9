import CVectorKernels
import Synchronization

extension Tensor {
  /// Throws `TensorError.notFinite` with the index of the first element that is NaN or infinite.
  ///
  /// - Parameter context: what the tensor is, for the message.
  public func requireFinite(context: String) throws(TensorError) {
    guard !isAllFinite else { return }
    let flags = isFinite(self).scalars(as: Bool.self)
    var remainder = flags.firstIndex(of: false) ?? 0
    var index: [Int] = []
    for stride in shape.rowMajorStrides {
      index.append(remainder / stride)
      remainder %= stride
    }
    throw .notFinite(context: context, index: index)
  }

  private var isAllFinite: Bool {
    let hasBadRange = Atomic(false)
    Threads.forEachRange(count, grain: 1 << 18) { range in
      let isFinite =
        switch dtype {
        case .float32: nt_all_finite_f32(range.count, unsafePointer(to: Float.self) + range.lowerBound) != 0
        case .float64: nt_all_finite_f64(range.count, unsafePointer(to: Double.self) + range.lowerBound) != 0
        case .int32, .bool: true
        }
      if !isFinite { hasBadRange.store(true, ordering: .relaxed) }
    }
    return !hasBadRange.load(ordering: .relaxed)
  }
}
