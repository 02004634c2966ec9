import Tensors

/// What computes a covariance program over blocks of the Gram matrix.
///
/// An executor knows nothing of the whole matrix: `Gram` cuts it into blocks and puts the results together. Blocks that
/// start at multiples of `grid` give every entry the same to the last bit, whatever block it is computed in and whatever
/// the number of threads.
package protocol CovarianceExecutor: Sendable {
  /// For descriptions and messages.
  var name: String { get }
  /// Rows and columns that are computed in one piece.
  var grid: Int { get }
  /// Rows and columns that a block has at most; nil where any number of them can be computed at once.
  var largestBlock: Int? { get }
  /// Estimated floating-point operations of one pair of inputs.
  var flopsPerPair: Double { get }
  /// Pieces of the grid that are computed at the same time elsewhere, so that tiles should have many times as many; 0 where all
  /// processors work on one piece.
  var piecesAtOnce: Int { get }
  /// Bytes that a block takes beyond its inputs and results.
  func memory(rows: Int, columns: Int, threads: Int) -> Double
  /// The covariances of all outputs over a block.
  ///
  /// - Throws: `NetworkError` where numbers are not finite, or do not fit the program.
  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock]
}

extension CovarianceExecutor {
  package var piecesAtOnce: Int { 0 }
}

/// A covariance program with what is wanted of it and what it starts from: all that an executor is made of.
package struct CovarianceGoal: Sendable {
  /// What is known of an input before it is looked at.
  package struct Input: Sendable {
    /// Whether it is a matrix of inputs and channels, or a kernel of such, without masks.
    package var isMatrix: Bool
    package var tangent: Tangent
    package var hasMask: Bool
    /// Channels of data; 0 for a kernel.
    package var channels: Int

    package init(isMatrix: Bool, tangent: Tangent = .zero, hasMask: Bool = false, channels: Int) {
      (self.isMatrix, self.tangent, self.hasMask, self.channels) = (isMatrix, tangent, hasMask, channels)
    }
  }

  package let program: CovarianceProgram
  /// The values wanted.
  package let outputs: [Int]
  package let inputs: [Input]
  /// Given where it is wanted, else absent.
  package let tangent: Tangent
  /// Whether the outputs' covariances between different positions are wanted.
  package let wantsAllPositions: Bool
  package let dtype: DType
  package let demand: CovarianceDemand
  package let flopsPerPair: Double

  package init(
    _ program: CovarianceProgram, outputs: [Int], inputs: [Input], tangent: Tangent, wantsAllPositions: Bool,
    dtype: DType
  ) {
    (self.program, self.outputs, self.inputs) = (program, outputs, inputs)
    (self.tangent, self.wantsAllPositions, self.dtype) = (tangent, wantsAllPositions, dtype)
    demand = CovarianceDemand(program, outputs: outputs, wantsAllPositions: wantsAllPositions)
    flopsPerPair = CovarianceCost(program: program, demand: demand).pair(channels: inputs.map(\.channels))
  }

  /// Covariances of one pair of inputs that a value takes.
  package func entries(_ value: Int) -> Double {
    let count = program.positions[value].reduce(1.0) { $0 * Double($1) }
    return demand.isFull(value) ? count * count : count
  }

  /// The most that any value takes.
  package var mostEntries: Double { (0..<program.valueCount).map(entries).max() ?? 1 }

  /// NNGP and, where it is wanted, tangent kernel.
  package var kernelCount: Double { tangent == .absent ? 1 : 2 }
}

extension ProgramInput {
  var goalInput: CovarianceGoal.Input {
    let channels = if case .data(let data) = self { data.x1.shape[data.x1.rank - 1] } else { 0 }
    return CovarianceGoal.Input(
      isMatrix: isMatrix, tangent: tangent, hasMask: mask(of: .first) != nil || mask(of: .second) != nil,
      channels: channels)
  }
}
