import NeuralTangents
import Tensors

/// Which solver learns from so many rows, and the memory that it takes.
struct SolverNeed: Sendable {
  let choice: SolverChoice
  /// Why it is that one; nil where the user named it.
  let reason: String?
  /// Bytes.
  let memory: Double

  /// - Parameters:
  ///   - rows: to learn from.
  ///   - networks: that are learned with, each with kernels of its own.
  init(_ recipe: Recipe, rows: Int, networks: Int) {
    let isUnregularized = if case .fixed(let regularizer) = recipe.regularizer { regularizer.value == 0 } else { false }
    let whole = Self.memory(.factorized, recipe, rows, networks)
    switch recipe.solver {
    case .automatic where recipe.time < .infinity:
      (choice, reason) = (.factorized, "training times that are finite need an eigendecomposition")
    case .automatic:
      let isShared = recipe.stored?.isFactoredTogether ?? false
      let usual = SolverChoice.choice(rows: rows, isRegularized: !isUnregularized, isShared: isShared)
      if !isShared, usual.choice == .factorized, !isUnregularized, !MemoryCheck.isAvailable(whole) {
        (choice, reason) = (.iterative, "a factorisation needs about \(MemoryCheck.gigabytes(whole)) of memory")
      } else {
        (choice, reason) = usual
      }
    case let named: (choice, reason) = (named, nil)
    }
    memory = Self.memory(choice, recipe, rows, networks)
  }

  /// Whether kernels are put together as a whole.
  var isWhole: Bool { Self.isWhole(choice) }

  private static func isWhole(_ choice: SolverChoice) -> Bool { choice == .factorized || choice == .spectral }

  private static func memory(_ choice: SolverChoice, _ recipe: Recipe, _ rows: Int, _ networks: Int) -> Double {
    let (n, kernels) = (Double(rows), recipe.method == .ntk ? 2 : 1)
    let isStored = recipe.stored != nil
    // What other processes hold is not in this one's memory; eigenvectors are.
    if isWhole(choice), recipe.stored?.isFactoredTogether == true { return recipe.time < .infinity ? 16 * n * n : 0 }
    if isWhole(choice), isStored { return 16 * n * n }
    if isWhole(choice) {
      // Each network keeps its kernels and a factor of one of them, in float64; a copy comes and goes.
      return 8 * Double(networks * (kernels + 1) + 1) * n * n
    }
    let half = Double(recipe.packedPrecision.byteCount) * n * (n + 1024) / 2
    let rank = Double(recipe.solverOptions.rank ?? Int((50 * n).squareRoot()))
    let beside =
      switch choice {
      case .iterative: 8 * min(rank, n) * n
      case .mixedPrecision: 4 * n * n
      default: 16 * 256 * n
      }
    return Double(networks) * ((isStored ? 0 : Double(kernels) * half) + beside)
  }
}
