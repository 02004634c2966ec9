extension Tensor {
  /// Throws `TensorError.notFinite` with the index of the first element that is NaN or infinite.
  ///
  /// - Parameter context: what the tensor is, for the message.
  public func requireFinite(context: String) throws(TensorError) {
    guard dtype.isFloatingPoint, !isFinite(self).all().scalar(as: Bool.self) else { return }
    let flags = isFinite(self).scalars(as: Bool.self)
    var remainder = flags.firstIndex(of: false) ?? 0
    var index: [Int] = []
    for stride in shape.rowMajorStrides {
      index.append(remainder / stride)
      remainder %= stride
    }
    throw .notFinite(context: context, index: index)
  }
}
