import CVectorKernels

/// Which vector kernel computes an activation's duals, with its constants.
public struct VectorDual: Sendable, Hashable {
  let kind: nt_dual_kind.RawValue
  let parameters: [Double]
  let coefficients: [Double]

  init(_ kind: nt_dual_kind, parameters: [Double] = [], coefficients: [Double] = []) {
    precondition(parameters.count <= 8, "at most eight parameters, found \(parameters.count)")
    self.kind = kind.rawValue
    self.parameters = parameters
    self.coefficients = coefficients
  }

  /// Calls `body` with the C description of the dual, valid only inside.
  func withDescription<Result>(_ body: (UnsafePointer<nt_dual>) -> Result) -> Result {
    coefficients.withUnsafeBufferPointer { coefficients in
      var description = nt_dual()
      description.kind = nt_dual_kind(rawValue: kind)
      withUnsafeMutableBytes(of: &description.parameters) { bytes in
        for (index, value) in parameters.enumerated() { bytes.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self) }
      }
      description.coefficients = coefficients.baseAddress
      description.coefficient_count = Int32(coefficients.count)
      return body(&description)
    }
  }
}
