extension Primitive {
  /// Shapes and element types of the results.
  ///
  /// - Precondition: the primitive accepts inputs of these types.
  public func outputTypes(for inputs: [TensorType]) -> [TensorType] {
    switch self {
    case .call(let subprogram):
      require(subprogram.program.inputTypes == inputs, inputs)
      return subprogram.program.outputTypes
    case .eigh(let vectors):
      let a = squareMatrices(inputs, count: 1)
      let values = TensorType(shape: Array(a.shape.dropLast()), dtype: a.dtype)
      return vectors ? [values, a] : [values]
    default:
      return [outputType(for: inputs)]
    }
  }

  /// The shape and element type of the result of a primitive that has just one.
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
      requireBroadcast([inputs[0], values])
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
    case .dynamicSlice(let sizes):
      require(inputs.count == 2 && sizes.count == inputs[0].rank, inputs)
      requireBlock(sizes, starts: inputs[1], inputs)
      return TensorType(shape: sizes, dtype: inputs[0].dtype)
    case .dynamicUpdateSlice:
      require(inputs.count == 3 && inputs[0].dtype == inputs[1].dtype && inputs[0].rank == inputs[1].rank, inputs)
      requireBlock(inputs[1].shape, starts: inputs[2], inputs)
      return inputs[0]
    case .dotGeneral, .convolution, .windowSum, .cholesky, .triangularSolve, .solve:
      return contractionType(for: inputs)
    case .stopGradient:
      return only(inputs)
    case .eigh, .call:
      preconditionFailure("\(self) may have several results")
    }
  }

  private func contractionType(for inputs: [TensorType]) -> TensorType {
    require(!inputs.isEmpty && inputs.allSatisfy { $0.dtype == inputs[0].dtype && $0.dtype != .bool }, inputs)
    let dtype = inputs[0].dtype
    switch self {
    case .dotGeneral(let dimensions):
      require(inputs.count == 2, inputs)
      return TensorType(shape: dimensions.outputShape(inputs[0].shape, inputs[1].shape), dtype: dtype)
    case .convolution(let geometry, let role):
      require(inputs.count == 2, inputs)
      return TensorType(shape: geometry.outputShape(role, inputs[0].shape, inputs[1].shape), dtype: dtype)
    case .windowSum(let geometry):
      return TensorType(shape: geometry.outputShape(only(inputs).shape), dtype: dtype)
    case .cholesky:
      return squareMatrices(inputs, count: 1)
    case .triangularSolve(let options):
      let (a, b) = (squareMatrices(inputs, count: 2), inputs[1])
      require(b.rank >= 2 && b.shape[b.rank - (options.side == .left ? 2 : 1)] == a.shape[a.rank - 1], inputs)
      require(a.rank == 2 || a.shape.dropLast(2) == b.shape.dropLast(2), inputs)
      return b
    case .solve:
      let (a, b) = (squareMatrices(inputs, count: 2), inputs[1])
      require(b.rank == a.rank && b.shape.dropLast() == a.shape.dropLast(), inputs)
      return b
    default:
      preconditionFailure("\(self) does not contract")
    }
  }

  /// The first of `count` inputs, which is a stack of square floating-point matrices.
  private func squareMatrices(_ inputs: [TensorType], count: Int) -> TensorType {
    require(inputs.count == count, inputs)
    let a = inputs[0]
    require(a.dtype.isFloatingPoint && a.rank >= 2 && a.shape[a.rank - 1] == a.shape[a.rank - 2], inputs)
    return a
  }

  private func requireBlock(_ sizes: [Int], starts: TensorType, _ inputs: [TensorType]) {
    require(zip(sizes, inputs[0].shape).allSatisfy { $0 >= 0 && $0 <= $1 }, inputs)
    require(starts == TensorType(shape: [sizes.count], dtype: .int32), inputs)
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
    requireBroadcast(inputs)
    return TensorType(
      shape: inputs.dropFirst().reduce(inputs[0].shape) { $0.broadcast(with: $1.shape) }, dtype: inputs[0].dtype)
  }

  private func requireBroadcast(_ inputs: [TensorType]) {
    guard inputs.contains(where: { $0.shape != inputs[0].shape }) else { return }
    let rank = inputs.map(\.rank).max() ?? 0
    for place in 1...max(1, rank) {
      var size = 1
      for input in inputs where place <= input.rank && input.shape[input.rank - place] != 1 {
        require(size == 1 || size == input.shape[input.rank - place], inputs)
        size = input.shape[input.rank - place]
      }
    }
  }

  private func only(_ inputs: [TensorType]) -> TensorType {
    require(inputs.count == 1, inputs)
    return inputs[0]
  }

  private func require(_ condition: Bool, _ inputs: [TensorType]) {
    precondition(condition, mismatch(inputs))
  }

  func mismatch(_ inputs: [TensorType]) -> String {
    let options = attributes.map { " {\($0)}" } ?? ""
    let found = inputs.isEmpty ? "none" : inputs.map(\.description).joined(separator: ", ")
    return "\(name)\(options): expected \(expectedInputs), found \(found)"
  }

  /// The inputs the primitive takes, in words.
  private var expectedInputs: String {
    switch self {
    case .unary(.not): "a bool tensor"
    case .unary(let function): function.acceptsIntegers ? "a tensor of numbers" : "a floating-point tensor"
    case .binary(let function):
      switch function {
      case .divide, .atan2: "two floating-point tensors of one element type whose shapes broadcast"
      case .add, .subtract, .multiply, .power: "two tensors of numbers of one element type whose shapes broadcast"
      case .minimum, .maximum: "two tensors of one element type whose shapes broadcast"
      case .and, .or, .xor: "two bool tensors whose shapes broadcast"
      }
    case .compare: "two tensors of one element type whose shapes broadcast"
    case .multiplyAdd: "three tensors of numbers of one element type whose shapes broadcast"
    case .select: "a bool tensor and two tensors of one element type, whose shapes broadcast"
    case .convert, .stopGradient: "a tensor"
    case .reshape(let shape): "a tensor of \(shape.product) elements for the shape \(shape)"
    case .transpose(let permutation): "a tensor of rank \(permutation.count)"
    case .broadcast(let shape): "a tensor whose shape broadcasts to \(shape)"
    case .reverse, .reduce, .cumulativeSum, .sort, .argSort: "a tensor with these axes"
    case .argReduce: "a tensor with this axis, not empty along it"
    case .slice: "a tensor that contains this region"
    case .assign: "a tensor that contains this region and one of the region's shape and the same element type"
    case .pad: "a tensor of this many axes that is not cropped below nothing and a scalar of its element type"
    case .concatenate: "tensors of one element type whose shapes differ only along this axis"
    case .iota(let shape, _, let axis): "no inputs and an axis of \(shape), which \(axis) must be"
    case .take: "a tensor with this axis and int32 positions"
    case .scatterAdd: "entries with the positions' axes at this place and int32 positions"
    case .takeAlong: "a tensor and int32 positions whose shape differs only along this axis"
    case .scatterAddAlong: "a tensor with this axis and int32 positions of its shape"
    case .dynamicSlice(let sizes): "a tensor that holds a block of \(sizes) and \(sizes.count) int32 starts"
    case .dynamicUpdateSlice: "a tensor, a block of its element type that fits into it, and one int32 start per axis"
    case .dotGeneral, .convolution: "two tensors of numbers of one element type"
    case .windowSum: "a tensor of numbers"
    case .cholesky, .eigh: "floating-point square matrices"
    case .triangularSolve(let options):
      "floating-point square matrices and right-hand sides of the same element type, as many "
        + (options.side == .left ? "rows" : "columns") + ", and the same leading axes unless it is one matrix"
    case .solve: "floating-point square matrices and right-hand sides of the same element type, rows and leading axes"
    case .call(let subprogram): "\(subprogram.program.inputTypes)"
    }
  }
}
