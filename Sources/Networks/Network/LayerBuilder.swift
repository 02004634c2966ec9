import CovarianceEngine

/// Collects the layers written between braces, loops and conditions included.
@resultBuilder
public enum LayerBuilder {
  /// One layer of the list.
  public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
  /// One layer of the list.
  public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
  /// The layers between braces.
  public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
  /// The layers of a `for` loop, in turn.
  public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
  /// The layers of an `if`, or none.
  public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
  /// The layers of one side of an `if`.
  public static func buildEither(first: [any Layer]) -> [any Layer] { first }
  /// The layers of one side of an `if`.
  public static func buildEither(second: [any Layer]) -> [any Layer] { second }
}
