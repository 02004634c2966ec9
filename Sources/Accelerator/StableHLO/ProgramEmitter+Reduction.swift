import Tensors

extension ProgramEmitter {
  mutating func reduce(_ reduction: Reduction, _ x: HLOValue, _ axes: [Int], _ type: TensorType) -> HLOValue {
    if axes.isEmpty { return x }
    if x.type.count == 0 { return writer.broadcast(writer.neutral(reduction, x.dtype), to: type.shape, axes: []) }
    return writer.reduce(reduction, x, axes: axes)
  }

  /// The place of the smallest or largest element: the better value or NaN wins; of equal ones, and of two NaN, the first.
  mutating func argReduce(_ extreme: Extreme, _ x: HLOValue, _ axis: Int, _ type: TensorType) -> HLOValue {
    let places = writer.iota(TensorType(shape: x.shape, dtype: .int32), axis: axis)
    let worst = writer.neutral(extreme == .min ? .min : .max, x.dtype)
    let last = writer.scalar(text: "2147483647", .int32)
    let (value, place) = (TensorType(shape: [], dtype: x.dtype), TensorType(shape: [], dtype: .int32))
    let values = TensorType(shape: type.shape, dtype: x.dtype)
    let name = writer.name()
    writer.line(
      "\(name):2 = stablehlo.reduce(\(x.name) init: \(worst.name)), (\(places.name) init: \(last.name)) across dimensions = "
        + "[\(axis)] : (\(x.type.hlo), \(places.type.hlo), \(value.hlo), \(place.hlo)) -> (\(values.hlo), \(type.hlo))")
    writer.beginRegion()
    func argument(_ type: TensorType) -> HLOValue { HLOValue(name: writer.name(), type: type) }
    let (a, b, i, j) = (argument(value), argument(value), argument(place), argument(place))
    writer.line(
      "reducer(\(a.name): \(value.hlo), \(b.name): \(value.hlo)) (\(i.name): \(place.hlo), \(j.name): \(place.hlo)) {")
    var isBetter = writer.compare(extreme == .min ? "LT" : "GT", a, b)
    var isTie = writer.compare("EQ", a, b)
    if x.dtype.isFloatingPoint {
      let (aIsNaN, bIsNaN) = (writer.compare("NE", a, a), writer.compare("NE", b, b))
      isBetter = writer.same("or", isBetter, aIsNaN)
      isTie = writer.same("or", isTie, writer.same("and", aIsNaN, bIsNaN))
    }
    let isFirst = writer.same("and", isTie, writer.compare("LT", i, j))
    let wins = writer.same("or", writer.same("and", isBetter, writer.same("not", isTie)), isFirst)
    let (v, p) = (writer.select(wins, a, b), writer.select(wins, i, j))
    writer.line("stablehlo.return \(v.name), \(p.name) : \(value.hlo), \(place.hlo)")
    writer.endRegion()
    writer.line("}")
    return HLOValue(name: "\(name)#1", type: type)
  }

  /// Sums of ever more neighbours, by doubling: log₂ n additions of shifted tensors.
  mutating func cumulativeSum(_ x: HLOValue, _ axis: Int) -> HLOValue {
    var sum = x
    var distance = 1
    let zeros = [Int](repeating: 0, count: x.shape.count)
    let fill = writer.scalar(0, x.dtype)
    while distance < x.shape[axis] {
      var (low, high) = (zeros, zeros)
      (low[axis], high[axis]) = (distance, -distance)
      let shifted = writer.pad(sum, fill, low: low, high: high, interior: zeros)
      sum = writer.same(x.dtype == .bool ? "or" : "add", sum, shifted)
      distance *= 2
    }
    return sum
  }

  mutating func windowSum(_ geometry: WindowGeometry, _ x: HLOValue, _ type: TensorType) -> HLOValue {
    if geometry.window.isEmpty { return x }
    if x.type.count == 0 || geometry.window.contains(0) { return writer.filled(0, type) }
    // Windows know no negative padding, and compilers have taken one element with padding for all of them.
    let zeros = [Int](repeating: 0, count: x.shape.count)
    var source = x
    if geometry.paddingLow != zeros || geometry.paddingHigh != zeros {
      source = writer.pad(
        x, writer.scalar(0, x.dtype), low: geometry.paddingLow, high: geometry.paddingHigh, interior: zeros)
    }
    if geometry.window.allSatisfy({ $0 == 1 }) {
      return writer.slice(source, zeros, source.shape, geometry.strides)
    }
    return writer.windowSum(
      source, window: geometry.window, strides: geometry.strides, dilations: geometry.windowDilation, type)
  }

  /// The elements in order along an axis, NaN last, and where they were; equal ones keep their order.
  mutating func sorted(_ x: HLOValue, _ axis: Int) -> (values: HLOValue, places: HLOValue) {
    let places = writer.iota(TensorType(shape: x.shape, dtype: .int32), axis: axis)
    var (key, order) = (x, x.dtype.hloComparison)
    if x.dtype.isFloatingPoint {
      // In the total order −0 comes before 0, and a negative NaN first.
      let (zero, nan) = (writer.filled(0, x.type), writer.filled(.nan, x.type))
      let isNaN = writer.compare("NE", x, x)
      let isZero = writer.compare("EQ", x, zero)
      key = writer.select(isZero, zero, writer.select(isNaN, nan, x))
      order = "TOTALORDER"
    }
    let operands = [key, x, places]
    let name = writer.name()
    writer.line(
      "\(name):3 = \"stablehlo.sort\"(\(operands.map(\.name).joined(separator: ", "))) <{dimension = \(axis) : i64, "
        + "is_stable = true}> ({")
    writer.beginRegion()
    let arguments = operands.flatMap { operand in
      (0..<2).map { _ in HLOValue(name: writer.name(), type: TensorType(shape: [], dtype: operand.dtype)) }
    }
    writer.line("^bb0(\(arguments.map { "\($0.name): \($0.type.hlo)" }.joined(separator: ", "))):")
    let isLess = writer.compare("LT", arguments[0], arguments[1], order: order)
    writer.line("stablehlo.return \(isLess.name) : \(isLess.type.hlo)")
    writer.endRegion()
    let types = operands.map(\.type.hlo).joined(separator: ", ")
    writer.line("}) : (\(types)) -> (\(types))")
    return (HLOValue(name: "\(name)#1", type: x.type), HLOValue(name: "\(name)#2", type: places.type))
  }
}
