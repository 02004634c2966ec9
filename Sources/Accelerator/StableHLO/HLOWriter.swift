import Tensors

/// A value of a function in StableHLO's text.
struct HLOValue {
  let name: String
  let type: TensorType
  /// The elements, integers, are known to be from 0 to this number; nil where nothing is known.
  var largest: Int32?

  var shape: [Int] { type.shape }
  var dtype: DType { type.dtype }
}

/// Writes the body of a function, one operation a line.
///
/// StableHLO never broadcasts and never converts: whoever writes says both. What has a name of its own here is what several
/// primitives are made of.
struct HLOWriter {
  private(set) var lines: [String] = []
  private var valueCount = 0
  private var indentation = "    "
  /// Scalars that are there already, by their text.
  private var scalars: [String: HLOValue] = [:]
  /// Of the regions around the present one.
  private var outer: [(indentation: String, scalars: [String: HLOValue])] = []

  mutating func name() -> String {
    defer { valueCount += 1 }
    return "%\(valueCount)"
  }

  mutating func line(_ text: String) { lines.append(indentation + text) }

  /// Begins a region inside an operation; scalars made in it are not there outside.
  mutating func beginRegion() {
    outer.append((indentation, scalars))
    indentation += "  "
  }

  mutating func endRegion() {
    guard let last = outer.popLast() else { preconditionFailure("a region that was not begun") }
    (indentation, scalars) = last
  }

  /// `operation` with its operands and attributes, then the types that it needs.
  mutating func apply(_ operation: String, _ signature: String, _ type: TensorType) -> HLOValue {
    let result = HLOValue(name: name(), type: type)
    line("\(result.name) = \(operation) : \(signature)")
    return result
  }

  // MARK: - Elementwise

  /// All operands and the result have one type.
  mutating func same(_ operation: String, _ operands: HLOValue...) -> HLOValue {
    let type = operands[0].type
    return apply("stablehlo.\(operation) \(operands.map(\.name).joined(separator: ", "))", type.hlo, type)
  }

  /// An operation of CHLO, which plugins expand.
  mutating func composite(_ operation: String, _ x: HLOValue) -> HLOValue {
    apply("chlo.\(operation) \(x.name)", "\(x.type.hlo) -> \(x.type.hlo)", x.type)
  }

  mutating func compare(_ direction: String, _ a: HLOValue, _ b: HLOValue, order: String? = nil) -> HLOValue {
    let type = TensorType(shape: a.shape, dtype: .bool)
    return apply(
      "stablehlo.compare \(direction), \(a.name), \(b.name), \(order ?? a.dtype.hloComparison)",
      "(\(a.type.hlo), \(b.type.hlo)) -> \(type.hlo)", type)
  }

  mutating func select(_ condition: HLOValue, _ a: HLOValue, _ b: HLOValue) -> HLOValue {
    apply(
      "stablehlo.select \(condition.name), \(a.name), \(b.name)", "\(condition.type.hlo), \(a.type.hlo)", a.type)
  }

  mutating func convert(_ x: HLOValue, to dtype: DType) -> HLOValue {
    if x.dtype == dtype { return x }
    return moved("convert \(x.name)", x, TensorType(shape: x.shape, dtype: dtype))
  }

  // MARK: - Constants

  mutating func scalar(_ value: Double, _ dtype: DType) -> HLOValue {
    scalar(text: HLOLiteral.text(value, dtype), dtype)
  }

  mutating func scalar(text: String, _ dtype: DType) -> HLOValue {
    let type = TensorType(shape: [], dtype: dtype)
    let key = text + dtype.hloName
    if let known = scalars[key] { return known }
    let result = apply("stablehlo.constant dense<\(text)>", type.hlo, type)
    scalars[key] = result
    return result
  }

  /// One number everywhere.
  mutating func filled(_ value: Double, _ type: TensorType) -> HLOValue {
    apply("stablehlo.constant dense<\(HLOLiteral.text(value, type.dtype))>", type.hlo, type)
  }

  /// A tensor without elements, or of any that nobody looks at.
  mutating func empty(_ type: TensorType) -> HLOValue {
    apply("stablehlo.constant dense<\(type.count == 0 ? "" : HLOLiteral.text(0, type.dtype))>", type.hlo, type)
  }

  mutating func constant(_ tensor: Tensor) -> HLOValue {
    apply("stablehlo.constant \(HLOLiteral.dense(tensor))", tensor.type.hlo, tensor.type)
  }

  // MARK: - Layout

  /// An operation of one operand with another type.
  mutating func moved(_ operation: String, _ x: HLOValue, _ type: TensorType) -> HLOValue {
    apply("stablehlo.\(operation)", "(\(x.type.hlo)) -> \(type.hlo)", type)
  }

  mutating func reshape(_ x: HLOValue, _ shape: [Int]) -> HLOValue {
    if x.shape == shape { return x }
    return moved("reshape \(x.name)", x, TensorType(shape: shape, dtype: x.dtype))
  }

  mutating func transpose(_ x: HLOValue, _ permutation: [Int]) -> HLOValue {
    if permutation == Array(x.shape.indices) { return x }
    let type = TensorType(shape: permutation.map { x.shape[$0] }, dtype: x.dtype)
    return moved("transpose \(x.name), dims = \(hloList(permutation))", x, type)
  }

