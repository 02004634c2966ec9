import CVectorKernels
import Tensors

/// Where the covariances of an input of the program come from, and where their cotangents go.
enum GradientInput<Scalar: GradientScalar> {
  /// Activations in lanes, [position][channel][lane], and cotangents that are added to.
  case positions(
    x1: UnsafeMutablePointer<Scalar>, x2: UnsafeMutablePointer<Scalar>, gx1: UnsafeMutablePointer<Scalar>,
    gx2: UnsafeMutablePointer<Scalar>, channels: Int)
  /// The covariances themselves, one per lane.
  case covariances(UnsafeMutablePointer<Scalar>, cotangents: UnsafeMutablePointer<Scalar>)
}

/// One thread's memory, and the way there and back for pairs of inputs in lanes.
final class GradientInterpreter<Scalar: GradientScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  /// K and Θ of a slice, or their cotangents; Θ is nil where there is none.
  typealias Pair = (k: Pointer, theta: Pointer?)

  let schedule: GradientSchedule
  let purpose: GradientSchedule.Purpose
  /// When it is requested, passes end early and what they would have given is undefined.
  let interruption: Interruption?
  private let mostLanes: Int
  /// K of all kept slices, Θ, and their cotangents.
  let kept: Scratch<Scalar>
  private let buffers: Scratch<Scalar>
  /// Whether the way back starts from values that are kept.
  private let needsValues: Bool
  /// What the links of the pass under way have read.
  var read: [Pair]

  /// How many lanes there are, a multiple of 16.
  var lanes: Int
  /// Lanes after which the second inputs come again, where positions are one; nil where they do not.
  var rowLanes: Int?
  /// One per input of the program.
  var inputs: [GradientInput<Scalar>] = []
  /// Numbers of the first and of the second inputs, per set [position][lane], and their cotangents, which are added to; the same
  /// memory for both where inputs meet themselves.
  var numbers1: [Pointer] = []
  var numbers2: [Pointer] = []
  var cotangents1: [Pointer] = []
  var cotangents2: [Pointer] = []

  init(
    _ schedule: GradientSchedule, _ purpose: GradientSchedule.Purpose, lanes: Int, _ interruption: Interruption?
  ) {
    (self.schedule, self.purpose, self.lanes, mostLanes) = (schedule, purpose, lanes, lanes)
    self.interruption = interruption
    kept = Scratch(4 * schedule.keptCount * lanes)
    buffers = Scratch(2 * (schedule.bufferCount + 4) * schedule.largest * lanes)
    let longest = schedule.steps.reduce(0) { longest, step in
      if case .pass(let pass) = step { max(longest, pass.links.count) } else { longest }
    }
    needsValues = schedule.steps.contains { step in
      switch step {
      case .pass(let pass): pass.isNeeded
      case .combine(let combination): combination.isNeeded
      case .numbers: false
      }
    }
    read = Array(repeating: (kept.pointer, nil), count: longest)
  }

  /// Numbers of memory for one thread.
  static func size(_ schedule: GradientSchedule, lanes: Int) -> Int {
    (4 * schedule.keptCount + 2 * (schedule.bufferCount + 4) * schedule.largest) * lanes
  }

  // MARK: - Memory

  func keptPair(_ place: Int, _ tangent: Tangent) -> Pair {
    let start = kept.pointer + place * lanes
    return (start, tangent == .given ? start + schedule.keptCount * mostLanes : nil)
  }

  func keptCotangents(_ place: Int, _ tangent: Tangent) -> Pair {
    let start = kept.pointer + 2 * schedule.keptCount * mostLanes + place * lanes
    return (start, tangent == .given ? start + schedule.keptCount * mostLanes : nil)
  }

  private func buffer(_ index: Int, _ tangent: Tangent) -> Pair {
    let size = schedule.largest * mostLanes
    let place = index < 0 ? schedule.bufferCount + 2 + index : index
    let start = buffers.pointer + 2 * place * size
    return (start, tangent == .given ? start + size : nil)
  }

  /// Buffers for cotangents, two in turn.
  func cotangentBuffer(_ turn: Int, _ tangent: Tangent) -> Pair {
    buffer(schedule.bufferCount + 2 + turn, tangent)
  }

  // MARK: - There

  /// Makes the numbers of inputs, which meet themselves.
  func makeNumbers() {
    clear(values: true)
    for step in schedule.steps {
      switch step {
      case .pass(let pass): run(pass)
      case .combine(let combination): run(combination)
      case .numbers(let sets, let place, let sizes):
        for set in sets { makeNumbers(set, keptPair(place, .zero).k, sizes) }
      }
    }
  }

  /// The values that the way back starts from.
  func runNeeded() {
    guard needsValues else { return }
    clear(values: true)
    for step in schedule.steps {
      switch step {
      case .pass(let pass): if pass.isNeeded { run(pass) }
      case .combine(let combination): if combination.isNeeded { run(combination) }
      case .numbers: break
      }
    }
  }

  func clear(values: Bool) {
    let count = 2 * schedule.keptCount * mostLanes
    (kept.pointer + (values ? 0 : count)).update(repeating: 0, count: count)
  }

  func run(_ pass: GradientSchedule.Pass) {
    for slice in pass.slices {
      if let interruption, interruption.isRequested { return }
      let extent = SliceExtent(sizes: pass.endSizes, displacement: slice.displacement)
      let n = extent.lengths.product
      if n <= 0 { continue }
      let value = values(of: pass, slice, through: pass.links.count)
      switch pass.sink {
      case .kept:
        let target = keptPair(slice.end, pass.tangent)
        target.k.update(from: value.k, count: n * lanes)
        if let theta = target.theta, let source = value.theta { theta.update(from: source, count: n * lanes) }
      case .table:
        for index in slice.moves {
          let move = pass.moves[index]
          let runs = move.runs.times(lanes)
          let target = keptPair(0, pass.sinkTangent)
          Scalar.addRuns(runs, weight: move.weight, value.k + move.from * lanes, to: target.k + move.to * lanes)
          if let theta = target.theta, let source = value.theta {
            Scalar.addRuns(runs, weight: move.weight, source + move.from * lanes, to: theta + move.to * lanes)
          }
        }
      case .sum(let scale):
        let target = keptPair(slice.end, pass.sinkTangent)
        Scalar.addSum(n, lanes: lanes, scale: scale, value.k, to: target.k)
        if let theta = target.theta, let source = value.theta {
          Scalar.addSum(n, lanes: lanes, scale: scale, source, to: theta)
        }
      }
    }
  }

  /// A slice on its way through the first links of a pass.
  func values(of pass: GradientSchedule.Pass, _ slice: GradientSchedule.Slice, through count: Int) -> Pair {
    var extent = SliceExtent(
      sizes: pass.sourceSizes,
      displacement: slice.displacement &* (pass.links.first?.sourceStride ?? PositionAxes(repeating: 1)))
    var value: Pair
    if let input = pass.input {
      value = buffer(pass.sourceBuffer ?? -1, pass.sourceTangent)
      load(input, extent, to: value.k)
    } else {
      value = keptPair(slice.source, pass.sourceTangent)
      if let place = pass.sourceBuffer {
        let (source, n) = (value, extent.lengths.product * lanes)
        value = buffer(place, pass.sourceTangent)
        value.k.update(from: source.k, count: n)
        if let theta = value.theta, let from = source.theta { theta.update(from: from, count: n) }
      }
    }
    let isZero = slice.displacement == .zero
    for index in 0..<count {
      let link = pass.links[index]
      if isZero && purpose == .numbers {
        for set in link.sourceNumbers { makeNumbers(set, value.k, link.sourceSizes) }
      }
      read[index] = value
      let n = extent.lengths.product * lanes
      switch link.kind {
      case .affine(let rule):
        if link.tangent == .given { value.theta = value.theta ?? thetaOf(value.k) }
        Scalar.affine(rule, n, link.tangent == .given ? link.sourceTangent : .absent, value.k, value.theta)
      case .scale(let factor):
        scale(value, by: factor, n)
      case .dropout(let keepRate):
        if isZero && purpose != .cross { scale(value, by: 1 / keepRate, n) }
      case .dual(let dual, let set):
        let target = buffer(link.buffer ?? -1, link.tangent)
        forEachPlane(extent) { plane, first, second, offset in
          Scalar.dualValues(
            dual, plane, numbers1[set] + first, numbers2[set] + second, value.k + offset,
            value.theta.map { UnsafePointer($0 + offset) }, to: target.k + offset, target.theta.map { $0 + offset })
        }
        value = target
      case .normalize(_, _, let set):
        let target = buffer(link.buffer ?? -1, link.tangent)
        forEachPlane(extent) { plane, first, second, offset in
          Scalar.scaleValues(
            plane, numbers1[set] + first, numbers2[set] + second, value.k + offset,
            value.theta.map { UnsafePointer($0 + offset) }, to: target.k + offset, target.theta.map { $0 + offset })
        }
        value = target
      case .window(let window):
        let result = SliceExtent(sizes: link.sizes, displacement: slice.displacement &* link.stride)
        let target = buffer(link.buffer ?? -1, link.tangent)
        let loop = loop(window, extent.lengths, result.lengths)
        Scalar.windowValues(loop, value.k, to: target.k)
        if let theta = value.theta, let to = target.theta { Scalar.windowValues(loop, theta, to: to) }
        (value, extent) = (target, result)
      case .input, .table, .combine, .flatten, .globalPool: preconditionFailure("not in chains")
      }
    }
    return value
  }

  private func thetaOf(_ k: Pointer) -> Pointer { k + schedule.largest * mostLanes }

  func scale(_ value: Pair, by factor: Double, _ n: Int) {
    var rule = nt_affine()
    rule.weight_variance = factor
    Scalar.affine(rule, n, value.theta == nil ? .absent : .given, value.k, value.theta)
  }

  private func load(_ input: Int, _ extent: SliceExtent, to k: Pointer) {
    switch inputs[input] {
    case .covariances(let source, _): k.update(from: source, count: lanes)
    case .positions(let x1, let x2, _, _, let channels):
      forEachPlane(extent, of: 1) { plane, first, second, offset in
        Scalar.inputValues(
          plane, channels: channels, lanes: lanes, scale: 1 / Double(channels), x1 + first * channels * lanes,
          x2 + second * channels * lanes, to: k + offset * lanes)
      }
    }
  }

  func run(_ combination: GradientSchedule.Combination) {
    for slice in combination.slices {
      let (n, target) = (slice.count * lanes, keptPair(slice.result, combination.tangent))
      for (branch, place) in slice.sources.enumerated() {
        let source = keptPair(place, combination.tangents[branch])
        guard combination.combination == .product else {
          let weight = combination.weight(branch)
          Scalar.combine(n, weight, source.k, 1, to: target.k)
          if let from = source.theta, let theta = target.theta { Scalar.combine(n, weight, from, 1, to: theta) }
          continue
        }
        if branch == 0 {
          target.k.update(from: source.k, count: n)
          if let from = source.theta { target.theta?.update(from: from, count: n) }
        } else {
          Scalar.combine(
            .product, n, combination.tangents[0], target.k, target.theta, source.k,
            source.theta.map { UnsafePointer($0) })
        }
      }
    }
  }

  // MARK: - Numbers of inputs

  /// Variances, or 1/√(v + ε), from the covariances of inputs with themselves.
  private func makeNumbers(_ set: Int, _ k: Pointer, _ sizes: PositionAxes) {
    let count = sizes.product
    guard let rule = normalizations[set] else {
      numbers1[set].update(from: k, count: count * lanes)
      return
    }
    let groups = PositionGroups(sizes, rule.kept)
    var sums = [Scalar](repeating: 0, count: groups.count * lanes)
    for position in 0..<count {
      let place = groups.group(of: position) * lanes
      for lane in 0..<lanes { sums[place + lane] += k[position * lanes + lane] }
    }
    let members = Scalar(count / groups.count)
    for position in 0..<count {
      let place = groups.group(of: position) * lanes
      for lane in 0..<lanes {
        let variance = sums[place + lane] / members + Scalar(rule.epsilon)
        numbers1[set][position * lanes + lane] = variance == 0 ? 0 : 1 / variance.squareRoot()
      }
    }
  }

  /// Adds the cotangents of numbers to those of the variances that they are made of.
  func addCotangents(ofNumbers set: Int, to gk: Pointer, _ sizes: PositionAxes) {
    let count = sizes.product
    guard let rule = normalizations[set] else {
      Scalar.combine(count * lanes, 1, cotangents1[set], 1, to: gk)
      return
    }
    let groups = PositionGroups(sizes, rule.kept)
    var sums = [Scalar](repeating: 0, count: groups.count * lanes)
    for position in 0..<count {
      let place = groups.group(of: position) * lanes
      for lane in 0..<lanes { sums[place + lane] += cotangents1[set][position * lanes + lane] }
    }
    let members = Scalar(count / groups.count)
    for position in 0..<count {
      let place = groups.group(of: position) * lanes
      for lane in 0..<lanes {
        let factor = numbers1[set][position * lanes + lane]
        gk[position * lanes + lane] -= factor * factor * factor / 2 * sums[place + lane] / members
      }
    }
  }

  /// By set of numbers, for those that are no variances.
  var normalizations: [Int: (epsilon: Double, kept: PositionAxes)] = [:]

  // MARK: - Loops

  func loop(_ window: SliceStep.Window, _ source: PositionAxes, _ result: PositionAxes) -> nt_gradient_window {
    var (outer, inner) = (1, lanes)
    for axis in 0..<window.axis { outer *= source[axis] }
    for axis in window.axis + 1..<PositionAxes.axisCount where axis > window.axis { inner *= source[axis] }
    return nt_gradient_window(
      outer: outer, length: source[window.axis], out_length: result[window.axis], inner: inner, size: window.size,
      stride: window.stride, dilation: window.dilation, low: window.low)
  }

  @inline(__always)
  func forEachPlane(
    _ extent: SliceExtent, _ body: (_ plane: nt_gradient_plane, _ first: Int, _ second: Int, _ offset: Int) -> Void
  ) {
    guard let rowLanes else { return forEachPlane(extent, of: lanes, body) }
    body(nt_gradient_plane(rows: lanes / rowLanes, length: rowLanes, stride: rowLanes), 0, 0, 0)
  }

  /// Calls `body` for every plane along the last two axes: where it starts in numbers of the inputs and in the slice, counted in
  /// what there are `width` of at a position.
  @inline(__always)
  func forEachPlane(
    _ extent: SliceExtent, of width: Int,
    _ body: (_ plane: nt_gradient_plane, _ first: Int, _ second: Int, _ offset: Int) -> Void
  ) {
    let (lengths, start, second) = (extent.lengths, extent.start, extent.secondStart)
    let plane = nt_gradient_plane(rows: lengths[2], length: lengths[3] * width, stride: extent.sizes[3] * width)
    var offset = 0
    for i in 0..<lengths[0] {
      for j in 0..<lengths[1] {
        let step = PositionAxes(i, j, 0, 0)
        body(plane, extent.index(of: start &+ step) * width, extent.index(of: second &+ step) * width, offset)
        offset += lengths[2] * lengths[3] * width
      }
    }
  }
}

