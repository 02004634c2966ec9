import CVectorKernels
import Tensors

/// The steps of chains.
extension SliceInterpreter {
  /// Runs a step of a chain whose result has `displacement`.
  func run(
    _ step: SliceStep, _ displacement: PositionAxes, _ k: Pointer, _ theta: Pointer, _ kOut: Pointer,
    _ thetaOut: Pointer
  ) throws(NetworkError) {
    let extent = SliceExtent(sizes: step.sizes, displacement: displacement &* step.stride)
    let count = extent.lengths.product * Scalar.lanes
    let ownTheta = min(tangent, step.tangent) == .given ? theta : nil
    switch step.operation {
    case .window(let window):
      let result = SliceExtent(sizes: step.resultSizes, displacement: displacement &* step.resultStride)
      sum(window, extent, result, k, kOut)
      if ownTheta != nil { sum(window, extent, result, theta, thetaOut) }
    case .window2D(let rows, let columns):
      let result = SliceExtent(sizes: step.resultSizes, displacement: displacement &* step.resultStride)
      let planes = extent.lengths[0] * extent.lengths[1]
      let along = columns.description(length: extent.lengths[3], result: result.lengths[3])
      let across = rows.description(length: extent.lengths[2], result: result.lengths[2], outer: planes)
      Scalar.sliceWindow2D(across, along, k, kOut, scratch: rowScratch)
      if ownTheta != nil { Scalar.sliceWindow2D(across, along, theta, thetaOut, scratch: rowScratch) }
    case .fusedPass(let pass):
      let result = SliceExtent(sizes: step.resultSizes, displacement: displacement &* step.resultStride)
      try run(pass, step, extent, result, displacement, k, theta, kOut, thetaOut)
    case .affine(let affine):
      Scalar.affine(affine, count, min(tangent, step.tangent), k, theta)
    case .dual(let routine, let set):
      if makesFactors && extent.displacement == .zero { makeFactors(set, of: k) }
      try dual(routine, factorSets[set], extent, k, ownTheta)
    case .scale(let set):
      if makesFactors && extent.displacement == .zero { makeFactors(set, of: k) }
      try extent.forEachPlane { (first, second, offset) throws(NetworkError) in
        Scalar.sliceScale(
          extent.lengths[2], extent.lengths[3], factors.plane(factorSets[set], first: first, second: second),
          k + offset * Scalar.lanes, ownTheta.map { $0 + offset * Scalar.lanes })
      }
    case .scaleAll(let scale):
      let factor = nt_affine(
        weight_variance: scale, bias_variance: 0, theta_from_input: 0, theta_from_output: 0, theta_constant: 0)
      Scalar.affine(factor, count, .given, k, ownTheta)
    case .dropout(let keepRate):
      for index in 0..<count {
        k[index] /= Scalar(keepRate)
        if let ownTheta { ownTheta[index] /= Scalar(keepRate) }
      }
    case .localize:
      k.update(repeating: 0, count: count)
      ownTheta?.update(repeating: 0, count: count)
    }
  }

  /// A window sum along one axis of a slice.
  private func sum(
    _ window: SliceStep.Window, _ extent: SliceExtent, _ result: SliceExtent, _ x: UnsafePointer<Scalar>,
    _ out: UnsafeMutablePointer<Scalar>
  ) {
    let (axis, lengths) = (window.axis, extent.lengths)
    var (outer, inner) = (1, Scalar.lanes)
    for other in 0..<axis { outer *= lengths[other] }
    for other in axis + 1..<max(axis + 1, PositionAxes.axisCount) { inner *= lengths[other] }
    // Displacements of the operand are those of the result times the stride, so windows start where they do without any.
    Scalar.sliceWindow(
      window.description(length: lengths[axis], result: result.lengths[axis], outer: outer, inner: inner), scale: 1, x,
      out)
  }

