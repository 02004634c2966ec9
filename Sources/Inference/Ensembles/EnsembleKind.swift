/// Which infinite ensemble of networks predicts: what its members are before training, what of them is trained, and to which
/// targets.
///
/// Members have outputs f₀ with the covariance C, are trained with the kernel M and its regularizer s², and each to targets of its
/// own, y + ε with ε ~ N(0, e²).
///
/// | | C | M | e² | |
/// | --- | --- | --- | --- | --- |
/// | `.ntk` | K | Θ | 0 | a deep ensemble |
/// | `.noisyTargets` | K | Θ | s² | randomise, then optimise |
/// | `.ntkGaussianProcess` | Θ | Θ | s² | the posterior of a Gaussian process with the covariance Θ |
/// | `.randomizedPriors(scale: β)` | K + β² K_prior | Θ | s² | a fixed random network added to each member |
/// | `.nngp` | K | K | s² | the posterior of the Bayesian network |
///
/// and any other combination.
///
/// *Sources:* Lee et al. 2019 (arXiv 1902.06720); Osband et al. 2018 (arXiv 1806.03335); He et al. 2020 (arXiv 2007.05864).
public struct EnsembleKind: Hashable, Sendable {
  /// What of a network is trained.
  public enum TrainedLayers: Hashable, Sendable {
    /// The last layer: training follows the NNGP.
    case readout
    /// All layers: training follows the NTK.
    case all
  }

  /// The covariance C of the outputs before training.
  public enum InitialCovariance: Hashable, Sendable {
    case nngp
    case ntk
    /// K + scale² · K_prior: a random network that is not trained is added to every member. K_prior is the `prior` of the kernels;
    /// K where they have none.
    case withPrior(scale: Double)
  }

  /// The variance e² of the noise on the targets, which every member has its own of.
  public enum TargetNoise: Hashable, Sendable {
    case none
    /// What the regularizer adds to the diagonal of the kernel that is trained with.
    case regularizer
    case variance(Double)
  }

  /// What is trained.
  public var trained: TrainedLayers
  /// What members are before training.
  public var initial: InitialCovariance
  /// What is added to the targets of each.
  public var targetNoise: TargetNoise

  public init(trained: TrainedLayers = .all, initial: InitialCovariance = .nngp, targetNoise: TargetNoise = .none) {
    (self.trained, self.initial, self.targetNoise) = (trained, initial, targetNoise)
  }

  /// Only the readout layer is trained; after infinite time the Bayesian posterior of the network's prior.
  public static let nngp = EnsembleKind(trained: .readout, targetNoise: .regularizer)
  /// All layers are trained.
  public static let ntk = EnsembleKind()
  /// All layers are trained, each member to targets with noise of its own.
  public static let noisyTargets = EnsembleKind(targetNoise: .regularizer)
  /// As `nngp`, with the NTK in place of the NNGP: a Gaussian process with the NTK as its covariance.
  public static let ntkGaussianProcess = EnsembleKind(initial: .ntk, targetNoise: .regularizer)
  /// All layers are trained, with a fixed random network added to each member.
  public static func randomizedPriors(scale: Double = 1, targetNoise: TargetNoise = .regularizer) -> EnsembleKind {
    EnsembleKind(initial: .withPrior(scale: scale), targetNoise: targetNoise)
  }

  /// Whether it is a Gaussian process posterior after infinite time, whose covariance needs no difference of large numbers.
  var isPosterior: Bool {
    targetNoise == .regularizer
      && (trained == .readout && initial == .nngp || trained == .all && initial == .ntk)
  }

  /// - Throws: where a number makes no sense.
  func check() throws(PredictionError) {
    if case .withPrior(let scale) = initial, !scale.isFinite {
      throw .invalidValue(argument: "scale of the prior", expected: "a finite number", found: "\(scale)")
    }
    if case .variance(let variance) = targetNoise, !(variance >= 0 && variance.isFinite) {
      throw .invalidValue(argument: "target noise", expected: "zero or a positive variance", found: "\(variance)")
    }
  }
}

extension EnsembleKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .nngp: return "nngp"
    case .ntk: return "ntk"
    case .noisyTargets: return "noisyTargets"
    case .ntkGaussianProcess: return "ntkGaussianProcess"
    default:
      let start =
        switch initial {
        case .nngp: "the NNGP"
        case .ntk: "the NTK"
        case .withPrior(let scale): "the NNGP and \(scale * scale) of the prior"
        }
      let noise =
        switch targetNoise {
        case .none: "no target noise"
        case .regularizer: "the regularizer as target noise"
        case .variance(let variance): "target noise \(variance)"
        }
      return "ensemble (\(trained == .all ? "all layers" : "the readout") trained from \(start), \(noise))"
    }
  }
}