extension GradientSchedule.Combination {
  /// What a branch counts in a sum.
  func weight(_ branch: Int) -> Double {
    if case .weightedSum(let weights) = combination { weights[branch] } else { 1 }
  }
}

extension nt_gradient_runs {
  /// The same for so many lanes.
  func times(_ lanes: Int) -> nt_gradient_runs {
    nt_gradient_runs(
      outer: outer, count: count, inner: inner * lanes, from_outer: from_outer * lanes, from_step: from_step * lanes,
      to_outer: to_outer * lanes, to_step: to_step * lanes)
  }

  /// The way back.
  var reversed: nt_gradient_runs {
    nt_gradient_runs(
      outer: outer, count: count, inner: inner, from_outer: to_outer, from_step: to_step, to_outer: from_outer,
      to_step: from_step)
  }
}

/// Positions that share a mean: those that differ along axes of which nothing is kept.
private struct PositionGroups {
  let sizes: PositionAxes
  let kept: PositionAxes

  init(_ sizes: PositionAxes, _ kept: PositionAxes) { (self.sizes, self.kept) = (sizes, kept) }

  var count: Int { kept.product }

  func group(of position: Int) -> Int {
    var (rest, group, step) = (position, 0, 1)
    for axis in (0..<PositionAxes.axisCount).reversed() {
      let place = rest % sizes[axis]
      rest /= sizes[axis]
      if kept[axis] == sizes[axis] {
        group += place * step
        step *= sizes[axis]
      }
    }
    return group
  }
}
