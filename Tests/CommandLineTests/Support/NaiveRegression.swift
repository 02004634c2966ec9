/// Gaussian process regression as the textbook writes it, on arrays of numbers, for small tables.
struct NaiveRegression {
  /// Kernel of the inputs, without noise.
  let kernel: ([Double], [Double]) -> Double
  let noise: Double
  let x: [[Double]]
  let y: [Double]

  /// Mean, and variance without noise, of the posterior at `point`.
  func posterior(_ point: [Double]) -> (mean: Double, variance: Double) {
    let row = x.map { kernel(point, $0) }
    let weights = solve(y)
    let solved = solve(row)
    return (dot(row, weights), kernel(point, point) - dot(row, solved))
  }

  /// Mean and variance over networks that were each trained to the end from their own random start, where the tangent
  /// kernel is the kernel itself: predictions are a·y + (f(point) − a·f(x)) with a = (K + noise)⁻¹ k.
  func ensemble(_ point: [Double]) -> (mean: Double, variance: Double) {
    let row = x.map { kernel(point, $0) }
    let a = solve(row)
    var variance = kernel(point, point) - 2 * dot(a, row)
    for i in x.indices {
      for j in x.indices { variance += a[i] * a[j] * kernel(x[i], x[j]) }
    }
    return (dot(a, y), variance)
  }

  /// The mean of squared errors in units of the variance with noise, each row predicted from all others.
  func leaveOneOutScale(_ predict: (NaiveRegression, [Double]) -> (mean: Double, variance: Double)) -> Double {
    x.indices.reduce(0) { sum, left in
      var (others, targets) = (x, y)
      others.remove(at: left)
      targets.remove(at: left)
      let rest = NaiveRegression(kernel: kernel, noise: noise, x: others, y: targets)
      let (mean, variance) = predict(rest, x[left])
      return sum + (y[left] - mean) * (y[left] - mean) / (variance + noise)
    } / Double(x.count)
  }

  /// (K + noise)⁻¹ b by elimination with pivots.
  private func solve(_ b: [Double]) -> [Double] {
    let count = x.count
    var rows = (0..<count).map { i in (0..<count).map { kernel(x[i], x[$0]) + (i == $0 ? noise : 0) } + [b[i]] }
    for column in 0..<count {
      let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
      rows.swapAt(column, pivot)
      for row in 0..<count where row != column {
        let factor = rows[row][column] / rows[column][column]
        for k in column...count { rows[row][k] -= factor * rows[column][k] }
      }
    }
    return (0..<count).map { rows[$0][count] / rows[$0][$0] }
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
}

/// Numbers shifted and scaled to mean 0 and variance 1.
struct Standardized {
  let values: [Double]
  let mean: Double
  let deviation: Double

  init(_ numbers: [Double]) {
    let count = Double(numbers.count)
    let mean = numbers.reduce(0, +) / count
    let deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    self.mean = mean
    self.deviation = deviation
    values = numbers.map { ($0 - mean) / deviation }
  }
}
