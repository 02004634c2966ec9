import CVectorKernels
import Foundation

/// A covariance program as a graph of nodes whose results are computed slice by slice: what a network with positions is
/// compiled to.
///
/// Most operations never mix displacements, so a slice goes through many of them while it stays in cache: these are the steps
/// of a chain. Only where displacements mix, branches meet or several operations read one value does a slice get a place of its
/// own.
struct SlicePlan: @unchecked Sendable {
  struct Node {
    var kind: Kind
    /// Sizes of the positions of the result.
    var sizes: PositionAxes
    /// Whether Θ of the result was ever set; where it was not, it is zero.
    var hasTheta: Bool
    /// The most covariances that a slice of it has, on its way through a chain.
    var capacity: Int
    /// Where that is among `capacities`.
    var size = 0

    /// The most positions along the last axis, on the way through a chain.
    var longestRow: Int {
      guard case .chain(_, _, let steps) = kind else { return sizes[3] }
      return steps.reduce(sizes[3]) { max($0, $1.sizes[3], $1.resultSizes[3]) }
    }
  }

  enum Kind {
    case input(Int)
    /// Steps on one slice; what the source gives is the slice of displacement Δ · stride.
    case chain(source: Int, stride: PositionAxes, steps: [SliceStep])
    case combine([Int], Combination)
    /// Slices along one axis are made of others.
    case table(source: Int, axis: Int, AxisTable)
    case permute(source: Int, order: [Int])
    /// The mean over the positions of the slice of displacement zero.
    case flatten(source: Int)
    /// The sum over all slices times `scale`, and times a factor of either input where there are masks.
    case globalPool(source: Int, scale: Double, factor: Int?)
  }

  enum Combination {
    case sum
    case product
    case weightedMean([Double])
  }

  /// Numbers that operations need per input and position: what each input gives to every slice.
  struct FactorSet {
    enum Source {
      /// For the duals of an activation, from the variances.
      case dual(FusedPlan.DualRoutine)
      /// 1/√(v + ε), where v is the variance averaged over the axes along which `kept` has one position, over those that
      /// are not masked, which the factor set `mask` says.
      case normalize(epsilon: Double, kept: PositionAxes, mask: Int?)
      /// 0 where the value of the program is masked, 1 elsewhere.
      case mask(value: Int)
      /// One over the number of positions where the value is not masked.
      case visible(value: Int)

      var isSeries: Bool {
        if case .dual(.vector(let dual)) = self { dual.pointee.kind == nt_dual_series } else { false }
      }
    }

    var source: Source
    /// Where it starts among those of an input, in numbers.
    var offset: Int
    var sizes: PositionAxes
    /// Numbers per position.
    var count: Int
    /// Whether the numbers of a position stand together, instead of all positions' for each number: the many of a series
    /// would otherwise lie at distances that caches map to one place.
    var isInterleaved = false
  }

  struct Output {
    var node: Int
    var positions: [Int]
    /// Whether the covariances between different positions are wanted.
    var wantsAllPositions: Bool
  }

  /// What was compiled.
  var program = CovarianceProgram()
  /// The values of the program that are the outputs.
  var outputValues: [Int] = []
  var nodes: [Node] = []
  var factorSets: [FactorSet] = []
  /// Numbers per input, of all factor sets.
  var factorCount = 0
  var outputs: [Output] = []
  /// The sizes of memory that slices need, in covariances.
  var capacities: [Int] = []
  /// The nodes in whose chains factors are made from variances, in order.
  var factorNodes: [Int] = []
  /// Whether a global pool over an input with itself may take half of the slices twice. The rounding is another then than
  /// between equal inputs, whose correlation has to be exactly one where factors are made after the pool.
  var halvesPools = true
  var activations: [any Activation] = []
  /// What the steps' pointers point to.
  var descriptions = DualDescriptions()

  /// What is done for pairs of inputs; made when it is first needed.
  func tape(_ purpose: SliceTape.Purpose) -> SliceTape {
    tapes.lock.withLock {
      if let tape = tapes.known[purpose] { return tape }
      let tape = SliceRecorder.tape(self, purpose)
      tapes.known[purpose] = tape
      return tape
    }
  }

  private let tapes = SliceTapes()

  /// Copies of a plan share its tapes.
  private final class SliceTapes: @unchecked Sendable {
    // Not a Mutex, whose locking the thread sanitizer does not see.
    let lock = NSLock()
    var known: [SliceTape.Purpose: SliceTape] = [:]
  }

  func isChainWithoutSource(_ node: Int, at displacement: PositionAxes) -> Bool {
    guard case .chain(_, _, let steps) = nodes[node].kind, displacement != .zero else { return false }
    return steps.contains { $0.isLocalize }
  }
}

/// One operation on a slice.
struct SliceStep {
  enum Operation {
    /// The window sum of a convolution along one axis.
    case window(Window)
    /// Those of one along rows and columns.
    case box(rows: Window, columns: Window)
    case affine(nt_affine)
    case dual(FusedPlan.DualRoutine, factorSet: Int)
    /// K and Θ times a factor of each input: layer normalisation, masks.
    case scale(factorSet: Int)
    case scaleAll(Double)
    /// An input with itself at one position.
    case dropout(keepRate: Double)
    /// Zero between different positions.
    case localize
    case layer(Layer)
  }

  struct Window {
    var axis: Int
    var size: Int
    var stride: Int
    var dilation: Int
    var low: Int
  }

  /// A window along the rows, an affine map, an activation made of two lines, and the next window along the columns, in one
  /// pass.
  struct Layer {
    var rows: Window?
    var affine: nt_affine
    var dual: UnsafePointer<nt_dual>
    var factorSet: Int
    var columns: Window?
  }

  var operation: Operation
  /// Sizes of the positions of what it works on and of what it makes.
  var sizes: PositionAxes
  var resultSizes: PositionAxes
  /// The displacements of these for one of the whole chain's result.
  var stride = PositionAxes(repeating: 1)
  var resultStride = PositionAxes(repeating: 1)
  /// Whether Θ is set before the step.
  var hasTheta: Bool

  /// The windows that it sums over.
  var windows: [Window] {
    switch operation {
    case .window(let window): [window]
    case .box(let rows, let columns): [rows, columns]
    case .layer(let layer): [layer.rows, layer.columns].compactMap { $0 }
    default: []
    }
  }

  var isLocalize: Bool { if case .localize = operation { true } else { false } }

  /// The factors that it reads.
  var factorSet: Int? {
    switch operation {
    case .dual(_, let set), .scale(let set): set
    case .layer(let layer): layer.factorSet
    case .window, .box, .affine, .scaleAll, .dropout, .localize: nil
    }
  }

  /// The sizes, and the displacements for one of the chain, where the factors of a layer's activation are needed.
  func layerMiddle(_ layer: Layer) -> (sizes: PositionAxes, stride: PositionAxes) {
    guard let rows = layer.rows else { return (sizes, stride) }
    var (middle, middleStride) = (sizes, stride)
    middle[rows.axis] = resultSizes[rows.axis]
    middleStride[rows.axis] = resultStride[rows.axis]
    return (middle, middleStride)
  }
}
