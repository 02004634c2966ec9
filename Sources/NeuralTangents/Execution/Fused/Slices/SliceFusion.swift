import CVectorKernels

/// Joins the steps of convolutional layers into single passes over a slice.
enum SliceFusion {
  private static let lastAxis = PositionAxes.axisCount - 1

  /// Window along the rows, affine map, activation of two lines, next window along the columns: one step where there are an
  /// affine map and such an activation.
  static func fused(_ steps: [SliceStep]) -> [SliceStep] {
    var result: [SliceStep] = []
    var index = 0
    while index < steps.count {
      guard let (layer, count) = layer(steps[index...]) else {
        result.append(steps[index])
        index += 1
        continue
      }
      var step = steps[index]
      step.operation = .layer(layer)
      step.resultSizes = steps[index + count - 1].resultSizes
      result.append(step)
      index += count
    }
    return scalesFolded(result)
  }

  private static func layer(_ steps: ArraySlice<SliceStep>) -> (SliceStep.Layer, count: Int)? {
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
    let layer = SliceStep.Layer(
      rows: rows, affine: affine, dual: dual, factorSet: set, columns: columns, scale: 1)
    return (layer, rest.startIndex - steps.startIndex)
  }

  /// Lets every layer multiply its results by the weights of the next one, which then only adds.
  private static func scalesFolded(_ steps: [SliceStep]) -> [SliceStep] {
    var result = steps
    var previous: Int?
    for index in steps.indices {
      switch result[index].operation {
      case .layer(var layer):
        let weight = layer.affine.weight_variance
        // Extreme weights would be lost in the range of float32.
        if let previous, case .layer(var before) = result[previous].operation, weight > 1e-6, weight < 1e6 {
          before.scale = weight
          layer.affine.weight_variance = 1
          layer.affine.theta_from_input /= weight
          result[previous].operation = .layer(before)
          result[index].operation = .layer(layer)
        }
        previous = index
      case .window: continue
      default: previous = nil
      }
    }
    return result
  }
}