  private func dual(
    _ routine: RowPlan.DualRoutine, _ set: SliceGraph.FactorSet, _ extent: SliceExtent,
    _ k: UnsafeMutablePointer<Scalar>,
    _ theta: UnsafeMutablePointer<Scalar>?
  ) throws(NetworkError) {
    try extent.forEachPlane { (first, second, offset) throws(NetworkError) in
      let plane = factors.plane(set, first: first, second: second)
      let (k, theta) = (k + offset * Scalar.lanes, theta.map { $0 + offset * Scalar.lanes })
      switch routine {
      case .vector(let dual): Scalar.sliceDual(dual, extent.lengths[2], extent.lengths[3], plane, k, theta)
      case .tensor(let index):
        try tensorDual(graph.activations[index], extent.lengths[2], extent.lengths[3], plane, k, theta)
      }
    }
  }

  /// The duals of an activation without a vector kernel, by its tensor functions.
  private func tensorDual(
    _ activation: any Dual, _ rows: Int, _ columns: Int, _ factors: nt_slice_factors,
    _ k: UnsafeMutablePointer<Scalar>, _ theta: UnsafeMutablePointer<Scalar>?
  ) throws(NetworkError) {
    let lanes = Scalar.lanes
    func variances(_ start: UnsafeRawPointer, row: Int, hasLanes: Bool) -> Tensor {
      let source = start.assumingMemoryBound(to: Scalar.self)
      let width = hasLanes ? lanes : 1
      return Tensor(shape: [rows * columns, width], of: Scalar.self) { target in
        for y in 0..<rows {
          for index in 0..<columns * width { target[y * columns * width + index] = source[y * row * width + index] }
        }
      }
    }
    let q11 = variances(factors.first, row: factors.first_row, hasLanes: factors.first_has_lanes != 0)
    let q22 = variances(factors.second, row: factors.second_row, hasLanes: true)
    let q12 = Tensor(copying: k, shape: [rows * columns, lanes])
    let count = rows * columns * lanes
    if let theta { try theta.multiply(by: activation.derivativeDual(q12, q11, q22), count: count) }
    try k.update(from: activation.dual(q12, q11, q22), count: count)
  }

  private func run(
    _ pass: SliceStep.FusedPass, _ step: SliceStep, _ extent: SliceExtent, _ result: SliceExtent,
    _ displacement: PositionAxes,
    _ k: Pointer, _ theta: Pointer, _ kOut: Pointer, _ thetaOut: Pointer
  ) throws(NetworkError) {
    let (sizes, stride) = step.middle(of: pass)
    let middle = SliceExtent(sizes: sizes, displacement: displacement &* stride)
    if makesFactors && extent.displacement == .zero { makeFactors(of: pass, extent, middle, k) }
    let description = nt_slice_pass(
      dual: pass.dual, affine: pass.affine,
      rows: pass.rows?.description(length: extent.lengths[2], result: middle.lengths[2])
        ?? .none(length: extent.lengths[2]),
      columns: pass.columns?.description(length: middle.lengths[3], result: result.lengths[3])
        ?? .none(length: middle.lengths[3]), theta_is_zero: step.tangent == .given ? 0 : 1)
    let operandPlane = extent.lengths[2] * extent.lengths[3] * Scalar.lanes
    let resultPlane = result.lengths[2] * result.lengths[3] * Scalar.lanes
    let isGiven = tangent == .given
    var (from, to) = (0, 0)
    try middle.forEachPlane { (first, second, _) throws(NetworkError) in
      Scalar.sliceFusedPass(
        description, factors.plane(factorSets[pass.factorSet], first: first, second: second), k + from,
        isGiven ? UnsafePointer(theta + from) : nil, kOut + to, isGiven ? thetaOut + to : nil,
        scratch: rowScratch)
      from += operandPlane
      to += resultPlane
    }
  }

  // MARK: - Factors

