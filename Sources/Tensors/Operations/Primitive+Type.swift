extension Primitive {
  /// The shape and element type of the result; inputs that the primitive does not accept are a programmer's error.
  func outputType(for inputs: [TensorType]) -> TensorType {
    switch self {
    case .unary(let function):
      let x = only(inputs)
      require(function == .not ? x.dtype == .bool : accepts(function, x.dtype), inputs)
      return x
    case .binary(let function):
      return elementwise(inputs, count: 2) { dtype in
        switch function {
        case .divide, .atan2: dtype.isFloatingPoint
        case .add, .subtract, .multiply, .power: dtype != .bool
        case .minimum, .maximum: true
        case .and, .or, .xor: dtype == .bool
        }
      }
    case .compare:
      return TensorType(shape: elementwise(inputs, count: 2) { _ in true }.shape, dtype: .bool)
    case .multiplyAdd:
      return elementwise(inputs, count: 3) { $0 != .bool }
    case .select:
      require(inputs.count == 3 && inputs[0].dtype == .bool, inputs)
      let values = elementwise(Array(inputs.dropFirst()), count: 2) { _ in true }
      return TensorType(shape: inputs[0].shape.broadcast(with: values.shape), dtype: values.dtype)
    case .convert(let dtype):
      return TensorType(shape: only(inputs).shape, dtype: dtype)
    case .reshape, .transpose, .broadcast, .reverse, .slice, .assign, .pad, .concatenate:
      return layoutType(for: inputs)
    case .reduce(_, let axes):
      let x = only(inputs)
      require(axes.allSatisfy(x.shape.indices.contains), inputs)
      return TensorType(shape: x.shape.removing(axes: axes), dtype: x.dtype)
    case .argReduce(_, let axis):
      let x = only(inputs)
      require(x.shape.indices.contains(axis) && x.shape[axis] > 0, inputs)
      return TensorType(shape: x.shape.removing(axes: [axis]), dtype: .int32)
    case .cumulativeSum(let axis), .sort(let axis):
      let x = only(inputs)
      require(x.shape.indices.contains(axis), inputs)
      return x
    case .argSort(let axis):
      let x = only(inputs)
      require(x.shape.indices.contains(axis), inputs)
      return TensorType(shape: x.shape, dtype: .int32)
    case .iota(let shape, let dtype, let axis):
      require(inputs.isEmpty && shape.indices.contains(axis), inputs)
      return TensorType(shape: shape, dtype: dtype)
    case .take, .scatterAdd, .takeAlong, .scatterAddAlong:
      return gatherType(for: inputs)
    }
  }

  private func layoutType(for inputs: [TensorType]) -> TensorType {
    require(!inputs.isEmpty, inputs)
    let x = inputs[0]
    switch self {
    case .reshape(let shape):
      require(shape.product == x.count, inputs)
      return TensorType(shape: shape, dtype: x.dtype)
    case .transpose(let permutation):
      require(permutation.sorted() == Array(x.shape.indices), inputs)
      return TensorType(shape: permutation.map { x.shape[$0] }, dtype: x.dtype)
    case .broadcast(let shape):
      require(x.shape.broadcasts(to: shape), inputs)
      return TensorType(shape: shape, dtype: x.dtype)
    case .reverse(let axes):
      require(axes.allSatisfy(x.shape.indices.contains), inputs)
      return x
    case .slice(let starts, let limits, let strides):
      return TensorType(shape: region(starts, limits, strides, of: inputs), dtype: x.dtype)
    case .assign(let starts, let limits, let strides):
      require(inputs.count == 2 && inputs[1].dtype == x.dtype, inputs)
      require(inputs[1].shape == region(starts, limits, strides, of: inputs), inputs)
      return x
    case .pad(let low, let high, let interior):
      require(inputs.count == 2 && inputs[1].shape.isEmpty && inputs[1].dtype == x.dtype, inputs)
      require([low.count, high.count, interior.count].allSatisfy { $0 == x.shape.count }, inputs)
      let shape = x.shape.indices.map { axis in
        x.shape[axis] + low[axis] + high[axis] + max(0, x.shape[axis] - 1) * interior[axis]
      }
      require(shape.allSatisfy { $0 >= 0 } && interior.allSatisfy { $0 >= 0 }, inputs)
      return TensorType(shape: shape, dtype: x.dtype)
    case .concatenate(let axis):
      require(x.shape.indices.contains(axis), inputs)
      var shape = x.shape
      shape[axis] = inputs.reduce(0) { $0 + ($1.shape.indices.contains(axis) ? $1.shape[axis] : 0) }
      require(
        inputs.allSatisfy {
          $0.dtype == x.dtype && $0.shape.removing(axes: [axis]) == x.shape.removing(axes: [axis])
        }, inputs)
      return TensorType(shape: shape, dtype: x.dtype)
    default:
      preconditionFailure("\(self) does not move elements")
    }
  }

  private func gatherType(for inputs: [TensorType]) -> TensorType {
    require(inputs.count == 2 && inputs[1].dtype == .int32, inputs)
    let (x, positions) = (inputs[0], inputs[1])
    switch self {
    case .take(let axis):
      require(x.shape.indices.contains(axis), inputs)
      return TensorType(shape: x.shape[..<axis] + positions.shape + x.shape[(axis + 1)...], dtype: x.dtype)
    case .scatterAdd(let axis, let size):
      let end = axis + positions.shape.count
      require(end <= x.shape.count && Array(x.shape[axis..<end]) == positions.shape, inputs)
      return TensorType(shape: x.shape[..<axis] + [size] + x.shape[end...], dtype: x.dtype)
    case .takeAlong(let axis):
      require(
        x.shape.count == positions.shape.count && x.shape.indices.contains(axis)
          && x.shape.removing(axes: [axis]) == positions.shape.removing(axes: [axis]), inputs)
      return TensorType(shape: positions.shape, dtype: x.dtype)
    case .scatterAddAlong(let axis, let size):
      require(x.shape == positions.shape && x.shape.indices.contains(axis), inputs)
      var shape = x.shape
      shape[axis] = size
      return TensorType(shape: shape, dtype: x.dtype)
    default:
      preconditionFailure("\(self) does not gather")
    }
  }

  private func region(_ starts: [Int], _ limits: [Int], _ strides: [Int], of inputs: [TensorType]) -> [Int] {
    let shape = inputs[0].shape
    require([starts.count, limits.count, strides.count].allSatisfy { $0 == shape.count }, inputs)
    return shape.indices.map { axis in
      require(
        strides[axis] > 0 && 0 <= starts[axis] && starts[axis] <= limits[axis] && limits[axis] <= shape[axis], inputs)
      return (limits[axis] - starts[axis] + strides[axis] - 1) / strides[axis]
    }
  }

  private func accepts(_ function: UnaryFunction, _ dtype: DType) -> Bool {
    dtype.isFloatingPoint || (function.acceptsIntegers && dtype == .int32)
  }

  private func elementwise(_ inputs: [TensorType], count: Int, _ accepts: (DType) -> Bool) -> TensorType {
    require(inputs.count == count && inputs.allSatisfy { $0.dtype == inputs[0].dtype }, inputs)
    require(accepts(inputs[0].dtype), inputs)
    return TensorType(
      shape: inputs.dropFirst().reduce(inputs[0].shape) { $0.broadcast(with: $1.shape) }, dtype: inputs[0].dtype)
  }

  private func only(_ inputs: [TensorType]) -> TensorType {
    require(inputs.count == 1, inputs)
    return inputs[0]
  }

  private func require(_ condition: Bool, _ inputs: [TensorType]) {
    precondition(condition, "\(self) does not apply to \(inputs)")
  }
}
