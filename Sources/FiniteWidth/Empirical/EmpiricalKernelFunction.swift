import CovarianceEngine
import Tensors

/// How kernels of a function of parameters and inputs are computed.
public struct EmpiricalOptions: Sendable {
  /// What becomes of the axes of the outputs.
  public var axes: OutputAxes
  /// How the tangent kernel is computed.
  public var implementation: EmpiricalImplementation
  /// Whether the outputs are computed input by input.
  public var inputs: InputMapping
  /// Bytes that may be taken beyond parameters, inputs and result; the kernel is computed in blocks that need no more, if there
  /// are such.
  public var memory: Int
  /// Called from time to time while a tangent kernel is computed.
  public var progress: (@Sendable (GramProgress) -> Void)?

  public init(
    axes: OutputAxes = OutputAxes(), implementation: EmpiricalImplementation = .automatic,
    inputs: InputMapping = .detected, memory: Int = 64_000_000, progress: (@Sendable (GramProgress) -> Void)? = nil
  ) {
    (self.axes, self.implementation, self.inputs) = (axes, implementation, inputs)
    (self.memory, self.progress) = (memory, progress)
  }
}

/// The empirical kernels of a function f(parameters, inputs): of outputs, and of their derivatives in the parameters.
///
/// Parameters, inputs and outputs are trees of tensors. What is traced and prepared for inputs of some shapes is kept for the next
/// ones:
///
/// ```swift
/// let kernels = EmpiricalKernelFunction { (p: Parameters, x: Tensor) in try network(p, x) }
/// let theta = try kernels.ntk(at: parameters, x1, x2)            // N1 × N2, a mean over the outputs
/// print(try kernels.plan(at: parameters, x1, x2))
/// ```
///
/// Kernels of tensors that are being traced are traced, so they have derivatives, in the inputs say.
public final class EmpiricalKernelFunction<Parameters: TensorTree, Input: TensorTree, Output: TensorTree> {
  let f: (Parameters, Input) throws -> Output
  /// How kernels are computed.
  public let options: EmpiricalOptions
  private var traced: [Key: TracedEmpirical<Output>] = [:]
  private var engines: [Key: [[Int]: EmpiricalEngine]] = [:]

  private struct Key: Hashable {
    let types: [[TensorType]]
    let structure: [String]
  }

  /// - Parameters:
  ///   - f: uses what it captures as if it were constant. Parameters that are no floating-point numbers have no derivatives.
  ///   - options: axes, implementation, memory.
  public init(
    of f: @escaping (Parameters, Input) throws -> Output, options: EmpiricalOptions = EmpiricalOptions()
  ) {
    (self.f, self.options) = (f, options)
  }

  // MARK: - Kernels

  /// The covariance of the outputs: f(x1) f(x2)ᵀ, a mean over the trace axes; for every tensor of the outputs one.
  ///
  /// - Parameters:
  ///   - parameters: where.
  ///   - x1: inputs.
  ///   - x2: inputs; nil for `x1`.
  ///   - second: parameters for `x2`; nil for the same.
  /// - Returns: see `OutputAxes`.
  /// - Throws: `NetworkError` for axes that contradict each other or sizes that differ, and what `f` throws.
  public func nngp(
    at parameters: Parameters, _ x1: Input, _ x2: Input? = nil, and second: Parameters? = nil
  ) throws -> Output {
    let first = try f(parameters, x1)
    let other = x2 == nil && second == nil ? first : try f(second ?? parameters, x2 ?? x1)
    let kernels = try zip(first.leaves, other.leaves).map { a, b in
      var axes = options.axes
      axes.mean = .exact
      let layout = try KernelLayout(a.shape, b.shape, axes, example: nil)
      return layout.interleaved(layout.covariance(a, b))
    }
    return first.replacingLeaves(kernels)
  }

  /// The tangent kernel: Σ over parameters of ∂f(x1)/∂θ · ∂f(x2)/∂θ, a mean over the trace axes; for every tensor of the outputs
  /// one.
  ///
  /// - Parameters:
  ///   - parameters: where.
  ///   - x1: inputs.
  ///   - x2: inputs; nil for `x1`, which shares the work.
  ///   - second: the parameters at which derivatives for `x2` are taken; nil for the same. J(θ) J(θ′)ᵀ says how far derivatives
  ///     have turned in training.
  /// - Returns: see `OutputAxes`.
  /// - Throws: `NetworkError` for axes that contradict each other or sizes that differ, `CancellationError` when the task is
  ///   cancelled, and what `f` throws.
  /// - Complexity: as `plan` says.
  public func ntk(
    at parameters: Parameters, _ x1: Input, _ x2: Input? = nil, and second: Parameters? = nil
  ) throws -> Output {
    let data = EmpiricalData(parameters, x1, x2, second)
    let traced = try traced(data)
    let kernels = try traced.template.leaves.indices.map { try kernel(data, traced, ($0, $0)) }
    return traced.template.replacingLeaves(kernels)
  }

