/// How a branch is taken into another.
enum PairCombination: Sendable {
  case sum
  case product
  case weightedSum(into: Double, from: Double)
}

extension BranchCombination {
  /// How the branch at `position`, from 1 on, is taken into those before it.
  func pair(at position: Int) -> PairCombination {
    switch self {
    case .sum: .sum
    case .product: .product
    case .weightedSum(let weights): .weightedSum(into: position == 1 ? weights[0] : 1, from: weights[position])
    }
  }
}
