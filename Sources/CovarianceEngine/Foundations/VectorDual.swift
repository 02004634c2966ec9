import CVectorKernels

/// Which vector kernel computes an activation's duals, with its constants.
public struct VectorDual: Sendable, Hashable {
  package let kind: nt_dual_kind.RawValue
  package let parameters: [Double]
  package let coefficients: [Double]

  package init(_ kind: nt_dual_kind, parameters: [Double] = [], coefficients: [Double] = []) {
    precondition(parameters.count <= 8, "at most eight parameters, found \(parameters.count)")
    self.kind = kind.rawValue
    self.parameters = parameters
    self.coefficients = coefficients
  }
}

/// The C description of a vector dual, in memory that lives as long as this object and never changes.
final class DualDescription: @unchecked Sendable {
  let pointer: UnsafePointer<nt_dual>
  private let description: UnsafeMutablePointer<nt_dual>
  private let coefficients: UnsafeMutablePointer<Double>

  init(_ dual: VectorDual) {
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
    pointer = UnsafePointer(description)
  }

  deinit {
    description.deallocate()
    coefficients.deallocate()
  }
}
