import CovarianceEngine
import Tensors

/// The tangent kernel of a function as an operator: products with vectors without the kernel.
///
/// Θ(x1, x2) v is a reverse derivative at x2 and then a forward one at x1, some three evaluations of the function, which is traced and
/// linearized once. Vectors have the structure and the shapes of the outputs; there is no trace and no mean.
public struct EmpiricalTangentOperator<Parameters: TensorTree, Input: TensorTree, Output: TensorTree> {
  private let first: Side
  private let second: Side
  private let isSame: Bool
  private let f: (Parameters, Input) throws -> Output
  private let parameters: Parameters
  private let x1: Input
  private let x2: Input?

  /// The function linearized at one data set.
  private struct Side {
    let outputs: Output
    let residuals: [Tensor]
    let forward: PreparedProgram
    let reverse: PreparedProgram

    init(_ f: (Parameters, Input) throws -> Output, _ parameters: Parameters, _ x: Input) throws {
      let tangents = try TangentProgram(f, parameters, x)
      let (values, residuals) = try tangents.linearized(parameters.leaves, x.leaves)
      outputs = try TracedFunction(f, parameters, x).output(values)
      self.residuals = residuals
      forward = PreparedProgram(tangents.tangent)
      let count = tangents.tangent.inputTypes.count - residuals.count
      reverse = PreparedProgram(
        try tangents.tangent.transposedProgram(linear: tangents.tangent.inputTypes.indices.map { $0 < count }))
    }

    func pulled(_ cotangents: [Tensor]) throws -> [Tensor] { try reverse(residuals + cotangents) }
    func pushed(_ tangents: [Tensor]) throws -> [Tensor] { try forward(tangents + residuals) }
  }

  /// - Parameters:
  ///   - f: a function of trees of parameters and of inputs, to a tree of floating-point tensors.
  ///   - parameters: where.
  ///   - x1: inputs of the results.
  ///   - x2: inputs of the vectors; nil for `x1`.
  /// - Throws: what `f` throws.
  public init(
    of f: @escaping (Parameters, Input) throws -> Output, at parameters: Parameters, _ x1: Input, _ x2: Input? = nil
  ) throws {
    (self.f, self.parameters, self.x1, self.x2) = (f, parameters, x1, x2)
    first = try Side(f, parameters, x1)
    second = try x2.map { try Side(f, parameters, $0) } ?? first
    isSame = x2 == nil
  }

  /// The outputs for `x1`.
  public var outputs: Output { first.outputs }

  /// Θ v, of the structure of f(x1).
  ///
  /// - Parameter vector: of the structure and shapes of f(x2).
  /// - Throws: `NetworkError` for another shape.
  public func callAsFunction(_ vector: Output) throws -> Output {
    first.outputs.replacingLeaves(try first.pushed(second.pulled(checked(vector, second.outputs))))
  }

  /// Θᵀ u, of the structure of f(x2).
  ///
  /// - Parameter vector: of the structure and shapes of f(x1).
  /// - Throws: `NetworkError` for another shape.
  public func transposed(_ vector: Output) throws -> Output {
    second.outputs.replacingLeaves(try second.pushed(first.pulled(checked(vector, first.outputs))))
  }

  /// Products with several vectors at once, which share what the function is linearized to: a first axis counts them.
  ///
  /// - Throws: `NetworkError` for another shape.
  public func products(_ vectors: Output) throws -> Output {
    let one = second.outputs
    for (tensor, like) in zip(vectors.leaves, one.leaves) {
      guard Array(tensor.shape.dropFirst()) == like.shape, tensor.rank == like.rank + 1 else {
        throw NetworkError(
          path: [.name("vectors")], expected: "shape [vectors] + \(like.shape)", found: "shape \(tensor.shape)")
      }
    }
    return try vmap { (vector: Output) in try self(vector) }(vectors)
  }

  private func checked(_ vector: Output, _ like: Output) throws(NetworkError) -> [Tensor] {
    let (tensors, outputs) = (vector.leaves, like.leaves)
    guard tensors.map(\.shape) == outputs.map(\.shape) else {
      throw NetworkError(
        path: [.name("vector")], expected: "shape \(outputs.map(\.shape).text)",
        found: "shape \(tensors.map(\.shape).text)")
    }
    return zip(tensors, outputs).map { $0.asType($1.dtype) }
  }

  // MARK: - Symmetric operators

  /// Θ of every output with itself, of the structure of the outputs: Σ over parameters of (∂f/∂θ)².
  ///
  /// - Throws: `NetworkError` when there are two data sets, and what `f` throws.
  public func diagonal(inputs: InputMapping = .detected) throws -> Output {
    try requireOne("the diagonal")
    let ranks = Set(first.outputs.leaves.map(\.rank))
    // Outputs of several ranks have different axes.
    let kernels = try ranks.sorted().map { rank in
      let axes = OutputAxes(trace: [], diagonal: Array(0..<rank))
      let wanted = first.outputs.leaves.indices.filter { first.outputs.leaves[$0].rank == rank }
      let part = { [f] (p: Parameters, x: Input) throws -> [Tensor] in
        let leaves = try f(p, x).leaves
        return wanted.map { leaves[$0] }
      }
      let kernel = EmpiricalKernelFunction(of: part, options: EmpiricalOptions(axes: axes, inputs: inputs))
      return (wanted, try kernel.ntk(at: parameters, x1))
    }
    var leaves = first.outputs.leaves
    for (wanted, found) in kernels {
      for (index, kernel) in zip(wanted, found) { leaves[index] = kernel }
    }
    return first.outputs.replacingLeaves(leaves)
  }

