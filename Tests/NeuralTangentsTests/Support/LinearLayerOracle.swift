import NeuralTangents
import Tensors
import Testing

/// What the kernel of a layer must be whose outputs are linear in its inputs, channel by channel.
///
/// The kernel of such a layer on data is exactly the covariance of its finite outputs over their channels; after other
/// layers it is M K Mᵀ, where M is the matrix of the layer, found by applying it to unit vectors.
struct LinearLayerOracle {
  let layer: any Layer
  var axes = DataAxes()
  var maskConstant: Double?

  /// Checks kernel, self-covariances, masks and shapes on data, for all positions and for each with itself.
  func expectExact(_ x1: Tensor, _ x2: Tensor?, tolerance: Double = 1e-12, _ comment: Comment) throws {
    let kernel = try layer.kernel(
      x1, x2, maskConstant: maskConstant, options: KernelOptions(batch: .all))
    let (y1, y2) = (try outputs(x1), try outputs(x2 ?? x1))
    try #require(kernel.shape1 == y1.values.shape && kernel.shape2 == y2.values.shape, comment)
    let outputShape = try layer.outputShape(forInput: x1.shape)
    try #require(kernel.shape1 == outputShape, comment)
    let (rows, columns) = (matrix(y1.values, kernel.axes), matrix(y2.values, kernel.axes))
    let expected = covariance(rows, columns)
    expectEqual(kernel.nngp, expected, tolerance, comment)
    expectEqual(kernel.cov1, covariance(rows, rows), tolerance, comment)
    if let cov2 = kernel.cov2 { expectEqual(cov2, covariance(columns, columns), tolerance, comment) }
    #expect(kernel.ntk?.shape == kernel.nngp.shape, comment)
    #expect((kernel.cov2 == nil) == (x2 == nil), comment)
    expectMask(kernel.mask1, y1, kernel.axes, comment)
    if x2 != nil { expectMask(kernel.mask2, y2, kernel.axes, comment) }

    let diagonal = try layer.kernel(
      x1, x2, maskConstant: maskConstant, kernels: .nngp, options: KernelOptions(positions: .diagonal))
    expectEqual(diagonal.nngp, Self.diagonal(expected, batchAxes: 2), tolerance, comment)
    let ofItself = Self.diagonal(covariance(rows, rows), batchAxes: 2)
    expectEqual(
      diagonal.cov1,
      diagonal.layout.hasFullBatch ? ofItself : ofItself.diagonal(0, 1).movedAxis(from: -1, to: 0), tolerance,
      comment)
  }

