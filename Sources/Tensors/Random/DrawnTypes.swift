/// The shapes and element types of what `body` makes of random numbers, without drawing any.
///
/// Every draw inside is a traced tensor, so that this costs next to nothing, however large the tensors are.
///
/// - Throws: what `body` throws.
/// - Precondition: `body` does not read elements of what it draws.
public func typesOfDraws<Output: TensorTree>(_ body: () throws -> Output) throws -> [TensorType] {
  let program = try trace(
    { (standIn: Tensor) in try DrawnTypes.$standIn.withValue(standIn) { try body() } }, at: Tensor(0.0))
  return program.outputTypes
}

/// Whether random draws give tensors without numbers here: inside `typesOfDraws`.
package var areDrawsTypesOnly: Bool { DrawnTypes.isActive }

/// What random draws are while only their types are wanted.
enum DrawnTypes {
  /// A traced scalar of float32.
  @TaskLocal fileprivate static var standIn: Tensor?

  static var isActive: Bool { standIn != nil }

  /// In place of a draw; nil where numbers are wanted.
  static func standIn(_ shape: [Int], _ dtype: DType) -> Tensor? {
    guard let standIn else { return nil }
    precondition(dtype.isFloatingPoint, "expected a floating-point type to draw, found \(dtype)")
    return standIn.asType(dtype).broadcast(to: shape)
  }
}
