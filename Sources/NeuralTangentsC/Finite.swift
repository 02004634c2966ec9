import CNeuralTangents
import CovarianceEngine
import FiniteWidth
import Networks
import Tensors

/// Outputs of a finite network as a function of parameters and inputs, checked as far as shapes say.
private struct FiniteFunction: Sendable {
  let network: any Layer
  let parameters: Parameters
  let inputs: Branches<Tensor>
  let context: ApplyContext
  let options: nt_options

  init(
    _ pointer: OpaquePointer?, _ parameters: UnsafePointer<nt_tree>?, _ x: UnsafePointer<nt_tree>?,
    _ pattern: UnsafePointer<nt_array>?, _ optionsPointer: UnsafePointer<nt_options>?
  ) throws {
    network = try NeuralTangentsC.network(pointer)
    self.parameters = try NeuralTangentsC.parameters(parameters, "parameters")
    options = try NeuralTangentsC.options(optionsPointer)
    let takesTokens = network.tokenCount != nil
    let dtype = self.parameters.tensors.first?.dtype ?? .float64
    inputs = try branches(x, "x").map { input in
      guard input.rank > 0, input.count > 0 else {
        throw Failure.argument("x", expected: "at least one input, position and channel", found: "shape \(input.shape)")
      }
      return input.dtype.isFloatingPoint || takesTokens ? input : input.asType(dtype)
    }
    context = ApplyContext(key: options.randomKey, pattern: try optionalTensor(pattern, "pattern"))
    _ = try network.outputShape(inputs.map(\.shape))
  }

  func callAsFunction(_ parameters: Parameters, _ inputs: Branches<Tensor>) throws -> Branches<MaskedTensor> {
    try network.apply(
      parameters, inputs.map { MaskedTensor($0, maskConstant: options.maskConstant) }, context)
  }

  /// The outputs of the only input and output.
  func single(_ parameters: Parameters, _ x: Tensor) throws -> Tensor {
    guard case .single(let output) = try self(parameters, .single(x)) else {
      throw Failure.argument("network", expected: "one output", found: "several")
    }
    return output.values
  }
}

@_cdecl("nt_initialize_job")
public func initializeJob(
  _ pointer: OpaquePointer?, _ inputs: UnsafePointer<CChar>?, _ key0: UInt32, _ key1: UInt32, _ dtype: Int32,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let network = try network(pointer)
    let shapes = try shapes(inputs)
    let dtype = try DType(code: dtype, "dtype")
    guard dtype.isFloatingPoint else {
      throw Failure.argument("dtype", expected: "NT_FLOAT32 or NT_FLOAT64", found: "\(dtype)")
    }
    let outputs = try network.outputShape(shapes)
    return handle(
      JobObject(threads: nil) { _ in
        let parameters = try network.initialize(RandomKey(key0, key1), shapes, dtype: dtype)
        return ValuesObject(
          parameters.tensors.enumerated().map { ("\($0)", $1) },
          json: .object(["structure": .string(parameters.structureText), "outputShapes": node(outputs)]))
      })
  }
}

@_cdecl("nt_apply_job")
public func applyJob(
  _ pointer: OpaquePointer?, _ parameters: UnsafePointer<nt_tree>?, _ x: UnsafePointer<nt_tree>?,
  _ pattern: UnsafePointer<nt_array>?, _ options: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let function = try FiniteFunction(pointer, parameters, x, pattern, options)
    return handle(
      JobObject(threads: try function.options.threadLimit) { _ in
        let outputs = try function(function.parameters, function.inputs)
        let masks = outputs.leaves.enumerated().compactMap { index, output in
          output.mask.map { ("mask.\(index)", $0) }
        }
        return ValuesObject(
          outputs.leaves.enumerated().map { ("\($0)", $1.values) } + masks,
          json: .object(["structure": .string(outputs.structureText)]))
      })
  }
}

@_cdecl("nt_apply_vjp_job")
public func applyVjpJob(
  _ pointer: OpaquePointer?, _ parameters: UnsafePointer<nt_tree>?, _ x: UnsafePointer<nt_tree>?,
  _ pattern: UnsafePointer<nt_array>?, _ cotangents: UnsafePointer<nt_tree>?, _ options: UnsafePointer<nt_options>?,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let function = try FiniteFunction(pointer, parameters, x, pattern, options)
    let given = try branches(cotangents, "cotangents").leaves
    let shapes = try function.network.outputShape(function.inputs.map(\.shape)).leaves
    guard given.map(\.shape) == shapes else {
      throw Failure.argument("cotangents", expected: "shapes \(shapes)", found: "\(given.map(\.shape))")
    }
    return handle(
      JobObject(threads: try function.options.threadLimit) { control in
        let (values, pullback) = try vjp(
          { (parameters: Parameters, inputs: [Tensor]) in
            try function(parameters, function.inputs.replacingLeaves(inputs)).leaves.map(\.values)
          }, at: function.parameters, function.inputs.leaves)
        try control.check()
        let (parameters, inputs) = try pullback(
          zip(given, values).map { try fitting($0, to: $1, "cotangents") })
        return ValuesObject(
          parameters.tensors.enumerated().map { ("parameters.\($0)", $1) }
            + inputs.enumerated().map { ("x.\($0)", $1) })
      })
  }
}

