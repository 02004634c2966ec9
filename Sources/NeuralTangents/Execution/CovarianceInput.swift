import Tensors

/// What one input of a covariance program starts from: data, or a kernel that another network computed.
enum CovarianceInput: Sendable {
  /// Rows are inputs, columns channels; `x2` is nil when both data sets are the same.
  case data(x1: Tensor, x2: Tensor?)
  case kernel(Kernel)

  var counts: (n1: Int, n2: Int) {
    switch self {
    case .data(let x1, let x2): (x1.shape[0], (x2 ?? x1).shape[0])
    case .kernel(let kernel): (kernel.nngp.shape[0], kernel.nngp.shape[1])
    }
  }

  /// Whether the Gram matrix is symmetric with the variances on its diagonal.
  var isSymmetric: Bool {
    switch self {
    case .data(_, let x2): x2 == nil
    case .kernel(let kernel): kernel.x1IsX2 && kernel.cov2 == nil
    }
  }

  /// Whether it is an argument of a function that is being traced, without elements.
  var isTraced: Bool {
    switch self {
    case .data(let x1, let x2): x1.isTraced || x2?.isTraced ?? false
    case .kernel(let kernel):
      [kernel.nngp, kernel.ntk, kernel.cov1, kernel.cov2].contains { $0?.isTraced ?? false }
    }
  }

  func converted(to dtype: DType) -> CovarianceInput {
    switch self {
    case .data(let x1, let x2): return .data(x1: x1.asType(dtype), x2: x2?.asType(dtype))
    case .kernel(var kernel):
      kernel.nngp = kernel.nngp.asType(dtype)
      kernel.ntk = kernel.ntk?.asType(dtype)
      kernel.cov1 = kernel.cov1.asType(dtype)
      kernel.cov2 = kernel.cov2?.asType(dtype)
      return .kernel(kernel)
    }
  }

  var dtype: DType {
    switch self {
    case .data(let x1, let x2): x2.map { x1.dtype.promoted(with: $0.dtype) } ?? x1.dtype
    case .kernel(let kernel): kernel.nngp.dtype
    }
  }
}

/// Where rounding hides that two inputs are equal or opposite, says so.
///
/// A matrix product gives x·x' with an error of a few units in the last place. The angle between the inputs then has an
/// error of the square root of that, which the derivative dual of a kinked activation passes on undiminished, unless the
/// covariance of equal inputs is exactly their variance. So pairs with correlation ±1 up to rounding are compared.
struct CollinearityCheck<Scalar: FusedScalar>: Sendable {
  let threshold: Scalar

  init(channels: Int) {
    threshold = 1 - Scalar.ulpOfOne * (16 + 4 * Scalar(channels).squareRoot())
  }

  /// The covariance of inputs `x1` and `x2`, whose variances are `q11` and `q22`, given that a product made it `q12`.
  @inline(__always)
  func corrected(
    _ q12: Scalar, _ q11: Scalar, _ q22: Scalar, _ root11: Scalar, _ root22: Scalar,
    _ x1: UnsafePointer<Scalar>, _ x2: UnsafePointer<Scalar>, channels: Int
  ) -> Scalar {
    if abs(q12) < threshold * root11 * root22 { return q12 }
    var (isEqual, isOpposite) = (true, true)
    for channel in 0..<channels {
      isEqual = isEqual && x1[channel] == x2[channel]
      isOpposite = isOpposite && x1[channel] == -x2[channel]
      if !isEqual && !isOpposite { return q12 }
    }
    return isEqual ? q11 : -q11
  }
}
