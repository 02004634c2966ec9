import Tensors

/// The patches of a convolution: K[p, p'] ← mean over the window's offsets δ of K at what both p and p' read there.
public struct PatchesOperation: CovarianceOperation {
  /// One per axis of positions.
  public var axes: [PatchAxis]
  /// Whether an output is masked when any of its inputs is, instead of when the one in the middle of its window is: the
  /// rule of transposed convolutions, whose windows have no middle.
  public var isMaskedByAny = false

  public init(axes: [PatchAxis], isMaskedByAny: Bool = false) {
    (self.axes, self.isMaskedByAny) = (axes, isMaskedByAny)
  }

  public var isHomogeneous: Bool { true }

  public var description: String {
    "patches(\(axes.map(\.description).joined(separator: "; "))\(isMaskedByAny ? ", masked by any" : ""))"
  }

  /// How many positions a window covers.
  public var offsetCount: Int { axes.reduce(1) { $0 * $1.window } }

  public func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  {
    DisplacementDemand(
      positions: positions, displacements: zip(axes, result.displacements).map { $0.displacements(for: $1) },
      hasPairs: result.hasPairs)
  }

  /// Different outputs read different inputs at every offset, unless the input wraps around.
  public func isLocal(_ operandsAreLocal: [Bool]) -> Bool {
    operandsAreLocal[0] && axes.allSatisfy { !$0.wraps }
  }

  public func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    operands[0].map { outputMask($0, axesBefore: 1) }
  }

  public func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError)
    -> CovarianceState
  {
    let input = operands[0].layout
    var output = input
    output.positions = axes.map(\.outputSize)
    let scale = 1 / Double(offsetCount)
    return try operands[0].map(layout: output) { k, batchAxes in
      var k = k
      for (index, axis) in axes.enumerated() where !axis.isIdentity {
        let row = batchAxes + index
        let column = input.isDiagonal ? nil : row + input.positions.count
        k = axis.prepared(k, axis: row)
        if let column { k = axis.prepared(k, axis: column) }
        var total: Tensor?
        for offset in 0..<axis.window {
          var part = axis.read(k, offset: offset, axis: row)
          if let column { part = axis.read(part, offset: offset, axis: column) }
          total = total.map { $0 + part } ?? part
        }
        k = total ?? k
      }
      return k * scale
    }
  }

  /// What is masked after the convolution; the axes of positions follow `axesBefore` others.
  package func outputMask(_ mask: Tensor, axesBefore: Int) -> Tensor {
    if isMaskedByAny { return anyMask(mask, axesBefore: axesBefore) }
    var result = mask
    for (index, axis) in axes.enumerated() { result = result.taking(axis.centres, axis: axesBefore + index) }
    return result
  }

  private func anyMask(_ mask: Tensor, axesBefore: Int) -> Tensor {
    var count = mask.asType(.float32)
    for (index, axis) in axes.enumerated() where !axis.isIdentity {
      let prepared = axis.prepared(count, axis: axesBefore + index)
      count = (1..<axis.window).reduce(axis.read(prepared, offset: 0, axis: axesBefore + index)) {
        $0 + axis.read(prepared, offset: $1, axis: axesBefore + index)
      }
    }
    return count .> 0
  }

  public func features(_ operands: [FeatureState], _ random: FeatureRandomness) throws(NetworkError) -> FeatureState {
    let input = operands[0]
    let scale = 1 / Double(offsetCount).squareRoot()
    /// What every offset of the window reads, side by side.
    func windows(_ x: Tensor) -> [Tensor] {
      var parts = [x]
      for (index, axis) in axes.enumerated() where !axis.isIdentity {
        parts = parts.flatMap { part in
          let prepared = axis.prepared(part, axis: index + 1)
          return (0..<axis.window).map { axis.read(prepared, offset: $0, axis: index + 1) }
        }
      }
      return parts
    }
    var result = try input.map { x in
      let parts = windows(x)
      return (parts.count == 1 ? x : concatenate(parts, axis: x.rank - 1)) * scale
    }
    func mean(_ variances: Tensor?) -> Tensor? {
      variances.map { FeatureState.sum(windows($0))! / Double(offsetCount) }
    }
    (result.variances, result.tangentVariances) = (mean(input.variances), mean(input.tangentVariances))
    return result
  }

  /// Window sums run along one axis after the other.
  public func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    kernelsPerEntry * axes.reduce(1) { $0 + Double($1.window - 1) } * result
  }

  public func lower(to lowering: inout some Lowering) throws(Obstacle) {
    try lowering.windows(axes)
    if offsetCount > 1 { try lowering.scale(1 / Double(offsetCount)) }
  }
}
