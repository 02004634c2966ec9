/// The arithmetic and the memory traffic of a computation, as its shapes decide them.
public struct Cost: Hashable, Sendable, CustomStringConvertible {
  /// Operations on numbers; a multiplication with an addition counts two, an elementary function one.
  public var flops: Int
  /// Bytes that are read and written when every operation reads its operands from memory and writes its results there.
  public var bytes: Int

  public init(flops: Int, bytes: Int) { (self.flops, self.bytes) = (flops, bytes) }

  /// The cost of doing nothing.
  public static let zero = Cost(flops: 0, bytes: 0)

  /// What both take; the largest integer stands for all larger sums.
  public static func + (a: Cost, b: Cost) -> Cost {
    func sum(_ x: Int, _ y: Int) -> Int {
      let (sum, overflow) = x.addingReportingOverflow(y)
      return overflow ? .max : sum
    }
    return Cost(flops: sum(a.flops, b.flops), bytes: sum(a.bytes, b.bytes))
  }

  /// Adds the cost of something else.
  public static func += (a: inout Cost, b: Cost) { a = a + b }

  public var description: String { "\(flops) flops, \(bytes) bytes" }
}

extension Primitive {
  /// What applying the primitive to inputs of these types takes.
  ///
  /// Moving elements takes no operations; factorisations count their leading terms: n³/3 for Cholesky, n² per right-hand
  /// side for a triangular system, 2n³/3 more for a general one, 4n³/3 for eigenvalues and 9n³ with eigenvectors.
  ///
  /// - Precondition: the primitive accepts inputs of these types.
  public func cost(of inputTypes: [TensorType]) -> Cost {
    if case .call(let subprogram) = self { return subprogram.program.cost }
    let outputs = outputTypes(for: inputTypes)
    let moved = (inputTypes + outputs).reduce(0) { $0 + $1.count * $1.dtype.byteCount }
    return Cost(flops: flops(inputTypes, outputs[0]), bytes: isAlias ? 0 : moved)
  }

  /// Whether the result shares the input's memory.
  private var isAlias: Bool {
    switch self {
    case .reshape, .stopGradient: true
    default: false
    }
  }

  private func flops(_ inputs: [TensorType], _ output: TensorType) -> Int {
    switch self {
    case .unary, .binary, .compare, .select: return output.count
    case .multiplyAdd: return 2 * output.count
    case .convert, .reshape, .transpose, .broadcast, .reverse, .slice, .assign, .pad, .concatenate, .iota, .take,
      .takeAlong, .dynamicSlice, .dynamicUpdateSlice, .stopGradient:
      return 0
    case .reduce: return max(0, inputs[0].count - output.count)
    case .argReduce: return max(0, inputs[0].count - output.count)
    case .cumulativeSum(let axis):
      let length = inputs[0].shape[axis]
      return length == 0 ? 0 : inputs[0].count / length * (length - 1)
    case .scatterAdd, .scatterAddAlong: return inputs[0].count
    case .sort(let axis), .argSort(let axis):
      // Comparisons of a sort by merging: ⌈log₂ n⌉ per element.
      let length = inputs[0].shape[axis]
      return length < 2 ? 0 : inputs[0].count * (Int.bitWidth - (length - 1).leadingZeroBitCount)
    case .dotGeneral(let dimensions):
      return 2 * output.count * dimensions.aContracting.map { inputs[0].shape[$0] }.product
    case .convolution(let geometry, let role): return Self.flops(geometry, role, inputs, output)
    case .windowSum(let geometry): return output.count * max(0, geometry.window.product - 1)
    case .cholesky: return matrices(inputs[0]) * cubed(inputs[0]) / 3
    case .triangularSolve: return inputs[1].count * size(inputs[0])
    case .solve:
      return matrices(inputs[0]) * cubed(inputs[0]) * 2 / 3 + 2 * inputs[1].count * size(inputs[0])
    case .eigh(let vectors): return matrices(inputs[0]) * cubed(inputs[0]) * (vectors ? 27 : 4) / 3
    case .call(let subprogram): return subprogram.program.cost.flops
    }
  }

  /// A multiplication and an addition for every output position, offset of the window and pair of channels of a group;
  /// the three roles are one trilinear form. Positions of the window outside of the input count too.
  private static func flops(
    _ geometry: ConvolutionGeometry, _ role: ConvolutionRole, _ inputs: [TensorType], _ output: TensorType
  ) -> Int {
    let y = (role == .output ? output : role == .input ? inputs[0] : inputs[1]).shape
    let filter = role == .filter ? output.shape : inputs[1].shape
    let inputChannels = filter.count >= 2 ? filter[filter.count - 2] : 1
    return 2 * y.product * geometry.window.product * inputChannels
  }

  private func size(_ matrix: TensorType) -> Int { matrix.shape[matrix.rank - 1] }

  private func cubed(_ matrix: TensorType) -> Int { size(matrix) * size(matrix) * size(matrix) }

  private func matrices(_ stack: TensorType) -> Int { Array(stack.shape.dropLast(2)).product }
}

extension Program {
  /// What all equations take together, each on its own.
  public var cost: Cost {
    equations.reduce(.zero) { $0 + $1.primitive.cost(of: $1.inputs.map { types[$0] }) }
  }
}
