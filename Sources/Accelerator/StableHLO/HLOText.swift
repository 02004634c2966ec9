import Tensors

// How types, numbers and lists are written in StableHLO's text.

extension DType {
  var hloName: String {
    switch self {
    case .float32: "f32"
    case .float64: "f64"
    case .int32: "i32"
    case .bool: "i1"
    }
  }

  /// How elements of the type are compared.
  var hloComparison: String {
    switch self {
    case .float32, .float64: "FLOAT"
    case .int32: "SIGNED"
    case .bool: "UNSIGNED"
    }
  }
}

extension TensorType {
  /// `tensor<3x2xf32>`.
  var hlo: String { "tensor<\(shape.map { "\($0)x" }.joined())\(dtype.hloName)>" }
}

/// `[1, 2, 3]`.
func hloList(_ numbers: [Int]) -> String { "[\(numbers.map(String.init).joined(separator: ", "))]" }

/// `[[1, 2], [3, 4]]`.
func hloPairs(_ pairs: [(Int, Int)]) -> String {
  "[\(pairs.map { "[\($0.0), \($0.1)]" }.joined(separator: ", "))]"
}

/// The generic form of a list: `array<i64: 1, 2>`, of an empty one `array<i64>`.
func hloArray(_ numbers: [Int]) -> String {
  numbers.isEmpty ? "array<i64>" : "array<i64: \(numbers.map(String.init).joined(separator: ", "))>"
}

/// A number written out exactly.
enum HLOLiteral {
  static func text(_ value: Float) -> String { "0x" + digits(UInt64(value.bitPattern), count: 8) }
  static func text(_ value: Double) -> String { "0x" + digits(value.bitPattern, count: 16) }

  static func text(_ value: Double, _ dtype: DType) -> String {
    switch dtype {
    case .float32: text(Float(value))
    case .float64: text(value)
    case .int32: "\(Int32(value))"
    case .bool: value != 0 ? "true" : "false"
    }
  }

  private static func digits(_ bits: UInt64, count: Int) -> String {
    let text = String(bits, radix: 16, uppercase: true)
    return String(repeating: "0", count: count - text.count) + text
  }

  /// All elements, nested as the shape is: `dense<[[1, 2], [3, 4]]>`.
  static func dense(_ tensor: Tensor) -> String {
    if tensor.count == 0 { return "dense<>" }
    let elements: [String] =
      switch tensor.dtype {
      case .float32: tensor.scalars(as: Float.self).map { text($0) }
      case .float64: tensor.scalars(as: Double.self).map { text($0) }
      case .int32: tensor.scalars(as: Int32.self).map { "\($0)" }
      case .bool: tensor.scalars(as: Bool.self).map { "\($0)" }
      }
    return "dense<\(nested(elements[...], tensor.shape[...]))>"
  }

  private static func nested(_ elements: ArraySlice<String>, _ shape: ArraySlice<Int>) -> String {
    guard let size = shape.first else { return elements[elements.startIndex] }
    let step = elements.count / size
    let parts = (0..<size).map { index in
      let start = elements.startIndex + index * step
      return nested(elements[start..<start + step], shape.dropFirst())
    }
    return "[\(parts.joined(separator: ", "))]"
  }
}
