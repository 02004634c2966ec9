/// The type of a tensor's elements, known at run time.
public enum DType: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
  case float32, float64, int32, bool

  /// Bytes that one element takes in memory.
  public var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .float64: 8
    case .bool: 1
    }
  }

  /// Whether it is float32 or float64.
  public var isFloatingPoint: Bool { self == .float32 || self == .float64 }

  public var description: String { rawValue }

  /// The type that arithmetic between `self` and `other` is done in: bool < int32 < float32 < float64.
  public func promoted(with other: DType) -> DType {
    rank >= other.rank ? self : other
  }

  private var rank: Int {
    switch self {
    case .bool: 0
    case .int32: 1
    case .float32: 2
    case .float64: 3
    }
  }
}

/// A Swift type that a tensor's elements can be read and written as: `Float`, `Double`, `Int32`, `Bool`.
public protocol TensorScalar: Sendable, Equatable, BitwiseCopyable {
  static var dtype: DType { get }
}

extension Float: TensorScalar { public static var dtype: DType { .float32 } }
extension Double: TensorScalar { public static var dtype: DType { .float64 } }
extension Int32: TensorScalar { public static var dtype: DType { .int32 } }
extension Bool: TensorScalar { public static var dtype: DType { .bool } }
