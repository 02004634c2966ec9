import Tensors

// Products are asked for in the highest precision: the default allows TF32 on GPUs and bfloat16 on TPUs.

extension ProgramEmitter {
  mutating func dotGeneral(_ a: HLOValue, _ b: HLOValue, _ dimensions: DotDimensions, _ type: TensorType) -> HLOValue {
    if a.type.count == 0 || b.type.count == 0 { return writer.filled(0, type) }
    var attributes = ""
    if !dimensions.aBatch.isEmpty {
      attributes += "batching_dims = \(hloList(dimensions.aBatch)) x \(hloList(dimensions.bBatch)), "
    }
    attributes += "contracting_dims = \(hloList(dimensions.aContracting)) x \(hloList(dimensions.bContracting)), "
    return writer.apply(
      "stablehlo.dot_general \(a.name), \(b.name), \(attributes)precision = [HIGHEST, HIGHEST]",
      "(\(a.type.hlo), \(b.type.hlo)) -> \(type.hlo)", type)
  }

  mutating func convolution(
    _ geometry: ConvolutionGeometry, _ role: ConvolutionRole, _ a: HLOValue, _ b: HLOValue, _ type: TensorType
  ) -> HLOValue {
    if a.type.count == 0 || b.type.count == 0 { return writer.filled(0, type) }
    let axes = geometry.inputSize.indices
    let places = axes.map(String.init)
    /// Where an axis stands in an array, by its letter: `[b, 0, 1, f]`.
    func layout(_ before: String?, _ after: String...) -> String {
      "[\(((before.map { [$0] } ?? []) + places + after).joined(separator: ", "))]"
    }
    /// The number of places between the first and the last of `size` elements `distance` apart, both included.
    func extent(_ size: Int, _ distance: Int) -> Int { size == 0 ? 0 : (size - 1) * distance + 1 }
    let input = axes.map { extent(geometry.inputSize[$0], geometry.inputDilation[$0]) }
    let window = axes.map { extent(geometry.window[$0], geometry.windowDilation[$0]) }
    let output = axes.map { extent(geometry.outputSize[$0], geometry.strides[$0]) }
    let low = geometry.paddingLow
    switch role {
    case .output:
      return convolution(
        a, b, "\(layout("b", "f"))x\(layout(nil, "i", "o"))->\(layout("b", "f"))", stride: geometry.strides,
        padding: axes.map { (low[$0], geometry.paddingHigh[$0]) }, inputDilation: geometry.inputDilation,
        windowDilation: geometry.windowDilation, groups: geometry.groups, batchGroups: 1, type)
    case .input:
      // The convolution of the cotangent, spread by the strides, with the filter turned round.
      let before = axes.map { window[$0] - 1 - low[$0] }
      return convolution(
        a, turned(b, geometry), "\(layout("b", "f"))x\(layout(nil, "o", "i"))->\(layout("b", "f"))",
        stride: geometry.inputDilation,
        padding: axes.map { (before[$0], input[$0] + window[$0] - 1 - output[$0] - before[$0]) },
        inputDilation: geometry.strides, windowDilation: geometry.windowDilation, groups: geometry.groups,
        batchGroups: 1, type)
    case .filter:
      // Channels run as a batch does, and the batch is summed over as channels are.
      return convolution(
        a, b, "\(layout("f", "b"))x\(layout("i", "o"))->\(layout(nil, "b", "f"))", stride: geometry.windowDilation,
        padding: axes.map { (low[$0], output[$0] + window[$0] - 1 - input[$0] - low[$0]) },
        inputDilation: geometry.inputDilation, windowDilation: geometry.strides, groups: 1,
        batchGroups: geometry.groups, type)
    }
  }

  /// The filter (window…, C/groups, O) reversed in space, as (window…, C, O/groups).
  private mutating func turned(_ filter: HLOValue, _ geometry: ConvolutionGeometry) -> HLOValue {
    let axes = geometry.window.count
    let reversed = reverse(filter, Array(0..<axes))
    let (channels, outputs, groups) = (filter.shape[axes], filter.shape[axes + 1], geometry.groups)
    if groups == 1 { return reversed }
    let apart = writer.reshape(reversed, geometry.window + [channels, groups, outputs / groups])
    let ordered = writer.transpose(apart, Array(0..<axes) + [axes + 1, axes, axes + 2])
    return writer.reshape(ordered, geometry.window + [channels * groups, outputs / groups])
  }

  private mutating func convolution(
    _ a: HLOValue, _ b: HLOValue, _ layout: String, stride: [Int], padding: [(Int, Int)], inputDilation: [Int],
    windowDilation: [Int], groups: Int, batchGroups: Int, _ type: TensorType
  ) -> HLOValue {
    writer.apply(
      "stablehlo.convolution(\(a.name), \(b.name)) dim_numbers = \(layout), window = {stride = \(hloList(stride)), "
        + "pad = \(hloPairs(padding)), lhs_dilate = \(hloList(inputDilation)), rhs_dilate = \(hloList(windowDilation))} "
        + "{batch_group_count = \(batchGroups) : i64, feature_group_count = \(groups) : i64, precision_config = "
        + "[#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]}",
      "(\(a.type.hlo), \(b.type.hlo)) -> \(type.hlo)", type)
  }
}
