import CVectorKernels
import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Activations: vector kernels")
struct ActivationVectorDualTests {
  static let covariances: [Covariance] = {
    var result: [Covariance] = []
    for q11 in [1e-12, 1e-3, 0.3, 1, 1.7, 30, 1e4] {
      for q22 in [1e-12, 1e-3, 0.3, 1, 1.7, 30, 1e4] {
        for correlation in [-0.999, -0.7, -0.3, -1e-3, 0, 1e-3, 0.2, 0.5, 0.9, 0.99, 0.9999] {
          result.append(Covariance(q11, q22, correlation: correlation))
        }
      }
      result.append(Covariance(q12: q11, q11: q11, q22: q11))
      result.append(Covariance(q12: -q11, q11: q11, q22: q11))
      result.append(Covariance(q12: 0, q11: 0, q22: q11))
      result.append(Covariance(q12: 0, q11: q11, q22: 0))
    }
    result.append(Covariance(q12: 0, q11: 0, q22: 0))
    return result
  }()

  @Test("float64 vector kernels equal tensor duals", arguments: ActivationSample.closedForms)
  func float64(_ sample: ActivationSample) throws {
    try compare(sample, Self.covariances, dtype: .float64, tolerance: 1e-12)
  }

  @Test("float32 vector kernels equal tensor duals", arguments: ActivationSample.closedForms)
  func float32(_ sample: ActivationSample) throws {
    // Both see the same rounded covariances; near correlation one κ̇ amplifies rounding, as in every formula.
    let rounded = Self.covariances.map {
      Covariance(q12: Double(Float($0.q12)), q11: Double(Float($0.q11)), q22: Double(Float($0.q22)))
    }
    try compare(sample, rounded, dtype: .float32, tolerance: 4e-6)
  }

  private func compare(
    _ sample: ActivationSample, _ covariances: [Covariance], dtype: DType, tolerance: Double
  ) throws {
    let vector = try #require(sample.activation.vectorDual, "every closed form has a vector kernel")
    let (kappa, kappaDot) = vectorDuals(vector, covariances, dtype)
    let expected = try sample.activation.duals(covariances)
    let scales = try sample.activation.scales(covariances)
    var worst = (kappa: 0.0, kappaDot: 0.0)
    for (index, covariance) in covariances.enumerated() {
      func error(_ found: Double, _ expected: Double, _ scale: Double, _ what: String) -> Double {
        let largest = dtype == .float32 ? 1e35 : 1e300
        guard expected.isFinite, max(scale, abs(expected)) < largest else { return 0 }
        let smallest = dtype == .float32 ? 1e-30 : 1e-290
        let error = abs(found - expected) / max(scale, abs(expected), smallest)
        #expect(error <= tolerance, "\(what) at \(covariance): \(found), expected \(expected)")
        return error
      }
      worst.kappa = max(worst.kappa, error(kappa[index], expected.kappa[index], scales.kappa[index], "kappa"))
      worst.kappaDot = max(
        worst.kappaDot, error(kappaDot[index], expected.kappaDot[index], scales.kappaDot[index], "kappaDot"))
    }
    if TestSwitch.printErrors.isOn {
      print("vector \(dtype) \(sample.testDescription): \(worst)")
    }
  }

  /// κ and κ̇ of the C kernel, entry by entry, each as a row of 16 equal ones.
  private func vectorDuals(
    _ vector: VectorDual, _ covariances: [Covariance], _ dtype: DType
  ) -> (kappa: [Double], kappaDot: [Double]) {
    let lanes = 16
    return vector.coefficients.withUnsafeBufferPointer { coefficients in
      var dual = nt_dual()
      dual.kind = nt_dual_kind(rawValue: vector.kind)
      withUnsafeMutableBytes(of: &dual.parameters) { bytes in
        for (index, value) in vector.parameters.enumerated() {
          bytes.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self)
        }
      }
      dual.coefficients = coefficients.baseAddress
      dual.coefficient_count = Int32(coefficients.count)
      let factorCount = Int(nt_dual_factor_count(&dual))
      var results: (kappa: [Double], kappaDot: [Double]) = ([], [])
      for covariance in covariances {
        if dtype == .float64 {
          var rows = [Double](repeating: 0, count: factorCount * lanes)
          var columns = rows
          var (k, theta) = ([Double](repeating: covariance.q12, count: lanes), [Double](repeating: 1, count: lanes))
          nt_dual_factors_f64(&dual, lanes, [Double](repeating: covariance.q11, count: lanes), &rows, lanes)
          nt_dual_factors_f64(&dual, lanes, [Double](repeating: covariance.q22, count: lanes), &columns, lanes)
          nt_dual_row_f64(&dual, lanes, rows, lanes, columns, lanes, &k, &theta)
          results.kappa.append(k[0])
          results.kappaDot.append(theta[0])
        } else {
          var rows = [Float](repeating: 0, count: factorCount * lanes)
          var columns = rows
          var (k, theta) = (
            [Float](repeating: Float(covariance.q12), count: lanes), [Float](repeating: 1, count: lanes)
          )
          nt_dual_factors_f32(&dual, lanes, [Float](repeating: Float(covariance.q11), count: lanes), &rows, lanes)
          nt_dual_factors_f32(&dual, lanes, [Float](repeating: Float(covariance.q22), count: lanes), &columns, lanes)
          nt_dual_row_f32(&dual, lanes, rows, lanes, columns, lanes, &k, &theta)
          results.kappa.append(Double(k[0]))
          results.kappaDot.append(Double(theta[0]))
        }
      }
      return results
    }
  }
}
