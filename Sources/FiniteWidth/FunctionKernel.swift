import CovarianceEngine
import Tensors

/// What becomes of the axes of a function's outputs in its kernels.
///
/// The kernel has, in the order of the output's axes: nothing for a trace axis, one axis for a diagonal one, and for every other
/// one a pair, that of the first data set and that of the second. For outputs (N, C) the default is (N1, N2).
public struct FunctionKernelAxes: Sendable, Hashable {
  /// Axes over which the kernel is a mean; negative ones count from the last.
  public var trace: [Int]
  /// Axes along which only covariances of an entry with itself are wanted.
  public var diagonal: [Int]

  public init(trace: [Int] = [-1], diagonal: [Int] = []) {
    (self.trace, self.diagonal) = (trace, diagonal)
  }
}

/// How the tangent kernel of a function is computed; all ways give the same numbers to rounding.
public enum FunctionKernelMethod: Sendable, Hashable, CaseIterable {
  /// The derivatives of all outputs in all parameters, leaf by leaf, and their inner products.
  case jacobianContraction
  /// One product of the kernel with a vector per output of the second data set, without derivatives of all outputs in all
  /// parameters.
  case tangentVectorProducts
}

/// The covariance of a function's outputs: f(x1) f(x2)ᵀ, a mean over the trace axes.
///
/// - Parameters:
///   - f: a function of trees of parameters and of inputs, to a tensor.
///   - parameters: where.
///   - x1: inputs.
///   - x2: inputs; nil for `x1`.
///   - axes: what becomes of the axes of the outputs.
/// - Returns: see `FunctionKernelAxes`.
/// - Throws: `NetworkError` for axes that contradict each other or sizes that differ, and what `f` throws.
public func functionNNGP<Parameters: TensorTree, Input: TensorTree>(
  of f: (Parameters, Input) throws -> Tensor, at parameters: Parameters, _ x1: Input, _ x2: Input? = nil,
  axes: FunctionKernelAxes = FunctionKernelAxes()
) throws -> Tensor {
  let first = try f(parameters, x1)
  let second = try x2.map { try f(parameters, $0) } ?? first
  let layout = try FunctionKernelLayout(first.shape, second.shape, axes)
  return layout.interleaved(
    layout.product(layout.arranged(first, layout.shape1), layout.arranged(second, layout.shape2)))
}

/// The empirical tangent kernel of any function: Σ over parameters of ∂f(x1)/∂θ · ∂f(x2)/∂θ, a mean over the trace axes.
///
/// - Parameters:
///   - f: a function of trees of parameters and of inputs, to a tensor. Parameters that are no floating-point numbers have no
///     derivatives.
///   - parameters: where.
///   - x1: inputs.
///   - x2: inputs; nil for `x1`, which shares the work.
///   - axes: what becomes of the axes of the outputs.
///   - method: how it is computed.
/// - Returns: see `FunctionKernelAxes`.
/// - Throws: `NetworkError` for axes that contradict each other or sizes that differ, and what `f` throws.
/// - Complexity: by contraction memory for the derivatives of all outputs in all parameters, and a reverse derivative for each
///   output; by products one forward and one reverse derivative for each output of `x2`, and memory for some parameters at a time.
public func functionNTK<Parameters: TensorTree, Input: TensorTree>(
  of f: @escaping (Parameters, Input) throws -> Tensor, at parameters: Parameters, _ x1: Input, _ x2: Input? = nil,
  axes: FunctionKernelAxes = FunctionKernelAxes(), method: FunctionKernelMethod = .jacobianContraction
) throws -> Tensor {
  let operators = FunctionTangents(f, parameters)
  let first = try operators.rows(x1)
  let second = try x2.map { try operators.rows($0) } ?? first
  let layout = try FunctionKernelLayout(first.shape, second.shape, axes)
  switch method {
  case .jacobianContraction:
    let jacobians = try first.jacobians()
    let others = x2 == nil ? jacobians : try second.jacobians()
    var total: Tensor?
    for (one, other) in zip(jacobians, others) {
      let part = layout.product(layout.arranged(one, layout.shape1), layout.arranged(other, layout.shape2))
      total = total.map { $0 + part } ?? part
    }
    let start = total ?? Tensor.zeros(layout.flatShape, dtype: first.dtype)
    return layout.interleaved(start)
  case .tangentVectorProducts:
    // Columns of the whole kernel, of which the axes are taken then.
    let columns = try second.mapBasis { cotangent in try first.pushed(second.pulled(cotangent)) }
    return layout.interleaved(layout.contracted(columns))
  }
}

