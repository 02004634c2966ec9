import CovarianceEngine
import Tensors

/// Preconditioned conjugate gradients for A x = b, A = K + λ I, for all rows of b at once, from any x.
///
/// Every x is the best in the directions of all right-hand sides together, since a product with several vectors costs little more
/// than one with one: with ten right-hand sides some third of the products are needed. Directions are made orthonormal in the
/// scalar product of A; those that depend on the others, as all of them do when right-hand sides depend on each other, are left out.
///
/// Recurrences are in float64. Where they say that the goal is reached, the residual is computed from x, and if that is farther away
/// it takes the place of the recurrence's: what is reported was never only claimed.
///
/// *Source:* O'Leary, The block conjugate gradient algorithm and related methods, Linear Algebra and its Applications 29 (1980).
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

  /// Directions and their products with A, orthonormal: pᵢᵀ A pⱼ is one for i = j and else zero.
  private struct Directions {
    var vectors: Tensor
    var images: Tensor
  }

  /// Of the scaled products of directions with each other: those that are smaller are rounding.
  private static let independence = 1e-11

  private func product(_ vectors: Tensor) throws -> Tensor {
    let image = try matrix.multiply(vectors)
    return image + vectors * shift
  }

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
      var preconditioned = try solved(&state)
      if isEnough(state) || state.products >= limit || claims > 4 { return state }
      var last: Directions?
      while state.products < limit - 1 {
        try Interruption.check()
        guard let directions = try directions(preconditioned, after: last, products: state.products) else { break }
        state.products += 1
        let lengths = rowGram(state.residual, directions.vectors)
        state.x = combined(lengths, directions.vectors, adding: state.x)
        state.residual = combined(lengths * -1, directions.images, adding: state.residual)
        preconditioned = try solved(&state)
        try each(state)
        if isEnough(state) { break }
        last = directions
      }
      state.residual = b - (try product(state.x))
      state.products += 1
      claims += 1
    }
  }

  /// P⁻¹ r, whose bounds become those of the state.
  private func solved(_ state: inout State) throws -> Tensor {
    let result = try preconditioner.solve(state.residual)
    state.bounds = preconditioner.bounds(state.residual, solved: result)
    guard state.bounds.allSatisfy(\.isFinite) else { throw Failure.notPositiveDefinite(products: state.products) }
    return result
  }

  /// New directions; nil where there are none.
  private func directions(_ preconditioned: Tensor, after last: Directions?, products: Int) throws -> Directions? {
    var vectors = preconditioned
    if let last { vectors = combined(rowGram(vectors, last.images) * -1, last.vectors, adding: vectors) }
    // Rows of like size, whatever is left of each right-hand side.
    let sizes = rowProducts(vectors, vectors).map { $0.squareRoot() }
    guard let largest = sizes.max(), largest > 0, largest.isFinite else {
      if sizes.contains(where: { !$0.isFinite }) { throw Failure.notPositiveDefinite(products: products) }
      return nil
    }
    vectors = vectors * Tensor(sizes.map { $0 > 0 ? 1 / $0 : 0 }, shape: [sizes.count, 1])
    let images = try product(vectors)
    let gram = rowGram(vectors, images)
    let curvatures = gram.diagonal().scalars(as: Double.self)
    for (curvature, size) in zip(curvatures, sizes) where size > 0 && !(curvature > 0 && curvature.isFinite) {
      throw Failure.notPositiveDefinite(products: products + 1)
    }
    // With ones on the diagonal, so that small eigenvalues are dependence and not size.
    let scales = Tensor(curvatures.map { $0 > 0 ? 1 / $0.squareRoot() : 0 })
    let scaled = (gram + gram.transposed()) * 0.5 * scales.expandedDims(0) * scales.expandedDims(1)
    let (values, rows) = try Threads.withLimit(1) { try eigenvectorRows(scaled) }
    let numbers = values.scalars(as: Double.self)
    let kept = numbers.indices.filter { numbers[$0] > Self.independence * Double(numbers.count) }
    guard !kept.isEmpty else { return nil }
    let weights =
      rows.taking(kept, axis: 0) * scales.expandedDims(0)
      * Tensor(kept.map { 1 / numbers[$0].squareRoot() }, shape: [kept.count, 1])
    return Directions(vectors: combined(weights, vectors), images: combined(weights, images))
  }
}