  /// The tangent kernels between all tensors of the outputs: entry [a][b] is that of output a for `x1` with output b for `x2`.
  ///
  /// Along trace and diagonal axes the outputs must have the same sizes, and as many axes each. Without such axes outputs may be of
  /// different ranks: what one of them has more comes last in the kernel.
  ///
  /// - Throws: as `ntk`.
  public func ntkBetweenOutputs(
    at parameters: Parameters, _ x1: Input, _ x2: Input? = nil, and second: Parameters? = nil
  ) throws -> [[Tensor]] {
    let data = EmpiricalData(parameters, x1, x2, second)
    let traced = try traced(data)
    let indices = traced.template.leaves.indices
    return try indices.map { a in try indices.map { b in try kernel(data, traced, (a, b)) } }
  }

  /// How the tangent kernels of all outputs are computed.
  ///
  /// - Throws: as `ntk`.
  public func plan(
    at parameters: Parameters, _ x1: Input, _ x2: Input? = nil, and second: Parameters? = nil
  ) throws -> [EmpiricalPlan] {
    let data = EmpiricalData(parameters, x1, x2, second)
    let traced = try traced(data)
    return try traced.template.leaves.indices.map { try engine(data, traced, ($0, $0)).plan }
  }

  func traced(_ data: EmpiricalData<Parameters, Input>) throws -> TracedEmpirical<Output> {
    let key = Key(types: data.types, structure: data.structure)
    if let known = traced[key] { return known }
    let new = try TracedEmpirical(f, options.inputs, data)
    // What belongs to a function being traced around this one is gone with it.
    if new.first.captured.isEmpty, new.second.captured.isEmpty { traced[key] = new }
    return new
  }

  private func kernel(
    _ data: EmpiricalData<Parameters, Input>, _ traced: TracedEmpirical<Output>, _ outputs: (Int, Int)
  ) throws -> Tensor {
    let engine = try engine(data, traced, outputs)
    let first = traced.values(data.parameters.0, data.inputs.0)
    let second = data.isSame ? first : traced.values(data.parameters.1, data.inputs.1)
    let kernel = engine.layout.interleaved(try engine(first, second, progress: options.progress))
    let (shape1, shape2) = traced.shapes(outputs, data)
    guard shape1.count != shape2.count else { return kernel }
    // Of outputs of different ranks the axes that one has alone come last, without a partner.
    return kernel.reshaped(
      (0..<max(shape1.count, shape2.count)).flatMap { axis in
        [shape1, shape2].compactMap { axis < $0.count ? $0[axis] : nil }
      })
  }

  private func engine(
    _ data: EmpiricalData<Parameters, Input>, _ traced: TracedEmpirical<Output>, _ outputs: (Int, Int)
  ) throws -> EmpiricalEngine {
    try requireSize("memory", options.memory, atMost: .max)
    let isWhole = data.isTraced || !traced.first.captured.isEmpty || !traced.second.captured.isEmpty
    let key = Key(types: data.types, structure: data.structure)
    if !isWhole, let known = engines[key]?[[outputs.0, outputs.1]] { return known }
    var (shape1, shape2) = traced.shapes(outputs, data)
    if options.axes.trace.isEmpty, options.axes.diagonal.isEmpty {
      let rank = max(shape1.count, shape2.count)
      shape1 += [Int](repeating: 1, count: rank - shape1.count)
      shape2 += [Int](repeating: 1, count: rank - shape2.count)
    }
    let layout = try KernelLayout(shape1, shape2, options.axes, example: traced.mapping?.outputs)
    let engine = try EmpiricalEngine(
      traced.first, traced.second, isSame: data.isSame && outputs.0 == outputs.1, outputs: outputs, layout,
      mapped: traced.mapping?.inputs.map { $0 != nil }, implementation: options.implementation, isWhole: isWhole,
      budget: 0.85 * Double(options.memory))
    if !isWhole { engines[key, default: [:]][[outputs.0, outputs.1]] = engine }
    return engine
  }
}

/// The covariance of a function's outputs: f(x1) f(x2)ᵀ, a mean over the trace axes; see `EmpiricalKernelFunction.nngp`.
public func empiricalNNGP<Parameters: TensorTree, Input: TensorTree, Output: TensorTree>(
  of f: @escaping (Parameters, Input) throws -> Output, at parameters: Parameters, _ x1: Input, _ x2: Input? = nil,
  options: EmpiricalOptions = EmpiricalOptions()
) throws -> Output {
  try EmpiricalKernelFunction(of: f, options: options).nngp(at: parameters, x1, x2)
}

/// The empirical tangent kernel of any function: Σ over parameters of ∂f(x1)/∂θ · ∂f(x2)/∂θ, a mean over the trace axes; see
/// `EmpiricalKernelFunction.ntk`, which keeps what it prepares for the next call.
public func empiricalNTK<Parameters: TensorTree, Input: TensorTree, Output: TensorTree>(
  of f: @escaping (Parameters, Input) throws -> Output, at parameters: Parameters, _ x1: Input, _ x2: Input? = nil,
  options: EmpiricalOptions = EmpiricalOptions()
) throws -> Output {
  try EmpiricalKernelFunction(of: f, options: options).ntk(at: parameters, x1, x2)
}
