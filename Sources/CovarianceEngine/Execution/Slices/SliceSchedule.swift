import CVectorKernels

/// Part of what is done for a pair of inputs, as one list of instructions on one piece of memory.
///
/// Which slices are needed, in which order and where they are kept is found by `SliceScheduler`; a pair of inputs is then
/// computed without looking anything up, which matters for small images.
final class SliceSchedule: @unchecked Sendable {
  enum Purpose: Hashable {
    /// Covariances between inputs of different data sets, or different inputs of one.
    case cross
    /// The factors of every input, from its covariances with itself.
    case factors
    /// These, and the covariances of the outputs of every input with itself.
    case itself
  }

  /// The parts of the work for a pair of inputs, in their order.
  enum Section: Hashable {
    /// The factors of all layers that no global pool comes before.
    case head
    /// Some of the slices that global pools and outputs with all positions read: items of the graph's traversal.
    case body(Range<Int>)
    /// What is left: everything after global pools, and everything of a graph without a body.
    case tail
  }

  /// Whose slices an instruction works on.
  enum Subject: UInt8 {
    /// Those of the pairs of inputs that the schedule is played for.
    case pair
    /// Those of the inputs in lanes with themselves, for factors that live as long as one step.
    case first, second
  }

  let section: Section
  let purpose: Purpose
  let instructions: [SliceInstruction]
  /// Positions that slices of a pair take in memory.
  let memorySize: Int
  /// Those that slices of inputs with themselves take, where they go side by side with the pair's.
  let selfMemorySize: Int
  /// How often the slices of a pair of inputs read a number per input.
  let factorReads: Double
  /// Whether factors are made of the variances that come along.
  let makesFactors: Bool
  /// Not an array, which would be counted at every use.
  private let runs: UnsafeMutableBufferPointer<nt_slice_run>

  init(
    _ purpose: Purpose, _ section: Section, _ instructions: [SliceInstruction], memorySize: Int, selfMemorySize: Int,
    factorReads: Double, makesFactors: Bool, runs: [nt_slice_run]
  ) {
    // As large as they are, not as the arrays have grown.
    (self.purpose, self.section) = (purpose, section)
    self.instructions = instructions.map { $0 }
    self.runs = .allocate(capacity: runs.count)
    _ = self.runs.initialize(from: runs)
    (self.memorySize, self.selfMemorySize) = (memorySize, selfMemorySize)
    (self.factorReads, self.makesFactors) = (factorReads, makesFactors)
  }

  deinit { runs.deallocate() }

  func run(_ index: Int) -> nt_slice_run { runs[index] }

  var byteCount: Int {
    instructions.capacity * MemoryLayout<SliceInstruction>.stride + runs.count * MemoryLayout<nt_slice_run>.stride
  }
}

/// One instruction; all of it is plain numbers, so that nothing is counted or copied where it is run.
struct SliceInstruction {
  enum Operation {
    /// The covariances of an input of the network.
    case load(input: Int)
    case step(UnsafePointer<SliceStep>)
    case copy
    /// Takes a slice into another, whose tangent is this.
    case combine(PairCombination, into: Tangent)
    case clear
    case addRun(Int, weight: Double)
    /// The same positions in another order, which says for every axis of the result that of the operand.
    case permute(SIMD4<Int8>)
    /// The mean over the positions of one slice, times a factor of either input unless that is negative.
    case sum(scale: Double, factorSet: Int32)
    /// Adds a slice to the sum of one chunk.
    case addToSum(slot: Int, weight: Double)
    /// The sum of all chunks.
    case endSum(index: Int32, factorSet: Int32, scale: Double)
    case output(Int)
  }

  var operation: Operation
  /// That of what it reads.
  var tangent: Tangent
  var subject: SliceSchedule.Subject
  /// The sizes, among all of the graph, and the displacement of the slice that it makes, or reads if it makes none; a step has
  /// its own sizes.
  var sizes: UInt16
  /// Where the slices are that it reads and makes, in positions.
  var from: Int32
  var to: Int32
  var displacement: SIMD4<Int32>

  /// The step of a chain that it is.
  var step: UnsafePointer<SliceStep>? { if case .step(let step) = operation { step } else { nil } }
}
