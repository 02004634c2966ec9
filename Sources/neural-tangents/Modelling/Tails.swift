import Foundation
import NeuralTangents

/// How left-out errors are distributed in units of their standard deviations: a scale, and a Student's t or normal shape.
struct Tails: Sendable {
  enum Choice: String, Sendable, CaseIterable {
    case auto, normal, student
  }

  /// What squared scales are for errors of variance one.
  let scale: Double
  let degreesOfFreedom: Double
  /// What the shape is worth beside the normal one, in nats a row.
  private(set) var gain = 0.0
  /// For each row the logarithm of the density of its error.
  let logDensities: [Double]

  /// Heavier tails than those have no variance.
  private static let candidates = [3.0, 4, 5, 7, 10, 15, 30]

  /// - Parameters:
  ///   - errors: of rows that the prediction did not use.
  ///   - variances: those that the prediction stated.
  init(errors: [Double], variances: [Double], _ choice: Choice) {
    let squares = zip(errors, variances).map { $0 * $0 / $1 }
    let logDeviations = variances.map { 0.5 * log($0) }
    let normal = Tails(squares, logDeviations, .normal)
    var best = normal
    if choice != .normal {
      var student: Tails?
      for candidate in Self.candidates {
        let tails = Tails(squares, logDeviations, StudentT(degreesOfFreedom: candidate))
        if tails.total > student?.total ?? -.infinity { student = tails }
      }
      if let student, choice == .student || student.total > normal.total + Selection.threshold { best = student }
    }
    self = best
    gain = (best.total - normal.total) / Double(max(1, errors.count))
  }

  private var total: Double { logDensities.reduce(0, +) }

  /// The most probable scale, by expectation maximisation with the weight (ν + 1) / (ν + z²) of each row.
  private init(_ squares: [Double], _ logDeviations: [Double], _ shape: StudentT) {
    let (count, freedom) = (Double(max(1, squares.count)), shape.degreesOfFreedom)
    // A target that is predicted exactly still needs an interval of some width.
    var scale = max(1e-12, squares.reduce(0, +) / count)
    if freedom < .infinity {
      for _ in 0..<40 {
        let next = squares.reduce(0) { $0 + $1 * (freedom + 1) / (freedom + $1 / scale) } / count
        let isDone = abs(next - scale) <= 1e-6 * scale
        scale = max(1e-12, next)
        if isDone { break }
      }
    }
    self.scale = scale
    degreesOfFreedom = freedom
    let half = 0.5 * log(scale)
    logDensities = zip(squares, logDeviations).map { shape.logDensity(($0 / scale).squareRoot()) - half - $1 }
  }

  var shape: PredictiveDistribution.Shape { PredictiveDistribution.Shape(StudentT(degreesOfFreedom: degreesOfFreedom)) }
}
