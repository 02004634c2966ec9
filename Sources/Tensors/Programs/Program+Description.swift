extension Program: CustomStringConvertible {
  /// The program as text, one equation a line with the type of its result:
  ///
  ///     program(a: float32[2,3], b: float32[3]) {
  ///       c: float32[] = 2
  ///       d: float32[2] = dotGeneral(a, b) {contracting: [1]·[0]}
  ///       e: float32[2] = multiply(d, c)
  ///       return e
  ///     }
  public var description: String { text(indent: "") }

  private func text(indent: String) -> String {
    let inputs = (0..<inputCount).map { "\(Self.name($0)): \(types[$0])" }.joined(separator: ", ")
    var lines = ["program(\(inputs)) {"]
    for (offset, constant) in constants.enumerated() {
      let value = constant.count == 1 ? Self.scalarText(constant) : "constant"
      lines.append("  \(Self.name(inputCount + offset)): \(constant.type) = \(value)")
    }
    for equation in equations {
      let results = equation.outputs.map { "\(Self.name($0)): \(types[$0])" }.joined(separator: ", ")
      let operands = equation.inputs.map(Self.name).joined(separator: ", ")
      var line = "  \(results) = \(equation.primitive.name)(\(operands))"
      if let attributes = equation.primitive.attributes { line += " {\(attributes)}" }
      if case .call(let subprogram) = equation.primitive {
        line += " " + subprogram.program.text(indent: indent + "  ")
      }
      lines.append(line)
    }
    lines.append("  return \(outputs.map(Self.name).joined(separator: ", "))")
    lines.append("}")
    return lines.joined(separator: "\n" + indent)
  }

  /// a, b, ..., z, aa, ab, ...
  private static func name(_ value: Int) -> String {
    var (name, rest) = ("", value)
    repeat {
      name = String(UnicodeScalar(UInt8(97 + rest % 26))) + name
      rest = rest / 26 - 1
    } while rest >= 0
    return name
  }

  private static func scalarText(_ tensor: Tensor) -> String {
    switch tensor.dtype {
    case .float32: "\(tensor.scalar(as: Float.self))"
    case .float64: "\(tensor.scalar(as: Double.self))"
    case .int32: "\(tensor.scalar(as: Int32.self))"
    case .bool: "\(tensor.scalar(as: Bool.self))"
    }
  }
}

extension Primitive {
  /// The primitive's name without its attributes.
  public var name: String {
    switch self {
    case .unary(let function): function.rawValue
    case .binary(let function): function.rawValue
    case .compare(let comparison): comparison.rawValue
    case .multiplyAdd: "multiplyAdd"
    case .select: "select"
    case .convert: "convert"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .broadcast: "broadcast"
    case .reverse: "reverse"
    case .slice: "slice"
    case .assign: "assign"
    case .pad: "pad"
    case .concatenate: "concatenate"
    case .reduce(let reduction, _): "reduce" + Self.capitalized(reduction.rawValue)
    case .argReduce(let extreme, _): "arg" + Self.capitalized(extreme.rawValue)
    case .cumulativeSum: "cumulativeSum"
    case .iota: "iota"
    case .take: "take"
    case .scatterAdd: "scatterAdd"
    case .takeAlong: "takeAlong"
    case .scatterAddAlong: "scatterAddAlong"
    case .sort: "sort"
    case .argSort: "argSort"
    case .dynamicSlice: "dynamicSlice"
    case .dynamicUpdateSlice: "dynamicUpdateSlice"
    case .dotGeneral: "dotGeneral"
    case .convolution(_, let role): "convolution" + (role == .output ? "" : Self.capitalized(role.rawValue))
    case .windowSum: "windowSum"
    case .cholesky: "cholesky"
    case .triangularSolve: "triangularSolve"
    case .solve: "solve"
    case .eigh: "eigh"
    case .stopGradient: "stopGradient"
    case .call(let subprogram): "call " + subprogram.name
    }
  }

  /// What decides the result besides the inputs and is not seen from the result's type.
  var attributes: String? {
    switch self {
    case .transpose(let permutation): "\(permutation)"
    case .reverse(let axes), .reduce(_, let axes): "axes: \(axes)"
    case .slice(let starts, let limits, let strides), .assign(let starts, let limits, let strides):
      zip(zip(starts, limits), strides).map { "\($0.0)..<\($0.1)" + ($1 == 1 ? "" : " by \($1)") }
        .joined(separator: ", ")
    case .pad(let low, let high, let interior): "low: \(low), high: \(high), interior: \(interior)"
    case .concatenate(let axis), .argReduce(_, let axis), .cumulativeSum(let axis), .iota(_, _, let axis),
      .take(let axis), .takeAlong(let axis), .sort(let axis), .argSort(let axis), .scatterAdd(let axis, _),
      .scatterAddAlong(let axis, _):
      "axis: \(axis)"
    case .dotGeneral(let dimensions):
      "contracting: \(dimensions.aContracting)·\(dimensions.bContracting)"
        + (dimensions.aBatch.isEmpty ? "" : ", batch: \(dimensions.aBatch)·\(dimensions.bBatch)")
    case .convolution(let geometry, _): "\(geometry)"
    case .windowSum(let geometry): "\(geometry)"
    case .triangularSolve(let options): "\(options)"
    default: nil
    }
  }

  private static func capitalized(_ word: String) -> String { word.prefix(1).uppercased() + word.dropFirst() }
}
