extension Program {
  /// A program with the same results and fewer equations: equations that nothing needs, that occur twice, that are known
  /// already or that change nothing are left out, and transpositions move into the contractions that read them.
  public func simplified() -> Program {
    var simplifier = Simplifier()
    return simplifier.run(self)
  }
}

/// Rebuilds a program equation by equation, looking up what its operands are made of.
private struct Simplifier {
  private struct Key: Hashable {
    let primitive: Primitive
    let inputs: [Int]
  }

  /// The bits of a scalar.
  private struct ScalarKey: Hashable {
    let dtype: DType
    let bits: UInt64

    init(_ tensor: Tensor) {
      dtype = tensor.dtype
      switch tensor.dtype {
      case .float32: bits = UInt64(tensor.scalar(as: Float.self).bitPattern)
      case .float64: bits = tensor.scalar(as: Double.self).bitPattern
      case .int32: bits = UInt64(UInt32(bitPattern: tensor.scalar(as: Int32.self)))
      case .bool: bits = tensor.scalar(as: Bool.self) ? 1 : 0
      }
    }
  }

  /// Results of equations on constants are kept up to this many elements.
  private static let largestFolded = 256

  private var builder = ProgramBuilder()
  /// The equation that makes a value which is its only result.
  private var definitions: [Int: Key] = [:]
  private var constants: [Int: Tensor] = [:]
  private var scalars: [ScalarKey: Int] = [:]
  private var results: [Key: Range<Int>] = [:]

  mutating func run(_ program: Program) -> Program {
    var values: [Int] = []
    values.reserveCapacity(program.types.count)
    for type in program.inputTypes { values.append(builder.input(type)) }
    for tensor in program.constants { values.append(constant(tensor)) }
    for equation in program.equations {
      values += emit(equation.primitive, equation.inputs.map { values[$0] })
    }
    return builder.finish(outputs: program.outputs.map { values[$0] })
  }

  private func type(_ value: Int) -> TensorType { builder.types[value] }

  private mutating func constant(_ tensor: Tensor) -> Int {
    let key = tensor.count == 1 && tensor.rank == 0 ? ScalarKey(tensor) : nil
    if let key, let known = scalars[key] { return known }
    let value = builder.constant(tensor)
    constants[value] = tensor
    if let key { scalars[key] = value }
    return value
  }

  private mutating func emit(_ primitive: Primitive, _ inputs: [Int]) -> [Int] {
    if primitive.canFail {
      return known(Key(primitive: primitive, inputs: inputs))
    }
    if let value = simpler(primitive, inputs) { return [value] }
    if !inputs.isEmpty, primitive.outputType(for: inputs.map(type)).count <= Self.largestFolded {
      let tensors = inputs.compactMap { constants[$0] }
      if tensors.count == inputs.count { return [constant(Evaluator.evaluate(primitive, tensors))] }
    }
    return known(Key(primitive: primitive, inputs: inputs))
  }

  private mutating func known(_ key: Key) -> [Int] {
    if let outputs = results[key] { return Array(outputs) }
    let outputs = builder.equation(key.primitive, key.inputs)
    results[key] = outputs
    if outputs.count == 1 { definitions[outputs.lowerBound] = key }
    return Array(outputs)
  }

  /// The value of an equation by an easier way, if there is one.
  private mutating func simpler(_ primitive: Primitive, _ inputs: [Int]) -> Int? {
    switch primitive {
    case .reshape(let shape):
      if type(inputs[0]).shape == shape { return inputs[0] }
      if let inner = definitions[inputs[0]], case .reshape = inner.primitive { return emit(primitive, inner.inputs)[0] }
    case .transpose(let permutation):
      if permutation == Array(permutation.indices) { return inputs[0] }
      if let inner = definitions[inputs[0]], case .transpose(let first) = inner.primitive {
        return emit(.transpose(permutation.map { first[$0] }), inner.inputs)[0]
      }
      if Self.onlyMovesOnes(permutation, type(inputs[0]).shape) {
        return emit(.reshape(permutation.map { type(inputs[0]).shape[$0] }), inputs)[0]
      }
    case .broadcast(let shape):
      if type(inputs[0]).shape == shape { return inputs[0] }
      if let inner = definitions[inputs[0]], case .broadcast = inner.primitive { return emit(primitive, inner.inputs)[0] }
    case .convert(let dtype):
      if type(inputs[0]).dtype == dtype { return inputs[0] }
    case .slice(let starts, let limits, _):
      if limits == type(inputs[0]).shape && starts.allSatisfy({ $0 == 0 }) && primitive.outputType(for: inputs.map(type)) == type(inputs[0]) {
        return inputs[0]
      }
    case .reverse(let axes):
      if axes.allSatisfy({ type(inputs[0]).shape[$0] == 1 }) { return inputs[0] }
    case .concatenate:
      if inputs.count == 1 { return inputs[0] }
    case .pad(let low, let high, let interior):
      if (low + high + interior).allSatisfy({ $0 == 0 }) { return inputs[0] }
    case .reduce(_, let axes):
      let shape = type(inputs[0]).shape
      if axes.allSatisfy({ shape[$0] == 1 }) { return emit(.reshape(shape.removing(axes: axes)), inputs)[0] }
    case .unary(.negate):
      if let inner = definitions[inputs[0]], inner.primitive == .unary(.negate) { return inner.inputs[0] }
    case .dotGeneral(let dimensions):
      return withoutTranspositions(dimensions, inputs)
    default: break
    }
    return primitive.isElementwise ? simplerElementwise(primitive, inputs) : nil
  }

