import Platform

extension Tensor: CustomStringConvertible {
  /// Nested brackets as NumPy prints them; of more than 1000 elements only the first and last three along each axis.
  public var description: String {
    let edge = count > 1000 ? 3 : Int.max / 4
    var cells: [String] = []
    let strides = shape.rowMajorStrides
    func collect(_ axis: Int, _ offset: Int) {
      if axis == rank {
        cells.append(cell(at: offset))
        return
      }
      for position in shownPositions(shape[axis], edge) { collect(axis + 1, offset + position * strides[axis]) }
    }
    if count > 0 { collect(0, 0) }
    let width = cells.map(\.count).max() ?? 0
    var next = cells.makeIterator()
    func render(_ axis: Int, indent: String) -> String {
      if axis == rank { return pad(next.next() ?? "", width) }
      if count == 0 { return "[]" }
      let size = shape[axis]
      var parts: [String] = []
      for (index, position) in shownPositions(size, edge).enumerated() {
        if index == edge && size > 2 * edge { parts.append("...") }
        _ = position
        parts.append(render(axis + 1, indent: indent + " "))
      }
      let separator =
        axis == rank - 1
        ? ", " : "," + String(repeating: "\n", count: rank - 1 - axis) + indent + " "
      return "[" + parts.joined(separator: separator) + "]"
    }
    let suffix = count == 0 ? ", shape \(shape)" : ""
    return "Tensor(\(render(0, indent: "       "))\(suffix), \(dtype))"
  }

  private func shownPositions(_ size: Int, _ edge: Int) -> [Int] {
    size > 2 * edge ? Array(0..<edge) + Array(size - edge..<size) : Array(0..<size)
  }

  private func pad(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: width - text.count) + text
  }

  private func cell(at index: Int) -> String {
    switch dtype {
    case .float32: withUnsafeBuffer(of: Float.self) { Self.text(Double($0[index]), digits: 6) }
    case .float64: withUnsafeBuffer(of: Double.self) { Self.text($0[index], digits: 8) }
    case .int32: withUnsafeBuffer(of: Int32.self) { "\($0[index])" }
    case .bool: withUnsafeBuffer(of: Bool.self) { "\($0[index])" }
    }
  }

  private static func text(_ value: Double, digits: Int) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    if value == value.rounded() && Swift.abs(value) < 1e6 { return formatted("%.0f.", value) }
    return formatted("%.\(digits)g", value)
  }
}
