import CVectorKernels
import Tensors

/// The slices that a graph in lock step takes through an activation whose factors are made in strips.
struct SliceStripBatch<Scalar: SliceScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  struct Slice {
    let extent: SliceExtent
    /// The positions of the second input from the first to the last one.
    let places: Range<Int>
    /// How far the position of the second input is behind that of the first.
    let shift: Int
    let k: Pointer
    let theta: Pointer?
    /// The place of its first input among those of the batch.
    let first: Int

    /// The positions of the first input for those of the second in a strip.
    func ownPlaces(in strip: Range<Int>) -> Range<Int> {
      let places = places.clamped(to: strip)
      return places.lowerBound - shift..<places.upperBound - shift
    }
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
    let start = extent.index(of: extent.secondStart), end = extent.index(of: extent.secondStart &+ extent.lengths &- 1)
    slices.append(
      Slice(
        extent: extent, places: start..<end + 1, shift: start - extent.index(of: extent.start), k: k, theta: theta,
        first: first))
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
/// input at positions that are before by a constant number, so that a strip of the second inputs needs one of the first that
/// is longer by what these numbers differ.
///
/// The factors of a position are the same to the last bit however it is reached, and so is what is made of them.
final class SliceStrips<Scalar: SliceScalar> {
  private typealias Pointer = UnsafeMutablePointer<Scalar>
  private typealias Slice = SliceStripBatch<Scalar>.Slice

  private let length: Int
  private let first: Scratch<Scalar>
  private let second: Scratch<Scalar>
  /// The factors of one input at as many positions as there are lanes, and the variances that they are made of.
  private let part: Scratch<Scalar>
  private let partVariances = Scratch<Scalar>(Scalar.lanes)
  private let firstVariances: Scratch<Scalar>
  private let secondVariances: Scratch<Scalar>

  init(_ strips: SliceGraph.Strips) {
    length = strips.length
    let position = strips.count * Scalar.lanes
    (first, second, part) = (Scratch(2 * length * position), Scratch(length * position), Scratch(position))
    firstVariances = Scratch(strips.positions * Scalar.lanes)
    secondVariances = Scratch(strips.positions * Scalar.lanes)
  }

  /// Numbers that it keeps.
  static func count(_ strips: SliceGraph.Strips) -> Int {
    ((3 * strips.length + 1) * strips.count + 2 * strips.positions + 1) * Scalar.lanes
  }

  /// Replaces all slices of a batch, the variances among them, by what the activation makes of them, and those of the groups
  /// of first and second inputs with themselves at other displacements than zero.
  func run(
    _ batch: SliceStripBatch<Scalar>, ofFirst first: SliceStripBatch<Scalar>, ofSecond second: SliceStripBatch<Scalar>,
    _ factorSets: UnsafeMutableBufferPointer<SliceGraph.FactorSet>
  ) {
    run(batch, factorSets)
    // What the variances were is kept.
    for (var other, variances) in [(second, secondVariances), (first, firstVariances)] where !other.slices.isEmpty {
      other.secondVariances = variances.pointer
      run(other, factorSets)
    }
  }

  private func run(_ batch: SliceStripBatch<Scalar>, _ factorSets: UnsafeMutableBufferPointer<SliceGraph.FactorSet>) {
    guard case .dual(.vector(let dual), let index) = batch.step.operation, let variances = batch.secondVariances else {
      preconditionFailure("a batch without variances or without a series")
    }
    let (size, count) = (factorSets[index].sizes.product * Scalar.lanes, factorSets[index].count)
    secondVariances.pointer.update(from: variances, count: size)
    if !batch.isOfItself { Scalar.seriesVariances(dual, size, variances) }
    if let variances = batch.firstVariances {
      firstVariances.pointer.update(from: variances, count: size)
      Scalar.seriesVariances(dual, size, variances)
    }
    let q2 = secondVariances.pointer, q1 = batch.firstVariances == nil ? q2 : firstVariances.pointer
    for group in batch.groups(within: length) {
      let begin = group.map(\.places.lowerBound).min()!, end = group.map(\.places.upperBound).max()!
      for start in stride(from: begin, to: end, by: length) {
        let strip = start..<min(start + length, end)
        let slices = group.filter { $0.places.overlaps(strip) }
        guard let places = Self.hull(slices.map { $0.places.clamped(to: strip) }),
          let own = Self.hull(slices.map { $0.ownPlaces(in: strip) })
        else { continue }
        if batch.isOfItself {
          let both = min(places.lowerBound, own.lowerBound)..<max(places.upperBound, own.upperBound)
          let isOne = both.count <= 2 * length
          makeFactors(dual, count, of: q1, at: isOne ? both : own, to: first.pointer)
          if !isOne { makeFactors(dual, count, of: q2, at: places, to: second.pointer) }
          let columns = isOne ? Factors(first.pointer, from: both) : Factors(second.pointer, from: places)
          for slice in slices {
            apply(dual, count, slice, strip, Factors(first.pointer, from: isOne ? both : own), columns, isLanes: true)
          }
        } else {
          makeFactors(dual, count, of: q2, at: places, to: second.pointer)
          for (place, lane) in batch.lanes.enumerated() {
            makeFactors(dual, count, of: q1, lane: lane, at: own, to: first.pointer + place * 2 * length * count)
          }
          for slice in slices {
            let row = Factors(first.pointer + slice.first * 2 * length * count, from: own)
            apply(dual, count, slice, strip, row, Factors(second.pointer, from: places), isLanes: false)
          }
        }
      }
    }
  }