  private mutating func simplerElementwise(_ primitive: Primitive, _ inputs: [Int]) -> Int? {
    let result = primitive.outputType(for: inputs.map(type))
    // x · 1, x / 1, x − 0, x + −0: what leaves every bit of x, also of zeros, as it is.
    if case .binary(let function) = primitive, [.multiply, .divide, .add, .subtract].contains(function) {
      let neutral = [.multiply, .divide].contains(function) ? 1.0 : function == .subtract ? 0 : -0.0
      if isScalar(inputs[1], neutral), type(inputs[0]) == result { return inputs[0] }
      if [.multiply, .add].contains(function), isScalar(inputs[0], neutral), type(inputs[1]) == result {
        return inputs[1]
      }
    }
    // Operands are broadcast by the primitive itself; the shape of the result must not depend on it.
    var sources = inputs
    for index in inputs.indices {
      guard let inner = definitions[inputs[index]], case .broadcast = inner.primitive else { continue }
      sources[index] = inner.inputs[0]
      if primitive.outputType(for: sources.map(type)).shape != result.shape { sources[index] = inputs[index] }
    }
    if sources != inputs { return emit(primitive, sources)[0] }
    // A function of one repeated element is one element, repeated.
    if inputs.count == 1, let inner = definitions[inputs[0]], case .broadcast(let shape) = inner.primitive {
      let value = emit(primitive, inner.inputs)[0]
      return emit(.broadcast(shape), [value])[0]
    }
    return nil
  }

  private mutating func withoutTranspositions(_ dimensions: DotDimensions, _ inputs: [Int]) -> Int? {
    var (dimensions, sources, changed) = (dimensions, inputs, false)
    for index in 0..<2 {
      guard let inner = definitions[inputs[index]], case .transpose(let permutation) = inner.primitive else { continue }
      // The free axes must stay in order, because the result has them so.
      let free = index == 0 ? dimensions.freeAxesOfA(rank: permutation.count) : dimensions.freeAxesOfB(rank: permutation.count)
      guard free.map({ permutation[$0] }) == free.map({ permutation[$0] }).sorted() else { continue }
      if index == 0 {
        dimensions.aContracting = dimensions.aContracting.map { permutation[$0] }
        dimensions.aBatch = dimensions.aBatch.map { permutation[$0] }
      } else {
        dimensions.bContracting = dimensions.bContracting.map { permutation[$0] }
        dimensions.bBatch = dimensions.bBatch.map { permutation[$0] }
      }
      sources[index] = inner.inputs[0]
      changed = true
    }
    return changed ? emit(.dotGeneral(dimensions), sources)[0] : nil
  }

  private func isScalar(_ value: Int, _ number: Double) -> Bool {
    guard let tensor = constants[value], tensor.count == 1 else { return false }
    return switch tensor.dtype {
    case .float32: Double(tensor.scalar(as: Float.self)).bitPattern == number.bitPattern
    case .float64: tensor.scalar(as: Double.self).bitPattern == number.bitPattern
    case .int32: Double(tensor.scalar(as: Int32.self)) == number
    case .bool: false
    }
  }

  /// Whether the axes of more than one element stay in order.
  private static func onlyMovesOnes(_ permutation: [Int], _ shape: [Int]) -> Bool {
    let moved = permutation.filter { shape[$0] != 1 }
    return moved == moved.sorted()
  }
}
