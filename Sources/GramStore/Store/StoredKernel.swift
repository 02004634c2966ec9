import CovarianceEngine

/// One of the matrices of a store.
public enum StoredKernel: String, Sendable, Hashable, CaseIterable {
  /// The covariance at initialisation.
  case nngp
  /// The tangent kernel.
  case ntk

  /// The members of a set, in the order in which a store has them.
  static func all(of kernels: KernelSet) -> [StoredKernel] {
    allCases.filter { kernels.contains($0 == .nngp ? .nngp : .ntk) }
  }
}
