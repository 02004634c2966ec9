import CovarianceEngine
import Tensors

/// An elementwise function with its derivative, for `ElementwiseNumerical` and `CustomActivation`.
public struct NumericalFunction: Sendable {
  /// Its name in network files; nil for a function of your own.
  public let name: String?
  /// φ, element by element.
  public let function: @Sendable (Tensor) -> Tensor
  /// φ', element by element.
  public let derivative: @Sendable (Tensor) -> Tensor

  /// Where φ, φ' or φ'' jumps.
  public let kinks: [Double]

  /// A function of your own, made of tensor operations.
  ///
  /// - Parameter kinks: where φ, φ' or φ'' jumps.
  /// - Precondition: the kinks are finite.
  public init(
    kinks: [Double] = [], function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) -> Tensor
  ) {
    precondition(kinks.allSatisfy { $0.isFinite }, "kinks \(kinks) are not all finite")
    name = nil
    self.kinks = kinks
    self.function = function
    self.derivative = derivative
  }

  private init(
    _ name: String, kinks: [Double] = [], _ function: @escaping @Sendable (Tensor) -> Tensor,
    derivative: @escaping @Sendable (Tensor) -> Tensor
  ) {
    self.name = name
    self.kinks = kinks
    self.function = function
    self.derivative = derivative
  }
}

extension NumericalFunction {
  /// The functions that network files can name.
  public static let all: [NumericalFunction] = [
    tanh, sigmoid, softplus, softsign, silu, mish, gelu, elu, selu, relu, hardTanh, erf, sin, cos,
  ]

  /// Their names; `swish` is another one for `silu`.
  public static var names: [String] { (all.compactMap(\.name) + ["swish"]).sorted() }

  /// The function of this name.
  public static func named(_ name: String) -> NumericalFunction? {
    name == "swish" ? silu : all.first { $0.name == name }
  }

  /// tanh x.
  public static let tanh = NumericalFunction("tanh", { Tensors.tanh($0) }) {
    let value = Tensors.tanh($0)
    return 1 - value * value
  }

  /// 1/(1 + e^(−x)).
  public static let sigmoid = NumericalFunction("sigmoid", { logistic($0) }) { logistic($0) * logistic(-$0) }

  /// log(1 + eˣ).
  public static let softplus = NumericalFunction("softplus", { logOnePlusExp($0) }) { logistic($0) }

  /// x/(1 + |x|).
  public static let softsign = NumericalFunction("softsign", kinks: [0], { $0 / (1 + abs($0)) }) {
    let divisor = 1 + abs($0)
    return 1 / (divisor * divisor)
  }

  /// x/(1 + e^(−x)), also known as swish.
  public static let silu = NumericalFunction("silu", { $0 * logistic($0) }) {
    logistic($0) * (1 + $0 * logistic(-$0))
  }

  /// x·tanh(log(1 + eˣ)).
  public static let mish = NumericalFunction("mish", { $0 * Tensors.tanh(logOnePlusExp($0)) }) {
    let gate = Tensors.tanh(logOnePlusExp($0))
    return gate + $0 * logistic($0) * (1 - gate * gate)
  }

  /// x (1 + erf(x/√2))/2.
  public static let gelu = NumericalFunction("gelu", { 0.5 * $0 * erfc(-0.5.squareRoot() * $0) }) {
    0.5 * erfc(-0.5.squareRoot() * $0) + $0 * exp(-0.5 * ($0 * $0)) * (0.5 / Double.pi).squareRoot()
  }

  /// x for x > 0, else eˣ − 1.
  public static let elu = NumericalFunction("elu", kinks: [0], { exponentialLinear($0) }) { exp(minimum($0, 0)) }

  static let seluAlpha = 1.6732632423543772
  static let seluScale = 1.0507009873554805

  /// 1.0507 times x for x > 0, else 1.6733 (eˣ − 1): the constants that keep mean 0 and variance 1.
  public static let selu = NumericalFunction(
    "selu", kinks: [0], { seluScale * select($0 .> 0, $0, seluAlpha * expm1(minimum($0, 0))) }
  ) { seluScale * select($0 .> 0, 1, seluAlpha * exp(minimum($0, 0))) }

  /// max(x, 0), with derivative 1/2 at 0. `Relu` has its duals in closed form.
  public static let relu = NumericalFunction("relu", kinks: [0], { maximum($0, 0) }) { 0.5 * (sign($0) + 1) }

  /// x limited to [−1, 1].
  public static let hardTanh = NumericalFunction("hardTanh", kinks: [-1, 1], { maximum(minimum($0, 1), -1) }) {
    0.5 * (sign($0 + 1) - sign($0 - 1))
  }

  /// erf x. `Erf` has its duals in closed form.
  public static let erf = NumericalFunction("erf", { Tensors.erf($0) }) {
    (2 / Double.pi.squareRoot()) * exp(-($0 * $0))
  }

  /// sin x. `Sin` has its duals in closed form.
  public static let sin = NumericalFunction("sin", { Tensors.sin($0) }) { Tensors.cos($0) }

  /// cos x. `Cos` has its duals in closed form.
  public static let cos = NumericalFunction("cos", { Tensors.cos($0) }) { -Tensors.sin($0) }

  private static func exponentialLinear(_ x: Tensor) -> Tensor {
    select(x .> 0, x, expm1(minimum(x, 0)))
  }

  private static func logistic(_ x: Tensor) -> Tensor {
    0.5 * (1 + Tensors.tanh(0.5 * x))
  }

  private static func logOnePlusExp(_ x: Tensor) -> Tensor {
    maximum(x, 0) + log1p(exp(-abs(x)))
  }
}
