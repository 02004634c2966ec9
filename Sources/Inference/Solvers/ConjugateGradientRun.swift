import CovarianceEngine
import Tensors

/// Preconditioned conjugate gradients for A x = b, A = K + λ I, for all rows of b at once, from any x.
///
/// Recurrences are in float64. Where they say that the goal is reached, the residual is computed from x, and if that is farther away
/// it takes the place of the recurrence's: what is reported was never only claimed.
///
/// *Source:* Nocedal and Wright, Numerical Optimization, 2nd edition 2006, algorithm 5.3.
struct ConjugateGradientRun {
  /// What is known of an x.
  struct State {
    /// Shape (vectors, count), like all tensors here.
    var x: Tensor
    /// b − A x.
    var residual: Tensor
    /// Upper bounds of rᵀ A⁻¹ r, one for each vector.
    var bounds: [Double]
    /// Products with A so far.
    var products: Int
  }

  let matrix: any SymmetricOperator
  let shift: Double
  let preconditioner: any Preconditioner
  /// Products at most.
  let limit: Int

  enum Failure: Error {
    /// A number that is not finite, or a direction of negative curvature.
    case notPositiveDefinite(products: Int)
  }

  private func product(_ vectors: Tensor) throws -> Tensor { try matrix.multiply(vectors) + vectors * shift }

  /// - Parameters:
  ///   - b: right-hand sides.
  ///   - start: where to begin; nil for zero.
  ///   - isEnough: whether a state is good enough.
  ///   - each: called after every product, for progress and checkpoints.
  /// - Returns: a state whose residual is computed from its x, whether or not it is good enough.
  /// - Throws: `Failure`, and what the matrix throws.
  func solve(
    _ b: Tensor, from start: Tensor? = nil, isEnough: (State) -> Bool, each: (State) throws -> Void = { _ in }
  ) throws -> State {
    var state = State(
      x: start ?? Tensor.zeros(b.shape, dtype: .float64), residual: b, bounds: [], products: 0)
    if let start {
      state.residual = b - (try product(start))
      state.products += 1
    }
    // Times that the recurrence claimed what was not so.
    var claims = 0
    while true {
      // From x with its true residual.
      var preconditioned = try preconditioner.solve(state.residual)
      state.bounds = preconditioner.bounds(state.residual, solved: preconditioned)
      guard state.bounds.allSatisfy(\.isFinite) else { throw Failure.notPositiveDefinite(products: state.products) }
      if isEnough(state) || state.products >= limit || claims > 4 { return state }
      var (direction, squares) = (preconditioned, rowProducts(state.residual, preconditioned))
      while state.products < limit - 1 {
        let image = try product(direction)
        state.products += 1
        let curvatures = rowProducts(direction, image)
        let lengths = try zip(squares, curvatures).map { square, curvature in
          guard curvature.isFinite, curvature >= 0 else {
            throw Failure.notPositiveDefinite(products: state.products)
          }
          return curvature > 0 ? square / curvature : 0
        }
        state.x = adding(state.x, lengths, direction)
        state.residual = adding(state.residual, lengths.map { -$0 }, image)
        preconditioned = try preconditioner.solve(state.residual)
        let next = rowProducts(state.residual, preconditioned)
        state.bounds = preconditioner.bounds(state.residual, solved: preconditioned)
        try each(state)
        if isEnough(state) || !next.allSatisfy(\.isFinite) { break }
        direction = adding(preconditioned, zip(next, squares).map { $1 > 0 ? $0 / $1 : 0 }, direction)
        squares = next
      }
      state.residual = b - (try product(state.x))
      state.products += 1
      claims += 1
    }
  }
}
