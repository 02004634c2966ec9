import CovarianceEngine
import Tensors

/// Which axes count inputs: one per tensor of the inputs, nil where all inputs share it, and that of the outputs.
struct ResolvedMapping: Sendable, Hashable {
  let inputs: [Int?]
  let outputs: Int
}

/// Parameters and inputs of one or two data sets.
struct EmpiricalData<Parameters: TensorTree, Input: TensorTree> {
  let parameters: (Parameters, Parameters)
  let inputs: (Input, Input)
  /// Whether both data sets are one.
  let isSame: Bool

  init(_ parameters: Parameters, _ x1: Input, _ x2: Input?, _ second: Parameters?) {
    self.parameters = (parameters, second ?? parameters)
    inputs = (x1, x2 ?? x1)
    isSame = x2 == nil && second == nil
  }

  private var leaves: [[Tensor]] {
    [parameters.0.leaves, inputs.0.leaves] + (isSame ? [] : [parameters.1.leaves, inputs.1.leaves])
  }
  var types: [[TensorType]] { leaves.map { $0.map(\.type) } }
  var structure: [String] {
    parameters.0.structure + ["|"] + inputs.0.structure
      + (isSame ? [] : ["|"] + parameters.1.structure + ["|"] + inputs.1.structure)
  }
  var isTraced: Bool { leaves.contains { $0.contains(where: \.isTraced) } }
}

/// A function traced for data sets of some shapes.
struct TracedEmpirical<Output: TensorTree> {
  /// Outputs for their structure.
  let template: Output
  let mapping: ResolvedMapping?
  let first: TangentProgram
  let second: TangentProgram

  init<Parameters: TensorTree, Input: TensorTree>(
    _ f: @escaping (Parameters, Input) throws -> Output, _ mapping: InputMapping,
    _ data: EmpiricalData<Parameters, Input>
  ) throws {
    let traced = try TracedFunction(f, data.parameters.0, data.inputs.0)
    template = traced.output(traced.program.outputTypes.map { Tensor.zeros($0.shape, dtype: $0.dtype) })
    let resolved = try Self.resolved(mapping, f, data.parameters.0, data.inputs.0, data.inputs.1, traced)
    self.mapping = resolved
    let examples = (Self.example(data.inputs.0, resolved), Self.example(data.inputs.1, resolved))
    first = try TangentProgram(f, data.parameters.0, examples.0)
    func types(_ parameters: Parameters, _ input: Input) -> [TensorType] {
      (parameters.leaves + input.leaves).map(\.type)
    }
    let isAlike = data.isSame || types(data.parameters.0, examples.0) == types(data.parameters.1, examples.1)
    second = isAlike ? first : try TangentProgram(f, data.parameters.1, examples.1)
  }

  /// The values of a data set: where inputs are mapped, with their axis in front of that of a single one.
  func values<Parameters: TensorTree, Input: TensorTree>(_ parameters: Parameters, _ x: Input) -> EmpiricalEngine.Values
  {
    guard let mapping else { return EmpiricalEngine.Values(parameters: parameters.leaves, inputs: x.leaves) }
    return EmpiricalEngine.Values(
      parameters: parameters.leaves,
      inputs: zip(x.leaves, mapping.inputs).map { tensor, axis in
        guard let axis else { return tensor }
        var shape = tensor.shape
        shape[axis] = 1
        return tensor.movedAxis(from: axis, to: 0).reshaped([tensor.shape[axis]] + shape)
      })
  }

  /// The shapes of an output for both data sets.
  func shapes<Parameters: TensorTree, Input: TensorTree>(
    _ outputs: (Int, Int), _ data: EmpiricalData<Parameters, Input>
  ) -> ([Int], [Int]) {
    func shape(_ tangents: TangentProgram, _ output: Int, _ x: Input) -> [Int] {
      var shape = tangents.outputType(output).shape
      guard let mapping else { return shape }
      for (tensor, axis) in zip(x.leaves, mapping.inputs) {
        if let axis { shape[mapping.outputs] = tensor.shape[axis] }
      }
      return shape
    }
    return (shape(first, outputs.0, data.inputs.0), shape(second, outputs.1, data.inputs.1))
  }

  /// One input, of the shape that a single one has.
  private static func example<Input: TensorTree>(_ x: Input, _ mapping: ResolvedMapping?) -> Input {
    guard let mapping else { return x }
    return x.replacingLeaves(
      zip(x.leaves, mapping.inputs).map { tensor, axis in
        guard let axis else { return tensor }
        var shape = tensor.shape
        shape[axis] = 1
        return Tensor.zeros(shape, dtype: tensor.dtype)
      })
  }

