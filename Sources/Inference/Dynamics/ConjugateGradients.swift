import Tensors

/// Σ of the products of all entries.
func innerProduct(_ a: Tensor, _ b: Tensor) -> Double { (a * b).sum().scalar(as: Double.self) }

/// The largest |entry|.
func largestEntry(_ a: Tensor) -> Double { a.count == 0 ? 0 : abs(a).max().scalar(as: Double.self) }

/// Solves A x = b for a symmetric positive (semi)definite A that is known by its products, from x = 0.
///
/// - Parameters:
///   - b: any shape.
///   - preconditioner: positive numbers that repeat along b, the diagonal of an approximate inverse.
///   - tolerance: of the residual, relative to b, in the norm of the preconditioner.
///   - noise: of b in that norm squared: what is smaller is rounding, and its solution zero.
///   - apply: A x.
/// - Returns: nil where A has a direction of negative curvature, or is not finite.
///
/// *Source:* Nocedal and Wright, Numerical Optimization, 2nd edition 2006, algorithm 5.3.
func conjugateGradients(
  _ b: Tensor, preconditioner: Tensor, tolerance: Double, noise: Double = 0, _ apply: (Tensor) throws -> Tensor
) throws -> Tensor? {
  var x = Tensor.zeros(b.shape, dtype: b.dtype)
  var residual = b
  var preconditioned = residual * preconditioner
  var direction = preconditioned
  var product = innerProduct(residual, preconditioned)
  let goal = max(tolerance * tolerance * product, noise)
  guard product.isFinite else { return nil }
  // Rounding makes more of them necessary than there are unknowns.
  for _ in 0..<(3 * b.count + 20) {
    if product <= goal || product == 0 { return x }
    let image = try apply(direction)
    let curvature = innerProduct(direction, image)
    guard curvature.isFinite, curvature >= 0 else { return nil }
    // A direction that A does not see: what is left of b there is rounding.
    if curvature == 0 { return x }
    let length = product / curvature
    x = x + direction * length
    residual = residual - image * length
    preconditioned = residual * preconditioner
    let next = innerProduct(residual, preconditioned)
    guard next.isFinite else { return nil }
    direction = preconditioned + direction * (next / product)
    product = next
  }
  return x
}
