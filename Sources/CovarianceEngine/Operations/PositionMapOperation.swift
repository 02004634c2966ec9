import Tensors

/// A linear map of positions along each axis by itself: y = A x, so K ← A K Aᵀ.
public struct PositionMapOperation: CovarianceOperation {
  /// What happens along the batch axis, for any number of inputs.
  public struct BatchMap: Sendable {
    /// What tells it from others.
    public let description: String
    /// Whether it only selects inputs, so that those selected are as they were.
    public let selects: Bool
    /// The map, given the number of inputs.
    public let axis: @Sendable (Int) -> Axis

    public init(_ description: String, selects: Bool, axis: @escaping @Sendable (Int) -> Axis) {
      (self.description, self.selects, self.axis) = (description, selects, axis)
    }
  }

  /// When an output is masked.
  public enum MaskRule: Sendable, Hashable {
    /// As the input in the middle of its window is: one list of positions per axis.
    case centres([[Int]])
    /// When all inputs with a weight are.
    case all
  }

  /// One per axis of positions.
  public var axes: [Axis]
  /// What is masked after the map.
  public var maskRule: MaskRule
  /// What happens along the batch axis; nil where it stays.
  public var batch: BatchMap?

  public init(
    axes: [Axis], maskRule: MaskRule = .all, batch: BatchMap? = nil
  ) {
    self.axes = axes
    self.maskRule = maskRule
    self.batch = batch
  }

  public var isHomogeneous: Bool { true }

  public var description: String {
    let batch = batch.map { ", batch: \($0.description)" } ?? ""
    return "map(\(axes.map(\.description).joined(separator: "; ")), masked: \(maskRule)\(batch))"
  }

  /// Whether every output is one of the inputs, so that the diagonal of K maps to itself.
  var isSelection: Bool {
    axes.allSatisfy { if case .weighted = $0 { false } else { true } }
  }

  func outputPositions(_ positions: [Int]) -> [Int] {
    zip(axes, positions).compactMap { $0.size(from: $1) }
  }

  public func mean(of operands: [CovarianceValue.Mean]) -> CovarianceValue.Mean { operands[0] }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  {
    if operandsAreLocal && !result.hasPairs { return .diagonal(positions) }
    var remaining = result.displacements[...]
    return DisplacementDemand(
      positions: positions,
      displacements: axes.map { axis in
        if case .removed = axis { return [0] }
        return axis.displacements(for: remaining.popFirst() ?? [0])
      }, hasPairs: result.hasPairs || !isSelection)
  }

  public func needsMeans(forResult: Bool) -> Bool { forResult }

  public var inputMixing: InputMixing { batch.map { $0.selects ? .together : .acrossInputs } ?? .apart }

  /// What is masked after the map; the mask has the batch axis in front.
  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    guard let mask = operands[0] else { return nil }
    let batch = batch?.axis(mask.shape[0])
    switch maskRule {
    case .centres(let centres):
      let chosen = centres.enumerated().reduce(mask) { $0.taking($1.element, axis: $1.offset + 1) }
      return batch?.apply(to: chosen, axis: 0, squared: false) ?? chosen
    case .all:
      var visible = (.!mask).asType(.float32)
      for (index, axis) in axes.enumerated().reversed() {
        visible = axis.dependence.apply(to: visible, axis: index + 1, squared: false)
      }
      if let batch { visible = batch.dependence.apply(to: visible, axis: 0, squared: false) }
      return visible .<= 0
    }
  }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = operands[0].layout
    var output = input
    output.positions = outputPositions(input.positions)
    output.isDiagonal = input.isDiagonal || output.positions.isEmpty
    let rank = input.positions.count
    return try operands[0].map(layout: output) { k, batchAxes in
      var k = k
      // From the last axis to the first, so that axes that disappear do not move those to come.
      for side in input.isDiagonal ? [0] : [1, 0] {
        for (index, axis) in axes.enumerated().reversed() {
          k = axis.apply(to: k, axis: batchAxes + side * rank + index, squared: input.isDiagonal)
        }
      }
      if let batch {
        for axis in 0..<batchAxes { k = batch.axis(k.shape[axis]).apply(to: k, axis: axis, squared: batchAxes == 1) }
      }
      return k
    }
  }

  public func mean(_ means: [Tensor?], of operands: [CovarianceState], _ dataSet: DataSet) -> Tensor? {
    guard var result = means[0] else { return nil }
    let count = result.shape[0]
    for (index, axis) in axes.enumerated().reversed() {
      result = axis.apply(to: result, axis: index + 1, squared: false)
    }
    return batch.map { $0.axis(count).apply(to: result, axis: 0, squared: false) } ?? result
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    if batch != nil {
      throw NetworkError(expected: "features of single inputs", found: "a map of the inputs of a data set")
    }
    func mapped(_ x: Tensor) -> Tensor {
      axes.enumerated().reversed().reduce(x) { $1.element.apply(to: $0, axis: $1.offset + 1, squared: false) }
    }
    var result = try operands[0].map(mapped)
    if isSelection {
      result.variances = operands[0].variances.map(mapped)
      result.tangentVariances = operands[0].tangentVariances.map(mapped)
    }
    return result
  }

  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    guard !isSelection else { return 0 }
    let perEntry = axes.reduce(0.0) { sum, axis in
      guard case .weighted(let weights) = axis, !weights.isEmpty else { return sum }
      let terms = weights.reduce(0) { $0 + $1.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }
      // Rows and columns, a product and a sum each.
      return sum + 4 * Double(terms) / Double(weights.count)
    }
    return kernelsPerEntry * max(operands, perEntry * result)
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) {
    if batch != nil { throw Obstacle("a map of the inputs of a data set") }
    try lowering.map(axes)
  }
}
