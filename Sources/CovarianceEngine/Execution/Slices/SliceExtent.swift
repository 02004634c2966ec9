/// Numbers along the axes of positions: four of them, of which those that a network does not have come first, with one
/// position each.
typealias PositionAxes = SIMD4<Int>

extension SIMD4<Int> {
  static let axisCount = 4

  /// The sizes along at most four axes of positions.
  init(sizes: [Int]) {
    self.init(repeating: 1)
    for (index, size) in sizes.enumerated() { self[Self.axisCount - sizes.count + index] = size }
  }

  var product: Int { self[0] * self[1] * self[2] * self[3] }

  func product(before axis: Int) -> Int { (0..<axis).reduce(1) { $0 * self[$1] } }

  func product(behind axis: Int) -> Int { (axis + 1..<Swift.max(axis + 1, Self.axisCount)).reduce(1) { $0 * self[$1] } }

  func replacing(_ axis: Int, with value: Int) -> PositionAxes {
    var result = self
    result[axis] = value
    return result
  }

  var magnitudes: PositionAxes { replacing(with: PositionAxes.zero &- self, where: self .< 0) }
}

/// The positions of a slice: all p for which p and p + Δ both exist.
struct SliceExtent {
  /// Sizes along the axes of positions.
  let sizes: PositionAxes
  /// Δ.
  let displacement: PositionAxes

  /// Number of positions along every axis; below 1 where no position is that far from another.
  var lengths: PositionAxes { sizes &- displacement.magnitudes }

  /// The first position of the first input.
  var start: PositionAxes { (PositionAxes.zero &- displacement).replacing(with: 0, where: displacement .> 0) }

  /// The first position of the second input.
  var secondStart: PositionAxes { displacement.replacing(with: 0, where: displacement .< 0) }

  /// Where a position stands among all.
  func index(of position: PositionAxes) -> Int {
    ((position[0] * sizes[1] + position[1]) * sizes[2] + position[2]) * sizes[3] + position[3]
  }

  /// Calls `body` for every plane along the last two axes, with the indices of its first position among all positions of the
  /// first and of the second input, and its place in the slice.
  @inline(__always)
  func forEachPlane(_ body: (_ first: Int, _ second: Int, _ offset: Int) throws(NetworkError) -> Void)
    throws(NetworkError)
  {
    let (lengths, start, second) = (lengths, start, secondStart)
    let plane = lengths[2] * lengths[3]
    var offset = 0
    for i in 0..<lengths[0] {
      for j in 0..<lengths[1] {
        let step = PositionAxes(i, j, 0, 0)
        try body(index(of: start &+ step), index(of: second &+ step), offset)
        offset += plane
      }
    }
  }
}
