import CVectorKernels
import Tensors

/// The slices that a graph in lock step takes through an activation whose factors are made in strips.
struct SliceStripBatch<Scalar: SliceScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  struct Slice {
    let extent: SliceExtent
    /// How far the position of the second input is behind that of the first.
    let shift: Int
    let k: Pointer
    let theta: Pointer?
    /// The place of its first input among those of the batch.
    let first: Int
  }

  let step: SliceStep
  /// Those of the inputs of the first and the second group with themselves, which the activation takes, too: their slices of
  /// displacement zero. Nil for the first group where it is the second, and for both where pairs are inputs with themselves.
  var firstVariances: Pointer?
  var secondVariances: Pointer?
  private(set) var slices: [Slice] = []
  /// The lanes of the first inputs in their group.
  private(set) var lanes: [Int] = []
  /// Whether every pair is an input with itself, as all pairs of a batch are then.
  private(set) var isOfItself = false

  init(_ step: SliceStep) { self.step = step }

  mutating func append(_ displacement: PositionAxes, _ pair: LanePair<Scalar>, _ k: Pointer, _ theta: Pointer?) {
    let extent = SliceExtent(sizes: step.sizes, displacement: displacement &* step.stride)
    isOfItself = pair.isOfItself
    precondition(pair.isOfItself || !pair.firstHasLanes, "packed pairs in lock step")
    let first = lanes.firstIndex(of: pair.lane) ?? lanes.count
    if first == lanes.count { lanes.append(pair.lane) }
    let shift = extent.index(of: extent.secondStart) - extent.index(of: extent.start)
    slices.append(Slice(extent: extent, shift: shift, k: k, theta: theta, first: first))
    if pair.isOfItself && extent.displacement == .zero { secondVariances = k }
  }

  /// Slices whose shifts are at most `range` apart, together.
  func groups(within range: Int) -> [ArraySlice<Slice>] {
    let sorted = slices.sorted { $0.shift < $1.shift }
    var result: [ArraySlice<Slice>] = []
    var start = 0
    for index in sorted.indices where index + 1 == sorted.count || sorted[index + 1].shift - sorted[start].shift > range
    {
      result.append(sorted[start...index])
      start = index + 1
    }
    return result
  }
}

/// Takes slices through activations that are series, some positions at a time.
///
/// A series has a hundred factors per input and position. For large images they would take more memory than all slices, and
/// every slice would read them from there. So the slices that are in lock step go together through one strip of positions of the
/// second inputs after another, for which the factors are made and stay in cache. A slice with displacement Δ reads the first
/// input at positions that are behind by a constant number, so that a strip of the second inputs needs one of the first that
/// is longer by what these numbers differ.
///
/// The factors of a position are the same to the last bit however it is reached, and so is what is made of them.
final class SliceStrips<Scalar: SliceScalar> {
  private typealias Pointer = UnsafeMutablePointer<Scalar>

  private let length: Int
  private let first: Scratch<Scalar>
  private let second: Scratch<Scalar>
  /// The factors of a few positions of a whole group of first inputs.
  private let part: Scratch<Scalar>
  private let firstVariances: Scratch<Scalar>
  private let secondVariances: Scratch<Scalar>

  private static var partLength: Int { 16 }

  init(_ strips: SliceGraph.Strips) {
    length = strips.length
    let position = strips.count * Scalar.lanes
    (first, second) = (Scratch(2 * length * position), Scratch(length * position))
    part = Scratch(Self.partLength * position)
    firstVariances = Scratch(strips.positions * Scalar.lanes)
    secondVariances = Scratch(strips.positions * Scalar.lanes)
  }

  /// Numbers that it keeps.
  static func count(_ strips: SliceGraph.Strips) -> Int {
    ((3 * strips.length + partLength) * strips.count + 2 * strips.positions) * Scalar.lanes
  }

  /// Replaces all slices of a batch, the variances among them, by what the activation makes of them.
  func run(_ batch: SliceStripBatch<Scalar>, _ factorSets: UnsafeMutableBufferPointer<SliceGraph.FactorSet>) {
    guard case .dual(.vector(let dual), let index) = batch.step.operation, let variances = batch.secondVariances else {
      preconditionFailure("a batch without variances or without a series")
    }
    let (lanes, positions, count) = (Scalar.lanes, factorSets[index].sizes.product, factorSets[index].count)
    secondVariances.pointer.update(from: variances, count: positions * lanes)
    if let variances = batch.firstVariances { firstVariances.pointer.update(from: variances, count: positions * lanes) }
    let q2 = secondVariances.pointer, q1 = batch.firstVariances == nil ? q2 : firstVariances.pointer
    let ofItself = batch.isOfItself ? nil : batch.secondVariances
    var firstOfItself = FirstOfItself(target: batch.firstVariances)

    // One group at least, for the variances.
    let groups = batch.groups(within: length)
    for (place, group) in (groups.isEmpty ? [[]] : groups).enumerated() {
      let (least, most) = (group.first?.shift ?? 0, group.last?.shift ?? 0)
      for start in stride(from: 0, to: positions, by: length) {
        let strip = start..<min(start + length, positions)
        makeFactors(dual, count, of: q2, at: strip, to: second.pointer)
        if place == 0, let ofItself { apply(dual, strip, second.pointer, to: ofItself) }
        let begin = min(max(0, strip.lowerBound - most), positions)
        let range = begin..<max(begin, min(positions, strip.upperBound - least))
        if group.isEmpty || range.isEmpty { continue }
        if batch.isOfItself {
          makeFactors(dual, count, of: q1, at: range, to: first.pointer)
        } else {
          makeFirst(dual, count, of: q1, at: range, lanes: batch.lanes, &firstOfItself)
        }
        let width = batch.isOfItself ? lanes : 1
        for slice in group {
          let own = first.pointer + (batch.isOfItself ? 0 : slice.first * count * 2 * length)
          apply(dual, count, slice, strip, own, from: range.lowerBound, width: width)
        }
      }
    }
    makeFirst(dual, count, of: q1, at: positions..<positions, lanes: [], &firstOfItself)
  }

