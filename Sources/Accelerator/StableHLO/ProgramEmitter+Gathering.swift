import Tensors

extension ProgramEmitter {
  /// Positions counted from the front, with an axis of one coordinate behind.
  ///
  /// A device cannot trap: what is outside is moved inside when it reads, and dropped when it adds.
  private mutating func indices(_ positions: HLOValue, below size: Int) -> HLOValue {
    if positions.largest != nil { return writer.reshape(positions, positions.shape + [1]) }
    let isNegative = writer.compare("LT", positions, writer.filled(0, positions.type))
    let fromEnd = writer.same("add", positions, writer.filled(Double(size), positions.type))
    let counted = writer.select(isNegative, fromEnd, positions)
    return writer.reshape(counted, positions.shape + [1])
  }

  mutating func take(_ x: HLOValue, _ positions: HLOValue, _ axis: Int, _ type: TensorType) -> HLOValue {
    let places = indices(positions, below: x.shape[axis])
    let count = positions.shape.count
    let offsets = x.shape.indices.filter { $0 != axis }.map { $0 < axis ? $0 : $0 + count - 1 }
    var sizes = x.shape
    sizes[axis] = 1
    return gather(
      x, places, "offset_dims = \(hloList(offsets)), collapsed_slice_dims = [\(axis)], start_index_map = [\(axis)], ",
      sizes, type)
  }

  mutating func takeAlong(_ x: HLOValue, _ positions: HLOValue, _ axis: Int, _ type: TensorType) -> HLOValue {
    let places = indices(positions, below: x.shape[axis])
    let others = x.shape.indices.filter { $0 != axis }
    let batching =
      others.isEmpty
      ? "" : "operand_batching_dims = \(hloList(others)), start_indices_batching_dims = \(hloList(others)), "
    return gather(
      x, places, "collapsed_slice_dims = [\(axis)], \(batching)start_index_map = [\(axis)], ",
      x.shape.map { _ in 1 }, type)
  }

  private mutating func gather(
    _ x: HLOValue, _ places: HLOValue, _ dimensions: String, _ sizes: [Int], _ type: TensorType
  ) -> HLOValue {
    writer.apply(
      "\"stablehlo.gather\"(\(x.name), \(places.name)) <{dimension_numbers = #stablehlo.gather<\(dimensions)"
        + "index_vector_dim = \(places.shape.count - 1)>, slice_sizes = \(hloArray(sizes)), indices_are_sorted = false}>",
      "(\(x.type.hlo), \(places.type.hlo)) -> \(type.hlo)", type)
  }

  mutating func scatterAdd(_ x: HLOValue, _ positions: HLOValue, _ axis: Int, _ type: TensorType) -> HLOValue {
    if x.type.count == 0 { return writer.filled(0, type) }
    let places = indices(positions, below: type.shape[axis])
    let end = axis + positions.shape.count
    let windows = x.shape.indices.filter { $0 < axis || $0 >= end }
    return scatter(
      x, places,
      "update_window_dims = \(hloList(windows)), inserted_window_dims = [\(axis)], scatter_dims_to_operand_dims = "
        + "[\(axis)], ", type)
  }

  mutating func scatterAddAlong(_ x: HLOValue, _ positions: HLOValue, _ axis: Int, _ type: TensorType) -> HLOValue {
    if x.type.count == 0 { return writer.filled(0, type) }
    let places = indices(positions, below: type.shape[axis])
    let others = x.shape.indices.filter { $0 != axis }
    let batching =
      others.isEmpty
      ? "" : "input_batching_dims = \(hloList(others)), scatter_indices_batching_dims = \(hloList(others)), "
    return scatter(
      x, places, "inserted_window_dims = [\(axis)], \(batching)scatter_dims_to_operand_dims = [\(axis)], ", type)
  }

  private mutating func scatter(
    _ x: HLOValue, _ places: HLOValue, _ dimensions: String, _ type: TensorType
  ) -> HLOValue {
    let zeros = writer.filled(0, type)
    let result = HLOValue(name: writer.name(), type: type)
    writer.line(
      "\(result.name) = \"stablehlo.scatter\"(\(zeros.name), \(places.name), \(x.name)) <{scatter_dimension_numbers = "
        + "#stablehlo.scatter<\(dimensions)index_vector_dim = \(places.shape.count - 1)>, indices_are_sorted = false, "
        + "unique_indices = false}> ({")
    writer.addingRegion(type.dtype)
    writer.line("}) : (\(zeros.type.hlo), \(places.type.hlo), \(x.type.hlo)) -> \(type.hlo)")
    return result
  }
}
