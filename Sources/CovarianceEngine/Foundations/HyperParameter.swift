import Platform
import Tensors

/// A continuous constant of a layer: a number, or for derivatives a scalar tensor in its place.
///
/// ```swift
/// @HyperParameter public var gamma: Double
/// func dual(…) -> Tensor { exp($gamma * q12) }
/// ```
///
/// Formulas written with the projected value `$gamma` compute with the number as they would with a `Double`, and with
/// the tensor when the network was given one by `Layer.replacing(_:)`.
@propertyWrapper
public struct HyperParameter: Sendable {
  /// The number; what the constant was before a tensor took its place.
  public var wrappedValue: Double {
    didSet { tensor = nil }
  }
  /// A scalar that stands in for the number.
  private(set) var tensor: Tensor?

  public init(wrappedValue: Double) {
    self.wrappedValue = wrappedValue
  }

  public init(_ value: Double) {
    self.init(wrappedValue: value)
  }

  /// A scalar in place of `value`.
  package init(_ tensor: Tensor, insteadOf value: Double) {
    self.init(value)
    self.tensor = tensor.reshaped([]).asType(.float64)
  }

  /// The constant as formulas use it: the number, or the traced scalar that stands in for it.
  public var projectedValue: HyperParameter {
    get { self }
    set { self = newValue }
  }

  /// The scalar, float64.
  public var asTensor: Tensor { tensor ?? Tensor(wrappedValue) }

  package var isTensor: Bool { tensor != nil }

  /// Whether it is this number and no tensor, so that a formula may be shortened.
  package func isExactly(_ number: Double) -> Bool { tensor == nil && wrappedValue == number }

  /// A function of it, the same on numbers and tensors.
  private func map(_ number: (Double) -> Double, _ scalar: (Tensor) -> Tensor) -> HyperParameter {
    let value = number(wrappedValue)
    return tensor.map { HyperParameter(scalar($0), insteadOf: value) } ?? HyperParameter(value)
  }

  private static func combine(
    _ x: HyperParameter, _ y: HyperParameter, _ number: (Double, Double) -> Double, _ scalar: (Tensor, Tensor) -> Tensor
  ) -> HyperParameter {
    let value = number(x.wrappedValue, y.wrappedValue)
    guard x.isTensor || y.isTensor else { return HyperParameter(value) }
    return HyperParameter(scalar(x.asTensor, y.asTensor), insteadOf: value)
  }
}

extension HyperParameter {
  /// The sum.
  public static func + (x: HyperParameter, y: HyperParameter) -> HyperParameter { combine(x, y, +) { $0 + $1 } }
  /// The difference.
  public static func - (x: HyperParameter, y: HyperParameter) -> HyperParameter { combine(x, y, -) { $0 - $1 } }
  /// The product.
  public static func * (x: HyperParameter, y: HyperParameter) -> HyperParameter { combine(x, y, *) { $0 * $1 } }
  /// The product.
  public static func * (x: Double, y: HyperParameter) -> HyperParameter { y.map({ x * $0 }, { x * $0 }) }
  /// The quotient.
  public static func / (x: HyperParameter, y: Double) -> HyperParameter { x.map({ $0 / y }, { $0 / y }) }
  /// With the other sign.
  public static prefix func - (x: HyperParameter) -> HyperParameter { x.map({ -$0 }, { -$0 }) }

  /// In the tensor's element type.
  public static func * (x: HyperParameter, y: Tensor) -> Tensor {
    x.tensor.map { $0.asType(y.dtype) * y } ?? x.wrappedValue * y
  }

  /// The product.
  public static func * (x: Tensor, y: HyperParameter) -> Tensor {
    y.tensor.map { x * $0.asType(x.dtype) } ?? x * y.wrappedValue
  }

  /// The sum.
  public static func + (x: Tensor, y: HyperParameter) -> Tensor {
    y.tensor.map { x + $0.asType(x.dtype) } ?? x + y.wrappedValue
  }

  /// The quotient.
  public static func / (x: HyperParameter, y: Tensor) -> Tensor {
    x.tensor.map { $0.asType(y.dtype) / y } ?? x.wrappedValue / y
  }

  package var sine: HyperParameter { map(Platform.sin, Tensors.sin) }
  package var cosine: HyperParameter { map(Platform.cos, Tensors.cos) }
  package var exponential: HyperParameter { map(Platform.exp, Tensors.exp) }
  package var squareRoot: HyperParameter { map({ $0.squareRoot() }, Tensors.sqrt) }
}

extension HyperParameter: CustomStringConvertible {
  /// The number; "traced" where a tensor stands for it.
  public var description: String { isTensor ? "traced" : "\(wrappedValue)" }
}