@_cdecl("nt_taylor_job")
public func taylorJob(
  _ pointer: OpaquePointer?, _ parameters: UnsafePointer<nt_tree>?, _ moved: UnsafePointer<nt_tree>?, _ order: Int64,
  _ x: UnsafePointer<nt_tree>?, _ pattern: UnsafePointer<nt_array>?, _ options: UnsafePointer<nt_options>?,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let function = try FiniteFunction(pointer, parameters, x, pattern, options)
    guard (0...32).contains(order) else {
      throw Failure.argument("order", expected: "an integer from 0 to 32", found: "\(order)")
    }
    guard case .single(let input) = function.inputs else {
      throw Failure.argument("x", expected: "one input", found: "several")
    }
    let moved = try NeuralTangentsC.parameters(moved, "moved")
    let tensors = function.parameters.tensors
    guard moved.structure == function.parameters.structure, moved.tensors.map(\.shape) == tensors.map(\.shape) else {
      throw Failure.argument(
        "moved", expected: "parameters like those that the network is expanded at", found: moved.structureText)
    }
    let same = moved.replacingLeaves(zip(moved.tensors, tensors).map { $0.asType($1.dtype) })
    return handle(
      JobObject(threads: try function.options.threadLimit) { _ in
        let expansion = taylorExpand(function.single, at: function.parameters, order: Int(order))
        return ValuesObject([("0", try expansion(same, input))])
      })
  }
}

// MARK: - Kernels of finite networks

/// What kernels of finite networks are made of.
private struct FiniteKernels: Sendable {
  let network: any Layer
  let x1: Tensor
  let x2: Tensor?
  let patterns: GraphPatterns?
  let options: nt_options
  let set: KernelSet

  init(
    _ pointer: OpaquePointer?, _ x1: UnsafePointer<nt_tree>?, _ x2: UnsafePointer<nt_tree>?,
    _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
    _ optionsPointer: UnsafePointer<nt_options>?
  ) throws {
    network = try NeuralTangentsC.network(pointer)
    options = try NeuralTangentsC.options(optionsPointer)
    patterns = try NeuralTangentsC.patterns(pattern1, pattern2)
    set = try options.kernelOptions().0
    func single(_ tree: UnsafePointer<nt_tree>?, _ name: String) throws -> Tensor {
      guard case .single(let tensor) = try branches(tree, name) else {
        throw Failure.argument(name, expected: "one input", found: "several")
      }
      return tensor
    }
    self.x1 = try single(x1, "x1")
    self.x2 = x2 == nil ? nil : try single(x2, "x2")
    _ = try network.outputShape(.single(self.x1.shape))
  }

  var empiricalOptions: EmpiricalKernelOptions {
    EmpiricalKernelOptions(positions: options.only_diagonal_positions != 0 ? .diagonal : .all)
  }
}

@_cdecl("nt_empirical_job")
public func empiricalJob(
  _ pointer: OpaquePointer?, _ parameters: UnsafePointer<nt_tree>?, _ x1: UnsafePointer<nt_tree>?,
  _ x2: UnsafePointer<nt_tree>?, _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
  _ axes: UnsafePointer<nt_axes>?, _ options: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let kernels = try FiniteKernels(pointer, x1, x2, pattern1, pattern2, options)
    let parameters = try NeuralTangentsC.parameters(parameters, "parameters")
    guard let axes = axes?.pointee else {
      throw Failure.argument("axes", expected: "axes", found: "a null pointer")
    }
    let outputAxes = OutputAxes(
      trace: try list(axes.trace, axes.trace_count, "trace axes"),
      diagonal: try list(axes.diagonal, axes.diagonal_count, "diagonal axes"))
    let implementations = Array(EmpiricalImplementation.allCases)
    guard implementations.indices.contains(Int(axes.implementation)) else {
      throw Failure.argument(
        "implementation", expected: "from 0 to \(implementations.count - 1)", found: "\(axes.implementation)")
    }
    let implementation = implementations[Int(axes.implementation)]
    let function = FiniteInputs(kernels)
    return handle(
      JobObject(threads: try kernels.options.threadLimit) { control in
        let (first, second) = (function.first, function.second)
        let kernelFunction = EmpiricalKernelFunction(
          of: function.callAsFunction,
          options: EmpiricalOptions(
            axes: outputAxes, implementation: implementation,
            progress: { control.report($0.tilesDone, of: $0.tileCount) }))
        let nngp = try kernelFunction.nngp(at: parameters, first, second)
        try control.check()
        let ntk = kernels.set.contains(.ntk) ? try kernelFunction.ntk(at: parameters, first, second) : nil
        return ValuesObject(present([("nngp", nngp), ("ntk", ntk)]))
      })
  }
}

