import Foundation
import NeuralTangents

/// Numbers to predict, as a network learns them: transformed, then standardised.
struct TargetColumn: Sendable {
  /// What a table gives for a transform that the user names or leaves to the data.
  enum TransformChoice: String, Sendable, CaseIterable {
    case auto
    case none
    case log
    case sqrt
    case yeoJohnson = "yeo-johnson"
  }

  let transform: TargetTransform
  private let standardization: Standardization
  /// Standardised values, one for each row.
  let outputs: [Double]
  /// What transformed targets may be: those of the rows to learn from, and half as much beyond.
  let plausible: ClosedRange<Double>
  /// log of the derivative of outputs by targets, for each row.
  let logDerivatives: [Double]

  /// - Returns: nil for targets that the transform does not take.
  init?(_ targets: [Double], _ transform: TargetTransform) {
    let values = targets.map(transform.callAsFunction)
    guard values.allSatisfy(\.isFinite) else { return nil }
    self.transform = transform
    let standardization = Standardization(values) ?? Standardization(constant: values[0])
    self.standardization = standardization
    outputs = values.map(standardization.standardized)
    let (least, most) = (values.min() ?? 0, values.max() ?? 0)
    plausible = (least - (most - least) / 2)...(most + (most - least) / 2)
    logDerivatives = targets.map { transform.logDerivative($0) - log(standardization.deviation) }
  }

  private init(_ other: TargetColumn, rows: [Int]) {
    transform = other.transform
    standardization = other.standardization
    plausible = other.plausible
    outputs = rows.map { other.outputs[$0] }
    logDerivatives = rows.map { other.logDerivatives[$0] }
  }

  /// Some of the rows, transformed and standardised like all of them.
  func selecting(rows: [Int]) -> TargetColumn { TargetColumn(self, rows: rows) }

  /// The columns that the choice allows, that without a transform first.
  ///
  /// - Throws: `CommandError` when a transform is named that targets do not have.
  static func candidates(_ targets: [Double], _ choice: TransformChoice, name: String) throws -> [TargetColumn] {
    func one(_ transform: TargetTransform?, _ expected: String) throws -> [TargetColumn] {
      guard let column = transform.flatMap({ TargetColumn(targets, $0) }) else {
        throw CommandError.badData("--target-transform \(choice.rawValue): expected \(expected) in column \"\(name)\"")
      }
      return [column]
    }
    switch choice {
    case .none: return try one(.identity, "numbers")
    case .log: return try one(.logarithm(of: targets), "positive numbers")
    case .sqrt: return try one(.squareRoot(of: targets), "numbers that are not negative")
    case .yeoJohnson: return try one(.yeoJohnson(of: targets), "different numbers")
    case .auto:
      // Of constants there is nothing to learn, and few rows do not tell.
      let isVaried = Set(targets).count > 4
      let others: [TargetTransform?] =
        isVaried ? [.logarithm(of: targets), .squareRoot(of: targets), .yeoJohnson(of: targets)] : []
      return try one(.identity, "numbers") + others.compactMap { $0.flatMap { TargetColumn(targets, $0) } }
    }
  }

  /// What outputs are in units of the transformed targets.
  func component(mean: Double, scale: Double, shape: PredictiveDistribution.Shape, weight: Double)
    -> PredictiveDistribution.Component
  {
    PredictiveDistribution.Component(
      weight: weight, location: standardization.original(mean), scale: scale * standardization.deviation, shape: shape)
  }
}

extension TargetTransform {
  /// For a report.
  var name: String {
    switch self {
    case .identity: "none"
    case .logarithm: "logarithm"
    case .squareRoot: "square root"
    case .yeoJohnson(let lambda, _, _): "Yeo-Johnson with lambda \(format(lambda, 2))"
    }
  }
}
