extension Tensor {
  /// Throws `TensorError.notFinite` with the index of the first element that is NaN or infinite; of a traced tensor, whose
  /// elements are not known, nothing.
  ///
  /// - Parameter context: what the tensor is, for the message.
  public func requireFinite(context: String) throws(TensorError) {
    if !isTraced, let index = firstNonFinite(self) { throw .notFinite(context: context, index: index) }
  }
}