@_cdecl("nt_tangent_product_job")
public func tangentProductJob(
  _ pointer: OpaquePointer?, _ parameters: UnsafePointer<nt_tree>?, _ x1: UnsafePointer<nt_tree>?,
  _ x2: UnsafePointer<nt_tree>?, _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
  _ vector: UnsafePointer<nt_array>?, _ options: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let kernels = try FiniteKernels(pointer, x1, x2, pattern1, pattern2, options)
    let parameters = try NeuralTangentsC.parameters(parameters, "parameters")
    let vector = try requiredTensor(vector, "vector")
    let function = FiniteInputs(kernels)
    return handle(
      JobObject(threads: try kernels.options.threadLimit) { _ in
        let product = try EmpiricalTangentOperator(
          of: function.callAsFunction, at: parameters, function.first, function.second)
        let dtype = parameters.tensors.first?.dtype ?? .float64
        return ValuesObject([("0", try product(vector.asType(dtype)))])
      })
  }
}

/// Integers of the caller.
private func list(_ pointer: UnsafePointer<Int64>?, _ count: Int32, _ name: String) throws -> [Int] {
  guard (0...64).contains(count), count == 0 || pointer != nil else {
    throw Failure.argument(name, expected: "from 0 to 64 integers", found: "\(count)")
  }
  return pointer.map { pointer in (0..<Int(count)).map { Int(pointer[$0]) } } ?? []
}

/// A network as a function of parameters and inputs, which are an array and, where there are graphs, those.
private struct FiniteInputs: Sendable {
  let first: [Tensor]
  let second: [Tensor]?
  private let network: any Layer
  private let options: nt_options

  init(_ kernels: FiniteKernels) {
    (network, options) = (kernels.network, kernels.options)
    func floats(_ x: Tensor) -> Tensor {
      x.dtype.isFloatingPoint || kernels.network.tokenCount != nil ? x : x.asType(.float64)
    }
    let patterns = kernels.patterns
    first = [floats(kernels.x1)] + (patterns.map { [$0.first] } ?? [])
    second = kernels.x2.map { [floats($0)] + (patterns.map { [$0.second ?? $0.first] } ?? []) }
  }

  func callAsFunction(_ parameters: Parameters, _ inputs: [Tensor]) throws -> Tensor {
    try network(
      parameters, inputs[0], key: options.randomKey, pattern: inputs.count > 1 ? inputs[1] : nil,
      maskConstant: options.maskConstant)
  }
}

@_cdecl("nt_monte_carlo_job")
public func monteCarloJob(
  _ pointer: OpaquePointer?, _ x1: UnsafePointer<nt_tree>?, _ x2: UnsafePointer<nt_tree>?,
  _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?, _ key0: UInt32, _ key1: UInt32,
  _ samples: Int64, _ options: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let kernels = try FiniteKernels(pointer, x1, x2, pattern1, pattern2, options)
    guard (1...Int64(UInt32.max)).contains(samples) else {
      throw Failure.argument("samples", expected: "an integer of at least 1", found: "\(samples)")
    }
    let estimator = try MonteCarloEstimator(
      kernels.network, kernels.x1, kernels.x2, key: RandomKey(key0, key1), patterns: kernels.patterns,
      maskConstant: kernels.options.maskConstant, kernels: kernels.set, options: kernels.empiricalOptions)
    return handle(
      JobObject(threads: try kernels.options.threadLimit) { control in
        var estimator = estimator
        control.report(0, of: Int(samples))
        while estimator.sampleCount < Int(samples) {
          try control.check()
          try estimator.draw(min(4 * Threads.count, Int(samples) - estimator.sampleCount))
          control.report(estimator.sampleCount, of: Int(samples))
        }
        let kernel = try estimator.estimate()
        return ValuesObject(
          present([
            ("nngp", kernel.nngp), ("ntk", kernel.ntk), ("cov1", kernel.cov1), ("cov2", kernel.cov2),
            ("nngp.error", kernel.nngpStandardError), ("ntk.error", kernel.ntkStandardError),
            ("cov1.error", kernel.cov1StandardError), ("cov2.error", kernel.cov2StandardError),
          ]))
      })
  }
}

/// Those that are there.
func present(_ arrays: [(String, Tensor?)]) -> [(name: String, tensor: Tensor)] {
  arrays.compactMap { name, tensor in tensor.map { (name, $0) } }
}
