import CovarianceEngine
import Tensors

/// Lanczos' method with full reorthogonalization: the ends of the spectrum of a symmetric operator.
///
/// - SeeAlso: Golub, Van Loan, "Matrix Computations", chapter 10.
struct Lanczos {
  let result: ExtremeEigenvalues

  init(_ start: [Double], steps: Int, tolerance: Double, _ product: ([Double]) throws -> [Double]) throws {
    var basis: [[Double]] = [start.scaled(1 / start.norm)]
    var (diagonal, beside): ([Double], [Double]) = ([], [])
    var result: ExtremeEigenvalues?
    while true {
      var next = try product(basis[basis.count - 1])
      diagonal.append(next.dot(basis[basis.count - 1]))
      guard diagonal[diagonal.count - 1].isFinite else {
        throw NetworkError(expected: "finite products with the kernel", found: "NaN or infinity")
      }
      // Twice is enough.
      for _ in 0..<2 {
        for vector in basis { next.add(vector, times: -next.dot(vector)) }
      }
      let rest = next.norm
      let scale = diagonal.map(abs).max() ?? 0
      let isDone = diagonal.count >= steps || rest <= 1e-14 * max(scale, .leastNormalMagnitude)
      if isDone || diagonal.count % 5 == 0 {
        let found = try Self.ends(diagonal, beside, rest: rest)
        result = found
        let largest = max(abs(found.largest), abs(found.smallest))
        if isDone || max(found.smallestError, found.largestError) <= tolerance * largest { break }
      }
      beside.append(rest)
      basis.append(next.scaled(1 / rest))
    }
    guard let result else { preconditionFailure("Lanczos' method without a step") }
    self.result = result
  }

  /// Of the tridiagonal matrix; the errors are the rest times the last entries of the eigenvectors.
  private static func ends(_ diagonal: [Double], _ beside: [Double], rest: Double) throws -> ExtremeEigenvalues {
    let n = diagonal.count
    var entries = [Double](repeating: 0, count: n * n)
    for index in 0..<n {
      entries[index * n + index] = diagonal[index]
      if index > 0 { entries[index * n + index - 1] = beside[index - 1] }
      if index > 0 { entries[(index - 1) * n + index] = beside[index - 1] }
    }
    let (values, vectors) = try eigh(Tensor(entries, shape: [n, n]))
    let (lambdas, v) = (values.scalars(as: Double.self), vectors.scalars(as: Double.self))
    func last(_ index: Int) -> Double { abs(v[(n - 1) * n + index]) }
    return ExtremeEigenvalues(
      smallest: lambdas[0], largest: lambdas[n - 1], smallestError: rest * last(0), largestError: rest * last(n - 1),
      steps: n)
  }
}

/// Conjugate gradients for a symmetric positive definite operator.
struct ConjugateGradients {
  let solution: [Double]

  init(_ target: [Double], tolerance: Double, steps: Int, _ product: ([Double]) throws -> [Double]) throws {
    var solution = [Double](repeating: 0, count: target.count)
    var residual = target
    var direction = residual
    var square = residual.dot(residual)
    let goal = tolerance * square.squareRoot()
    var step = 0
    while square.squareRoot() > goal {
      guard step < steps, square.isFinite else {
        let relative = square.squareRoot() / target.norm
        throw NetworkError(
          expected: "a residual of \(tolerance) of the targets within \(steps) steps",
          found: "\(relative) after \(step): a larger regularizer, or more steps, or a looser tolerance")
      }
      let image = try product(direction)
      let curvature = direction.dot(image)
      guard curvature > 0 else {
        throw NetworkError(
          expected: "a positive definite kernel", found: "a direction along which it is \(curvature): add a regularizer"
        )
      }
      let length = square / curvature
      solution.add(direction, times: length)
      residual.add(image, times: -length)
      let next = residual.dot(residual)
      direction = direction.scaled(next / square)
      direction.add(residual, times: 1)
      square = next
      step += 1
    }
    self.solution = solution
  }
}

extension [Double] {
  fileprivate func dot(_ other: [Double]) -> Double { zip(self, other).reduce(0) { $0 + $1.0 * $1.1 } }
  fileprivate var norm: Double { dot(self).squareRoot() }
  fileprivate func scaled(_ factor: Double) -> [Double] { map { $0 * factor } }
  fileprivate mutating func add(_ other: [Double], times factor: Double) {
    for index in indices { self[index] += factor * other[index] }
  }
}
