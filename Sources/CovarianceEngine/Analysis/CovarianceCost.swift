import Tensors

/// What the NNGP and the tangent kernel of one pair of inputs cost, estimated from the number of covariances that are
/// needed: entries times operations per entry. Self-covariances, which are per input, do not count.
package struct CovarianceCost {
  private static let bytesPerNumber = 4

  let program: CovarianceProgram
  let demand: CovarianceDemand

  package init(program: CovarianceProgram, demand: CovarianceDemand) {
    (self.program, self.demand) = (program, demand)
  }

  private func entries(_ value: Int) -> Int { demand.values[value]?.entries ?? 0 }

  /// The products of the inputs of `channels`.
  package func input(_ value: Int, channels: Int) -> Cost {
    Cost(flops: 2 * channels * entries(value), bytes: Self.bytesPerNumber * (2 * channels + entries(value)))
  }

  package func step(_ step: CovarianceProgram.Step) -> Cost {
    let (result, operands) = (entries(step.result), step.operands.reduce(0) { $0 + entries($1) })
    guard result > 0 else { return .zero }
    let flops = step.operation.flops(
      result: Double(result), operands: Double(operands), operandCount: step.operands.count,
      positions: program.positions[step.operands[0]])
    return Cost(
      flops: Int(min(flops, 0x1p62)),
      bytes: Int(min(kernelsPerEntry * Double(Self.bytesPerNumber) * (Double(result) + Double(operands)), 0x1p62)))
  }

  /// Of one pair of inputs, from data of so many channels; 0 for an input that is a kernel.
  func pair(channels: [Int]) -> Double {
    let steps = program.steps.reduce(0.0) { $0 + Double(step($1).flops) }
    return channels.indices.reduce(steps) { $0 + Double(input($1, channels: channels[$1]).flops) }
  }
}