  /// By NumPy's rule: axes are aligned at the last one.
  mutating func broadcast(_ x: HLOValue, to shape: [Int]) -> HLOValue {
    if x.shape == shape { return x }
    let first = shape.count - x.shape.count
    return broadcast(x, to: shape, axes: x.shape.indices.map { $0 + first })
  }

  /// Axis k of `x` becomes axis `axes[k]`.
  mutating func broadcast(_ x: HLOValue, to shape: [Int], axes: [Int]) -> HLOValue {
    moved("broadcast_in_dim \(x.name), dims = \(hloList(axes))", x, TensorType(shape: shape, dtype: x.dtype))
  }

  mutating func slice(_ x: HLOValue, _ starts: [Int], _ limits: [Int], _ strides: [Int]) -> HLOValue {
    let shape = starts.indices.map { (limits[$0] - starts[$0] + strides[$0] - 1) / strides[$0] }
    if shape == x.shape { return x }
    let ranges = starts.indices.map { axis in
      "\(starts[axis]):\(limits[axis])" + (strides[axis] == 1 ? "" : ":\(strides[axis])")
    }
    return moved(
      "slice \(x.name) [\(ranges.joined(separator: ", "))]", x, TensorType(shape: shape, dtype: x.dtype))
  }

  mutating func pad(_ x: HLOValue, _ fill: HLOValue, low: [Int], high: [Int], interior: [Int]) -> HLOValue {
    let shape = x.shape.indices.map { x.shape[$0] + low[$0] + high[$0] + max(0, x.shape[$0] - 1) * interior[$0] }
    let type = TensorType(shape: shape, dtype: x.dtype)
    return apply(
      "stablehlo.pad \(x.name), \(fill.name), low = \(hloList(low)), high = \(hloList(high)), interior = \(hloList(interior))",
      "(\(x.type.hlo), \(fill.type.hlo)) -> \(type.hlo)", type)
  }

  mutating func iota(_ type: TensorType, axis: Int) -> HLOValue {
    // There are no Booleans that count.
    guard type.dtype == .bool else { return apply("stablehlo.iota dim = \(axis)", type.hlo, type) }
    return convert(iota(TensorType(shape: type.shape, dtype: .int32), axis: axis), to: .bool)
  }

  // MARK: - Reductions

  /// What the reduction of nothing is.
  mutating func neutral(_ reduction: Reduction, _ dtype: DType) -> HLOValue {
    switch (reduction, dtype) {
    case (.sum, _): scalar(0, dtype)
    case (.product, _): scalar(1, dtype)
    case (.min, .int32): scalar(text: "2147483647", dtype)
    case (.max, .int32): scalar(text: "-2147483648", dtype)
    case (.min, .bool): scalar(1, dtype)
    case (.max, .bool): scalar(0, dtype)
    case (.min, _): scalar(.infinity, dtype)
    case (.max, _): scalar(-.infinity, dtype)
    }
  }

  mutating func reduce(_ reduction: Reduction, _ x: HLOValue, axes: [Int]) -> HLOValue {
    let type = TensorType(
      shape: x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] }, dtype: x.dtype)
    let start = neutral(reduction, x.dtype)
    let operation =
      switch (reduction, x.dtype) {
      case (.sum, .bool), (.max, .bool): "or"
      case (.product, .bool), (.min, .bool): "and"
      case (.sum, _): "add"
      case (.product, _): "multiply"
      case (.min, _): "minimum"
      case (.max, _): "maximum"
      }
    return apply(
      "stablehlo.reduce(\(x.name) init: \(start.name)) applies stablehlo.\(operation) across dimensions = \(hloList(axes))",
      "(\(x.type.hlo), \(start.type.hlo)) -> \(type.hlo)", type)
  }

  /// A region that adds two scalars; of Booleans, whether either is true.
  mutating func addingRegion(_ dtype: DType) {
    let type = TensorType(shape: [], dtype: dtype)
    beginRegion()
    let (a, b) = (HLOValue(name: name(), type: type), HLOValue(name: name(), type: type))
    line("^bb0(\(a.name): \(type.hlo), \(b.name): \(type.hlo)):")
    let sum = same(dtype == .bool ? "or" : "add", a, b)
    line("stablehlo.return \(sum.name) : \(type.hlo)")
    endRegion()
  }

  /// Sums over a window along all axes.
  mutating func windowSum(
    _ x: HLOValue, window: [Int], strides: [Int], dilations: [Int], _ type: TensorType
  ) -> HLOValue {
    let start = scalar(0, x.dtype)
    let result = HLOValue(name: name(), type: type)
    line(
      "\(result.name) = \"stablehlo.reduce_window\"(\(x.name), \(start.name)) <{window_dimensions = \(hloArray(window)), "
        + "window_strides = \(hloArray(strides)), window_dilations = \(hloArray(dilations))}> ({")
    addingRegion(x.dtype)
    line("}) : (\(x.type.hlo), \(start.type.hlo)) -> \(type.hlo)")
    return result
  }
}
