import Tensors

// Vectors of iterative solvers are the rows of float64 tensors.

/// The inner product of each row of `a` with the same row of `b`, added up in a fixed order.
func rowProducts(_ a: Tensor, _ b: Tensor) -> [Double] {
  precondition(a.shape == b.shape, "expected as many vectors of one length, found \(a.shape) and \(b.shape)")
  let (rows, length) = (a.shape[0], a.shape[1])
  return a.withUnsafeBuffer(of: Double.self) { a in
    b.withUnsafeBuffer(of: Double.self) { b in
      (0..<rows).map { row in
        var parts = SIMD8<Double>.zero
        let start = row * length
        var place = 0
        while place + 8 <= length {
          var (x, y) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
          for lane in 0..<8 { (x[lane], y[lane]) = (a[start + place + lane], b[start + place + lane]) }
          parts += x * y
          place += 8
        }
        var sum = parts.sum()
        for rest in place..<max(place, length) { sum += a[start + rest] * b[start + rest] }
        return sum
      }
    }
  }
}

/// a + s b with a factor for each row.
func adding(_ a: Tensor, _ factors: [Double], _ b: Tensor) -> Tensor {
  a + Tensor(factors, shape: [factors.count, 1]) * b
}