/// The tangent kernel of a function as an operator: products with vectors without the kernel.
///
/// Θ(x1, x2) v is a reverse derivative at x2 and then a forward one at x1, some three evaluations of the function. There is no
/// trace and no mean.
public struct FunctionTangentOperator<Parameters: TensorTree, Input: TensorTree> {
  private let first: FunctionTangents<Parameters, Input>.Rows
  private let second: FunctionTangents<Parameters, Input>.Rows

  /// - Parameters:
  ///   - f: a function of trees of parameters and of inputs, to a tensor.
  ///   - parameters: where.
  ///   - x1: inputs of the results.
  ///   - x2: inputs of the vectors; nil for `x1`.
  public init(
    of f: @escaping (Parameters, Input) throws -> Tensor, at parameters: Parameters, _ x1: Input, _ x2: Input? = nil
  ) throws {
    let operators = FunctionTangents(f, parameters)
    first = try operators.rows(x1)
    second = try x2.map { try operators.rows($0) } ?? first
  }

  /// Θ v, of the shape of f(x1).
  ///
  /// - Parameter vector: of the shape of f(x2).
  public func callAsFunction(_ vector: Tensor) throws -> Tensor {
    try first.pushed(second.pulled(try checked(vector, second.shape)))
  }

  /// Θᵀ u, of the shape of f(x2).
  ///
  /// - Parameter vector: of the shape of f(x1).
  public func transposed(_ vector: Tensor) throws -> Tensor {
    try second.pushed(first.pulled(try checked(vector, first.shape)))
  }

  private func checked(_ vector: Tensor, _ shape: [Int]) throws(NetworkError) -> Tensor {
    guard vector.shape == shape else {
      throw NetworkError(path: [.name("vector")], expected: "shape \(shape)", found: "shape \(vector.shape)")
    }
    return vector
  }
}

/// Forward and reverse derivatives of a function in its parameters.
private struct FunctionTangents<Parameters: TensorTree, Input: TensorTree> {
  private let f: (Parameters, Input) throws -> Tensor
  private let parameters: Parameters

  init(_ f: @escaping (Parameters, Input) throws -> Tensor, _ parameters: Parameters) {
    (self.f, self.parameters) = (f, parameters)
  }

  func rows(_ x: Input) throws -> Rows { try Rows(f, parameters, x) }

  /// Those of one data set.
  struct Rows {
    let shape: [Int]
    let dtype: DType
    private let parameters: Parameters
    private let function: (Parameters) throws -> Tensor
    private let pullback: (Tensor) throws -> Parameters

    init(_ f: @escaping (Parameters, Input) throws -> Tensor, _ parameters: Parameters, _ x: Input) throws {
      self.parameters = parameters
      function = { try f($0, x) }
      let (value, pullback) = try vjp({ (p: Parameters) in try f(p, x) }, at: parameters)
      (shape, dtype, self.pullback) = (value.shape, value.dtype, pullback)
    }

    func pulled(_ cotangent: Tensor) throws -> Parameters { try pullback(cotangent) }

    func pushed(_ tangent: Parameters) throws -> Tensor {
      try jvp(function, at: parameters, along: tangent).tangent
    }

    /// A function of every unit vector of the outputs, side by side along the first axis.
    func mapBasis(_ body: @escaping (Tensor) throws -> Tensor) throws -> Tensor {
      let count = shape.product
      let basis = Tensor.eye(count, dtype: dtype).reshaped([count] + shape)
      return try vmap { (cotangent: Tensor) in try body(cotangent) }(basis)
    }

