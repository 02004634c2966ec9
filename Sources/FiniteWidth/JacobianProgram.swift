import CovarianceEngine
import Networks
import Tensors

/// The outputs of a network for one batch and their derivatives in the parameters, traced; and what those derivatives
/// are made of.
struct JacobianProgram {
  /// How the derivatives in one parameter are made, of shape (rows, parameter); rows are outputs, channels last.
  enum Leaf {
    case explicit(value: Int)
    /// ∂f[r]/∂θ[i, j] = Σ over t of left[t, i] right[r, t, j]: the weight of a dense layer, of activations and
    /// cotangents. Inner products over i and j then need no Jacobian.
    case product(left: Factor, right: Factor)
  }

  /// A value of the program whose axes in `order` are those of `shape`, flattened to them.
  struct Factor {
    let value: Int
    let order: [Int]
    /// (t, i) of a left factor, (rows, t, j) of a right one.
    let shape: [Int]
  }

  let leaves: [Leaf]
  /// Channels that the rows have.
  let channels: Int
  /// Of the parameters' tensors and the batch; gives the outputs first.
  let program: Program

  /// - Parameters:
  ///   - batch: `count` inputs, for their shape.
  ///   - channels: only the derivatives of the first so many; nil is all.
  init(
    _ forward: FiniteForward, at parameters: Parameters, _ batch: FiniteBatches.Batch, count: Int, key: RandomKey?,
    _ channels: Int?
  ) throws {
    var found = 0
    let program = try trace(
      { (parameters: Parameters, batch: FiniteBatches.Batch) throws -> [Tensor] in
        let outputs = { (parameters: Parameters) in try forward(parameters, batch, count: count, key: key) }
        let (y, pullback) = try vjp(outputs, at: parameters)
        found = min(channels ?? y.shape[y.rank - 1], y.shape[y.rank - 1])
        let rows = vmap { (cotangent: Tensor) in try pullback(cotangent) }
        return [y] + (try rows(Self.basis(like: y, channels: found))).leaves
      }, at: parameters, batch)
    self.program = program
    self.channels = found
    let definitions = program.definitions
    leaves = program.outputs.dropFirst().map { Self.leaf($0, program, definitions) }
  }

  /// The unit cotangents of the first channels of `y`: shape (rows, shape of y).
  private static func basis(like y: Tensor, channels: Int) -> Tensor {
    let kept = Array(y.shape.dropLast()) + [channels]
    let units = Tensor.eye(kept.product, dtype: y.dtype).reshaped([kept.product] + kept)
    let rest = [kept.product] + y.shape.dropLast() + [y.shape[y.rank - 1] - channels]
    return rest.product == 0 ? units : concatenate([units, .zeros(rest, dtype: y.dtype)], axis: -1)
  }

  /// The values that are needed: the outputs, then those of the leaves.
  var values: [Int] {
    [program.outputs[0]]
      + leaves.flatMap { leaf -> [Int] in
        switch leaf {
        case .explicit(let value): [value]
        case .product(let left, let right): [left.value, right.value]
        }
      }
  }

  /// Follows the derivatives in one parameter back to a contraction whose result they are, up to the order of axes.
  private static func leaf(_ output: Int, _ program: Program, _ definitions: [Program.Equation?]) -> Leaf {
    let shape = program.types[output].shape
    let explicit = Leaf.explicit(value: output)
    // Which axis has the rows, if there are several; any order of the others will do, because inner products sum over
    // them.
    var value = output
    var rowAxis = shape[0] == 1 ? nil : 0
    while let equation = definitions[value] {
      switch equation.primitive {
      case .transpose(let permutation): rowAxis = rowAxis.map { permutation[$0] }
      case .reshape(let target):
        guard let row = rowAxis else { break }
        let source = program.types[equation.inputs[0]].shape
        let before = Array(target[..<row]).product
        rowAxis = source.indices.first { source[$0] == shape[0] && Array(source[..<$0]).product == before }
        if rowAxis == nil { return explicit }
      case .dotGeneral(let dimensions):
        let operands = equation.inputs.map { Operand(value: $0, shape: program.types[$0].shape) }
        return product(dimensions, operands[0], operands[1], rowAxis: rowAxis) ?? explicit
      default: return explicit
      }
      value = equation.inputs[0]
    }
    return explicit
  }

  private struct Operand {
    let value: Int
    let shape: [Int]

    func factor(_ groups: [[Int]]) -> Factor {
      let rest = shape.indices.filter { !groups.joined().contains($0) }
      return Factor(
        value: value, order: groups.flatMap { $0 } + rest,
        shape: groups.map { $0.map { shape[$0] }.product } + [rest.map { shape[$0] }.product])
    }
  }

  private static func product(_ dimensions: DotDimensions, _ a: Operand, _ b: Operand, rowAxis: Int?) -> Leaf? {
    // Both factors depend on what is in a batch axis.
    guard dimensions.aBatch.allSatisfy({ a.shape[$0] == 1 }) else { return nil }
    let freeA = dimensions.freeAxesOfA(rank: a.shape.count)
    let freeB = dimensions.freeAxesOfB(rank: b.shape.count)
    let free = rowAxis.map { $0 - dimensions.aBatch.count }
    if let free, free < freeA.count {
      return .product(
        left: b.factor([dimensions.bContracting]), right: a.factor([[freeA[free]], dimensions.aContracting]))
    }
    let rows = free.map { [freeB[$0 - freeA.count]] } ?? []
    return .product(
      left: a.factor([dimensions.aContracting]), right: b.factor([rows, dimensions.bContracting]))
  }
}
