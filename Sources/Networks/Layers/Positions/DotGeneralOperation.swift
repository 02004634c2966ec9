import CovarianceEngine
import Tensors

/// K ← A K Aᵀ for a constant A that is paired with any axes of positions and with the batch.
struct DotGeneralOperation: CovarianceOperation {
  let product: PlacedProduct
  let constant: Tensor

  var name: String { DotGeneral.nodeName }

  private var positionAxes: [Int] { product.axes.positionAxes(rank: product.input.count) }

  var description: String {
    let numbers = constant.isTraced ? "traced" : "\(constant.asType(.float64).scalars(as: Double.self))"
    return "dotGeneral(\(product.description), \(numbers))"
  }

  func demand(for result: DisplacementDemand, ofOperandWith positions: [Int], operandsAreLocal: Bool)
    -> DisplacementDemand
  {
    let mixesPositions = positionAxes.contains { product.contracted.contains($0) }
    return result.hasPairs || mixesPositions ? .all(positions) : .diagonal(positions)
  }

  var inputMixing: InputMixing {
    product.contractsBatch ? .acrossInputs : product.touches(product.axes.batch) ? .together : .apart
  }

  func flops(result: Double, operands: Double, operandCount: Int, positions: [Int]) -> Double {
    positionProductFlops(result: result, operands: operands, positions: positions)
  }

  /// The positions of the result, in order.
  private var outputs: [PlacedProduct.OutputAxis] {
    product.output.filter { $0 != .data(product.axes.channel) && !isBatch($0) }
  }

  func evaluate(_ operands: [CovarianceState], _ context: CovarianceContext) throws(NetworkError) -> CovarianceState {
    let state = operands[0]
    try requireCounts(state)
    // Without positions before, those of the constant get all their covariances.
    let isDiagonal = state.layout.isDiagonal && !state.layout.positions.isEmpty
    let layout = CovarianceLayout(
      positions: outputs.map { axis in
        switch axis {
        case .data(let axis): product.input[axis]
        case .constant(let axis): product.constantShape[axis]
        case .single: 1
        }
      }, isDiagonal: isDiagonal, hasFullBatch: state.layout.hasFullBatch)
    let names = AxisNames(data: product.input.count, constant: product.constantShape.count)
    guard let names else {
      throw NetworkError(
        path: [.name(name)], expected: "at most \(AxisNames.limit) axes of input and constant together",
        found: "\(product.input.count + product.constantShape.count)")
    }
    return try state.map(layout: layout) { k, batchAxes in
      let factor = constant.asType(k.dtype)
      // Of an input with itself both sides run along one batch axis, of a position with itself along one of positions.
      func side(_ isColumn: Bool) -> Side {
        Side(
          product: product, names: names, isColumn: isColumn, sharesBatch: batchAxes == 1, sharesPositions: isDiagonal)
      }
      let (rows, columns) = (side(false), side(true))
      let batch = product.axes.batch
      let operand =
        rows.data(batch) + (batchAxes == 2 ? columns.data(batch) : "")
        + positionAxes.map(rows.data).joined() + (isDiagonal ? "" : positionAxes.map(columns.data).joined())
      let keptBatch =
        product.contractsBatch ? "" : rows.data(batch) + (batchAxes == 2 ? columns.data(batch) : "")
      let kept = outputs.map(rows.output).joined() + (isDiagonal ? "" : outputs.map(columns.output).joined())
      let mapped = einsum(
        "\(operand),\(rows.constant),\(columns.constant)->\(keptBatch)\(kept)", k, factor, factor)
      return product.contractsBatch ? mapped.reshaped([1, 1] + mapped.shape) : mapped
    }
  }

  private func isBatch(_ axis: PlacedProduct.OutputAxis) -> Bool {
    axis == .single || axis == .data(product.axes.batch)
  }

  /// The number of inputs must be that of the constant's entries.
  private func requireCounts(_ state: CovarianceState) throws(NetworkError) {
    guard let axis = product.constantAxes[product.axes.batch] else { return }
    let (count, found) = (product.constantShape[axis], Array(state.k12.shape.prefix(2)))
    guard found == [count, count] else {
      throw NetworkError(
        path: [.name(name)],
        expected: "\(count) inputs in each data set, as axis \(axis) of the constant has entries",
        found: "\(found[0]) and \(found[1])")
    }
  }

  func mask(_ operands: [Tensor?], shapes: [[Int]]) -> Tensor? {
    guard let mask = operands[0],
      let names = AxisNames(data: product.input.count, constant: product.constantShape.count)
    else { return operands[0] }
    let side = Side(product: product, names: names, isColumn: false, sharesBatch: true, sharesPositions: true)
    let operand = ([product.axes.batch] + positionAxes).map(side.data).joined()
    let batch = product.contractsBatch ? "" : side.data(product.axes.batch)
    let visible = einsum(
      "\(operand),\(side.constant)->\(batch)\(outputs.map(side.output).joined())", (.!mask).asType(.float32),
      (constant .!= 0).asType(.float32))
    let result = visible .<= 0
    return product.contractsBatch ? result.expandedDims(0) : result
  }
}

/// Letters for the axes of data and constant in an equation, those of rows and of columns.
private struct AxisNames {
  private static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").map { String($0) }
  static var limit: Int { letters.count / 2 }

  private let dataCount: Int

  init?(data: Int, constant: Int) {
    guard data + constant <= Self.limit else { return nil }
    dataCount = data
  }

  func data(_ axis: Int, isColumn: Bool) -> String { Self.letters[axis + (isColumn ? Self.limit : 0)] }
  func constant(_ axis: Int, isColumn: Bool) -> String { data(dataCount + axis, isColumn: isColumn) }
}

/// How the axes of rows or of columns are called in an equation.
private struct Side {
  let product: PlacedProduct
  let names: AxisNames
  let isColumn: Bool
  let sharesBatch: Bool
  let sharesPositions: Bool

  func data(_ axis: Int) -> String {
    names.data(axis, isColumn: isColumn && !(axis == product.axes.batch ? sharesBatch : sharesPositions))
  }

  func output(_ axis: PlacedProduct.OutputAxis) -> String {
    switch axis {
    case .data(let axis): data(axis)
    case .constant(let axis): names.constant(axis, isColumn: isColumn && !sharesPositions)
    case .single: ""
    }
  }

  /// All axes of the constant.
  var constant: String {
    product.constantShape.indices.map { axis in
      product.constantAxes.firstIndex(of: axis).map(data) ?? output(.constant(axis))
    }.joined()
  }
}
