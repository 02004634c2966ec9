import CVectorKernels

/// Which slices of a graph are made, in which order, and where they are kept.
///
/// A pass takes slices, one after another, from where they are kept through a chain of nodes while they are in cache, and puts
/// them where they are kept or hands them to a node that is made of many. On the way back a pass makes the values in its chain
/// again instead of having kept them.
struct GradientSchedule: @unchecked Sendable {
  enum Purpose: Hashable {
    /// Different inputs.
    case cross
    /// Inputs with themselves: their numbers.
    case numbers
    /// Inputs with themselves: their numbers and the output.
    case itself
  }

  /// A node in the chain of a pass.
  struct Link {
    var kind: GradientGraph.Kind
    var sourceSizes: PositionAxes
    var sizes: PositionAxes
    /// The displacements of its source and of its result for one of the pass.
    var sourceStride: PositionAxes
    var stride: PositionAxes
    var sourceTangent: Tangent
    var tangent: Tangent
    /// The buffer that it writes, one of the last two where negative; nil where it works in place.
    var buffer: Int?
    /// Sets of numbers that are made of its source, where that is not kept.
    var sourceNumbers: [Int]
  }

  /// What a slice gives to one of a table.
  struct Move {
    var runs: nt_gradient_runs
    var weight: Double
    var from: Int
    var to: Int
  }

  /// One slice of a pass.
  struct Slice {
    /// That of the end of the chain.
    var displacement: PositionAxes
    /// Where the slice of the source is kept; -1 for one of an input.
    var source: Int
    /// Where that of the end is kept, or that of the sink, if it is one.
    var end: Int
    /// Those of a table.
    var moves: Range<Int> = 0..<0
  }

  enum Sink {
    case kept
    case table
    /// All positions are added up with this weight.
    case sum(scale: Double)
  }

  struct Pass {
    /// The input that slices start from; nil where they are kept already.
    var input: Int?
    var source: Int
    var sourceSizes: PositionAxes
    var sourceTangent: Tangent
    /// Where slices of the source are taken to first; nil where they are read in place.
    var sourceBuffer: Int?
    var links: [Link]
    /// The node that it makes.
    var result: Int
    var endSizes: PositionAxes
    var tangent: Tangent
    var sink: Sink
    /// Of what it makes.
    var sinkTangent: Tangent
    var slices: [Slice]
    var moves: [Move] = []
    var isNonlinear: Bool
    /// Whether what it makes is needed on the way back.
    var isNeeded = false
  }

  /// Branches taken together.
  struct Combination {
    struct Slice {
      var result: Int
      var sources: [Int]
      var count: Int
    }
    var combination: BranchCombination
    var nodes: [Int]
    /// The node that it makes.
    var result: Int
    var tangents: [Tangent]
    var tangent: Tangent
    var slices: [Slice]
    var isNeeded = false
  }

  enum Step {
    case pass(Pass)
    case combine(Combination)
    /// Numbers of inputs are made of the slice of displacement zero that is kept here, and their cotangents added to its own.
    case numbers(sets: [Int], at: Int, PositionAxes)
  }

  var steps: [Step] = []
  /// Positions of all kept slices.
  var keptCount = 0
  /// Where the output is kept.
  var output = 0
  var outputTangent = Tangent.absent
  /// Positions of the largest slice.
  var largest = 1
  /// Buffers for a pass; two more are for what nobody reads again.
  var bufferCount = 0
}