    /// Per parameter tensor of floating-point numbers its Jacobian, shape (outputs…, elements).
    func jacobians() throws -> [Tensor] {
      let count = shape.product
      let basis = Tensor.eye(count, dtype: dtype).reshaped([count] + shape)
      let rows = try vmap { (cotangent: Tensor) in try pullback(cotangent) }(basis)
      return zip(rows.leaves, parameters.leaves).compactMap { row, leaf in
        leaf.dtype.isFloatingPoint && leaf.count > 0 ? row.reshaped(shape + [leaf.count]) : nil
      }
    }
  }
}

/// The axes of two outputs and of their kernel.
private struct FunctionKernelLayout {
  let shape1: [Int]
  let shape2: [Int]
  private let trace: [Int]
  private let diagonal: [Int]
  private let rest: [Int]

  init(_ shape1: [Int], _ shape2: [Int], _ axes: FunctionKernelAxes) throws(NetworkError) {
    let rank = shape1.count
    func resolved(_ list: [Int], _ name: String) throws(NetworkError) -> [Int] {
      let found = list.map { $0 < 0 ? $0 + rank : $0 }
      guard found.allSatisfy((0..<max(1, rank)).contains), rank > 0 || found.isEmpty, Set(found).count == found.count
      else {
        throw NetworkError(
          path: [.name("axes"), .name(name)], expected: "different axes of outputs of shape \(shape1)", found: "\(list)"
        )
      }
      return found.sorted()
    }
    let trace = try resolved(axes.trace, "trace")
    let diagonal = try resolved(axes.diagonal, "diagonal")
    if let both = trace.first(where: diagonal.contains) {
      throw NetworkError(
        path: [.name("axes")], expected: "an axis that is a trace axis or a diagonal one", found: "axis \(both) as both"
      )
    }
    guard shape2.count == rank else {
      throw NetworkError(expected: "outputs of as many axes for both data sets", found: "\(shape1) and \(shape2)")
    }
    if let axis = (trace + diagonal).first(where: { shape1[$0] != shape2[$0] }) {
      throw NetworkError(
        expected: "outputs of equal sizes along trace and diagonal axes", found: "\(shape1) and \(shape2), axis \(axis)"
      )
    }
    (self.shape1, self.shape2, self.trace, self.diagonal) = (shape1, shape2, trace, diagonal)
    rest = (0..<rank).filter { !trace.contains($0) && !diagonal.contains($0) }
  }

  private func size(_ axes: [Int], _ shape: [Int]) -> Int { axes.map { shape[$0] }.product }

  /// (diagonal, rest of the first, rest of the second).
  var flatShape: [Int] { [size(diagonal, shape1), size(rest, shape1), size(rest, shape2)] }

  /// (diagonal, rest, trace and what comes behind the outputs' axes).
  func arranged(_ values: Tensor, _ shape: [Int]) -> Tensor {
    let behind = Array(shape.count..<values.rank)
    return values.transposed(diagonal + rest + trace + behind)
      .reshaped([
        size(diagonal, shape), size(rest, shape), size(trace, shape) * behind.map { values.shape[$0] }.product,
      ])
  }

  /// The inner products over the last axis, a mean over the trace.
  func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    einsum("dri,dsi->drs", a, b) / Double(max(1, size(trace, shape1)))
  }

  /// From the whole kernel, a first axis with all outputs of the second data set and then the axes of the first.
  func contracted(_ columns: Tensor) -> Tensor {
    let rank = shape1.count
    let whole = columns.reshaped(shape2 + shape1)
    let order = (diagonal + rest + trace).map { $0 + rank } + diagonal + rest + trace
    let (d, t) = (size(diagonal, shape1), size(trace, shape1))
    let arranged = whole.transposed(order).reshaped([d, size(rest, shape1), t, d, size(rest, shape2), t])
    return einsum("drtdst->drs", arranged) / Double(max(1, t))
  }

  /// The axes in the order of the outputs', those of both data sets side by side.
  func interleaved(_ kernel: Tensor) -> Tensor {
    let split = kernel.reshaped(diagonal.map { shape1[$0] } + rest.map { shape1[$0] } + rest.map { shape2[$0] })
    var order: [Int] = []
    for axis in shape1.indices {
      if let place = diagonal.firstIndex(of: axis) { order.append(place) }
      if let place = rest.firstIndex(of: axis) {
        order += [diagonal.count + place, diagonal.count + rest.count + place]
      }
    }
    return split.transposed(order)
  }
}
