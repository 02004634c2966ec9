import Tensors

/// The covariances of one output. Threads write to different pairs of inputs of it.
final class SliceResult<Scalar: SliceScalar>: @unchecked Sendable {
  let output: SliceGraph.Output
  let k12: Tensor
  let theta: Tensor?
  let k11: Tensor
  let k22: Tensor?
  private let n2: Int
  /// Where the first entry is in the Gram matrix, and whether that has rows for columns.
  private let origin: (row: Int, column: Int)
  private let isExchanged: Bool
  private let isSymmetric: Bool
  private let tangent: Tangent
  private let positionCount: Int
  private var isDiagonal: Bool { !output.wantsAllPositions }
  private let pointers: (k12: Pointer, theta: Pointer?, k11: Pointer, k22: Pointer?)

  private typealias Pointer = UnsafeMutablePointer<Scalar>

  init(
    _ output: SliceGraph.Output, tangent: Tangent, n1: Int, n2: Int, isSymmetric: Bool,
    origin: (row: Int, column: Int), isExchanged: Bool
  ) {
    self.output = output
    (self.origin, self.isExchanged) = (origin, isExchanged)
    self.n2 = n2
    self.isSymmetric = isSymmetric
    self.tangent = tangent
    positionCount = output.positions.reduce(1, *)
    let shape = output.positions + (output.wantsAllPositions ? output.positions : [])
    func tensor(_ batch: [Int], cleared: Bool = false) -> (Tensor, Pointer) {
      var pointer: Pointer?
      let tensor = Tensor(shape: batch + shape, of: Scalar.self) {
        pointer = $0.baseAddress
        if cleared { $0.update(repeating: 0) }
      }
      guard let pointer else { preconditionFailure("a kernel without memory") }
      return (tensor, pointer)
    }
    let (k12, k11) = (tensor([n1, n2]), tensor([n1]))
    let theta = tangent == .absent ? nil : tensor([n1, n2], cleared: tangent == .zero)
    let k22 = isSymmetric ? nil : tensor([n2])
    (self.k12, self.theta, self.k11, self.k22) = (k12.0, theta?.0, k11.0, k22?.0)
    pointers = (k12.1, theta?.1, k11.1, k22?.1)
  }

  /// Covariances of the inputs `rows`, one per lane, with the inputs `columns`; of a symmetric kernel those above the
  /// diagonal.
  func store(
    _ k: UnsafePointer<Scalar>, _ theta: UnsafePointer<Scalar>, _ extent: SliceExtent, rows: [Int], columns: [Int]
  ) throws(NetworkError) {
    try store(k, to: pointers.k12, extent, rows, columns, name: "nngp")
    if let target = pointers.theta, tangent == .given {
      try store(theta, to: target, extent, rows, columns, name: "ntk")
    }
  }

  /// Covariances of `inputs` with themselves.
  func storeItself(
    _ k: UnsafePointer<Scalar>, _ theta: UnsafePointer<Scalar>, _ extent: SliceExtent, _ inputs: [Int],
    of dataSet: DataSet
  ) throws(NetworkError) {
    guard let target = dataSet == .first ? pointers.k11 : pointers.k22 else { return }
    let entries = entryCount
    for (lane, input) in inputs.enumerated() {
      let place = dataSet == .first ? origin.row + input : origin.column + input
      try forEachEntry(extent, k + lane, name: "cov\((dataSet == .first) == isExchanged ? 2 : 1)", of: [place]) {
        entry, _, value in
        target[input * entries + entry] = value
        if isSymmetric { pointers.k12[(input * n2 + input) * entries + entry] = value }
      }
      guard isSymmetric, let matrix = pointers.theta, tangent == .given else { continue }
      try forEachEntry(extent, theta + lane, name: "ntk", of: [place, place]) {
        entry, _, value in
        matrix[(input * n2 + input) * entries + entry] = value
      }
    }
  }

  private func place(_ row: Int, _ column: Int) -> [Int] {
    let place = [origin.row + row, origin.column + column]
    return isExchanged ? place.reversed() : place
  }

  private var entryCount: Int { isDiagonal ? positionCount : positionCount * positionCount }

  private func store(
    _ source: UnsafePointer<Scalar>, to target: Pointer, _ extent: SliceExtent, _ rows: [Int], _ columns: [Int],
    name: String
  ) throws(NetworkError) {
    let entries = entryCount
    for (lane, (row, column)) in zip(rows, columns).enumerated() where !isSymmetric || column > row {
      let upper = target + (row * n2 + column) * entries
      let lower = isSymmetric ? target + (column * n2 + row) * entries : nil
      try forEachEntry(extent, source + lane, name: name, of: place(row, column)) {
        entry, mirrored, value in
        upper[entry] = value
        lower?[mirrored] = value
      }
    }
  }

  /// Calls `body` with the places of every entry and of the one with both positions exchanged.
  private func forEachEntry(
    _ extent: SliceExtent, _ source: UnsafePointer<Scalar>, name: String, of pair: @autoclosure () -> [Int],
    _ body: (_ entry: Int, _ mirrored: Int, Scalar) -> Void
  ) throws(NetworkError) {
    let (lengths, start, second) = (extent.lengths, extent.start, extent.secondStart)
    var place = 0
    for a in 0..<lengths[0] {
      for b in 0..<lengths[1] {
        for c in 0..<lengths[2] {
          let step = PositionAxes(a, b, c, 0)
          let (p, q) = (extent.index(of: start &+ step), extent.index(of: second &+ step))
          for d in 0..<lengths[3] {
            let value = source[place]
            guard value.isFinite else { throw NetworkError.notFinite(kernel: name, at: pair(), value) }
            if isDiagonal {
              body(p + d, p + d, value)
            } else {
              body((p + d) * positionCount + q + d, (q + d) * positionCount + p + d, value)
            }
            place += Scalar.lanes
          }
        }
      }
    }
  }
}
