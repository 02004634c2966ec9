import Tensors

// What is known of integers before a program runs: that they are not negative, and how large they can be. Positions that are
// known to count from the front need not be looked at, which would take a launch of its own where several kernels read them.

extension ProgramEmitter {
  static func largest(_ tensor: Tensor) -> Int32? {
    guard tensor.dtype == .int32 else { return nil }
    var largest: Int32 = 0
    for number in tensor.scalars(as: Int32.self) {
      if number < 0 { return nil }
      largest = max(largest, number)
    }
    return largest
  }

  /// Of the one result of a primitive.
  static func largest(_ primitive: Primitive, _ inputs: [HLOValue], _ type: TensorType) -> Int32? {
    guard type.dtype == .int32 else { return nil }
    /// Of several operands, nil where nothing is known of one of them.
    func all(_ values: some Sequence<HLOValue>) -> Int32? {
      var largest: Int32 = 0
      for value in values {
        guard let known = value.largest else { return nil }
        largest = max(largest, known)
      }
      return largest
    }
    func combined(_ operation: (Int32, Int32) -> (partialValue: Int32, overflow: Bool)) -> Int32? {
      guard let a = inputs[0].largest, let b = inputs[1].largest else { return nil }
      let (value, overflows) = operation(a, b)
      return overflows ? nil : value
    }
    switch primitive {
    case .iota(let shape, _, let axis): return Int32(exactly: max(0, shape[axis] - 1))
    case .argReduce(_, let axis), .argSort(let axis): return Int32(exactly: max(0, inputs[0].shape[axis] - 1))
    case .binary(.add): return combined { $0.addingReportingOverflow($1) }
    case .binary(.multiply): return combined { $0.multipliedReportingOverflow(by: $1) }
    case .convert: return inputs[0].dtype == .bool ? 1 : inputs[0].largest
    case .select: return all(inputs[1...])
    case .concatenate: return all(inputs)
    case .reshape, .transpose, .broadcast, .reverse, .slice, .sort, .stopGradient, .take, .takeAlong, .dynamicSlice:
      return inputs[0].largest
    default: return nil
    }
  }
}
