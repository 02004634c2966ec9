import Tensors

/// A function whose duals are computed as series in the correlation, with what a table of its coefficients is made of.
package final class SeriesSource: Sendable {
  package enum Symmetry: Sendable {
    /// An odd function and a constant.
    case odd
    /// An even function and a linear one.
    case even
    case none
  }

  package typealias Duals = @Sendable (_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor

  /// φ and φ'.
  package let function: @Sendable (Tensor) -> Tensor
  package let derivative: @Sendable (Tensor) throws(NetworkError) -> Tensor
  /// Where φ, φ' or φ'' jumps.
  package let kinks: [Double]
  package let symmetry: Symmetry
  /// κ and κ̇ of every covariance, on float64 tensors of rank 1, each entry by itself.
  package let exact: Duals
  package let exactDerivative: Duals

  package init(
    _ function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], symmetry: Symmetry,
    exact: @escaping Duals, exactDerivative: @escaping Duals
  ) {
    self.function = function
    self.derivative = derivative
    self.kinks = kinks
    self.symmetry = symmetry
    self.exact = exact
    self.exactDerivative = exactDerivative
  }

  /// With the integrals in both variables for what the series does not give.
  package convenience init(
    _ function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], symmetry: Symmetry
  ) {
    let value: @Sendable (Tensor) throws(NetworkError) -> Tensor = { (x) throws(NetworkError) in function(x) }
    self.init(function, derivative: derivative, kinks: kinks, symmetry: symmetry) {
      (q12, q11, q22) throws(NetworkError) in
      try PlanarExpectation.byEntry(value, kinks: kinks, q12, q11, q22)
    } exactDerivative: { (q12, q11, q22) throws(NetworkError) in
      try PlanarExpectation.byEntry(derivative, kinks: kinks, q12, q11, q22)
    }
  }

  /// With duals that are there as functions of tensors.
  package convenience init(
    _ function: @escaping @Sendable (Tensor) -> Tensor, derivative: @escaping @Sendable (Tensor) -> Tensor,
    kinks: [Double], symmetry: Symmetry, dual: @escaping Duals, derivativeDual: @escaping Duals
  ) {
    func grouped(_ duals: @escaping Duals) -> Duals {
      { (q12, q11, q22) throws(NetworkError) in
        try Self.inGroups(q12, q11, q22, kind: { _, _ in 0 }) { (_, q12, q11, q22) throws(NetworkError) in
          try duals(q12, q11, q22)
        }
      }
    }
    self.init(
      function, derivative: { (x) throws(NetworkError) in derivative(x) }, kinks: kinks, symmetry: symmetry,
      exact: grouped(dual), exactDerivative: grouped(derivativeDual))
  }

  /// The duals of entries of rank 1 in groups of one size, of entries with the same `kind`: so that the bits of one do not
  /// depend on the others.
  package static func inGroups(
    _ q12: Tensor, _ q11: Tensor, _ q22: Tensor, kind: (_ q11: Double, _ q22: Double) -> Int,
    _ duals: (_ kind: Int, _ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor
  ) throws(NetworkError) -> Tensor {
    let size = 16
    let numbers = [q12, q11, q22].map { $0.scalars(as: Double.self) }
    let kinds = zip(numbers[1], numbers[2]).map(kind)
    var result = [Double](repeating: 0, count: kinds.count)
    for kind in Set(kinds) {
      let places = kinds.indices.filter { kinds[$0] == kind }
      for start in stride(from: 0, to: places.count, by: size) {
        let part = (start..<(start + size)).map { places[min($0, places.count - 1)] }
        let entries = numbers.map { values in Tensor(part.map { values[$0] }) }
        let values = try duals(kind, entries[0], entries[1], entries[2]).scalars(as: Double.self)
        for (place, value) in zip(part, values) { result[place] = value }
      }
    }
    return Tensor(result)
  }
}
