import CVectorKernels

/// Everything that is done for a pair of inputs, as one list of instructions on one piece of memory.
///
/// Which slices are needed, in which order and where they are kept is found once, by `SliceScheduler`; a pair of inputs is then
/// computed without looking anything up, which matters for small images.
final class SliceSchedule: @unchecked Sendable {
  enum Purpose {
    /// Covariances between inputs of different data sets, or different inputs of one.
    case cross
    /// The factors of every input, from its covariances with itself.
    case factors
    /// These, and the covariances of the outputs of every input with itself.
    case itself
  }

  let purpose: Purpose
  let instructions: UnsafeMutableBufferPointer<SliceInstruction>
  /// Positions that slices take in memory, on the whole.
  let memorySize: Int
  /// How often the slices of a pair of inputs read a number per input, on the whole.
  let factorReads: Double
  /// Steps, sizes and runs that instructions point to.
  private let steps: [UnsafeMutableBufferPointer<SliceStep>]
  private let runs: UnsafeMutableBufferPointer<nt_slice_run>

  init(
    _ purpose: Purpose, _ instructions: [SliceInstruction], memorySize: Int, factorReads: Double,
    steps: [UnsafeMutableBufferPointer<SliceStep>], runs: [nt_slice_run]
  ) {
    self.purpose = purpose
    self.memorySize = memorySize
    self.factorReads = factorReads
    self.steps = steps
    self.instructions = .allocate(capacity: instructions.count)
    _ = self.instructions.initialize(from: instructions)
    self.runs = .allocate(capacity: runs.count)
    _ = self.runs.initialize(from: runs)
  }

  deinit {
    instructions.deallocate()
    runs.deallocate()
    for steps in steps { steps.deallocate() }
  }

  func run(_ index: Int) -> nt_slice_run { runs[index] }
}

/// One instruction; all of it is plain numbers, so that nothing is counted or copied where it is run.
struct SliceInstruction {
  enum Operation {
    /// The covariances of an input of the network.
    case load(input: Int)
    case step(UnsafePointer<SliceStep>)
    case copy(count: Int)
    /// Takes a slice into another of `count` positions.
    case combine(PairCombination, count: Int, intoHasTheta: Bool)
    case clear(count: Int)
    case addRun(Int, weight: Double)
    /// The same positions in another order, which says for every axis of the result that of the operand.
    case permute(SIMD4<Int8>)
    case beginSum
    case addToSum(weight: Double)
    case endSum(scale: Double, factorSet: Int?)
    case output(Int)
  }

  var operation: Operation
  /// Sizes and displacement of the slice that it makes, or reads if it makes none; a step has its own sizes.
  var sizes = SIMD4<Int32>(repeating: 1)
  var displacement = SIMD4<Int32>.zero
  /// Where the slices are that it reads and makes, in positions.
  var from: Int32 = 0
  var to: Int32 = 0
  /// Whether Θ of what it reads is set.
  var hasTheta = false

  var extent: SliceExtent {
    SliceExtent(
      sizes: PositionAxes(truncatingIfNeeded: sizes), displacement: PositionAxes(truncatingIfNeeded: displacement))
  }
}
