extension Tensor {
  func transposed(_ axes: [Int]) -> Tensor {
    let shape = axes.map { self.shape[$0] }
    let strides = axes.map { self.shape.rowMajorStrides[$0] }
    func copy<S: TensorScalar>(_ t: S.Type) -> Tensor {
      withUnsafeBuffer(of: t) { source in
        Tensor(shape: shape, of: t) { out in
          let outStrides = shape.rowMajorStrides
          for index in 0..<out.count {
            var o = 0
            for axis in shape.indices { o += index / outStrides[axis] % shape[axis] * strides[axis] }
            out[index] = source[o]
          }
        }
      }
    }
    switch dtype {
    case .float32: return copy(Float.self)
    case .float64: return copy(Double.self)
    case .int32: return copy(Int32.self)
    case .bool: return copy(Bool.self)
    }
  }
  func asType(_ d: DType) -> Tensor {
    if d == dtype { return self }
    let values: [Double] = switch dtype {
    case .float32: scalars(as: Float.self).map(Double.init)
    case .float64: scalars(as: Double.self)
    case .int32: scalars(as: Int32.self).map(Double.init)
    case .bool: scalars(as: Bool.self).map { $0 ? 1 : 0 }
    }
    return switch d {
    case .float32: Tensor(values.map { Float($0) }, shape: shape)
    case .float64: Tensor(values, shape: shape)
    case .int32: Tensor(values.map { Int32($0) }, shape: shape)
    case .bool: Tensor(values.map { $0 != 0 }, shape: shape)
    }
  }
}
extension Tensor {
  func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape: shape, dtype: dtype, storage: storage) }
  func map(_ shape: [Int], _ f: ([Int]) -> Double) -> Tensor {
    let strides = shape.rowMajorStrides
    let v = (0..<shape.product).map { i in f(shape.indices.map { i / strides[$0] % shape[$0] }) }
    return Tensor(v, shape: shape).asType(dtype)
  }
  func at(_ i: [Int]) -> Double {
    let o = zip(i, shape.rowMajorStrides).reduce(0) { $0 + $1.0 * $1.1 }
    return switch dtype {
    case .float32: Double(withUnsafeBuffer(of: Float.self) { $0[o] })
    case .float64: withUnsafeBuffer(of: Double.self) { $0[o] }
    case .int32: Double(withUnsafeBuffer(of: Int32.self) { $0[o] })
    case .bool: 0
    }
  }
  func broadcast(to s: [Int]) -> Tensor { map(s) { i in at(zip(i.suffix(rank), shape).map { $1 == 1 ? 0 : $0 }) } }
  func strided(starts: [Int], limits: [Int], strides: [Int]) -> Tensor {
    map(shape.indices.map { (limits[$0] - starts[$0] + strides[$0] - 1) / strides[$0] }) { i in
      at(i.indices.map { starts[$0] + i[$0] * strides[$0] })
    }
  }
  func sum(axes: [Int]) -> Tensor {
    let kept = shape.indices.filter { !axes.contains($0) }
    let t = transposed(kept + axes)
    let n = axes.map { shape[$0] }.product
    let f = t.reshaped(kept.map { shape[$0] } + [n])
    return map(kept.map { shape[$0] }) { i in (0..<n).reduce(0.0) { $0 + f.at(i + [$1]) } }
  }
  static func * (a: Tensor, b: Tensor) -> Tensor {
    let s = broadcastShapes(a.shape, b.shape)
    let (x, y) = (a.broadcast(to: s), b.broadcast(to: s))
    return x.map(s) { x.at($0) * y.at($0) }
  }
}
func broadcastShapes(_ a: [Int], _ b: [Int]) -> [Int] {
  let n = max(a.count, b.count)
  let x = Array(repeating: 1, count: n - a.count) + a, y = Array(repeating: 1, count: n - b.count) + b
  return zip(x, y).map { $0 == 1 ? $1 : $0 }
}
