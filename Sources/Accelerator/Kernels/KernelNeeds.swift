import CovarianceEngine
import Tensors

/// Which numbers of single inputs the steps of a covariance program read: found without computing anything.
struct KernelNeeds: Lowering {
  private var operands: [Int] = []
  private var needs: [KernelInput.PerInput] = []
  private var isMasked: Set<Int>
  private let isSingle: Bool

  /// Of one step.
  ///
  /// - Parameter masked: values that have masks.
  /// - Throws: where the step is not made of what pages can do.
  static func of(_ step: CovarianceProgram.Step, masked: Set<Int>, dtype: DType) throws(Obstacle)
    -> [KernelInput.PerInput]
  {
    var finder = KernelNeeds(masked, isSingle: dtype == .float32)
    finder.operands = step.operands
    try step.operation.lower(to: &finder)
    if masked.contains(step.result) { finder.needs.append(.mask(value: step.result)) }
    return finder.needs
  }

  private init(_ masked: Set<Int>, isSingle: Bool) { (isMasked, self.isSingle) = (masked, isSingle) }

  mutating func dual(_ dual: any Dual) {
    needs.append(
      StraightDual(dual, isSingle: isSingle) == nil ? .variance(value: operands[0]) : .root(value: operands[0]))
  }

  mutating func normalize(epsilon: Double, positionAxes: [Int], overBatch: Bool) throws(Obstacle) {
    if overBatch { throw Obstacle("a normalisation over the inputs of a data set") }
    needs.append(.factor(value: operands[0], epsilon: epsilon, axes: positionAxes))
  }

  mutating func globalPool(isMean: Bool) {
    if isMean && isMasked.contains(operands[0]) { needs.append(.visible(value: operands[0])) }
  }

  func affine(_ rule: AffineOperation) throws(Obstacle) {
    if rule.weightVariance.isTensor || rule.biasVariance.isTensor { throw Obstacle("numbers that are tensors") }
  }

  func dropout(keepRate: Double) {}
  func scale(_ factor: Double) {}
  func localize() {}
  func combine(_ combination: BranchCombination) {}
  func windows(_ axes: [PatchAxis]) {}
  func map(_ axes: [PositionMapOperation.Axis]) {}
  func permute(_ order: [Int]) {}
  func flatten() {}
}