  // MARK: - Whether inputs are mapped

  private static func resolved<Parameters: TensorTree, Input: TensorTree>(
    _ mapping: InputMapping, _ f: @escaping (Parameters, Input) throws -> Output, _ parameters: Parameters, _ x1: Input,
    _ x2: Input, _ traced: TracedFunction<Output>
  ) throws -> ResolvedMapping? {
    let outputs = traced.program.outputTypes.map(\.shape)
    switch mapping {
    case .together: return nil
    case .each(let axes, let output):
      return try given(axes, output, x1.leaves.map(\.shape), x2.leaves.map(\.shape), outputs)
    case .detected:
      let counts = Set((x1.leaves.map(\.shape) + outputs).map { $0.first ?? -1 })
      guard counts.count == 1, let count = counts.first, count > 1,
        Set(x2.leaves.map { $0.shape.first ?? -1 }).count == 1,
        traced.captured.isEmpty, try takesInputsOneByOne(f, parameters, x1)
      else { return nil }
      return ResolvedMapping(inputs: x1.leaves.map { _ in 0 }, outputs: 0)
    }
  }

  private static func given(
    _ axes: [Int?], _ output: Int, _ x1: [[Int]], _ x2: [[Int]], _ outputs: [[Int]]
  ) throws(NetworkError) -> ResolvedMapping {
    func refuse(_ expected: String, _ found: String) -> NetworkError {
      NetworkError(path: [.name("inputs"), .name("each")], expected: expected, found: found)
    }
    let all = axes.count == 1 ? x1.map { _ in axes[0] } : axes
    guard all.count == x1.count, all.contains(where: { $0 != nil }) else {
      throw refuse("an axis or nil for each of \(x1.count) tensors of inputs, not all nil", "\(axes.count): \(axes)")
    }
    var resolved: [Int?] = []
    for (index, axis) in all.enumerated() {
      guard let axis else {
        resolved.append(nil)
        continue
      }
      let rank = x1[index].count
      guard (-rank..<rank).contains(axis), x2[index].count == rank else {
        throw refuse("an axis of inputs of shapes \(x1[index]) and \(x2[index])", "\(axis)")
      }
      resolved.append(axis < 0 ? axis + rank : axis)
    }
    for shapes in [x1, x2] {
      let counts = Set(zip(shapes, resolved).compactMap { shape, axis in axis.map { shape[$0] } })
      guard counts.count == 1 else {
        throw refuse("tensors of as many inputs each", "shapes \(shapes) along axes \(axes)")
      }
    }
    let rank = outputs.map(\.count).min() ?? 0
    let place = output < 0 ? output + rank : output
    guard (0..<max(1, rank)).contains(place), rank > 0, output >= 0 || Set(outputs.map(\.count)).count == 1 else {
      throw refuse("an axis of outputs of shapes \(outputs)", "\(output)")
    }
    return ResolvedMapping(inputs: resolved, outputs: place)
  }

  /// Tries whether the outputs of every entry along the first axis are those that it has alone. Random numbers stand for
  /// tensors that are being traced.
  private static func takesInputsOneByOne<Parameters: TensorTree, Input: TensorTree>(
    _ f: @escaping (Parameters, Input) throws -> Output, _ parameters: Parameters, _ x: Input
  ) throws -> Bool {
    func concrete<Tree: TensorTree>(_ tree: Tree, seed: UInt64) -> Tree {
      var key = RandomKey(seed: seed)
      return tree.mapTensors { tensor in
        guard tensor.isTraced else { return tensor }
        key = key.folding(in: 1)
        return tensor.dtype.isFloatingPoint
          ? key.normal(tensor.shape, dtype: tensor.dtype) : Tensor.zeros(tensor.shape, dtype: tensor.dtype)
      }
    }
    let (parameters, x) = (concrete(parameters, seed: 1), concrete(x, seed: 2))
    let together = try f(parameters, x).leaves
    if together.contains(where: \.isTraced) { return false }
    let one = vmap { (entry: Input) in
      try f(parameters, entry.mapTensors { $0.expandedDims(0) })
    }
    guard let alone = try? one(x).leaves else { return false }
    return zip(together, alone).allSatisfy { all, each in
      guard all.count == each.count, all.dtype.isFloatingPoint else { return false }
      let difference = abs(each.reshaped(all.shape) - all).max().asType(.float64).scalar(as: Double.self)
      let largest = abs(all).max().asType(.float64).scalar(as: Double.self)
      return difference <= (all.dtype == .float32 ? 1e-4 : 1e-10) * largest || difference == 0
    }
  }
}
