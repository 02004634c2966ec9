import CVectorKernels

/// Which vector kernel computes an activation's duals, with its constants.
public struct VectorDual: Sendable, Hashable {
  package let kind: nt_dual_kind.RawValue
  package let parameters: [Double]
  package let coefficients: [Double]
  /// What a dual of kind `nt_dual_series` is a series of.
  package let series: SeriesSource?

  package var isSeries: Bool { series != nil }

  /// Slopes on both sides of 0, and nothing else.
  package var isStraightAroundZero: Bool { kind == nt_dual_ab_relu.rawValue }

  /// A series.
  package init(_ series: SeriesSource) {
    kind = nt_dual_series.rawValue
    (parameters, coefficients, self.series) = ([], [], series)
  }

  public static func == (a: VectorDual, b: VectorDual) -> Bool {
    a.kind == b.kind && a.parameters == b.parameters && a.coefficients == b.coefficients && a.series === b.series
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(parameters)
    hasher.combine(coefficients)
    hasher.combine(series.map(ObjectIdentifier.init))
  }

  package init(_ kind: nt_dual_kind, parameters: [Double] = [], coefficients: [Double] = []) {
    precondition(parameters.count <= 8, "at most eight parameters, found \(parameters.count)")
    self.kind = kind.rawValue
    self.parameters = parameters
    self.coefficients = coefficients
    series = nil
  }
}

/// The C description of a vector dual, in memory that lives as long as this object and never changes.
package final class DualDescription: @unchecked Sendable {
  package let pointer: UnsafePointer<nt_dual>
  private let description: UnsafeMutablePointer<nt_dual>
  private let coefficients: UnsafeMutablePointer<Double>
  /// Has the table that the description points to.
  private let series: SeriesSource?

  package init(_ dual: VectorDual, _ length: SeriesLength) {
    coefficients = .allocate(capacity: max(1, dual.coefficients.count))
    coefficients.initialize(repeating: 0, count: max(1, dual.coefficients.count))
    for (index, value) in dual.coefficients.enumerated() { coefficients[index] = value }
    description = .allocate(capacity: 1)
    description.initialize(to: nt_dual())
    description.pointee.kind = nt_dual_kind(rawValue: dual.kind)
    withUnsafeMutableBytes(of: &description.pointee.parameters) { bytes in
      for (index, value) in dual.parameters.enumerated() {
        bytes.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self)
      }
    }
    description.pointee.coefficients = UnsafePointer(coefficients)
    description.pointee.coefficient_count = Int32(dual.coefficients.count)
    series = dual.series
    description.pointee.series = series.map { UnsafePointer($0.table(length).pointer) }
    pointer = UnsafePointer(description)
  }

  deinit {
    description.deallocate()
    coefficients.deallocate()
  }
}

/// The descriptions of the duals of a plan: layers with equal duals share one, and the table that belongs to it.
struct DualDescriptions {
  private let length: SeriesLength
  private var known: [VectorDual: DualDescription] = [:]

  init(_ length: SeriesLength) { self.length = length }

  mutating func description(of dual: VectorDual) -> DualDescription {
    if let description = known[dual] { return description }
    let description = DualDescription(dual, length)
    known[dual] = description
    return description
  }
}
