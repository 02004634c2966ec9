import Tensors

extension ReferenceExecutor {
  /// The state of a program's input.
  static func state(of input: CovarianceInput, withNTK: Bool) -> State {
    switch input {
    case .data(let x1, let x2):
      let (k11, k22) = (meanSquare(x1), x2.map(meanSquare))
      let product = matmul(x1, (x2 ?? x1).transposed()) / Double(x1.shape[1])
      let k12: Tensor
      if x1.isTraced || x2?.isTraced ?? false {
        k12 = traceablyCorrected(product, k11, k22 ?? k11, x1, x2 ?? x1)
      } else if x1.dtype == .float32 {
        k12 = corrected(product, k11, k22 ?? k11, x1, x2 ?? x1, as: Float.self)
      } else {
        k12 = corrected(product, k11, k22 ?? k11, x1, x2 ?? x1, as: Double.self)
      }
      return State(k12: k12, theta: withNTK ? .zero : .notRequested, k11: k11, k22: k22 ?? k11)
    case .kernel(let kernel):
      let theta: State.Theta = withNTK ? kernel.ntk.map { .matrix($0) } ?? .zero : .notRequested
      return State(k12: kernel.nngp, theta: theta, k11: kernel.cov1, k22: kernel.cov2 ?? kernel.cov1)
    }
  }

  private static func meanSquare(_ x: Tensor) -> Tensor { (x * x).mean(axis: 1) }

  private static func corrected<Scalar: FusedScalar>(
    _ k12: Tensor, _ k11: Tensor, _ k22: Tensor, _ x1: Tensor, _ x2: Tensor, as type: Scalar.Type
  ) -> Tensor {
    var result = k12
    let (n1, n2, channels) = (x1.shape[0], x2.shape[0], x1.shape[1])
    let check = CollinearityCheck<Scalar>(channels: channels)
    let (q11, q22) = (k11.scalars(as: type), k22.scalars(as: type))
    let (root11, root22) = (q11.map { $0.squareRoot() }, q22.map { $0.squareRoot() })
    x1.withUnsafeBuffer(of: type) { x1 in
      x2.withUnsafeBuffer(of: type) { x2 in
        guard let x1 = x1.baseAddress, let x2 = x2.baseAddress else { return }
        result.withUnsafeMutableBuffer(of: type) { k12 in
          for i in 0..<n1 {
            for j in 0..<n2 {
              k12[i * n2 + j] = check.corrected(
                k12[i * n2 + j], q11[i], q22[j], root11[i], root22[j], x1 + i * channels, x2 + j * channels,
                channels: channels)
            }
          }
        }
      }
    }
    return result
  }

  /// The same made of tensor operations; only values change, derivatives are those of the product.
  ///
  /// To compare all pairs of inputs element by element would take a tensor of N1 × N2 × channels. Equal inputs have the
  /// same projections on fixed directions, to the last bit, and opposite inputs opposite ones; inputs whose correlation
  /// is ±1 up to rounding and whose two projections agree are equal as far as a kernel can tell.
  private static func traceablyCorrected(
    _ k12: Tensor, _ k11: Tensor, _ k22: Tensor, _ x1: Tensor, _ x2: Tensor
  ) -> Tensor {
    let channels = x1.shape[1]
    let threshold =
      x1.dtype == .float32
      ? Double(CollinearityCheck<Float>(channels: channels).threshold)
      : CollinearityCheck<Double>(channels: channels).threshold
    let (x1, x2) = (stopGradient(x1), stopGradient(x2))
    let (rows, columns) = (stopGradient(k11).expandedDims(1), stopGradient(k22).expandedDims(0))
    let product = stopGradient(k12)
    let isCollinear = abs(product) .>= threshold * (sqrt(rows) * sqrt(columns))
    let directions = RandomKey(seed: 0).uniform([2, channels], from: 0.5, to: 1.5, dtype: x1.dtype)
    var (isEqual, isOpposite) = (isCollinear, isCollinear)
    for index in 0..<2 {
      let direction = directions[index]
      let (p1, p2) = ((x1 * direction).sum(axis: 1).expandedDims(1), (x2 * direction).sum(axis: 1).expandedDims(0))
      isEqual = isEqual .& (p1 .== p2)
      isOpposite = isOpposite .& (p1 .== -p2)
    }
    let exact = select(isEqual, rows, select(isOpposite, -rows, product))
    // The difference of numbers this near to each other is exact, and so is the sum.
    return k12 + (exact - product)
  }
}
