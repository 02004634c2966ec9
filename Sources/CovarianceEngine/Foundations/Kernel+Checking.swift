import Tensors

extension Kernel {
  /// A kernel of its parts, such as another program kept of it.
  ///
  /// - Throws: `NetworkError` where the parts do not fit each other.
  package init(
    nngp: Tensor, ntk: Tensor?, cov1: Tensor, cov2: Tensor?, mask1: Tensor?, mask2: Tensor?, shape1: [Int],
    shape2: [Int], axes: DataAxes, isDiagonal: Bool, hasFullBatch: Bool, isSymmetric: Bool, isGaussian: Bool
  ) throws(NetworkError) {
    func wrong(_ name: String, _ expected: String, _ found: String) -> NetworkError {
      NetworkError(path: [.name("kernel"), .name(name)], expected: expected, found: found)
    }
    let axes = try axes.resolved(for: shape1)
    guard shape2.count == shape1.count, shape1.allSatisfy({ $0 > 0 }), shape2.allSatisfy({ $0 > 0 }) else {
      throw wrong("shape2", "positive sizes along the axes of shape1, \(shape1)", "\(shape2)")
    }
    let positionAxes = axes.positionAxes(rank: shape1.count)
    let positions = positionAxes.map { shape1[$0] }
    guard positionAxes.map({ shape2[$0] }) == positions else {
      throw wrong("shape2", "the positions of shape1, \(positions)", "\(shape2)")
    }
    let (n1, n2) = (shape1[axes.batch], shape2[axes.batch])
    let layout = CovarianceLayout(positions: positions, isDiagonal: isDiagonal, hasFullBatch: hasFullBatch)
    let pairs = layout.isDiagonal ? positions : positions + positions
    func check(_ name: String, _ tensor: Tensor?, _ shape: [Int], isMask: Bool = false) throws(NetworkError) {
      guard let tensor else { return }
      guard tensor.shape == shape else { throw wrong(name, "shape \(shape)", "\(tensor.shape)") }
      guard tensor.dtype.isFloatingPoint == !isMask else {
        throw wrong(name, isMask ? "bools" : "floating-point numbers", "\(tensor.dtype)")
      }
      if isMask || tensor.isTraced { return }
      do {
        try tensor.requireFinite(context: name)
      } catch {
        throw wrong(name, "finite numbers", "NaN or infinity")
      }
    }
    try check("nngp", nngp, [n1, n2] + pairs)
    try check("ntk", ntk, [n1, n2] + pairs)
    try check("cov1", cov1, (hasFullBatch ? [n1, n1] : [n1]) + pairs)
    try check("cov2", cov2, (hasFullBatch ? [n2, n2] : [n2]) + pairs)
    try check("mask1", mask1, [n1] + positions, isMask: true)
    try check("mask2", mask2, [n2] + positions, isMask: true)
    guard n1 == n2 || cov2 != nil else {
      throw wrong("cov2", "the covariances of \(n2) inputs, where the first data set has \(n1)", "none")
    }
    self.init(
      nngp: nngp, ntk: ntk, cov1: cov1, cov2: cov2, layout: layout, mask1: mask1, mask2: mask2, shape1: shape1,
      shape2: shape2, isSymmetric: isSymmetric && n1 == n2, isGaussian: isGaussian, axes: axes)
  }
}