  /// The smallest and the largest eigenvalue, by Lanczos' method.
  ///
  /// - Parameters:
  ///   - tolerance: of both, relative to the largest.
  ///   - steps: products with vectors at most, at least 1.
  ///   - key: the vector that is begun with follows from it.
  /// - Returns: eigenvalues of the kernel restricted to the vectors seen, which lie inside of the spectrum, and a bound on how far each
  ///   is from an eigenvalue.
  /// - Throws: `NetworkError` when there are two data sets, or numbers are not finite.
  public func extremeEigenvalues(
    tolerance: Double = 1e-6, steps: Int = 200, key: RandomKey = RandomKey(seed: 0)
  ) throws -> ExtremeEigenvalues {
    try requireOne("eigenvalues")
    try requireSize("steps", steps, atMost: .max)
    let count = first.outputs.leaves.reduce(0) { $0 + $1.count }
    guard count > 0 else {
      throw NetworkError(path: [.name("outputs")], expected: "at least one output", found: "none")
    }
    let start = key.normal([count], dtype: .float64).scalars(as: Double.self)
    return try Lanczos(start, steps: min(steps, count), tolerance: tolerance) { try self.product($0) }.result
  }

  /// The largest learning rate with which gradient descent on the mean squared error of the linearized function converges:
  /// 2 (1 + momentum) · outputs / λ_max, with the largest eigenvalue that Lanczos' method finds.
  ///
  /// - Parameters:
  ///   - momentum: from 0 up to, but not including, 1.
  ///   - tolerance: of the eigenvalue.
  /// - Throws: `NetworkError` as `extremeEigenvalues`, and for another momentum.
  public func maximumLearningRate(momentum: Double = 0, tolerance: Double = 1e-8) throws -> Double {
    guard (0..<1).contains(momentum) else {
      throw NetworkError(path: [.name("momentum")], expected: "a number from 0 up to 1", found: "\(momentum)")
    }
    let ends = try extremeEigenvalues(tolerance: tolerance)
    let count = first.outputs.leaves.reduce(0) { $0 + $1.count }
    return 2 * (1 + momentum) * Double(count) / max(ends.largest, 1e-12)
  }

  /// The solution a of (Θ + λ I) a = y, by conjugate gradients: the weights of kernel regression on the training inputs, without
  /// the kernel.
  ///
  /// - Parameters:
  ///   - targets: y, of the structure of the outputs.
  ///   - regularizer: λ, not negative.
  ///   - tolerance: ‖y − (Θ + λI) a‖ relative to ‖y‖.
  ///   - steps: products with vectors at most, at least 1.
  /// - Throws: `NetworkError` when there are two data sets, when shapes differ, and when the tolerance is not reached.
  public func solve(
    _ targets: Output, regularizer: Double = 0, tolerance: Double = 1e-6, steps: Int = 1000
  ) throws -> Output {
    try requireOne("a solution")
    try requireSize("steps", steps, atMost: .max)
    guard regularizer >= 0, regularizer.isFinite else {
      throw NetworkError(path: [.name("regularizer")], expected: "a number of at least 0", found: "\(regularizer)")
    }
    let y = numbers(try checked(targets, first.outputs))
    let solution = try ConjugateGradients(y, tolerance: tolerance, steps: steps) { vector in
      zip(try self.product(vector), vector).map { $0 + regularizer * $1 }
    }.solution
    return tree(solution)
  }

  private func requireOne(_ what: String) throws(NetworkError) {
    guard isSame else {
      throw NetworkError(path: [.name("x2")], expected: "one data set: \(what) of a symmetric kernel", found: "two")
    }
  }

  private func product(_ vector: [Double]) throws -> [Double] {
    numbers(try first.pushed(first.pulled(tree(vector).leaves)))
  }

  private func numbers(_ tensors: [Tensor]) -> [Double] {
    tensors.flatMap { $0.asType(.float64).scalars(as: Double.self) }
  }

  private func tree(_ numbers: [Double]) -> Output {
    var rest = numbers[...]
    return first.outputs.replacingLeaves(
      first.outputs.leaves.map { like in
        defer { rest = rest.dropFirst(like.count) }
        return Tensor(Array(rest.prefix(like.count)), shape: like.shape).asType(like.dtype)
      })
  }
}

/// The ends of a spectrum as an iteration found them.
public struct ExtremeEigenvalues: Sendable, Hashable {
  /// The smallest eigenvalue.
  public let smallest: Double
  /// The largest one.
  public let largest: Double
  /// An eigenvalue lies within this of `smallest`.
  public let smallestError: Double
  /// An eigenvalue lies within this of `largest`.
  public let largestError: Double
  /// Products with vectors that were taken.
  public let steps: Int
}

extension [[Int]] {
  /// One shape, or all of them.
  fileprivate var text: String { count == 1 ? "\(self[0])" : "\(self)" }
}