  /// Makes the factors of a layer from the variances inside its pass, by the operations that it consists of.
  private func makeFactors(of pass: SliceStep.FusedPass, _ extent: SliceExtent, _ middle: SliceExtent, _ k: Pointer) {
    let count = middle.lengths.product * Scalar.lanes
    let variances = Scratch<Scalar>(count)
    if let rows = pass.rows {
      sum(rows, extent, middle, k, variances.pointer)
    } else {
      variances.pointer.update(from: k, count: count)
    }
    Scalar.affine(pass.affine, count, .absent, variances.pointer, nil)
    makeFactors(pass.factorSet, of: variances.pointer)
  }

  /// Makes a set of factors of the inputs of a group from their variances `q`, at all positions.
  private func makeFactors(_ index: Int, of q: UnsafePointer<Scalar>) {
    let set = factorSets[index]
    let (positions, lanes) = (set.sizes.product, Scalar.lanes)
    let target = pair.second.factors.pointer + set.offset * lanes
    switch set.source {
    case .dual(.vector(let dual)) where set.isInterleaved:
      for position in 0..<positions {
        Scalar.factors(dual, lanes, q + position * lanes, target + position * set.count * lanes, stride: lanes)
      }
    case .dual(.vector(let dual)):
      Scalar.factors(dual, positions * lanes, q, target, stride: positions * lanes)
    case .dual(.tensor): target.update(from: q, count: positions * lanes)
    case .normalize(let epsilon, let kept, let mask):
      normalizationFactors(epsilon, kept, mask.map { factorSets[$0] }, set.sizes, q, target)
    case .mask, .visible: break  // They are there from the start.
    }
    if graph.goesInLockStep { pair.second.prepareAsFirst(set) }
  }

  /// 1/√(v + ε), v averaged over some axes of positions, over those that are not masked; 0 for a variance of 0.
  private func normalizationFactors(
    _ epsilon: Double, _ kept: PositionAxes, _ mask: SliceGraph.FactorSet?, _ sizes: PositionAxes,
    _ q: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>
  ) {
    let lanes = Scalar.lanes
    var totals = [Double](repeating: 0, count: kept.product * lanes)
    var counts = totals
    let visible = mask.map { pair.second.factors.pointer + $0.offset * lanes }
    func forEachPosition(_ body: (_ place: Int, _ mean: Int) -> Void) {
      var place = 0
      for a in 0..<sizes[0] {
        for b in 0..<sizes[1] {
          for c in 0..<sizes[2] {
            for d in 0..<sizes[3] {
              let mean =
                ((min(a, kept[0] - 1) * kept[1] + min(b, kept[1] - 1)) * kept[2] + min(c, kept[2] - 1)) * kept[3]
                + min(d, kept[3] - 1)
              body(place, mean)
              place += 1
            }
          }
        }
      }
    }
    forEachPosition { place, mean in
      for lane in 0..<lanes {
        let weight = visible.map { Double($0[place * lanes + lane]) } ?? 1
        totals[mean * lanes + lane] += weight * Double(q[place * lanes + lane])
        counts[mean * lanes + lane] += weight
      }
    }
    forEachPosition { place, mean in
      for lane in 0..<lanes {
        let variance = totals[mean * lanes + lane] / max(1, counts[mean * lanes + lane]) + epsilon
        target[place * lanes + lane] = variance == 0 ? 0 : Scalar(1 / variance.squareRoot())
      }
    }
  }
}

extension SliceStep.Window {
  func description(length: Int, result: Int, outer: Int = 1, inner: Int = 1) -> nt_window {
    nt_window(
      outer: outer, length: length, inner: inner, out_length: result, window: size, stride: stride, dilation: dilation,
      low: low)
  }
}

extension nt_window {
  /// A window of one, which changes nothing.
  static func none(length: Int) -> nt_window {
    nt_window(outer: 1, length: length, inner: 1, out_length: length, window: 1, stride: 1, dilation: 1, low: 0)
  }
}
