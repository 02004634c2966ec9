import Tensors

extension ProgramEmitter {
  mutating func unary(_ function: UnaryFunction, _ x: HLOValue) -> HLOValue {
    switch function {
    case .negate: return writer.same("negate", x)
    case .absolute: return writer.same("abs", x)
    case .sign: return sign(x)
    case .square: return writer.same("multiply", x, x)
    case .not: return writer.same("not", x)
    case .floor: return writer.same("floor", x)
    case .ceil: return writer.same("ceil", x)
    case .round: return writer.same("round_nearest_even", x)
    case .sqrt: return squareRoot(x)
    case .rsqrt: return writer.same("rsqrt", x)
    case .reciprocal: return writer.same("divide", writer.filled(1, x.type), x)
    case .cbrt: return writer.same("cbrt", x)
    case .exp: return writer.same("exponential", x)
    case .expm1: return writer.same("exponential_minus_one", x)
    case .log: return writer.same("log", x)
    case .log1p: return writer.same("log_plus_one", x)
    case .sin: return writer.same("sine", x)
    case .cos: return writer.same("cosine", x)
    case .tan: return writer.same("tan", x)
    case .tanh: return writer.same("tanh", x)
    case .asin: return writer.composite("asin", x)
    case .acos: return writer.composite("acos", x)
    case .atan: return writer.composite("atan", x)
    case .sinh: return writer.composite("sinh", x)
    case .cosh: return writer.composite("cosh", x)
    case .asinh: return writer.composite("asinh", x)
    case .acosh: return writer.composite("acosh", x)
    case .atanh: return writer.composite("atanh", x)
    case .erf: return writer.composite("erf", x)
    case .erfc: return writer.composite("erfc", x)
    case .erfInverse: return writer.composite("erf_inv", x)
    }
  }

  private mutating func sign(_ x: HLOValue) -> HLOValue { writer.same("sign", x) }

  /// The root, and what hides from compilers that it is one: they make a product with an approximate 1/√x of a quotient, by
  /// which √x / √x is no longer one, and equal inputs no longer have correlation one.
  private mutating func squareRoot(_ x: HLOValue) -> HLOValue {
    writer.same("maximum", writer.same("sqrt", x), writer.filled(-1, x.type))
  }

  mutating func binary(_ function: BinaryFunction, _ inputs: [HLOValue], _ type: TensorType) -> HLOValue {
    let operation =
      switch function {
      case .add: "add"
      case .subtract: "subtract"
      case .multiply: "multiply"
      case .divide: "divide"
      case .minimum: "minimum"
      case .maximum: "maximum"
      case .power: "power"
      case .atan2: "atan2"
      case .and: "and"
      case .or: "or"
      case .xor: "xor"
      }
    let operands = spread(inputs, type)
    return writer.same(operation, operands[0], operands[1])
  }

  /// The operands as large as the result.
  private mutating func spread(_ operands: [HLOValue], _ type: TensorType) -> [HLOValue] {
    operands.map { writer.broadcast($0, to: type.shape) }
  }

  mutating func compare(_ comparison: Comparison, _ inputs: [HLOValue], _ type: TensorType) -> HLOValue {
    let direction =
      switch comparison {
      case .less: "LT"
      case .lessOrEqual: "LE"
      case .equal: "EQ"
      case .notEqual: "NE"
      case .greaterOrEqual: "GE"
      case .greater: "GT"
      }
    let operands = spread(inputs, type)
    return writer.compare(direction, operands[0], operands[1])
  }

  mutating func multiplyAdd(_ inputs: [HLOValue], _ type: TensorType) -> HLOValue {
    let operands = spread(inputs, type)
    return writer.same("add", writer.same("multiply", operands[0], operands[1]), operands[2])
  }

  mutating func select(_ inputs: [HLOValue], _ type: TensorType) -> HLOValue {
    let operands = spread(inputs, type)
    return writer.select(operands[0], operands[1], operands[2])
  }

  mutating func convert(_ x: HLOValue, _ dtype: DType) -> HLOValue {
    // Devices would take the lowest bit of an integer.
    if dtype == .bool && x.dtype != .bool { return writer.compare("NE", x, writer.filled(0, x.type)) }
    return writer.convert(x, to: dtype)
  }
}
