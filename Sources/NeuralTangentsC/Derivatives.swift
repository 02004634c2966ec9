import CNeuralTangents
import CovarianceEngine
import Networks
import Tensors

/// A network's kernels as a function of its inputs, checked.
private struct KernelFunction: Sendable {
  let network: any Layer
  let first: Branches<Tensor>
  let second: Branches<Tensor>?
  let patterns: GraphPatterns?
  let options: nt_options
  let set: KernelSet
  let kernelOptions: KernelOptions

  /// The names of its values.
  var names: [String] {
    ["nngp"] + (set.contains(.ntk) ? ["ntk"] : []) + ["cov1"] + (second == nil ? [] : ["cov2"])
  }

  init(
    _ pointer: OpaquePointer?, _ x1: UnsafePointer<nt_tree>?, _ x2: UnsafePointer<nt_tree>?,
    _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
    _ optionsPointer: UnsafePointer<nt_options>?
  ) throws {
    network = try NeuralTangentsC.network(pointer)
    options = try NeuralTangentsC.options(optionsPointer)
    patterns = try NeuralTangentsC.patterns(pattern1, pattern2)
    (set, kernelOptions) = try options.kernelOptions()
    var given = [try branches(x1, "x1")]
    if let x2 = try optionalBranches(x2, "x2") { given.append(x2) }
    let dtype =
      try kernelOptions.precision ?? given.flatMap(\.leaves).map(\.dtype).reduce(.float32) { $0.promoted(with: $1) }
    guard given.flatMap(\.leaves).allSatisfy(\.dtype.isFloatingPoint) else {
      throw Failure.argument("x1, x2", expected: "floating-point numbers to differentiate in", found: "others")
    }
    given = given.map { $0.map { $0.asType(dtype) } }
    (first, second) = (given[0], given.count > 1 ? given[1] : nil)
  }

  /// What is traced has no elements to look at: the same inputs are checked here.
  func check() throws {
    _ = try network.preparedKernels(
      first, second, patterns: patterns, maskConstant: options.maskConstant, kernels: set, options: kernelOptions)
  }

  var inputs: [Tensor] { first.leaves + (second?.leaves ?? []) }

  /// NNGP, NTK and the covariances of both data sets, as far as there are any.
  func callAsFunction(_ inputs: [Tensor]) throws -> [Tensor] {
    let count = first.leaves.count
    let kernels = try network.kernels(
      first.replacingLeaves(Array(inputs[..<count])), second?.replacingLeaves(Array(inputs[count...])),
      patterns: patterns, maskConstant: options.maskConstant, kernels: set, options: kernelOptions)
    guard case .single(let kernel) = kernels else {
      throw Failure.argument("network", expected: "one output to differentiate", found: "several")
    }
    let parts = [
      kernel.nngp, set.contains(.ntk) ? kernel.ntk ?? kernel.nngp * 0 : nil, kernel.cov1,
      second == nil ? nil : kernel.cov2,
    ]
    return parts.compactMap(\.self)
  }

  /// Names for the gradients.
  func named(_ gradients: [Tensor]) -> [(name: String, tensor: Tensor)] {
    let count = first.leaves.count
    return gradients.enumerated().map { index, gradient in
      (index < count ? "x1.\(index)" : "x2.\(index - count)", gradient)
    }
  }
}

private func gradientHints(_ pointer: UnsafePointer<nt_gradient_hints>?) throws -> GradientHints {
  guard let hints = pointer?.pointee else { return GradientHints() }
  var result = GradientHints(products: try optionalTensor(hints.products, "products"))
  if let products = result.products, !products.dtype.isFloatingPoint {
    throw Failure.argument("products", expected: "floating-point numbers", found: "\(products.dtype)")
  }
  if hints.skips_x1 != 0 { result.unwanted.insert(.first) }
  if hints.skips_x2 != 0 { result.unwanted.insert(.second) }
  return result
}

