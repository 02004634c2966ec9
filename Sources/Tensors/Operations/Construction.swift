extension Tensor {
  /// The identity matrix, or with `columns` a rectangle of it.
  public static func eye(_ size: Int, _ columns: Int? = nil, dtype: DType = .float32) -> Tensor {
    let row = arange(size, dtype: .int32).expandedDims(-1)
    return (row .== arange(columns ?? size, dtype: .int32)).asType(dtype)
  }

  /// 0, 1, ... up to before `count`.
  public static func arange(_ count: Int, dtype: DType = .int32) -> Tensor {
    apply(.iota(shape: [count], dtype: dtype, axis: 0), [])
  }

  /// `start`, `start + step`, ... up to before `end`.
  public static func arange(_ start: Double, _ end: Double, step: Double = 1, dtype: DType = .float32) -> Tensor {
    let count = Int(((end - start) / step).rounded(.up))
    let positions = apply(.iota(shape: [Swift.max(0, count)], dtype: .float64, axis: 0), [])
    return multiplyAdd(positions, step, start).asType(dtype)
  }

  /// `count` numbers at equal distances, the first and last of which are `start` and `end`.
  public static func linspace(_ start: Double, _ end: Double, count: Int, dtype: DType = .float32) -> Tensor {
    guard count > 1 else { return Tensor(repeating: start, shape: [count], dtype: dtype) }
    let positions = apply(.iota(shape: [count], dtype: .float64, axis: 0), [])
    let numbers = multiplyAdd(positions, (end - start) / Double(count - 1), start)
    // Rounding may leave the last one beside the end.
    return select(positions .== Double(count - 1), end, numbers).asType(dtype)
  }
}
