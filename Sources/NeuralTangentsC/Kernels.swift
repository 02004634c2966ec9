import CNeuralTangents
import CovarianceEngine
import Networks
import Tensors

extension nt_options {
  /// How to compute kernels, and which.
  func kernelOptions(_ control: JobObject.Control? = nil) throws -> (KernelSet, KernelOptions) {
    guard (1...3).contains(kernels) else {
      throw Failure.argument("kernels", expected: "NT_NNGP, NT_NTK or both", found: "\(kernels)")
    }
    let executors: [KernelOptions.Executor] = [.automatic, .reference, .fused]
    guard executors.indices.contains(Int(executor)) else {
      throw Failure.argument("executor", expected: "NT_AUTOMATIC, NT_REFERENCE or NT_FUSED", found: "\(executor)")
    }
    let dtype = precision == 0 ? nil : try DType(code: precision - 1, "precision")
    guard dtype?.isFloatingPoint ?? true else {
      throw Failure.argument("precision", expected: "NT_FLOAT32 + 1 or NT_FLOAT64 + 1", found: "\(precision)")
    }
    guard tile_size >= 0 else { throw Failure.argument("tile_size", expected: "at least 0", found: "\(tile_size)") }
    // The tangent kernel is computed from the covariances, which cost nothing beside it.
    var set = KernelSet.nngp
    if kernels & Int32(NT_NTK) != 0 { set.insert(.ntk) }
    var options = KernelOptions(
      executor: executors[Int(executor)], positions: only_diagonal_positions != 0 ? .diagonal : .all,
      batch: full_batch != 0 ? .all : .diagonal, precision: dtype, tileSize: tile_size == 0 ? nil : Int(tile_size),
      threads: try threadLimit)
    if let control { options.progress = { control.report($0.tilesDone, of: $0.tileCount) } }
    return (set, options)
  }

  var threadLimit: Int? {
    get throws {
      guard threads >= 0 else { throw Failure.argument("threads", expected: "at least 0", found: "\(threads)") }
      return threads == 0 ? nil : Int(clamping: threads)
    }
  }

  var maskConstant: Double? { has_mask_constant != 0 ? mask_constant : nil }

  var randomKey: RandomKey? { has_key != 0 ? RandomKey(key.0, key.1) : nil }
}

func options(_ pointer: UnsafePointer<nt_options>?) throws -> nt_options {
  guard let options = pointer?.pointee else {
    throw Failure.argument("options", expected: "options", found: "a null pointer")
  }
  return options
}

/// The graphs of both data sets.
func patterns(_ first: UnsafePointer<nt_array>?, _ second: UnsafePointer<nt_array>?) throws -> GraphPatterns? {
  guard let pattern = try optionalTensor(first, "pattern1") else {
    guard second == nil else {
      throw Failure.argument("pattern1", expected: "graphs of the first data set, as of the second", found: "none")
    }
    return nil
  }
  return GraphPatterns(pattern, try optionalTensor(second, "pattern2"))
}

// MARK: - Jobs

@_cdecl("nt_kernel_job")
public func kernelJob(
  _ pointer: OpaquePointer?, _ x1: UnsafePointer<nt_tree>?, _ x2: UnsafePointer<nt_tree>?,
  _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
  _ optionsPointer: UnsafePointer<nt_options>?,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let network = try network(pointer)
    let options = try options(optionsPointer)
    let (first, second) = (try branches(x1, "x1"), try optionalBranches(x2, "x2"))
    let patterns = try patterns(pattern1, pattern2)
    return try job(options) { set, kernelOptions in
      try network.preparedKernels(
        first, second, patterns: patterns, maskConstant: options.maskConstant, kernels: set, options: kernelOptions)
    }
  }
}

@_cdecl("nt_composition_job")
public func compositionJob(
  _ pointer: OpaquePointer?, _ structure: UnsafePointer<CChar>?, _ kernels: UnsafePointer<nt_kernel>?, _ count: Int64,
  _ pattern1: UnsafePointer<nt_array>?, _ pattern2: UnsafePointer<nt_array>?,
  _ optionsPointer: UnsafePointer<nt_options>?,
  _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) {
    let network = try network(pointer)
    let options = try options(optionsPointer)
    guard count > 0, let kernels else {
      throw Failure.argument("kernels", expected: "at least one", found: "\(count)")
    }
    var index = 0
    var reader = TreeReader(try text(structure, "structure"), "structure")
    let inputs = try reader.branches {
      guard index < Int(count) else { throw Failure.argument("kernels", expected: "more", found: "\(count)") }
      defer { index += 1 }
      return try kernel(kernels[index])
    }
    try reader.requireEnd()
    guard index == Int(count) else { throw Failure.argument("kernels", expected: "\(index)", found: "\(count)") }
    let patterns = try patterns(pattern1, pattern2)
    return try job(options) { _, kernelOptions in
      try network.preparedKernels(of: inputs, patterns: patterns, options: kernelOptions)
    }
  }
}

