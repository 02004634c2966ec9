import Tensors

/// Covariances between all pairs of positions as pages: entry (Δ…, p…) is K[p, (p + Δ) mod sizes].
///
/// Δ is taken modulo the sizes, so that the slices of Δ and Δ − size, which have no position in common, share a page: as
/// many numbers as pairs of positions, without gaps. Neighbours in a page are neighbours in a slice but for its seam, where
/// p + Δ passes the end of an axis. What preserves displacements works on pages; arrays are (A, B, Δ…, p…) for A inputs of
/// the first and B of the second data set.
struct PackedLayout {
  let sizes: [Int]
  /// The int32 number 0 of the program that is being traced: what is made of it and of tables is computed on the device,
  /// instead of being a constant as large as the kernel.
  let zero: Tensor

  private var rank: Int { sizes.count }
  private var count: Int { sizes.product }
  private var places: [Int] { sizes.rowMajorStrides }

  /// Per axis a table of (size, size) numbers, spread over two axes of an array of 2·rank axes, and added up.
  private func sum(_ axes: (Int) -> (first: Int, second: Int), _ entry: (_ axis: Int, _ i: Int, _ j: Int) -> Int)
    -> Tensor
  {
    sizes.indices.reduce(zero) { sum, axis in
      let size = sizes[axis]
      let table = Tensor((0..<size * size).map { Int32(entry(axis, $0 / size, $0 % size)) }, shape: [size, size])
      let (first, second) = axes(axis)
      var shape = [Int](repeating: 1, count: 2 * rank)
      (shape[first], shape[second]) = (size, size)
      return sum + table.reshaped(shape)
    }
  }

  /// (A, B, P…, P…) as pages.
  func packed(_ dense: Tensor) -> Tensor {
    let index = sum({ ($0, rank + $0) }) { axis, displacement, p in
      places[axis] * (p * count + (p + displacement) % sizes[axis])
    }
    return gathered(dense, index)
  }

  /// Pages as (A, B, P…, P…).
  func dense(_ pages: Tensor) -> Tensor {
    let index = sum({ ($0, rank + $0) }) { axis, p, q in
      places[axis] * ((q - p + sizes[axis]) % sizes[axis] * count + p)
    }
    return gathered(pages, index)
  }

  private func gathered(_ k: Tensor, _ index: Tensor) -> Tensor {
    k.reshaped(Array(k.shape.prefix(2)) + [count * count]).taking(index, axis: 2)
  }

  /// Pages of displacement zero: (A, B, P…).
  func diagonal(_ pages: Tensor) -> Tensor {
    var result = pages
    for axis in sizes.indices { result = result.sliced(axis: 2 + axis, from: 0, to: 1) }
    return result.reshaped(Array(pages.shape.prefix(2)) + sizes)
  }

  /// Numbers of the first inputs, (A, P…), as they belong to pages: (A, 1, 1…, P…).
  func rows(_ x: Tensor) -> Tensor { x.reshaped([x.shape[0], 1] + sizes.map { _ in 1 } + sizes) }

  /// The place of p + Δ among all positions, (Δ…, p…).
  var columnIndex: Tensor {
    sum({ ($0, rank + $0) }) { axis, displacement, p in places[axis] * ((p + displacement) % sizes[axis]) }
  }

  /// Numbers of the second inputs, (B, P…), at p + Δ: (1, B, Δ…, p…).
  func columns(_ x: Tensor, _ index: Tensor) -> Tensor {
    x.reshaped([x.shape[0], count]).taking(index, axis: 1).expandedDims(0)
  }

  /// Sums over a window: of what stands at p + o for all combinations of `offsets` o, one list per axis, where that, and the
  /// position that belongs to it, are inside.
  ///
  /// What is outside along an axis is hidden in the sums over all axes behind it, which is less work than in every term.
  ///
  /// - Parameter wraps: per axis, whether positions go on at the other end.
  func windowSum(_ pages: Tensor, _ offsets: [[Int]], wraps: [Bool]) -> Tensor {
    func sum(_ chosen: [Int]) -> Tensor {
      let axis = chosen.count
      if axis == rank { return shifted(pages, by: chosen, wraps: wraps) }
      let terms = offsets[axis].map { offset in
        let term = sum(chosen + [offset])
        return offset == 0 || wraps[axis] ? term : select(isInside(axis, offset, of: pages.rank), term, 0)
      }
      return terms.dropFirst().reduce(terms[0]) { $0 + $1 }
    }
    return sum([])
  }

  /// What stands at p + `offset`, or anything where that is outside.
  private func shifted(_ pages: Tensor, by offset: [Int], wraps: [Bool]) -> Tensor {
    var result = pages
    var widths = [(low: Int, high: Int)](repeating: (0, 0), count: pages.rank)
    for axis in sizes.indices where offset[axis] != 0 {
      let (size, place) = (sizes[axis], 2 + rank + axis)
      if wraps[axis] {
        let start = (offset[axis] % size + size) % size
        guard start > 0 else { continue }
        result = concatenate(
          [result.sliced(axis: place, from: start, to: size), result.sliced(axis: place, from: 0, to: start)],
          axis: place)
      } else {
        // Farther than everything is as far as just outside.
        let distance = min(max(offset[axis], -size), size)
        widths[place] = (-distance, distance)
      }
    }
    return widths.allSatisfy { $0 == (0, 0) } ? result : result.padded(widths)
  }

  /// Whether p + `offset` and the position that belongs to it are inside along an axis, for all Δ and p along it.
  private func isInside(_ axis: Int, _ offset: Int, of rank: Int) -> Tensor {
    let size = sizes[axis]
    let flags = (0..<size * size).map { index in
      let p = index % size
      let q = (p + index / size) % size
      return (0..<size).contains(p + offset) && (0..<size).contains(q + offset)
    }
    var shape = [Int](repeating: 1, count: rank)
    (shape[2 + axis], shape[2 + self.rank + axis]) = (size, size)
    return Tensor(flags, shape: shape)
  }

  /// `a` where the displacement is zero and both inputs are the same, else `b`; arrays are those of one data set with itself.
  func atSame(_ a: Tensor, _ b: Tensor) -> Tensor {
    var result = a
    for axis in sizes.indices { result = select(flags(2 + axis, sizes[axis], of: b.rank), result, b) }
    return Self.atSameInput(result, b)
  }

  /// `pages` where the displacement is zero, else zero.
  func localized(_ pages: Tensor) -> Tensor {
    sizes.indices.reduce(pages) { select(flags(2 + $1, sizes[$1], of: pages.rank), $0, 0) }
  }

  /// True at the first place of an axis.
  private func flags(_ axis: Int, _ size: Int, of rank: Int) -> Tensor {
    var shape = [Int](repeating: 1, count: rank)
    shape[axis] = size
    return Tensor((0..<size).map { $0 == 0 }, shape: shape)
  }

  /// `a` where both inputs are the same, else `b`.
  static func atSameInput(_ a: Tensor, _ b: Tensor) -> Tensor {
    let count = b.shape[0]
    let isSame = Tensor.eye(count, dtype: .bool).reshaped([count, count] + [Int](repeating: 1, count: b.rank - 2))
    return select(isSame, a, b)
  }
}
