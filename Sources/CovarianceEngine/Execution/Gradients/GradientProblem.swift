import Tensors

/// The gradient of a scalar function of a kernel in the inputs: data, and the cotangents of the kernel's parts.
struct GradientProblem<Scalar: GradientScalar>: Sendable {
  let plan: GradientPlan
  let tangent: Tangent
  /// One per input of the program; x2 is nil where both data sets are one.
  let inputs: [ProgramData]
  let isSymmetric: Bool
  let n1: Int
  let n2: Int
  /// Cotangents of K and Θ, shape (N1, N2), those of entries (i, j) and (j, i) added up where both data sets are one; nil for
  /// zero.
  let k: Tensor?
  let theta: Tensor?
  /// Those of the covariances of inputs with themselves, and of their Θ, shape (N).
  let self1: (k: Tensor?, theta: Tensor?)
  let self2: (k: Tensor?, theta: Tensor?)
  /// The covariances of the only input, as `GradientHints` has them.
  let products: Tensor?
  /// Data sets in which nobody asks for the gradient.
  let unwanted: Set<DataSet>

  init(
    _ plan: GradientPlan, _ tangent: Tangent, _ inputs: [ProgramData], _ cotangents: KernelCotangents,
    _ hints: GradientHints
  ) {
    (self.plan, self.tangent) = (plan, tangent)
    let dtype = Scalar.dtype
    products = inputs.count == 1 ? hints.products?.asType(dtype) : nil
    unwanted = hints.unwanted
    self.inputs = inputs.map {
      ProgramData(x1: $0.x1.asType(dtype), x2: $0.x2?.asType(dtype), mask1: nil, mask2: nil)
    }
    isSymmetric = inputs.allSatisfy { $0.x2 == nil }
    (n1, n2) = (inputs[0].x1.shape[0], (inputs[0].x2 ?? inputs[0].x1).shape[0])
    let (nngp, ntk) = (cotangents.nngp?.asType(dtype), cotangents.ntk?.asType(dtype))
    let (cov1, cov2) = (cotangents.cov1?.asType(dtype), cotangents.cov2?.asType(dtype))
    guard isSymmetric else {
      (k, theta, self1, self2) = (nngp, ntk, (cov1, nil), (cov2, nil))
      return
    }
    k = nngp.map { $0 + $0.transposed() }
    theta = ntk.map { $0 + $0.transposed() }
    // An input with itself is computed once, as the covariance of a data set's inputs is.
    let covariances = [nngp?.diagonal(), cov1, cov2].compactMap(\.self)
    self1 = (covariances.isEmpty ? nil : covariances.dropFirst().reduce(covariances[0], +), ntk?.diagonal())
    self2 = (nil, nil)
  }

  func count(_ dataSet: DataSet) -> Int { dataSet == .first ? n1 : n2 }

  /// Whether the kernels of inputs with themselves count.
  func selfPurpose(_ dataSet: DataSet) -> GradientSchedule.Purpose {
    let cotangents = dataSet == .first ? self1 : self2
    return cotangents.k == nil && cotangents.theta == nil ? .numbers : .itself
  }

  func x(_ input: Int, _ dataSet: DataSet) -> Tensor {
    dataSet == .first ? inputs[input].x1 : inputs[input].x2 ?? inputs[input].x1
  }

  var dataSets: [DataSet] { isSymmetric ? [.first] : [.first, .second] }
}

extension Optional where Wrapped == Tensor {
  /// Where the numbers are; nil where there are none.
  func pointer<Scalar: TensorScalar>(to type: Scalar.Type) -> UnsafePointer<Scalar>? {
    map { $0.unsafePointer(to: type) }
  }
}