private func kernel(_ kernel: nt_kernel) throws -> Kernel {
  try Kernel(
    nngp: tensor(kernel.nngp, "nngp"), ntk: optionalTensor(kernel.ntk, "ntk"), cov1: tensor(kernel.cov1, "cov1"),
    cov2: optionalTensor(kernel.cov2, "cov2"), mask1: optionalTensor(kernel.mask1, "mask1"),
    mask2: optionalTensor(kernel.mask2, "mask2"), shape1: sizes(kernel.shape1, kernel.rank, "shape1"),
    shape2: sizes(kernel.shape2, kernel.rank, "shape2"),
    axes: DataAxes(batch: Int(kernel.batch_axis), channel: Int(kernel.channel_axis)),
    isDiagonal: kernel.diagonal_positions != 0, hasFullBatch: kernel.full_batch != 0,
    isSymmetric: kernel.is_symmetric != 0, isGaussian: kernel.is_gaussian != 0)
}

/// A job that computes kernels.
private func job(
  _ options: nt_options, _ prepare: (KernelSet, KernelOptions) throws -> PreparedKernels
) throws -> OpaquePointer {
  let control = JobObject.Control()
  let (set, kernelOptions) = try options.kernelOptions(control)
  let prepared = try prepare(set, kernelOptions)
  let job = JobObject(
    threads: try options.threadLimit, control: control, description: description(prepared, set)
  ) { _ in values(try prepared.run()) }
  return handle(job)
}

private func description(_ prepared: PreparedKernels, _ set: KernelSet) -> NodeValue {
  var arrays: [NodeValue] = []
  for (index, type) in prepared.matrixTypes.leaves.enumerated() {
    for name in set.contains(.ntk) ? ["nngp", "ntk"] : ["nngp"] {
      arrays.append(
        .object([
          "name": .string("\(index).\(name)"), "dtype": .string(type.dtype.rawValue),
          "shape": .array(type.shape.map(NodeValue.integer)),
        ]))
    }
  }
  return .object([
    "arrays": .array(arrays), "structure": .string(prepared.matrixTypes.structureText),
    "outputs": .array(prepared.outlines.leaves.map(node)),
  ])
}

private func values(_ kernels: Branches<Kernel>) -> ValuesObject {
  var arrays: [(name: String, tensor: Tensor)] = []
  var outputs: [NodeValue] = []
  for (index, kernel) in kernels.leaves.enumerated() {
    arrays += named(kernel, prefix: "\(index).")
    outputs.append(node(PreparedKernels.Outline(kernel)))
  }
  return ValuesObject(
    arrays, json: .object(["structure": .string(kernels.structureText), "outputs": .array(outputs)]))
}

private func node(_ outline: PreparedKernels.Outline) -> NodeValue {
  .object([
    "shape1": .array(outline.shape1.map(NodeValue.integer)), "shape2": .array(outline.shape2.map(NodeValue.integer)),
    "batchAxis": .integer(outline.axes.batch), "channelAxis": .integer(outline.axes.channel),
    "isGaussian": .boolean(outline.isGaussian), "isSymmetric": .boolean(outline.isSymmetric),
    "diagonalPositions": .boolean(outline.isDiagonal), "fullBatch": .boolean(outline.hasFullBatch),
  ])
}

/// The arrays of a kernel as far as it has them.
func named(_ kernel: Kernel, prefix: String = "") -> [(name: String, tensor: Tensor)] {
  let parts: [(String, Tensor?)] = [
    ("nngp", kernel.nngp), ("ntk", kernel.ntk), ("cov1", kernel.cov1), ("cov2", kernel.cov2), ("mask1", kernel.mask1),
    ("mask2", kernel.mask2),
  ]
  return parts.compactMap { name, tensor in tensor.map { (prefix + name, $0) } }
}
