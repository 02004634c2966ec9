import Platform
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
  /// By how much φ' jumps at each kink of a function that is straight between them; nil for other functions.
  package let slopeJumps: [Double]?
  /// Whether what is beyond the terms of the series can be fitted.
  var hasTail: Bool { kinks == [0] }
  /// Whether nothing is known of the function's smoothness, so that its series may have to be long.
  package let mayBeSteep: Bool
  /// κ and κ̇ of every covariance, on float64 tensors of rank 1, each entry by itself.
  package let exact: Duals
  package let exactDerivative: Duals
  // Not a Mutex, whose locking the thread sanitizer does not see.
  private let lock = Lock()
  private nonisolated(unsafe) var tables: [SeriesLength: SeriesTable] = [:]

  /// The table for the vector kernels, made once: at most 80 pieces of some 20 KB that live as long as the source.
  func table(_ length: SeriesLength) -> SeriesTable {
    lock.withLock {
      if let table = tables[length] { return table }
      let table = SeriesTable(self, length)
      tables[length] = table
      return table
    }
  }

  package init(
    _ function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], symmetry: Symmetry,
    slopeJumps: [Double]? = nil, mayBeSteep: Bool = false, exact: @escaping Duals, exactDerivative: @escaping Duals
  ) {
    precondition(slopeJumps.map { $0.count == kinks.count } ?? true, "a jump of the slope for every kink")
    self.function = function
    self.derivative = derivative
    self.kinks = kinks
    self.symmetry = symmetry
    self.slopeJumps = slopeJumps
    self.mayBeSteep = mayBeSteep
    self.exact = exact
    self.exactDerivative = exactDerivative
  }

  /// With the integrals in both variables for what the series does not give.
  package convenience init(
    _ function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) throws(NetworkError) -> Tensor, kinks: [Double], symmetry: Symmetry,
    slopeJumps: [Double]? = nil, mayBeSteep: Bool = false
  ) {
    let value: @Sendable (Tensor) throws(NetworkError) -> Tensor = { (x) throws(NetworkError) in function(x) }
    self.init(
      function, derivative: derivative, kinks: kinks, symmetry: symmetry, slopeJumps: slopeJumps, mayBeSteep: mayBeSteep
    ) {
      (q12, q11, q22) throws(NetworkError) in
      try PlanarExpectation.byEntry(value, kinks: kinks, q12, q11, q22)
    } exactDerivative: { (q12, q11, q22) throws(NetworkError) in
      try PlanarExpectation.byEntry(derivative, kinks: kinks, q12, q11, q22)
    }
  }

  /// With duals that are there as functions of tensors.
  package convenience init(
    _ function: @escaping @Sendable (Tensor) -> Tensor, derivative: @escaping @Sendable (Tensor) -> Tensor,
    kinks: [Double], symmetry: Symmetry, slopeJumps: [Double]? = nil, dual: @escaping Duals,
    derivativeDual: @escaping Duals
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
      slopeJumps: slopeJumps, exact: grouped(dual), exactDerivative: grouped(derivativeDual))
  }

  /// What is seen of a function's symmetry, to rounding, at many points.
  package static func symmetry(of function: (Tensor) -> Tensor, kinks: [Double]) -> Symmetry {
    guard Set(kinks) == Set(kinks.map { -$0 + 0 }) else { return .none }
    let places = (0..<120).map { Platform.exp2(Double($0) / 5 - 14) }
    let found = [function(Tensor(places)), function(Tensor(places.map { -$0 }))]
    if found.contains(where: \.isTraced) { return .none }
    let (right, left) = (
      found[0].asType(.float64).scalars(as: Double.self), found[1].asType(.float64).scalars(as: Double.self)
    )
    func isAll(_ isSo: (Int) -> Bool) -> Bool { places.indices.allSatisfy(isSo) }
    let constant = right[0] + left[0], slope = (right[0] - left[0]) / places[0]
    func isRounding(_ difference: Double, _ index: Int) -> Bool {
      abs(difference) <= 4e-16 * (abs(right[index]) + abs(left[index]))
    }
    if isAll({ isRounding(right[$0] + left[$0] - constant, $0) }) { return .odd }
    return isAll { isRounding(right[$0] - left[$0] - slope * places[$0], $0) } ? .even : .none
  }

  /// The jumps of φ' at sorted kinks if φ' is seen to be constant between them; nil otherwise.
  package static func slopeJumps(
    of derivative: (Tensor) throws(NetworkError) -> Tensor, kinks: [Double]
  ) -> [Double]? {
    // Fractions of intervals, and of distances beyond the last kinks at many scales, without a pattern.
    let fractions = (1..<90).map { (Double($0) * 0.6180339887498949).truncatingRemainder(dividingBy: 1) }
    let scales = (0..<90).map { Platform.exp2(Double($0) / 3 - 15) }
    var slopes: [Double] = []
    for index in 0...kinks.count {
      let places: [Double]
      if index == 0 {
        places = scales.map { (kinks.first ?? 0) - $0 }
      } else if index == kinks.count {
        places = scales.map { kinks[index - 1] + $0 }
      } else {
        places = fractions.map { kinks[index - 1] + (kinks[index] - kinks[index - 1]) * $0 }
      }
      let derivatives = Interruption.carriedOut(under: nil) { try? derivative(Tensor(places)) }
      guard let found = derivatives, !found.isTraced else { return nil }
      let values = found.asType(.float64).scalars(as: Double.self)
      guard values[0].isFinite, values.allSatisfy({ abs($0 - values[0]) <= 1e-14 * max(1, abs(values[0])) }) else {
        return nil
      }
      slopes.append(values[0])
    }
    return zip(slopes.dropFirst(), slopes).map { $0 - $1 }
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
