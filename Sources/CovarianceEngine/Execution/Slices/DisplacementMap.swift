import Tensors

/// What an operation makes of the positions along one axis where it mixes displacements: which slices of its operand make
/// up each slice of its result.
///
/// Pools, resizing and indexing: K[o, o'] = Σ w[o, p] w[o', q] K[p, q]. Convolutions that wrap around or spread their
/// inputs: K[o, o'] = Σ over the window of K at what both o and o' read there.
final class DisplacementMap: Sendable {
  /// Results o = `first`, …, `last` − 1 take `weight` times the operand at o·`step` + `offset`, counted among all positions.
  struct Run: Sendable {
    var first: Int
    var last: Int
    var step: Int
    var offset: Int
    var weight: Double

    func place(of output: Int) -> Int { output * step + offset }
  }

  /// What one slice of the operand gives.
  struct Term: Sendable {
    var displacement: Int
    var runs: [Run]
  }

  let size: Int
  /// Whether displacements Δ and Δ − n of the result are made of the same ones of an operand of n positions.
  let wraps: Bool
  /// What a pair of outputs is made of.
  private let pairs: @Sendable (Int, Int) -> [Pair]
  /// Per displacement of the result; few of them may ever be asked for.
  private let known = Guarded<[Int: [Term]]>([:])

  func terms(of displacement: Int) -> [Term] {
    if let terms = known.withLock({ $0[displacement] }) { return terms }
    let terms = makeTerms(of: displacement)
    known.withLock { $0[displacement] = terms }
    return terms
  }

  /// A linear map; `weights` lists the inputs of every output.
  convenience init(weights: [[(position: Int, weight: Double)]]) {
    self.init(size: weights.count) { first, second in
      let (a, b) = (weights[first], weights[second])
      var pairs: [Pair] = []
      pairs.reserveCapacity(a.count * b.count)
      // By the distance of the inputs from the first of each, so that pairs at the same place of neighbouring windows meet.
      for (i, p) in a.enumerated() {
        for (j, q) in b.enumerated() {
          pairs.append(Pair(key: i << 32 | j, p: p.position, q: q.position, weight: p.weight * q.weight))
        }
      }
      return pairs
    }
  }

  /// The window sums of a convolution.
  convenience init(_ axis: PatchAxis) {
    /// The input that offset k of the window reads at output `o`; nil for a zero.
    @Sendable func source(_ o: Int, _ k: Int) -> Int? {
      var place = o * axis.stride + k * axis.dilation - axis.paddingLow
      if axis.wraps { place = (place % axis.spreadSize + axis.spreadSize) % axis.spreadSize }
      guard place >= 0, place < axis.spreadSize, place % axis.spread == 0 else { return nil }
      return place / axis.spread
    }
    self.init(size: axis.outputSize, wraps: axis.wraps) { first, second in
      (0..<axis.window).compactMap { k in
        guard let p = source(first, k), let q = source(second, k) else { return nil }
        return Pair(key: k, p: p, q: q, weight: 1)
      }
    }
  }

  private struct Pair {
    /// What tells the runs of one window place from those of another.
    var key: Int
    var p: Int
    var q: Int
    var weight: Double
  }

  private struct RunKey: Hashable {
    var displacement: Int
    var key: Int
  }

  private init(size: Int, wraps: Bool = false, pairs: @escaping @Sendable (Int, Int) -> [Pair]) {
    (self.size, self.wraps) = (size, wraps)
    self.pairs = pairs
  }

  private func makeTerms(of displacement: Int) -> [Term] {
    var open: [RunKey: Run] = [:]
    var finished: [Int: [Run]] = [:]
    for o in max(0, -displacement)..<min(size, size - displacement) {
      for pair in pairs(o, o + displacement) where pair.weight != 0 {
        let key = RunKey(displacement: pair.q - pair.p, key: pair.key)
        if var run = open[key], run.weight == pair.weight, run.last == o {
          // The second output of a run sets its step.
          let step = run.last - run.first == 1 ? pair.p - run.place(of: run.first) : run.step
          let offset = run.place(of: run.first) - run.first * step
          if o * step + offset == pair.p {
            (run.step, run.offset, run.last) = (step, offset, o + 1)
            open[key] = run
            continue
          }
        }
        if let run = open[key] { finished[key.displacement, default: []].append(run) }
        open[key] = Run(first: o, last: o + 1, step: 0, offset: pair.p, weight: pair.weight)
      }
    }
    for (key, run) in open { finished[key.displacement, default: []].append(run) }
    return finished.sorted { $0.key < $1.key }.map { entry in
      Term(
        displacement: entry.key,
        runs: entry.value.sorted { ($0.offset, $0.first, $0.step) < ($1.offset, $1.first, $1.step) })
    }
  }
}

extension DisplacementMap {
  /// The map along one axis; nil where nothing changes.
  convenience init?(_ axis: PositionMapOperation.Axis) {
    switch axis {
    case .unchanged: return nil
    case .selected(let positions):
      self.init(weights: positions.map { [($0, 1)] })
    case .removed(let position):
      self.init(weights: [[(position, 1)]])
    case .weighted(let weights):
      self.init(weights: weights.map { row in row.indices.filter { row[$0] != 0 }.map { ($0, row[$0]) } })
    }
  }
}