  /// Checks the kernels of `layers` followed by the layer.
  func expectExact(
    after layers: [any Layer], _ x1: Tensor, _ x2: Tensor?, tolerance: Double = 1e-12, _ comment: Comment
  ) throws {
    let before = try Serial(layers).kernel(
      x1, x2, maskConstant: maskConstant, options: KernelOptions(batch: .all))
    let kernel = try Serial(layers + [layer]).kernel(
      x1, x2, maskConstant: maskConstant, options: KernelOptions(batch: .all))
    let m1 = try layerMatrix(before.shape1, before.axes, kernel.axes)
    let m2 = try layerMatrix(before.shape2, before.axes, kernel.axes)
    func expected(_ k: Tensor, _ m1: Tensor, _ m2: Tensor) -> Tensor {
      // Shape (N1, P, N2, P) as a matrix of inputs and positions.
      let rank = (k.rank - 2) / 2
      let positions = k.shape[2..<2 + rank].reduce(1, *)
      let flat = k.reshaped([k.shape[0], k.shape[1], positions, positions]).transposed(0, 2, 1, 3)
        .reshaped([m1.shape[m1.rank - 1], m2.shape[m2.rank - 1]])
      let rows = m1.reshaped([-1, m1.shape[m1.rank - 1]])
      let columns = m2.reshaped([-1, m2.shape[m2.rank - 1]])
      return covariance(
        matmul(matmul(rows, flat), columns.transposed())
          .reshaped(Array(m1.shape.dropLast()) + Array(m2.shape.dropLast())), rowRank: m1.rank - 1)
    }
    expectEqual(kernel.nngp, expected(before.nngp, m1, m2), tolerance, comment)
    expectEqual(kernel.cov1, expected(before.cov1, m1, m1), tolerance, comment)
    expectEqual(
      try #require(kernel.ntk, comment), expected(try #require(before.ntk, comment), m1, m2), tolerance, comment)
    #expect(kernel.isGaussian == before.isGaussian, comment)
  }

  private func outputs(_ x: Tensor) throws -> MaskedTensor {
    try layer.masked(
      layer.initialize(RandomKey(seed: 0), inputShape: x.shape, dtype: x.dtype), x, maskConstant: maskConstant)
  }

  /// Outputs of shape (N, P…, C).
  private func matrix(_ y: Tensor, _ axes: DataAxes) -> Tensor { y.transposed(Self.order(axes, y.rank)) }

  private static func order(_ axes: DataAxes, _ rank: Int) -> [Int] {
    [axes.batch] + (0..<rank).filter { $0 != axes.batch && $0 != axes.channel } + [axes.channel]
  }

  /// Means over channels, shape (N1, N2, P…, P…).
  private func covariance(_ y1: Tensor, _ y2: Tensor) -> Tensor {
    let channels = y1.shape[y1.rank - 1]
    let product = dotGeneral(y1, y2, contracting: ([-1], [-1])) / Double(channels)
    return covariance(product, rowRank: y1.rank - 1)
  }

  /// From shape (N1, P…, N2, P…) to (N1, N2, P…, P…).
  private func covariance(_ product: Tensor, rowRank: Int) -> Tensor {
    product.movedAxis(from: rowRank, to: 1)
  }

  /// The layer as a matrix of outputs (N, P…) and inputs (N · P).
  private func layerMatrix(_ shape: [Int], _ input: DataAxes, _ output: DataAxes) throws -> Tensor {
    let order = Self.order(input, shape.count)
    let canonical = order.dropLast().map { shape[$0] }
    let count = canonical.reduce(1, *)
    var back = order
    for (place, axis) in order.enumerated() { back[axis] = place }
    let units = Tensor.eye(count, dtype: .float64).reshaped(canonical + [count]).transposed(back)
    let y = try outputs(units).values
    return y.transposed(Self.order(output, y.rank))
  }

  static func diagonal(_ k: Tensor, batchAxes: Int) -> Tensor {
    let rank = (k.rank - batchAxes) / 2
    let positions = Array(k.shape[batchAxes..<batchAxes + rank])
    let count = positions.reduce(1, *)
    let batch = Array(k.shape.prefix(batchAxes))
    return k.reshaped(batch + [count, count]).diagonal().reshaped(batch + positions)
  }

  private func expectMask(_ found: Tensor?, _ y: MaskedTensor, _ axes: DataAxes, _ comment: Comment) {
    #expect((found == nil) == (y.mask == nil), comment)
    guard let found, let mask = y.mask else { return }
    let full = matrix(mask.broadcast(to: y.shape), axes).all(axis: -1)
    #expect(found.shape == full.shape && !(found .^ full).any().scalar(as: Bool.self), comment)
  }
}

/// Checks shape and elements, relative to the largest.
func expectEqual(
  _ found: Tensor, _ expected: Tensor, _ tolerance: Double, _ comment: Comment,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.shape == expected.shape else {
    #expect(found.shape == expected.shape, comment, sourceLocation: sourceLocation)
    return
  }
  let scale = Swift.max(abs(expected).max().scalar(as: Double.self), 1e-300)
  let error = abs(found - expected).max().scalar(as: Double.self) / scale
  #expect(error < tolerance, comment, sourceLocation: sourceLocation)
}
