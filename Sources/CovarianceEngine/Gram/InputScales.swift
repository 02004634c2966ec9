import Tensors

/// Powers of two that inputs are multiplied by before their kernel is computed, where their squares would be too small for the
/// element type to hold, and by which the kernel is divided afterwards: K(s x, t y) = s t K(x, y) for programs all of whose
/// operations are homogeneous.
struct InputScales: Sendable {
  private let first: [Double]
  private let second: [Double]

  /// The scales, and the inputs multiplied by them; nil where there is nothing to be done.
  init?(_ program: CovarianceProgram, _ inputs: [ProgramInput]) {
    guard inputs.count == 1, case .data(var data) = inputs[0], data.mask1 == nil, data.mask2 == nil,
      !data.x1.isTraced, !(data.x2?.isTraced ?? false),
      program.steps.allSatisfy({ $0.operation.isHomogeneous }), let first = Self.scales(of: data.x1)
    else { return nil }
    let second = data.x2.map { Self.scales(of: $0) } ?? first
    guard let second, (first + second).contains(where: { $0 != 1 }) else { return nil }
    (self.first, self.second) = (first, second)
    data.x1 = Self.scaled(data.x1, first)
    data.x2 = data.x2.map { Self.scaled($0, second) }
    self.inputs = [.data(data)]
  }

  /// Multiplied.
  let inputs: [ProgramInput]

  /// A power of two per input; nil where an input is not finite.
  private static func scales(of x: Tensor) -> [Double]? {
    let count = x.shape[0]
    guard count > 0, x.count > 0 else { return nil }
    let rows = abs(x.reshaped([count, -1])).max(axis: 1).asType(.float64).scalars(as: Double.self)
    // Squares and products of such numbers keep all their digits.
    let smallest = x.dtype == .float32 ? 0x1p-40 : 0x1p-400
    var scales: [Double] = []
    for size in rows {
      guard size.isFinite else { return nil }
      scales.append(size > 0 && size < smallest ? powerOfTwo(-size.exponent) : 1)
    }
    return scales
  }

  private static func powerOfTwo(_ exponent: Int) -> Double {
    // The smallest numbers of all would take more than there is.
    Double(sign: .plus, exponent: min(exponent, 1022), significand: 1)
  }

  private static func scaled(_ x: Tensor, _ scales: [Double]) -> Tensor {
    // In two steps, since single precision has not the whole factor.
    let (a, b) = parts(scales, of: x.dtype, rank: x.rank)
    return x * a * b
  }

  /// Two factors whose product a scale is, each of the element type, shape (N, 1, …).
  private static func parts(_ scales: [Double], of dtype: DType, rank: Int) -> (Tensor, Tensor) {
    let shape = [scales.count] + Array(repeating: 1, count: rank - 1)
    let exponents = scales.map { Int($0.exponent) }
    func tensor(_ exponents: [Int]) -> Tensor {
      Tensor(exponents.map { Double(sign: .plus, exponent: $0, significand: 1) }, shape: shape).asType(dtype)
    }
    let halves = exponents.map { $0 / 2 }
    return (tensor(halves), tensor(zip(exponents, halves).map { $0 - $1 }))
  }

  /// The covariances of the inputs as they were, for a block of them.
  func undone(_ block: CovarianceBlock, rows: Range<Int>, columns: Range<Int>) -> CovarianceBlock {
    var result = block
    result.k12 = divided(block.k12, Array(first[rows]), Array(second[columns]))
    result.theta = block.theta.map { divided($0, Array(first[rows]), Array(second[columns])) }
    result.k11 = block.k11.map { ofItself($0, Array(first[rows]), block.layout) }
    result.k22 = block.k22.map { ofItself($0, Array(second[columns]), block.layout) }
    return result
  }

  private func ofItself(_ k: Tensor, _ scales: [Double], _ layout: CovarianceLayout) -> Tensor {
    if layout.hasFullBatch { return divided(k, scales, scales) }
    let (a, b) = Self.parts(scales.map { 1 / $0 }, of: k.dtype, rank: k.rank)
    // The smallest steps last: they round where the result has no more digits.
    return k * a * b * a * b
  }

  private func divided(_ k: Tensor, _ rows: [Double], _ columns: [Double]) -> Tensor {
    let (a, b) = Self.parts(rows.map { 1 / $0 }, of: k.dtype, rank: k.rank)
    let (c, d) = Self.parts(columns.map { 1 / $0 }, of: k.dtype, rank: k.rank - 1)
    return k * a * b * c.expandedDims(0) * d.expandedDims(0)
  }
}
