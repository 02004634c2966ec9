extension Evaluator {
  private static let grain = 1 << 14

  static func take(_ x: Tensor, _ positions: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: type.dtype)
    let view = AxisView(x.shape, axis: axis)
    let count = positions.count
    let rows = checkedPositions(positions, below: view.length)
    let rowBytes = view.inner * type.dtype.byteCount
    nonisolated(unsafe) let (source, target) = (x.bytes, result.bytes)
    rows.withUnsafeBuffer(of: Int32.self) { rows in
      nonisolated(unsafe) let rows = rows
      Threads.forEachRange(view.outer * count, grain: max(1, grain / max(1, view.inner))) { range in
        for index in range {
          let (outer, position) = index.quotientAndRemainder(dividingBy: count)
          (target + index * rowBytes).copyMemory(
            from: source + (outer * view.length + Int(rows[position])) * rowBytes, byteCount: rowBytes)
        }
      }
    }
    withExtendedLifetime(x) {}
    return result
  }

  static func scatterAdd(_ x: Tensor, _ positions: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    var result = Tensor.zeros(type.shape, dtype: type.dtype)
    let view = AxisView(type.shape, axis: axis)
    let rows = checkedPositions(positions, below: view.length)
    func add<Scalar: TensorScalar>(_ plus: @Sendable (Scalar, Scalar) -> Scalar) {
      rows.withUnsafeBuffer(of: Int32.self) { rows in
        x.withUnsafeBuffer(of: Scalar.self) { source in
          result.withUnsafeMutableBuffer(of: Scalar.self) { target in
            nonisolated(unsafe) let (rows, source, target) = (rows, source, target)
            let inner = view.inner
            // Positions may repeat, so those of one outer index stay on one thread.
            Threads.forEachRange(view.outer, grain: max(1, grain / max(1, rows.count * inner))) { range in
              for outer in range {
                for (k, row) in rows.enumerated() {
                  let from = (outer * rows.count + k) * inner
                  let to = (outer * view.length + Int(row)) * inner
                  for column in 0..<inner { target[to + column] = plus(target[to + column], source[from + column]) }
                }
              }
            }
          }
        }
      }
    }
    switch type.dtype {
    case .float32: add { (a: Float, b: Float) in a + b }
    case .float64: add { (a: Double, b: Double) in a + b }
    case .int32: add { (a: Int32, b: Int32) in a &+ b }
    case .bool: add { (a: Bool, b: Bool) in a || b }
    }
    return result
  }

  static func takeAlong(_ x: Tensor, _ positions: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    switch type.dtype {
    case .float32: takeAlong(x, positions, axis, type, of: Float.self)
    case .float64: takeAlong(x, positions, axis, type, of: Double.self)
    case .int32: takeAlong(x, positions, axis, type, of: Int32.self)
    case .bool: takeAlong(x, positions, axis, type, of: Bool.self)
    }
  }

  private static func takeAlong<Scalar: TensorScalar>(
    _ x: Tensor, _ positions: Tensor, _ axis: Int, _ type: TensorType, of scalar: Scalar.Type
  ) -> Tensor {
    let size = x.shape[axis]
    let checked = checkedPositions(positions, below: size)
    return Tensor(shape: type.shape) { (target: UnsafeMutableBufferPointer<Scalar>) in
      x.withUnsafeBuffer(of: Scalar.self) { source in
        forEachLine(checked, axis, type) { index, outer, row, column, inner in
          target[index] = source[(outer * size + row) * inner + column]
        }
      }
    }
  }

  static func scatterAddAlong(_ x: Tensor, _ positions: Tensor, _ axis: Int, _ type: TensorType) -> Tensor {
    var result = Tensor.zeros(type.shape, dtype: type.dtype)
    let size = type.shape[axis]
    let checked = checkedPositions(positions, below: size)
    func add<Scalar: TensorScalar>(_ plus: (Scalar, Scalar) -> Scalar) {
      x.withUnsafeBuffer(of: Scalar.self) { source in
        result.withUnsafeMutableBuffer(of: Scalar.self) { target in
          forEachLine(checked, axis, x.type) { index, outer, row, column, inner in
            let to = (outer * size + row) * inner + column
            target[to] = plus(target[to], source[index])
          }
        }
      }
    }
    switch type.dtype {
    case .float32: add { (a: Float, b: Float) in a + b }
    case .float64: add { (a: Double, b: Double) in a + b }
    case .int32: add { (a: Int32, b: Int32) in a &+ b }
    case .bool: add { (a: Bool, b: Bool) in a || b }
    }
    return result
  }

  /// Calls `body` for every element of `positions` with its index and the place along `axis` that it names.
  @inline(__always)
  private static func forEachLine(
    _ positions: Tensor, _ axis: Int, _ type: TensorType,
    _ body: (_ index: Int, _ outer: Int, _ row: Int, _ column: Int, _ inner: Int) -> Void
  ) {
    let view = AxisView(type.shape, axis: axis)
    positions.withUnsafeBuffer(of: Int32.self) { rows in
      var index = 0
      for outer in 0..<view.outer {
        for _ in 0..<view.length {
          for column in 0..<view.inner {
            body(index, outer, Int(rows[index]), column, view.inner)
            index += 1
          }
        }
      }
    }
  }

  /// Negative positions count from the end; one outside is a programmer's error, as it is for an array.
  private static func checkedPositions(_ positions: Tensor, below size: Int) -> Tensor {
    var result = positions
    let isPlain = positions.withUnsafeBuffer(of: Int32.self) { $0.allSatisfy { $0 >= 0 && $0 < size } }
    if isPlain { return positions }
    result.withUnsafeMutableBuffer(of: Int32.self) { buffer in
      for index in buffer.indices {
        precondition((-size..<size).contains(Int(buffer[index])), "position \(buffer[index]) along an axis of \(size)")
        if buffer[index] < 0 { buffer[index] += Int32(size) }
      }
    }
    return result
  }
}
