import Tensors

/// What one input of a covariance program starts from: data, or a kernel that another network computed.
package enum ProgramInput: Sendable {
  case data(ProgramData)
  case kernel(Kernel)

  package var counts: (n1: Int, n2: Int) {
    switch self {
    case .data(let data): (data.x1.shape[0], (data.x2 ?? data.x1).shape[0])
    case .kernel(let kernel): (kernel.nngp.shape[0], kernel.nngp.shape[1])
    }
  }

  /// Whether the Gram matrix is symmetric with the variances on its diagonal.
  package var isSymmetric: Bool {
    switch self {
    case .data(let data): data.x2 == nil
    case .kernel(let kernel): kernel.isSymmetric && kernel.cov2 == nil
    }
  }

  /// Whether it is an argument of a function that is being traced, without elements.
  var isTraced: Bool {
    switch self {
    case .data(let data): data.x1.isTraced || data.x2?.isTraced ?? false
    case .kernel(let kernel):
      [kernel.nngp, kernel.ntk, kernel.cov1, kernel.cov2].contains { $0?.isTraced ?? false }
    }
  }

  /// Whether it has a tangent kernel already; that of data is zero.
  var tangent: Tangent {
    if case .kernel(let kernel) = self, kernel.ntk != nil { .given } else { .zero }
  }

  /// Whether it is data of two data sets.
  var hasTwoDataSets: Bool {
    if case .data(let data) = self { return data.x2 != nil }
    return false
  }

  /// True where inputs of a data set are masked, shape (N, P…).
  package func mask(of dataSet: DataSet) -> Tensor? {
    switch self {
    case .data(let data): dataSet == .second && data.x2 != nil ? data.mask2 : data.mask1
    case .kernel(let kernel): dataSet == .second && kernel.cov2 != nil ? kernel.mask2 : kernel.mask1
    }
  }

  func converted(to dtype: DType) -> ProgramInput {
    switch self {
    case .data(var data):
      data.x1 = data.x1.asType(dtype)
      data.x2 = data.x2?.asType(dtype)
      return .data(data)
    case .kernel(var kernel):
      kernel.nngp = kernel.nngp.asType(dtype)
      kernel.ntk = kernel.ntk?.asType(dtype)
      kernel.cov1 = kernel.cov1.asType(dtype)
      kernel.cov2 = kernel.cov2?.asType(dtype)
      return .kernel(kernel)
    }
  }

  package var dtype: DType {
    switch self {
    case .data(let data): data.x2.map { data.x1.dtype.promoted(with: $0.dtype) } ?? data.x1.dtype
    case .kernel(let kernel): kernel.nngp.dtype
    }
  }
}

/// Inputs with the batch first and the channels last: shape (N, P…, C), zero where masked.
package struct ProgramData: Sendable {
  package var x1: Tensor
  /// nil when both data sets are the same.
  package var x2: Tensor?
  /// True where all channels of a position are masked, shape (N1, P…); nil when masks are not used.
  package var mask1: Tensor?
  package var mask2: Tensor?

  package init(x1: Tensor, x2: Tensor?, mask1: Tensor?, mask2: Tensor?) {
    (self.x1, self.x2, self.mask1, self.mask2) = (x1, x2, mask1, mask2)
  }
}

extension ProgramInput {
  /// Whether tiles of a matrix of inputs and channels can be made of it.
  var isMatrix: Bool {
    switch self {
    case .data(let data): data.x1.rank == 2 && data.mask1 == nil && data.mask2 == nil
    case .kernel(let kernel):
      kernel.nngp.rank == 2 && kernel.mask1 == nil && kernel.mask2 == nil && kernel.cov1.rank == 1
    }
  }

  /// The inputs `rows` of the first and `columns` of the second data set; those of a single one give two unless the
  /// ranges are the same.
  package func part(rows: Range<Int>, columns: Range<Int>) -> ProgramInput {
    switch self {
    case .data(var data):
      let isSymmetric = data.x2 == nil && rows == columns
      data.x2 = isSymmetric ? nil : (data.x2 ?? data.x1)[columns]
      data.mask2 = (data.mask2 ?? data.mask1)?[columns]
      data.x1 = data.x1[rows]
      data.mask1 = data.mask1?[rows]
      return .data(data)
    case .kernel(var kernel):
      let isSymmetric = isSymmetric && rows == columns
      kernel.nngp = kernel.nngp[rows, columns]
      kernel.ntk = kernel.ntk?[rows, columns]
      func selfPart(_ k: Tensor, _ range: Range<Int>) -> Tensor {
        kernel.layout.hasFullBatch ? k[range, range] : k[range]
      }
      kernel.cov2 = isSymmetric ? nil : selfPart(kernel.cov2 ?? kernel.cov1, columns)
      kernel.mask2 = (kernel.mask2 ?? kernel.mask1)?[columns]
      kernel.cov1 = selfPart(kernel.cov1, rows)
      kernel.mask1 = kernel.mask1?[rows]
      kernel.isSymmetric = isSymmetric
      return .kernel(kernel)
    }
  }
}
