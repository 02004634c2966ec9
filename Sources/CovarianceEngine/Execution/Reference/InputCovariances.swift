import Tensors

/// The state of a program's input.
struct InputCovariances {
  let tangent: Tangent
  /// Whether covariances between different positions are needed.
  let isFull: Bool
  /// Whether a data set's covariances between different inputs are needed.
  let hasFullBatch: Bool
  /// Whether the means of inputs over channels are needed.
  let needsMeans: Bool

  func state(of input: ProgramInput) throws(NetworkError) -> CovarianceState {
    switch input {
    case .data(let data): return state(of: data)
    case .kernel(let kernel): return try state(of: kernel)
    }
  }

  private func state(of data: ProgramData) -> CovarianceState {
    let (x1, x2) = (data.x1, data.x2 ?? data.x1)
    let layout = CovarianceLayout(
      positions: Array(x1.shape.dropFirst().dropLast()), isDiagonal: !isFull, hasFullBatch: hasFullBatch)
    let k11 = layout.hasFullBatch ? cross(x1, x1, layout) : ofItself(x1, layout)
    let k22 = data.x2.map { layout.hasFullBatch ? cross($0, $0, layout) : ofItself($0, layout) } ?? k11
    func mean(_ x: Tensor) -> Tensor? { needsMeans ? x.mean(axis: x.rank - 1) : nil }
    return CovarianceState(
      k12: cross(x1, x2, layout), theta: tangent == .absent ? .absent : .zero, k11: k11, k22: k22, layout: layout,
      mean1: mean(x1), mean2: mean(x2), mask1: data.mask1, mask2: data.mask2 ?? (data.x2 == nil ? data.mask1 : nil))
  }

  private func state(of kernel: Kernel) throws(NetworkError) -> CovarianceState {
    guard kernel.layout.hasFullBatch || !hasFullBatch else {
      throw NetworkError(
        path: [.name("cov1")], expected: "covariances between all inputs of a data set, which the layers after mix",
        found: "variances of single inputs")
    }
    guard !kernel.layout.isDiagonal || !isFull || kernel.layout.positions.isEmpty else {
      throw NetworkError(
        path: [.name("nngp")], expected: "covariances between all positions, which the layers after mix",
        found: "those of each position with itself, shape \(kernel.nngp.shape)")
    }
    guard !needsMeans || kernel.isGaussian else {
      throw NetworkError(
        expected: "the kernel of a layer of zero mean (a dense layer), because the layers after need means",
        found: "one of other activations: compute the kernel of the whole network at once")
    }
    let state = CovarianceState(
      k12: kernel.nngp, theta: tangent == .absent ? .absent : kernel.ntk.map { .matrix($0) } ?? .zero, k11: kernel.cov1,
      k22: kernel.cov2 ?? kernel.cov1, layout: kernel.layout, mask1: kernel.mask1,
      mask2: kernel.mask2 ?? (kernel.isSymmetric ? kernel.mask1 : nil))
    let needed = hasFullBatch ? state : state.withoutOtherInputs()
    return isFull ? needed : try needed.diagonal()
  }

  /// Covariances of the inputs `x1` with the inputs `x2`, shape (N1, N2, P…, P…) or (N1, N2, P…).
  private func cross(_ x1: Tensor, _ x2: Tensor, _ layout: CovarianceLayout) -> Tensor {
    let (n1, n2, channels, count) = (x1.shape[0], x2.shape[0], x1.shape[x1.rank - 1], layout.positionCount)
    if layout.isDiagonal {
      let (a, b) = (x1.reshaped([n1, count, channels]), x2.reshaped([n2, count, channels]))
      return products(a.transposed(1, 0, 2), b.transposed(1, 0, 2)).transposed(1, 2, 0)
        .reshaped([n1, n2] + layout.positions)
    }
    return products(x1.reshaped([1, n1 * count, channels]), x2.reshaped([1, n2 * count, channels]))
      .reshaped([n1, count, n2, count]).transposed(0, 2, 1, 3)
      .reshaped([n1, n2] + layout.positions + layout.positions)
  }