@_cdecl("nt_kernel_vjp_job")
public func kernelVjpJob(
  _ pointer: OpaquePointer?, _ x1: UnsafePointer<nt_tree>?, _ x2: UnsafePointer<nt_tree>?,
  _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
  _ cotangents: UnsafePointer<nt_kernel_arrays>?, _ hints: UnsafePointer<nt_gradient_hints>?,
  _ options: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let function = try KernelFunction(pointer, x1, x2, pattern1, pattern2, options)
    guard let cotangents = cotangents?.pointee else {
      throw Failure.argument("cotangents", expected: "arrays", found: "a null pointer")
    }
    let given = [
      "nngp": try optionalTensor(cotangents.nngp, "cotangents.nngp"),
      "ntk": try optionalTensor(cotangents.ntk, "cotangents.ntk"),
      "cov1": try optionalTensor(cotangents.cov1, "cotangents.cov1"),
      "cov2": try optionalTensor(cotangents.cov2, "cotangents.cov2"),
    ]
    for (name, tensor) in given where tensor != nil && !function.names.contains(name) {
      throw Failure.argument("cotangents.\(name)", expected: "none, as there is no \(name)", found: "an array")
    }
    // Whoever differentiates hands on zeros for what a function does not look at.
    func counting(_ name: String) -> Tensor? {
      guard let tensor = given[name] ?? nil else { return nil }
      return tensor.dtype.isFloatingPoint && (tensor .!= 0).any().scalar(as: Bool.self) ? tensor : nil
    }
    let counted = KernelCotangents(
      nngp: counting("nngp"), ntk: counting("ntk"), cov1: counting("cov1"), cov2: counting("cov2"))
    let prepared = try function.network.preparedKernelGradient(
      function.first, function.second, cotangents: counted, patterns: function.patterns,
      maskConstant: function.options.maskConstant, options: function.kernelOptions, hints: try gradientHints(hints))
    return handle(
      JobObject(threads: try function.options.threadLimit) { _ in
        let gradient = try prepared.run()
        return ValuesObject(function.named(gradient.x1.leaves + (gradient.x2?.leaves ?? [])))
      })
  }
}

@_cdecl("nt_kernel_jvp_job")
public func kernelJvpJob(
  _ pointer: OpaquePointer?, _ x1: UnsafePointer<nt_tree>?, _ x2: UnsafePointer<nt_tree>?,
  _ tangent1: UnsafePointer<nt_tree>?, _ tangent2: UnsafePointer<nt_tree>?, _ pattern1: UnsafePointer<nt_array>?,
  _ pattern2: UnsafePointer<nt_array>?, _ options: UnsafePointer<nt_options>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let function = try KernelFunction(pointer, x1, x2, pattern1, pattern2, options)
    try function.check()
    var tangents = try tangents(tangent1, of: function.first, "tangent1")
    if let second = function.second { tangents += try NeuralTangentsC.tangents(tangent2, of: second, "tangent2") }
    return handle(
      JobObject(threads: try function.options.threadLimit) { [tangents] _ in
        let (values, directions) = try jvp(
          { (inputs: [Tensor]) in try function(inputs) }, at: function.inputs, along: tangents)
        return ValuesObject(
          zip(function.names, values).map { ($0, $1) } + zip(function.names, directions).map { ($0 + ".tangent", $1) })
      })
  }
}

/// Tangents of the shapes and types of inputs; zero where there are none.
private func tangents(
  _ tree: UnsafePointer<nt_tree>?, of inputs: Branches<Tensor>, _ name: String
) throws -> [Tensor] {
  let given = try optionalBranches(tree, name)?.leaves ?? []
  guard given.isEmpty || given.count == inputs.leaves.count else {
    throw Failure.argument(name, expected: "\(inputs.leaves.count) arrays", found: "\(given.count)")
  }
  return try inputs.leaves.enumerated().map { index, input in
    try fitting(given.isEmpty ? nil : given[index], to: input, name)
  }
}

/// An array of the shape and type of another, zero where there is none.
func fitting(_ tensor: Tensor?, to other: Tensor, _ name: String) throws -> Tensor {
  guard let tensor else { return .zeros(other.shape, dtype: other.dtype) }
  guard tensor.shape == other.shape else {
    throw Failure.argument(name, expected: "shape \(other.shape)", found: "\(tensor.shape)")
  }
  return tensor.asType(other.dtype)
}
