import Tensors

extension ProgramEmitter {
  mutating func reverse(_ x: HLOValue, _ axes: [Int]) -> HLOValue {
    if axes.isEmpty { return x }
    return writer.apply("stablehlo.reverse \(x.name), dims = \(hloList(axes))", x.type.hlo, x.type)
  }

  mutating func pad(
    _ x: HLOValue, _ fill: HLOValue, _ low: [Int], _ high: [Int], _ interior: [Int], _ type: TensorType
  ) -> HLOValue {
    if x.type.count == 0 { return writer.broadcast(fill, to: type.shape, axes: []) }
    return writer.pad(x, fill, low: low, high: high, interior: interior)
  }

  mutating func concatenate(_ inputs: [HLOValue], _ axis: Int, _ type: TensorType) -> HLOValue {
    let parts = inputs.filter { $0.type.count > 0 }
    if parts.count == 1 { return parts[0] }
    return writer.apply(
      "stablehlo.concatenate \(parts.map(\.name).joined(separator: ", ")), dim = \(axis)",
      "(\(parts.map(\.type.hlo).joined(separator: ", "))) -> \(type.hlo)", type)
  }

  mutating func assign(_ x: HLOValue, _ y: HLOValue, _ starts: [Int], _ strides: [Int]) -> HLOValue {
    if y.type.count == 0 { return x }
    if strides.allSatisfy({ $0 == 1 }) {
      return update(x, y, at: starts.map { writer.scalar(Double($0), .int32) })
    }
    let high = x.shape.indices.map { x.shape[$0] - starts[$0] - (y.shape[$0] - 1) * strides[$0] - 1 }
    let interior = strides.map { $0 - 1 }
    let values = writer.pad(y, writer.scalar(0, y.dtype), low: starts, high: high, interior: interior)
    let isInside = writer.pad(
      writer.filled(1, TensorType(shape: y.shape, dtype: .bool)), writer.scalar(0, .bool), low: starts, high: high,
      interior: interior)
    return writer.select(isInside, values, x)
  }

  private mutating func update(_ x: HLOValue, _ y: HLOValue, at starts: [HLOValue]) -> HLOValue {
    let operands = ([x, y] + starts)
    return writer.apply(
      "stablehlo.dynamic_update_slice \(operands.map(\.name).joined(separator: ", "))",
      "(\(operands.map(\.type.hlo).joined(separator: ", "))) -> \(x.type.hlo)", x.type)
  }

  /// The elements of a vector.
  private mutating func elements(_ vector: HLOValue) -> [HLOValue] {
    (0..<vector.shape[0]).map { index in
      writer.reshape(writer.slice(vector, [index], [index + 1], [1]), [])
    }
  }

  mutating func dynamicSlice(_ x: HLOValue, _ starts: HLOValue, _ sizes: [Int], _ type: TensorType) -> HLOValue {
    if sizes.isEmpty { return x }
    let operands = [x] + elements(starts)
    return writer.apply(
      "stablehlo.dynamic_slice \(operands.map(\.name).joined(separator: ", ")), sizes = \(hloList(sizes))",
      "(\(operands.map(\.type.hlo).joined(separator: ", "))) -> \(type.hlo)", type)
  }

  mutating func dynamicUpdateSlice(_ x: HLOValue, _ block: HLOValue, _ starts: HLOValue) -> HLOValue {
    if block.type.count == 0 { return x }
    return x.shape.isEmpty ? block : update(x, block, at: elements(starts))
  }
}