  /// Covariances of each input with itself, shape (N, P…, P…) or (N, P…).
  private func ofItself(_ x: Tensor, _ layout: CovarianceLayout) -> Tensor {
    if layout.isDiagonal { return meanSquare(x) }
    let flat = x.reshaped([x.shape[0], layout.positionCount, x.shape[x.rank - 1]])
    return products(flat, flat).reshaped([x.shape[0]] + layout.positions + layout.positions)
  }

  private func meanSquare(_ x: Tensor) -> Tensor { (x * x).mean(axis: x.rank - 1) }

  /// The means over channels of products of rows, shape (B, N1, N2), of matrices of shape (B, N1, C) and (B, N2, C), with
  /// the covariance of equal rows their variance.
  private func products(_ x1: Tensor, _ x2: Tensor) -> Tensor {
    let product = matmul(x1, x2.transposed(0, 2, 1)) / Double(x1.shape[2])
    let (k11, k22) = (meanSquare(x1), meanSquare(x2))
    if x1.isTraced || x2.isTraced { return traceablyCorrected(product, k11, k22, x1, x2) }
    return x1.dtype == .float32
      ? corrected(product, k11, k22, x1, x2, as: Float.self) : corrected(product, k11, k22, x1, x2, as: Double.self)
  }

  private func corrected<Scalar: LoopScalar>(
    _ k12: Tensor, _ k11: Tensor, _ k22: Tensor, _ x1: Tensor, _ x2: Tensor, as type: Scalar.Type
  ) -> Tensor {
    var result = k12
    let (batch, n1, n2, channels) = (x1.shape[0], x1.shape[1], x2.shape[1], x1.shape[2])
    let check = CollinearityCheck<Scalar>(channels: channels)
    let (q11, q22) = (k11.scalars(as: type), k22.scalars(as: type))
    let (root11, root22) = (q11.map { $0.squareRoot() }, q22.map { $0.squareRoot() })
    x1.withUnsafeBuffer(of: type) { x1 in
      x2.withUnsafeBuffer(of: type) { x2 in
        guard let x1 = x1.baseAddress, let x2 = x2.baseAddress else { return }
        result.withUnsafeMutableBuffer(of: type) { k12 in
          for row in 0..<batch * n1 {
            let first = row / n1 * n2
            for column in first..<first + n2 {
              let entry = row * n2 + column - first
              k12[entry] = check.corrected(
                k12[entry], q11[row], q22[column], root11[row], root22[column], x1 + row * channels,
                x2 + column * channels, channels: channels)
            }
          }
        }
      }
    }
    return result
  }

  /// The same made of tensor operations; only values change, derivatives are those of the product.
  ///
  /// To compare all pairs of rows element by element would take a tensor of B × N1 × N2 × channels. Equal rows have the
  /// same projections on fixed directions, to the last bit, and opposite rows opposite ones; rows whose correlation
  /// is ±1 up to rounding and whose two projections agree are equal as far as a kernel can tell.
  private func traceablyCorrected(
    _ k12: Tensor, _ k11: Tensor, _ k22: Tensor, _ x1: Tensor, _ x2: Tensor
  ) -> Tensor {
    let channels = x1.shape[2]
    let threshold =
      x1.dtype == .float32
      ? Double(CollinearityCheck<Float>(channels: channels).threshold)
      : CollinearityCheck<Double>(channels: channels).threshold
    let (x1, x2) = (stopGradient(x1), stopGradient(x2))
    let (rows, columns) = (stopGradient(k11).expandedDims(2), stopGradient(k22).expandedDims(1))
    let product = stopGradient(k12)
    let isCollinear = abs(product) .>= threshold * (sqrt(rows) * sqrt(columns))
    let directions = RandomKey(seed: 0).uniform([2, channels], from: 0.5, to: 1.5, dtype: x1.dtype)
    var (isEqual, isOpposite) = (isCollinear, isCollinear)
    for index in 0..<2 {
      let direction = directions[index]
      let (p1, p2) = ((x1 * direction).sum(axis: 2).expandedDims(2), (x2 * direction).sum(axis: 2).expandedDims(1))
      isEqual = isEqual .& (p1 .== p2)
      isOpposite = isOpposite .& (p1 .== -p2)
    }
    let exact = select(isEqual, rows, select(isOpposite, -rows, product))
    // The difference of numbers this near to each other is exact, and so is the sum.
    return k12 + (exact - product)
  }
}
