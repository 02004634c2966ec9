import CovarianceEngine
import Tensors

/// When to look at a gradient flow: one time, infinity, or an array of times whose shape then leads the shapes of
/// results.
///
/// Written as literals: `10`, `0.5`, `.infinity`, `[1, 10, .infinity]`. Times are counted in gradient steps, each of
/// which advances the flow by the learning rate.
public struct TrainingTime: Hashable, Sendable {
  /// The times, in row-major order; each may be infinite.
  public let values: [Double]
  /// Empty for a single time.
  public let shape: [Int]

  /// After training to the end.
  public static let infinity = TrainingTime(.infinity)

  public init(_ time: Double) {
    values = [time]
    shape = []
  }

  public init(_ times: [Double]) {
    values = times
    shape = [times.count]
  }

  /// - Precondition: as many times as the shape has entries.
  public init(_ times: [Double], shape: [Int]) {
    precondition(times.count == shape.product, "\(times.count) times for shape \(shape)")
    values = times
    self.shape = shape
  }

  func checked() throws(PredictionError) -> TrainingTime {
    if let value = values.first(where: { !($0 >= 0) }) {
      throw .invalidValue(argument: "time", expected: "zero, a positive number or infinity", found: "\(value)")
    }
    return self
  }
}

extension TrainingTime: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  public init(floatLiteral value: Double) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(Double(value)) }
  public init(arrayLiteral elements: Double...) { self.init(elements) }
}

extension TrainingTime {
  /// One result per time, stacked with the shape of the times in front.
  func map(
    _ body: (Double) throws(PredictionError) -> [Tensor?]
  ) throws(PredictionError) -> [Tensor?] {
    guard !values.isEmpty else {
      // No times: the shapes of the results are those of any time.
      return try body(.infinity).map { $0.map { Tensor.zeros(shape + $0.shape, dtype: $0.dtype) } }
    }
    var results: [[Tensor?]] = []
    for value in values { results.append(try body(value)) }
    if shape.isEmpty { return results[0] }
    return results[0].indices.map { index in
      let parts = results.compactMap { $0[index] }
      guard let first = parts.first else { return nil }
      return stack(parts).reshaped(shape + first.shape)
    }
  }
}
