import CVectorKernels

/// Cotangents, back.
extension GradientInterpreter {
  /// Adds to the cotangents of inputs and of their numbers what those of the outputs make, one per lane; nil for zero.
  ///
  /// Where inputs meet themselves the cotangents of their numbers are added to those of their variances.
  func run(cotangents k: UnsafePointer<Scalar>?, theta: UnsafePointer<Scalar>?) {
    runNeeded()
    clear(values: false)
    if purpose != .numbers {
      let output = keptCotangents(schedule.output, schedule.outputTangent)
      if let k { output.k.update(from: k, count: lanes) }
      if let theta { output.theta?.update(from: theta, count: lanes) }
    }
    for step in schedule.steps.reversed() {
      switch step {
      case .pass(let pass): runBack(pass)
      case .combine(let combination): runBack(combination)
      case .numbers(let sets, let place, let sizes):
        for set in sets { addCotangents(ofNumbers: set, to: keptCotangents(place, .zero).k, sizes) }
      }
    }
  }

  private func runBack(_ pass: GradientSchedule.Pass) {
    let last = pass.links.lastIndex { $0.kind.isNonlinear }
    for slice in pass.slices.reversed() {
      if let interruption, interruption.isRequested { return }
      let end = SliceExtent(sizes: pass.endSizes, displacement: slice.displacement)
      let n = end.lengths.product
      if n <= 0 { continue }
      if let last {
        // The value before the last activation is the last that is needed.
        let value = values(of: pass, slice, through: last)
        read[last] = value
      }
      var turn = 0
      var g: Pair
      switch pass.sink {
      case .kept: g = keptCotangents(slice.end, pass.tangent)
      case .table:
        g = cotangentBuffer(0, pass.tangent)
        turn = 1
        g.k.update(repeating: 0, count: n * lanes)
        g.theta?.update(repeating: 0, count: n * lanes)
        let source = keptCotangents(0, pass.sinkTangent)
        for index in slice.moves {
          let move = pass.moves[index]
          let runs = move.runs.times(lanes).reversed
          Scalar.addRuns(runs, weight: move.weight, source.k + move.to * lanes, to: g.k + move.from * lanes)
          if let theta = g.theta, let from = source.theta {
            Scalar.addRuns(runs, weight: move.weight, from + move.to * lanes, to: theta + move.from * lanes)
          }
        }
      case .sum(let scale):
        g = cotangentBuffer(0, pass.tangent)
        turn = 1
        let source = keptCotangents(slice.end, pass.sinkTangent)
        Scalar.spread(n, lanes: lanes, scale: scale, source.k, to: g.k)
        if let theta = g.theta, let from = source.theta {
          Scalar.spread(n, lanes: lanes, scale: scale, from, to: theta)
        }
      }
      runBack(pass, slice, &g, turn)
    }
  }

  private func runBack(
    _ pass: GradientSchedule.Pass, _ slice: GradientSchedule.Slice, _ g: inout Pair, _ firstTurn: Int
  ) {
    let isZero = slice.displacement == .zero
    var turn = firstTurn
    var extent = SliceExtent(sizes: pass.endSizes, displacement: slice.displacement)
    for index in pass.links.indices.reversed() {
      let link = pass.links[index]
      let n = extent.lengths.product * lanes
      switch link.kind {
      case .affine(let rule):
        Scalar.affineCotangents(
          n, weight: rule.weight_variance,
          share: rule.theta_from_input + rule.theta_from_output * rule.weight_variance, g.k, g.theta)
      case .scale(let factor):
        Scalar.affineCotangents(n, weight: factor, share: 0, g.k, g.theta)
      case .dropout(let keepRate):
        if isZero && purpose != .cross { Scalar.affineCotangents(n, weight: 1 / keepRate, share: 0, g.k, g.theta) }
      case .dual(let dual, let set):
        let (value, target) = (read[index], g)
        forEachPlane(extent) { plane, first, second, offset in
          Scalar.dualCotangents(
            dual, plane, numbers1[set] + first, numbers2[set] + second, value.k + offset,
            target.theta == nil ? nil : value.theta.map { UnsafePointer($0 + offset) }, target.k + offset,
            target.theta.map { $0 + offset }, cotangents1[set] + first, cotangents2[set] + second)
        }
      case .normalize(_, _, let set):
        let (value, target) = (read[index], g)
        forEachPlane(extent) { plane, first, second, offset in
          Scalar.scaleCotangents(
            plane, numbers1[set] + first, numbers2[set] + second, value.k + offset,
            target.theta == nil ? nil : value.theta.map { UnsafePointer($0 + offset) }, target.k + offset,
            target.theta.map { $0 + offset }, cotangents1[set] + first, cotangents2[set] + second)
        }
      case .window(let window):
        let source = SliceExtent(sizes: link.sourceSizes, displacement: slice.displacement &* link.sourceStride)
        let target = cotangentBuffer(turn, link.sourceTangent)
        turn = 1 - turn
        let loop = loop(window, source.lengths, extent.lengths)
        Scalar.windowCotangents(loop, g.k, to: target.k)
        if let theta = target.theta, let from = g.theta { Scalar.windowCotangents(loop, from, to: theta) }
        (g, extent) = (target, source)
      case .input, .table, .combine, .flatten, .globalPool: preconditionFailure("not in chains")
      }
      if link.sourceTangent != .given { g.theta = nil }
      if isZero && purpose != .cross {
        for set in link.sourceNumbers { addCotangents(ofNumbers: set, to: g.k, link.sourceSizes) }
      }
    }
    if let input = pass.input {
      store(input, extent, g.k)
    } else {
      let (n, target) = (extent.lengths.product * lanes, keptCotangents(slice.source, pass.sourceTangent))
      Scalar.combine(n, 1, g.k, 1, to: target.k)
      if let theta = target.theta, let from = g.theta { Scalar.combine(n, 1, from, 1, to: theta) }
    }
  }

  private func store(_ input: Int, _ extent: SliceExtent, _ gk: Pointer) {
    switch inputs[input] {
    case .covariances(_, let cotangents): Scalar.combine(lanes, 1, gk, 1, to: cotangents)
    case .positions(let x1, let x2, let gx1, let gx2, let channels):
      forEachPlane(extent, of: 1) { plane, first, second, offset in
        let (first, second) = (first * channels * lanes, second * channels * lanes)
        Scalar.inputCotangents(
          plane, channels: channels, lanes: lanes, scale: 1 / Double(channels), x1 + first, x2 + second,
          gk + offset * lanes, to: gx1 + first, gx2 + second)
      }
    }
  }

  private func runBack(_ combination: GradientSchedule.Combination) {
    for slice in combination.slices {
      let (n, g) = (slice.count * lanes, keptCotangents(slice.result, combination.tangent))
      for (branch, place) in slice.sources.enumerated() {
        let target = keptCotangents(place, combination.tangents[branch])
        if combination.combination == .product {
          let other = keptPair(slice.sources[1 - branch], combination.tangents[1 - branch])
          Scalar.productCotangents(
            n, other.k, other.theta.map { UnsafePointer($0) }, g.k, g.theta.map { UnsafePointer($0) }, to: target.k,
            target.theta)
          continue
        }
        let weight = combination.weight(branch)
        Scalar.combine(n, weight, g.k, 1, to: target.k)
        if let theta = target.theta, let from = g.theta { Scalar.combine(n, weight, from, 1, to: theta) }
      }
    }
  }
}
