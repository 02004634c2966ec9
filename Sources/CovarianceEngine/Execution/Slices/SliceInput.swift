import Tensors

/// What the slices of one input of a covariance program start from.
enum SliceInput: Sendable {
  /// Rows of numbers, shape (N, P…, C) for both data sets.
  case data(first: Tensor, second: Tensor, channels: Int)
  case kernel(SliceKernelInput)

  init(_ input: ProgramInput) {
    switch input {
    case .data(let data):
      self = .data(first: data.x1, second: data.x2 ?? data.x1, channels: data.x1.shape[data.x1.rank - 1])
    case .kernel(let kernel):
      let kernel = kernel.withoutOtherInputs()
      self = .kernel(
        SliceKernelInput(
          k12: kernel.nngp, theta: kernel.ntk, k11: kernel.cov1, k22: kernel.cov2 ?? kernel.cov1,
          positionCount: kernel.layout.positionCount, isDiagonal: kernel.layout.isDiagonal))
    }
  }

  /// Numbers of each input; 0 for a kernel.
  var dataSize: Int {
    if case .data(let first, _, _) = self { return first.count / max(1, first.shape[0]) }
    return 0
  }
}

/// A kernel that slices are taken from.
struct SliceKernelInput: Sendable {
  /// Shape (N1, N2, P…, P…), or (N1, N2, P…) if diagonal.
  let k12: Tensor
  let theta: Tensor?
  /// Shape (N, P…, P…) or (N, P…).
  let k11: Tensor
  let k22: Tensor
  let positionCount: Int
  /// Whether only covariances of positions with themselves are there.
  let isDiagonal: Bool

  /// Fills a slice; `pairs` are the places of each lane's pair of inputs among all pairs of `k`.
  func fill<Scalar: SliceScalar>(
    _ target: UnsafeMutablePointer<Scalar>, from k: Tensor, _ extent: SliceExtent, pairs: [Int]
  ) {
    let (source, lanes) = (k.unsafePointer(to: Scalar.self), Scalar.lanes)
    let entries = isDiagonal ? positionCount : positionCount * positionCount
    var place = 0
    let (lengths, start, second) = (extent.lengths, extent.start, extent.secondStart)
    for a in 0..<lengths[0] {
      for b in 0..<lengths[1] {
        for c in 0..<lengths[2] {
          let step = PositionAxes(a, b, c, 0)
          let (p, q) = (extent.index(of: start &+ step), extent.index(of: second &+ step))
          for d in 0..<lengths[3] {
            let entry = isDiagonal ? p + d : (p + d) * positionCount + q + d
            for lane in 0..<lanes { target[place + lane] = source[pairs[lane] * entries + entry] }
            place += lanes
          }
        }
      }
    }
  }
}
