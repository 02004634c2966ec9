import Tensors

/// A covariance program run on features instead of covariances: for every input numbers whose products are, in expectation, the
/// program's kernels.
///
/// All operations but duals and products of branches are exact linear maps of features. A dual φ of K = F Fᵀ is the forward pass of
/// a random layer, φ(F W)/√D with normal W; its tangent kernel κ̇ ∘ Θ is the tangent pass of that layer along weights of their own,
/// φ'(F W) ∘ (G V)/√D, because rows of F W and G V are Gaussian with the covariances F Fᵀ and G Gᵀ.
///
/// *Source:* Rahimi, Recht 2007; Zandieh et al. 2021 (arXiv 2106.07880) and Han et al. 2022 (arXiv 2209.04121), who sketch the
/// product κ̇ ∘ Θ where the tangent pass draws it.
package struct FeatureProgram: Sendable {
  private let program: CovarianceProgram
  private let output: Int
  private let wantsTangent: Bool
  private let width: Int
  private let projection: RandomProjection.Kind
  private let rescales: Bool
  private let key: RandomKey
  private let projections = RandomProjections()
  /// The steps that the output needs, and how often each value is read.
  private let isNeeded: [Bool]
  private let lastUse: [Int]

  package init(
    _ program: CovarianceProgram, output: Int, wantsTangent: Bool, width: Int, projection: RandomProjection.Kind,
    rescales: Bool, key: RandomKey
  ) {
    (self.program, self.output, self.wantsTangent) = (program, output, wantsTangent)
    (self.width, self.projection, self.rescales, self.key) = (width, projection, rescales, key)
    var isNeeded = [Bool](repeating: false, count: program.valueCount)
    isNeeded[output] = true
    for step in program.steps.reversed() where isNeeded[step.result] {
      for operand in step.operands { isNeeded[operand] = true }
    }
    var lastUse = [Int](repeating: -1, count: program.valueCount)
    for (index, step) in program.steps.enumerated() where isNeeded[step.result] {
      for operand in step.operands { lastUse[operand] = index }
    }
    lastUse[output] = program.steps.count
    (self.isNeeded, self.lastUse) = (isNeeded, lastUse)
  }

  /// The features of some inputs.
  ///
  /// - Parameter data: those of each input of the program; the second data set is not looked at.
  package func callAsFunction(_ data: [ProgramData]) throws(NetworkError) -> FeatureState {
    var states: [FeatureState?] =
      data.map { $0.features(wantsTangent: wantsTangent) } + Array(repeating: nil, count: program.steps.count)
    for (index, step) in program.steps.enumerated() where isNeeded[step.result] {
      let operands = step.operands.map { operand -> FeatureState in
        guard let state = states[operand] else { preconditionFailure("value \(operand) is read before it is made") }
        return state
      }
      for operand in step.operands where lastUse[operand] == index { states[operand] = nil }
      let random = FeatureRandomness(
        width: width, projection: projection, key: key.folding(in: UInt32(index)), rescales: rescales,
        projections: projections)
      var result = try step.operation.features(operands, random)
      result.mask = step.operation.mask(operands.map(\.mask), shapes: operands.map { [$0.count] + $0.positions })
      states[step.result] = result.maskedToZero()
    }
    guard let result = states[output] else { preconditionFailure("output \(output) is not made") }
    for (name, features) in [("nngp", result.nngp), ("ntk", result.ntk.features)] {
      guard let features, !features.isTraced, let index = firstNonFinite(features) else { continue }
      throw NetworkError(path: [.name(name)], expected: "finite features", found: "NaN or infinity at \(index)")
    }
    return result
  }
}

extension ProgramData {
  /// x / √channels.
  fileprivate func features(wantsTangent: Bool) -> FeatureState {
    let channels = x1.shape[x1.rank - 1]
    let features = x1 / Double(channels).squareRoot()
    return FeatureState(
      nngp: features, ntk: wantsTangent ? .zero : .absent, variances: square(features).sum(axis: x1.rank - 1),
      mask: mask1
    ).maskedToZero()
  }
}
