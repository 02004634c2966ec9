import CovarianceEngine
import Tensors

/// What becomes of the axes of a function's outputs in its kernels.
///
/// The kernel has, in the order of the output's axes: nothing for a trace axis, one axis for a diagonal one, and for every other
/// one a pair, that of the first data set and that of the second. For outputs (N, C) the default is (N1, N2).
public struct OutputAxes: Sendable, Hashable {
  /// Axes over which the kernel is a mean; negative ones count from the last.
  public var trace: [Int]
  /// Axes along which only covariances of an entry with itself are wanted.
  public var diagonal: [Int]
  /// What stands for the mean of a tangent kernel over the trace axes.
  public var mean: TraceMean

  public init(trace: [Int] = [-1], diagonal: [Int] = [], mean: TraceMean = .exact) {
    (self.trace, self.diagonal, self.mean) = (trace, diagonal, mean)
  }
}

/// How the mean of a tangent kernel over the trace axes of the outputs is taken.
///
/// Of a network at initialisation, whose outputs have weights of their own, all outputs are alike, and Θ is close to its mean
/// times the identity of the outputs: the relative error in the Frobenius norm falls as 1/√n with the width n that the outputs
/// read. Then one derivative stands for all. Nothing like that holds once the network is trained.
///
/// - SeeAlso: Mohamadi, Bae, Sutherland, "A Fast, Well-Founded Approximation to the Empirical Neural Tangent Kernel" (2023).
public enum TraceMean: Sendable, Hashable {
  /// Over all of them.
  case exact
  /// The pseudo-NTK: the kernel of the function O^(-1/2) Σ over the O outputs.
  case sumOfOutputs
  /// Over these of the outputs only, counted in row-major order of the trace axes.
  case outputs(Range<Int>)
}

/// Whether a function's outputs can be computed input by input.
public enum InputMapping: Sendable, Hashable {
  /// Found out by trying: when all inputs count the same number of entries along their first axis, the outputs do, too, and
  /// the outputs of every entry are those that it has alone. Functions that draw random numbers or normalise over the batch do not
  /// pass.
  case detected
  /// Nothing is assumed: derivatives are taken of the outputs of all inputs together.
  case together
  /// Taken for granted, so a function that mixes its inputs gives wrong numbers: the entries along these axes, one per tensor
  /// of the inputs (nil for those that all entries share), make the outputs' entries along that axis.
  case each(inputs: [Int?], outputs: Int)

  /// Along one axis of all inputs and outputs.
  public static func each(axis: Int = 0) -> InputMapping { .each(inputs: [axis], outputs: axis) }
}

/// How the tangent kernel of a function is computed; all ways give the same numbers to rounding.
public enum EmpiricalImplementation: Sendable, Hashable, CaseIterable {
  /// The one of the others that counted operations and memory say is fastest.
  case automatic
  /// The derivatives of all outputs in all parameters, parameter tensor by parameter tensor, and their inner products.
  case jacobianContraction
  /// One product of the kernel with a vector per output of the second data set: derivatives of all outputs in all
  /// parameters of a few of them at a time.
  case tangentVectorProducts
  /// Per parameter tensor, what its derivatives are products of (activations and cotangents, say), in the order of
  /// contraction that is cheapest for it.
  case structuredDerivatives
}
