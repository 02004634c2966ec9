import CVectorKernels

/// Joins the steps of convolutional layers into single passes over a slice.
struct SliceFusion {
  private static let lastAxis = PositionAxes.axisCount - 1
  /// The duals that it made, which the steps point to.
  private var descriptions: DualDescriptions
  private var factorSets: [SliceGraph.FactorSet]

  /// Fuses the chains of a graph.
  static func fuse(_ graph: inout SliceGraph) {
    var fusion = SliceFusion(descriptions: graph.descriptions, factorSets: graph.factorSets)
    for index in graph.nodes.indices {
      guard case .chain(let source, let stride, let steps) = graph.nodes[index].kind else { continue }
      graph.nodes[index].kind = .chain(source: source, stride: stride, steps: fusion.fused(steps))
    }
    graph.descriptions = fusion.descriptions
    graph.factorSets = fusion.factorSets
  }

  /// Window along the rows, affine map, activation of two lines, next window along the columns: one step where there are an
  /// affine map and such an activation. Windows along both are one step too.
  private mutating func fused(_ steps: [SliceStep]) -> [SliceStep] {
    var result: [SliceStep] = []
    var index = 0
    while index < steps.count {
      guard let (operation, count) = Self.fusedPass(steps[index...]) ?? Self.window2D(steps[index...]) else {
        result.append(steps[index])
        index += 1
        continue
      }
      var step = steps[index]
      step.operation = operation
      step.resultSizes = steps[index + count - 1].resultSizes
      result.append(step)
      index += count
    }
    return scalesFolded(result)
  }

  private static func fusedPass(_ steps: ArraySlice<SliceStep>) -> (SliceStep.Operation, count: Int)? {
    var rest = steps
    var rows: SliceStep.Window?
    if case .window(let window)? = rest.first?.operation, window.axis == lastAxis - 1 {
      rows = window
      rest = rest.dropFirst()
    }
    guard case .affine(let affine)? = rest.first?.operation else { return nil }
    rest = rest.dropFirst()
    guard case .dual(.vector(let dual), let set)? = rest.first?.operation, dual.pointee.kind == nt_dual_ab_relu
    else { return nil }
    rest = rest.dropFirst()
    var columns: SliceStep.Window?
    if case .window(let window)? = rest.first?.operation, window.axis == lastAxis {
      columns = window
      rest = rest.dropFirst()
    }
    let pass = SliceStep.FusedPass(rows: rows, affine: affine, dual: dual, factorSet: set, columns: columns)
    return (.fusedPass(pass), rest.startIndex - steps.startIndex)
  }

  /// Windows along the columns and then the rows, where the latter is not part of a layer.
  private static func window2D(_ steps: ArraySlice<SliceStep>) -> (SliceStep.Operation, count: Int)? {
    guard case .window(let columns)? = steps.first?.operation, columns.axis == lastAxis,
      case .window(let rows)? = steps.dropFirst().first?.operation, rows.axis == lastAxis - 1,
      fusedPass(steps.dropFirst()) == nil
    else { return nil }
    return (.window2D(rows: rows, columns: columns), 2)
  }

  /// Lets every layer multiply its results by the weights of the next one, which then only adds.
  private mutating func scalesFolded(_ steps: [SliceStep]) -> [SliceStep] {
    var result = steps
    var previous: Int?
    for index in steps.indices {
      switch result[index].operation {
      case .fusedPass(var pass):
        let weight = pass.affine.weight_variance
        // Extreme weights would be lost in the range of float32.
        if let previous, case .fusedPass(var before) = result[previous].operation, weight > 1e-6, weight < 1e6 {
          scale(&before, by: weight)
          pass.affine.weight_variance = 1
          pass.affine.theta_from_input /= weight
          result[previous].operation = .fusedPass(before)
          result[index].operation = .fusedPass(pass)
        }
        previous = index
      case .window: continue
      default: previous = nil
      }
    }
    return result
  }

  /// Multiplies what a layer gives by `scale`: ABRelu's dual is of second degree in its two slopes.
  private mutating func scale(_ pass: inout SliceStep.FusedPass, by scale: Double) {
    let parameters = pass.dual.pointee.parameters, root = scale.squareRoot()
    let description = descriptions.description(
      of: VectorDual(nt_dual_ab_relu, parameters: [parameters.0 * root, parameters.1 * root]))
    pass.dual = description.pointer
    factorSets[pass.factorSet].source = .dual(.vector(description.pointer))
  }
}
