extension Evaluator {
  static func transpose(_ x: Tensor, _ permutation: [Int], _ type: TensorType) -> Tensor {
    let strides = x.shape.rowMajorStrides
    return copied(from: x, sourceStrides: permutation.map { strides[$0] }, type)
  }

  static func broadcast(_ x: Tensor, _ type: TensorType) -> Tensor {
    if x.shape == type.shape { return x }
    let strides = x.shape.rowMajorStrides
    let new = type.shape.count - x.shape.count
    return copied(
      from: x,
      sourceStrides: type.shape.indices.map { $0 < new || x.shape[$0 - new] == 1 ? 0 : strides[$0 - new] }, type)
  }

  static func reverse(_ x: Tensor, _ axes: [Int], _ type: TensorType) -> Tensor {
    guard x.count > 0 else { return x }
    var strides = x.shape.rowMajorStrides
    var offset = 0
    for axis in axes {
      offset += strides[axis] * (x.shape[axis] - 1)
      strides[axis].negate()
    }
    return copied(from: x, offset: offset, sourceStrides: strides, type)
  }

  static func slice(_ x: Tensor, _ starts: [Int], _ steps: [Int], _ type: TensorType) -> Tensor {
    if x.shape == type.shape { return x }
    let strides = x.shape.rowMajorStrides
    return copied(
      from: x, offset: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 },
      sourceStrides: zip(strides, steps).map { $0 * $1 }, type)
  }

  static func assign(_ inputs: inout [Tensor], _ starts: [Int], _ steps: [Int]) -> Tensor {
    var result = inputs[0].take()
    result.makeUnique()
    let values = inputs[1]
    let strides = result.shape.rowMajorStrides
    let offset = zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }
    StridedCopy(
      result.dtype, shape: values.shape, source: values.shape.rowMajorStrides,
      target: zip(strides, steps).map { $0 * $1 }
    )(from: values.bytes, to: result.bytes + offset * result.dtype.byteCount)
    return result
  }

  static func pad(
    _ x: Tensor, _ value: Tensor, _ low: [Int], _ interior: [Int], _ type: TensorType
  ) -> Tensor {
    let result = copied(from: value, sourceStrides: type.shape.map { _ in 0 }, type)
    let (from, to) = (x.shape.rowMajorStrides, type.shape.rowMajorStrides)
    var (source, target) = (0, 0)
    var region: [Int] = []
    for axis in x.shape.indices {
      // Position i goes to low + i * spacing; what falls outside of the result is cropped.
      let spacing = interior[axis] + 1
      let first = low[axis] >= 0 ? 0 : (-low[axis] + spacing - 1) / spacing
      let room = type.shape[axis] - low[axis]
      let end = room <= 0 ? 0 : min(x.shape[axis], (room + spacing - 1) / spacing)
      region.append(max(0, end - first))
      source += first * from[axis]
      target += (low[axis] + first * spacing) * to[axis]
    }
    guard region.product > 0 else { return result }
    StridedCopy(
      x.dtype, shape: region, source: from, target: zip(to, interior).map { $0 * ($1 + 1) }
    )(from: x.bytes + source * x.dtype.byteCount, to: result.bytes + target * x.dtype.byteCount)
    return result
  }

  static func concatenate(_ inputs: [Tensor], _ axis: Int, _ type: TensorType) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: type.dtype)
    let strides = type.shape.rowMajorStrides
    var position = 0
    for input in inputs {
      StridedCopy(type.dtype, shape: input.shape, source: input.shape.rowMajorStrides, target: strides)(
        from: input.bytes, to: result.bytes + position * strides[axis] * type.dtype.byteCount)
      position += input.shape[axis]
    }
    return result
  }

  static func iota(_ axis: Int, _ type: TensorType) -> Tensor {
    let view = AxisView(type.shape, axis: axis)
    let counting: Tensor
    switch type.dtype {
    case .float32: counting = Tensor((0..<view.length).map(Float.init))
    case .float64: counting = Tensor((0..<view.length).map(Double.init))
    case .int32: counting = Tensor((0..<view.length).map(Int32.init))
    case .bool: counting = Tensor((0..<view.length).map { $0 != 0 })
    }
    return copied(
      from: counting, sourceStrides: type.shape.indices.map { $0 == axis ? 1 : 0 }, type)
  }

  private static func copied(
    from x: Tensor, offset: Int = 0, sourceStrides: [Int], _ type: TensorType
  ) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: type.dtype)
    if type.count > 0 {
      StridedCopy(type.dtype, shape: type.shape, source: sourceStrides, target: type.shape.rowMajorStrides)(
        from: x.bytes + offset * type.dtype.byteCount, to: result.bytes)
      withExtendedLifetime(x) {}
    }
    return result
  }
}