  private static func hull(_ ranges: [Range<Int>]) -> Range<Int>? {
    guard let first = ranges.first else { return nil }
    return ranges.reduce(first) { min($0.lowerBound, $1.lowerBound)..<max($0.upperBound, $1.upperBound) }
  }

  // MARK: - Factors

  /// Where factors are, and the position that they begin with.
  private struct Factors {
    let pointer: Pointer
    let start: Int

    init(_ pointer: Pointer, from range: Range<Int>) { (self.pointer, start) = (pointer, range.lowerBound) }
  }

  /// The factors of all inputs of a group, shape (positions, numbers, lanes).
  private func makeFactors(
    _ dual: UnsafePointer<nt_dual>, _ count: Int, of q: Pointer, at range: Range<Int>, to target: Pointer
  ) {
    let lanes = Scalar.lanes
    for position in range {
      Scalar.factors(
        dual, lanes, q + position * lanes, target + (position - range.lowerBound) * count * lanes, stride: lanes)
    }
  }

  /// The factors of one input of a group, shape (positions, numbers): of as many positions side by side as there are lanes.
  private func makeFactors(
    _ dual: UnsafePointer<nt_dual>, _ count: Int, of q: Pointer, lane: Int, at range: Range<Int>, to target: Pointer
  ) {
    let (lanes, part, variances) = (Scalar.lanes, part.pointer, partVariances.pointer)
    for start in stride(from: range.lowerBound, to: range.upperBound, by: lanes) {
      let places = start..<min(start + lanes, range.upperBound)
      for place in 0..<lanes { variances[place] = q[min(start + place, places.upperBound - 1) * lanes + lane] }
      Scalar.factors(dual, lanes, variances, part, stride: lanes)
      let rows = target + (start - range.lowerBound) * count
      if places.count == lanes {
        Scalar.transpose(rows: count, columns: lanes, part, stride: lanes, to: rows, stride: count)
      } else {
        for place in 0..<places.count {
          for number in 0..<count { rows[place * count + number] = part[number * lanes + place] }
        }
      }
    }
  }

  // MARK: - Slices

  /// A slice where the second inputs are in a strip.
  ///
  /// - Parameter isLanes: whether the first inputs stand side by side in lanes, too.
  private func apply(
    _ dual: UnsafePointer<nt_dual>, _ count: Int, _ slice: Slice, _ strip: Range<Int>, _ first: Factors,
    _ second: Factors, isLanes: Bool
  ) {
    let (lanes, length, row) = (Scalar.lanes, slice.extent.lengths[3], slice.extent.sizes[3])
    let width = isLanes ? lanes : 1
    var place = 0
    slice.extent.forEachRow { position in
      let start = position + slice.shift
      let columns = (start..<start + length).clamped(to: strip)
      if !columns.isEmpty {
        let offset = (place + columns.lowerBound - start) * lanes
        let factors = nt_slice_factors(
          first: first.pointer + (columns.lowerBound - slice.shift - first.start) * count * width,
          second: second.pointer + (columns.lowerBound - second.start) * count * lanes, first_stride: width,
          second_stride: lanes, first_row: row * count, second_row: row * count, first_has_lanes: isLanes ? 1 : 0)
        Scalar.sliceDual(dual, 1, columns.count, factors, slice.k + offset, slice.theta.map { $0 + offset })
      }
      place += length
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
