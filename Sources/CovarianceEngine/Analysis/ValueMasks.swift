import Tensors

/// What is masked in the values of a covariance program, for one data set: shape (N, P…), true where masked.
struct ValueMasks {
  private var masks: [Tensor?]

  init(_ program: CovarianceProgram, inputs: [Tensor?]) throws(NetworkError) {
    masks = inputs + Array(repeating: nil, count: program.steps.count)
    guard inputs.contains(where: { $0 != nil }) else { return }
    for step in program.steps { masks[step.result] = mask(of: step) }
  }

  subscript(value: Int) -> Tensor? { masks[value] }

  private func mask(of step: CovarianceProgram.Step) -> Tensor? {
    let operands = step.operands.map { masks[$0] }
    guard let mask = operands[0] else { return nil }
    switch step.operation {
    case .patches(let rule):
      return rule.isMaskedByAny ? rule.anyMask(mask, axesBefore: 1) : rule.centreMask(mask, axesBefore: 1)
    case .positions(let map): return map.mask(mask)
    case .permutePositions(let order): return mask.transposed([0] + order.map { $0 + 1 })
    case .flatten, .globalPool: return mask.rank == 1 ? mask : mask.all(axes: Array(1..<mask.rank))
    case .sum, .product, .weightedMean:
      return operands.dropFirst().reduce(mask) { (result: Tensor?, next) in
        guard let result, let next else { return nil }
        return result .& next
      }
    default: return mask
    }
  }
}
