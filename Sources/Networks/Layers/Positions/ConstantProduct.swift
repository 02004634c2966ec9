import CovarianceEngine
import Tensors

/// A product of data with a constant over some axes: which they are, before the shape of the data is known.
struct ConstantProduct: Sendable {
  /// An axis of the data and the axis of the constant that it is paired with; negative ones count from the end.
  struct Pair: Sendable, Hashable {
    var data: Int
    var constant: Int
    /// Whether the axis stays in the output rather than being summed over.
    var isBatch: Bool
  }

  let constant: Tensor
  /// Whether the constant is the left factor.
  let isLeft: Bool
  /// Batch axes in the order of the output, then those that are summed over.
  let pairs: [Pair]
  /// What is wrong whatever the data are.
  private(set) var error: NetworkError?

  /// - Parameters:
  ///   - contracting: axes of the data and of the constant.
  ///   - batch: likewise.
  init(_ constant: Tensor, isLeft: Bool, contracting: ([Int], [Int]), batch: ([Int], [Int])) {
    self.constant = constant
    self.isLeft = isLeft
    pairs =
      zip(batch.0, batch.1).map { Pair(data: $0, constant: $1, isBatch: true) }
      + zip(contracting.0, contracting.1).map { Pair(data: $0, constant: $1, isBatch: false) }
    let name = isLeft ? "lhs" : "rhs"
    if constant.shape.contains(0) {
      error = NetworkError(path: [.name(name)], expected: "at least one element", found: "shape \(constant.shape)")
    }
    for (argument, lists) in [("contracting", contracting), ("batch", batch)] where lists.0.count != lists.1.count {
      error = NetworkError(
        path: [.name(argument)], expected: "as many axes of lhs as of rhs",
        found: "\(isLeft ? lists.1 : lists.0) and \(isLeft ? lists.0 : lists.1)")
    }
    do {
      try Self.requireDistinct(pairs.map(\.constant), rank: constant.rank, of: name)
    } catch let problem {
      error = error ?? problem
    }
  }

  private static func requireDistinct(_ axes: [Int], rank: Int, of factor: String) throws(NetworkError) {
    var seen = Set<Int>()
    for axis in axes {
      let resolved = axis < 0 ? axis + rank : axis
      guard (0..<rank).contains(resolved), seen.insert(resolved).inserted else {
        throw NetworkError(
          expected: "each axis at most once of the \(rank) axes of \(factor)", found: "\(axis) among \(axes)")
      }
    }
  }

  /// The product with data of shape `input`; only if it `isExact` the size along the batch axis is that of the data.
  func placed(_ input: [Int], _ axes: DataAxes, isExact: Bool = false) throws(NetworkError) -> PlacedProduct {
    try Self.requireDistinct(pairs.map(\.data), rank: input.count, of: "the input, shape \(input)")
    var constantAxes = [Int?](repeating: nil, count: input.count)
    var (batch, contracted) = ([Int](), Set<Int>())
    for pair in pairs {
      let data = pair.data < 0 ? pair.data + input.count : pair.data
      let other = pair.constant < 0 ? pair.constant + constant.rank : pair.constant
      guard input[data] == constant.shape[other] || (data == axes.batch && !isExact) else {
        throw NetworkError(
          path: [.name(pair.isBatch ? "batch" : "contracting")],
          expected: "axis \(data) of the input, shape \(input), as long as axis \(other) of the constant",
          found: "\(constant.shape[other])")
      }
      constantAxes[data] = other
      if pair.isBatch { batch.append(data) } else { contracted.insert(data) }
    }
    return PlacedProduct(
      input: input, axes: axes, constantShape: constant.shape, isLeft: isLeft, constantAxes: constantAxes, batch: batch,
      contracted: contracted)
  }
}

/// A product of data of known shape with a constant.
struct PlacedProduct: Sendable {
  /// An axis of the output.
  enum OutputAxis: Sendable, Hashable {
    /// The axis of this number of the data.
    case data(Int)
    /// The axis of this number of the constant.
    case constant(Int)
    /// The batch axis of size 1 that stands for contracted inputs.
    case single
  }

  let input: [Int]
  /// Counted from the front.
  let axes: DataAxes
  let constantShape: [Int]
  let isLeft: Bool
  /// Per axis of the data, the axis of the constant that it is paired with.
  let constantAxes: [Int?]
  /// Axes of the data that are paired and stay, in the order of the output.
  let batch: [Int]
  /// Axes of the data that are summed over.
  let contracted: Set<Int>

  /// What tells it from others.
  var description: String {
    "\(input) \(axes.batch) \(axes.channel) \(isLeft ? "left" : "right") \(constantShape) "
      + "\(constantAxes.map { $0 ?? -1 }) \(batch) \(contracted.sorted())"
  }

  var contractsBatch: Bool { contracted.contains(axes.batch) }

  /// Whether an axis of the data is paired.
  func touches(_ axis: Int) -> Bool { constantAxes[axis] != nil }

  var output: [OutputAxis] {
    let paired = Set(constantAxes.compactMap { $0 })
    let data = input.indices.filter { !touches($0) }.map { OutputAxis.data($0) }
    let constant = constantShape.indices.filter { !paired.contains($0) }.map { OutputAxis.constant($0) }
    return (contractsBatch ? [.single] : []) + batch.map { .data($0) } + (isLeft ? constant + data : data + constant)
  }

  var outputShape: [Int] {
    output.map { axis in
      switch axis {
      case .data(let axis): input[axis]
      case .constant(let axis): constantShape[axis]
      case .single: 1
      }
    }
  }

  /// Where batch and channels are in the output; the channels are not contracted.
  var outputAxes: DataAxes {
    let batch = output.firstIndex(of: contractsBatch ? .single : .data(axes.batch))
    let channel = output.firstIndex(of: .data(axes.channel))
    return DataAxes(batch: batch ?? 0, channel: channel ?? -1)
  }

  /// The product of the data themselves.
  func apply(_ data: Tensor, _ constant: Tensor) -> Tensor {
    func pairs(_ axes: [Int]) -> (data: [Int], constant: [Int]) {
      (axes, axes.compactMap { constantAxes[$0] })
    }
    let (contracting, batch) = (pairs(contracted.sorted()), pairs(batch))
    let factor = constant.asType(data.dtype)
    let product =
      isLeft
      ? dotGeneral(
        factor, data, contracting: (contracting.constant, contracting.data), batch: (batch.constant, batch.data))
      : dotGeneral(
        data, factor, contracting: (contracting.data, contracting.constant), batch: (batch.data, batch.constant))
    return contractsBatch ? product.expandedDims(0) : product
  }
}