  // MARK: - Factors

  private func makeFactors(
    _ dual: UnsafePointer<nt_dual>, _ count: Int, of q: Pointer, at range: Range<Int>, to target: Pointer
  ) {
    let lanes = Scalar.lanes
    for position in range {
      Scalar.factors(
        dual, lanes, q + position * lanes, target + (position - range.lowerBound) * count * lanes, stride: lanes)
    }
  }

  /// The covariances of a group of first inputs with themselves, up to where they have been replaced.
  private struct FirstOfItself {
    let target: Pointer?
    var end = 0
  }

  /// The factors of single inputs of a group, one after another; takes along what is not yet replaced of the group's
  /// covariances with themselves.
  private func makeFirst(
    _ dual: UnsafePointer<nt_dual>, _ count: Int, of q: Pointer, at range: Range<Int>, lanes wanted: [Int],
    _ ofItself: inout FirstOfItself
  ) {
    let lanes = Scalar.lanes
    let begin = ofItself.target == nil ? range.lowerBound : min(ofItself.end, range.lowerBound)
    for start in stride(from: begin, to: range.upperBound, by: Self.partLength) {
      let places = start..<min(start + Self.partLength, range.upperBound)
      makeFactors(dual, count, of: q, at: places, to: part.pointer)
      if let target = ofItself.target, places.upperBound > ofItself.end {
        let fresh = max(places.lowerBound, ofItself.end)..<places.upperBound
        apply(dual, fresh, part.pointer + (fresh.lowerBound - places.lowerBound) * count * lanes, to: target)
        ofItself.end = fresh.upperBound
      }
      let kept = places.clamped(to: range)
      for (place, lane) in wanted.enumerated() {
        let source = part.pointer + (kept.lowerBound - places.lowerBound) * count * lanes + lane
        let target = first.pointer + (place * 2 * length + kept.lowerBound - range.lowerBound) * count
        for number in 0..<kept.count * count { target[number] = source[number * lanes] }
      }
    }
  }

  // MARK: - Slices

  /// The covariances of a group with itself at some positions.
  private func apply(_ dual: UnsafePointer<nt_dual>, _ range: Range<Int>, _ factors: Pointer, to k: Pointer) {
    let lanes = Scalar.lanes
    Scalar.sliceDual(
      dual, 1, range.count,
      nt_slice_factors(
        first: factors, second: factors, first_stride: lanes, second_stride: lanes, first_row: 0, second_row: 0,
        first_has_lanes: 1), k + range.lowerBound * lanes, nil)
  }

  /// A slice where the second inputs are in a strip.
  ///
  /// - Parameters:
  ///   - own: the factors of the first input from position `start` on.
  ///   - width: how many inputs stand side by side there.
  private func apply(
    _ dual: UnsafePointer<nt_dual>, _ count: Int, _ slice: SliceStripBatch<Scalar>.Slice, _ strip: Range<Int>,
    _ own: Pointer, from start: Int, width: Int
  ) {
    let (lanes, lengths, row) = (Scalar.lanes, slice.extent.lengths, slice.extent.sizes[3])
    var place = 0
    slice.extent.forEachRow { position in
      let columns = (position + slice.shift..<position + slice.shift + lengths[3]).clamped(to: strip)
      defer { place += lengths[3] }
      if columns.isEmpty { return }
      let skipped = columns.lowerBound - position - slice.shift
      let offset = (place + skipped) * lanes
      Scalar.sliceDual(
        dual, 1, columns.count,
        nt_slice_factors(
          first: own + (position + skipped - start) * count * width,
          second: second.pointer + (columns.lowerBound - strip.lowerBound) * count * lanes, first_stride: width,
          second_stride: lanes, first_row: row * count, second_row: row * count,
          first_has_lanes: width == lanes ? 1 : 0), slice.k + offset, slice.theta.map { $0 + offset })
    }
  }
}

extension SliceExtent {
  /// Calls `body` for every row along the last axis, with the index of its first position of the first input.
  @inline(__always)
  fileprivate func forEachRow(_ body: (_ first: Int) -> Void) {
    let (lengths, start) = (lengths, start)
    for a in 0..<lengths[0] {
      for b in 0..<lengths[1] {
        for c in 0..<lengths[2] { body(index(of: start &+ PositionAxes(a, b, c, 0))) }
      }
    }
  }
}
