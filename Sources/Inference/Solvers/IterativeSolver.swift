import CovarianceEngine
import Synchronization
import Tensors

/// Conjugate gradients in float64, with a preconditioner that is made when the first system is solved.
///
/// Errors of means are certified; variances come as bounds that contain the exact ones.
final class IterativeSolver: Solver {
  enum Kind: Sendable {
    /// Randomly pivoted partial Cholesky factorisation of some hundreds of columns.
    case lowRank
    /// Cholesky factorisation of everything in float32.
    case singlePrecision
  }

  private let kernel: RegularizedKernel
  private let options: SolverOptions
  private let kind: Kind
  private let matrix: GramOperator
  private let preconditioner = Lazily<any Preconditioner>()
  private let largestVariance = Lazily<Double>()
  private let notes = Mutex<String?>(nil)

  /// Points whose variances are computed at once.
  private static let block = 100
  /// Of a variance, between its bounds.
  private static let gap = 0.02

  /// - Throws: `PredictionError` where nothing is added to the diagonal, as nothing could be certified then.
  init(_ kernel: RegularizedKernel, _ options: SolverOptions, _ kind: Kind) throws(PredictionError) {
    (self.kernel, self.kind) = (kernel, kind)
    self.options = try options.checked()
    let tiles = try kernel.tiles
    matrix = GramOperator(tiles)
    let diagonal = try reading(kernel.argument) { [matrix] in try matrix.diagonal().scalars(as: Double.self) }
    if let index = diagonal.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(argument: kernel.argument, index: [index, index])
    }
    if let pivot = diagonal.firstIndex(where: { $0 + kernel.shift <= 0 }) {
      throw kernel.notPositiveDefinite(pivot: pivot)
    }
    guard kernel.shift > 0 else {
      throw .invalidValue(
        argument: kernel.argument,
        expected: "a positive diagonal regularizer, without which conjugate gradients certify nothing",
        found: "\(kernel.regularizer)")
    }
    let largest = diagonal.max() ?? 0
    _ = largestVariance { largest }
  }

  private var largest: Double { largestVariance { 0 } }

  var name: String {
    let note = notes.withLock { $0 }.map { ", \($0)" } ?? ""
    return switch kind {
    case .lowRank: "conjugate gradients\(note)"
    case .singlePrecision: "conjugate gradients over a float32 Cholesky factorisation\(note)"
    }
  }

  // MARK: - Preconditioners

  private func made() throws(PredictionError) -> any Preconditioner {
    try preconditioner { () throws(PredictionError) in
      switch kind {
      case .lowRank: try lowRank()
      case .singlePrecision: try singlePrecision()
      }
    }
  }

  /// √(50 N) pivots make as much work as some fifty products.
  private func lowRank() throws(PredictionError) -> any Preconditioner {
    let count = matrix.count
    let rank = min(count, options.rank ?? Int((50 * Double(count)).squareRoot().rounded(.up)))
    try MemoryNeed.require(8 * Double(rank) * Double(count), for: "a preconditioner of rank \(rank)")
    let partial = try reading(kernel.argument) {
      try PartialCholesky(
        matrix, rank: rank, enough: kernel.shift, block: max(100, rank / 8), key: RandomKey(seed: options.seed)
      ) { options.progress?("choosing \(rank) pivots of the kernel", $0) }
    }
    notes.withLock { $0 = "preconditioned by \(partial.pivots.count) pivots" }
    do throws(TensorError) {
      return try LowRankPreconditioner(partial.factor, shift: kernel.shift)
    } catch {
      throw kernel.meaning(of: error)
    }
  }

  private func singlePrecision() throws(PredictionError) -> any Preconditioner {
    options.progress?("factoring the kernel in float32", nil)
    let count = Double(matrix.count)
    try MemoryNeed.require(4 * count * count, for: "a factor of \(matrix.count) rows in float32")
    let rounded = try kernel.shifted(dtype: .float32)
    do throws(TensorError) {
      return CholeskyPreconditioner(try cholesky(consume rounded), shift: kernel.shift)
    } catch {
      guard case .notPositiveDefinite = error else { throw .linearAlgebra(argument: kernel.argument, error) }
    }
    // Rounding to float32 made it indefinite.
    notes.withLock { $0 = "which broke down and was done again in float64" }
    let shifted = try kernel.shifted(dtype: .float64)
    do throws(TensorError) {
      return CholeskyPreconditioner(try cholesky(consume shifted), shift: kernel.shift)
    } catch {
      throw kernel.meaning(of: error)
    }
  }

  // MARK: - Solving

  private func run(
    _ b: Tensor, from start: Tensor? = nil, limit: Int? = nil, isEnough: (ConjugateGradientRun.State) -> Bool,
    each: (ConjugateGradientRun.State) throws -> Void = { _ in }
  ) throws(PredictionError) -> ConjugateGradientRun.State {
    let preconditioner = try made()
    let run = ConjugateGradientRun(
      matrix: matrix, shift: kernel.shift, preconditioner: preconditioner, limit: limit ?? options.maximumProducts)
    return try reading(kernel.argument) {
      do {
        return try run.solve(b, from: start, isEnough: isEnough, each: each)
      } catch ConjugateGradientRun.Failure.notPositiveDefinite(let products) {
        throw PredictionError.invalidValue(
          argument: kernel.argument,
          expected: "a positive definite matrix of finite numbers: raise the diagonal regularizer, now "
            + "\(kernel.regularizer)", found: "a direction in which it is not, after \(products) products")
      }
    }
  }

  func solve(_ b: Tensor) throws(PredictionError) -> Tensor { try certifiedSolve(b).solution }

  func certifiedSolve(
    _ b: Tensor
  ) throws(PredictionError) -> (solution: Tensor, certificate: SolverCertificate?) {
    let rows = b.asType(.float64).transposed()
    let tolerances = Self.deviations(rows).map { options.tolerance * $0 }
    let scale = largest.squareRoot()
    let isFine = { (state: ConjugateGradientRun.State) in
      zip(state.bounds, tolerances).allSatisfy { scale * $0.squareRoot() <= $1 }
    }
    let norms = rowProducts(rows, rows)
    let file = options.checkpoint.map {
      Checkpoint(path: $0, rows, shift: kernel.shift, scale: largest, files: options.files)
    }
    let first = (scale, tolerances.min() ?? 0)
    let state = try run(
      rows, from: try file?.read(),
      isEnough: { state in
        // A whole factor gets there at once, so that it may as well give all digits.
        isFine(state) && (kind == .lowRank || Self.residual(state.residual, norms) <= 1e-10)
      },
      each: { state in
        let reached = first.0 * (state.bounds.max() ?? 0).squareRoot()
        options.progress?(
          "solving: product \(state.products), certified error \(Self.short(reached)) of at most \(Self.short(first.1))",
          nil)
        if state.products % 10 == 0 { try file?.write(state.x) }
      })
    let certificate = SolverCertificate(
      errors: state.bounds.map { $0.squareRoot() }, scale: scale, tolerances: tolerances,
      residual: Self.residual(state.residual, norms), products: state.products)
    if !certificate.isReached {
      try file?.write(state.x)
      guard options.returnsAtLimit else {
        throw .notCertified(
          argument: kernel.argument, products: state.products, reached: certificate.largestError,
          tolerance: tolerances.min() ?? 0)
      }
    }
    return (state.x.transposed(), certificate)
  }

  /// Two digits.
  private static func short(_ value: Double) -> String {
    guard value > 0, value.isFinite else { return "\(value)" }
    let unit = powerOfTen(Int(value.exponent10) - 1)
    return "\(Float((value / unit).rounded() * unit))"
  }

  private static func powerOfTen(_ exponent: Int) -> Double {
    (0..<abs(exponent)).reduce(1.0) { power, _ in exponent < 0 ? power / 10 : power * 10 }
  }

  /// The largest |r| / |b|.
  private static func residual(_ residuals: Tensor, _ norms: [Double]) -> Double {
    zip(rowProducts(residuals, residuals), norms).map { $1 > 0 ? ($0 / $1).squareRoot() : $0.squareRoot() }.max() ?? 0
  }

  /// Standard deviations of rows, or their sizes where that is zero.
  private static func deviations(_ rows: Tensor) -> [Double] {
    let centred = rows - rows.mean(axis: 1).expandedDims(1)
    let (count, sizes) = (Double(max(1, rows.shape[1])), rowProducts(rows, rows))
    return zip(rowProducts(centred, centred), sizes).map { deviation, size in
      let square = deviation > 1e-24 * size ? deviation : size
      return square > 0 ? (square / count).squareRoot() : 1
    }
  }

  // MARK: - Variances

  /// kᵀ x + xᵀ r, never more than kᵀ A⁻¹ k, whatever x is.
  private static func explained(_ k: Tensor, _ state: ConjugateGradientRun.State) -> [Double] {
    zip(rowProducts(k, state.x), rowProducts(state.x, state.residual)).map { $0 + $1 }
  }

  func posteriorVariances(_ x: Tensor, prior: Tensor) throws(PredictionError) -> VarianceBounds {
    let priors = prior.asType(.float64).scalars(as: Double.self)
    var (lower, upper) = ([Double](), [Double]())
    for start in stride(from: 0, to: x.shape[0], by: Self.block) {
      let rows = start..<min(start + Self.block, x.shape[0])
      options.progress?("variances of \(x.shape[0]) points", Double(start) / Double(x.shape[0]))
      let k = x.sliced(axis: 0, rows).asType(.float64)
      let own = Array(priors[rows])
      let state = try run(k, isEnough: { Self.isNarrow(k, $0, own) })
      for (index, explained) in Self.explained(k, state).enumerated() {
        upper.append(own[index] - explained)
        lower.append(max(0, own[index] - explained - state.bounds[index]))
      }
    }
    return VarianceBounds(lower: Tensor(lower), upper: Tensor(upper))
  }

  private static func isNarrow(_ k: Tensor, _ state: ConjugateGradientRun.State, _ priors: [Double]) -> Bool {
    zip(zip(explained(k, state), state.bounds), priors).allSatisfy { found, prior in
      found.1 <= max(gap * (prior - found.0), 1e-12 * prior)
    }
  }

  func gram(_ x: Tensor, priorVariances: Tensor) throws(PredictionError) -> Tensor {
    let k = x.asType(.float64)
    let priors = priorVariances.asType(.float64).scalars(as: Double.self)
    let state = try run(k, isEnough: { Self.isNarrow(k, $0, priors) })
    // k x + x r is symmetric but for rounding.
    let product = dotGeneral(k + state.residual, state.x, contracting: ([1], [1]))
    return (product + product.transposed()) * 0.5
  }

  func solveRows(_ x: Tensor, errors: [Double], from start: Tensor?) throws(PredictionError) -> RowSolution {
    let rows = x.asType(.float64)
    var (parts, bounds) = ([Tensor](), [Double]())
    for first in stride(from: 0, to: rows.shape[0], by: Self.block) {
      let range = first..<min(first + Self.block, rows.shape[0])
      let goals = Array(errors[range])
      let state = try run(
        rows.sliced(axis: 0, range), from: start?.sliced(axis: 0, range),
        isEnough: { zip($0.bounds, goals).allSatisfy { $0.squareRoot() <= $1 } })
      parts.append(state.x)
      bounds += state.bounds.map { $0.squareRoot() }
    }
    return RowSolution(solution: parts.count == 1 ? parts[0] : concatenate(parts), errors: bounds)
  }

  // MARK: - What takes a factor

  private func unavailable(_ quantity: String, _ instead: String) -> PredictionError {
    .unavailable(quantity: quantity, solver: name, instead: instead)
  }

  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor {
    throw unavailable("whitened rows", "SolverChoice.factorized or .outOfCore")
  }

  func inverseDiagonal() throws(PredictionError) -> Tensor {
    throw unavailable("leave-one-out predictions", "SolverChoice.factorized")
  }

  func logDeterminant() throws(PredictionError) -> Double {
    throw unavailable("the determinant of the kernel", "SolverChoice.factorized or .outOfCore")
  }

  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    throw unavailable("predictions at finite times", "SolverChoice.spectral or .factorized")
  }
}

extension Double {
  /// ⌊log₁₀⌋ of a positive number.
  fileprivate var exponent10: Int {
    var (value, result) = (self, 0)
    while value >= 10 { (value, result) = (value / 10, result + 1) }
    while value < 1 { (value, result) = (value * 10, result - 1) }
    return result
  }
}

/// P = L Lᵀ, all of A but for rounding: what is certified is certified by λ I ≼ A alone, and close to rounding it need be no better.
struct CholeskyPreconditioner: Preconditioner {
  private let factor: Tensor
  private let shift: Double

  init(_ factor: Tensor, shift: Double) {
    (self.factor, self.shift) = (factor, shift)
  }

  func solve(_ vectors: Tensor) throws(TensorError) -> Tensor {
    // float32 has not the range of squares of residuals.
    let sizes = maximum(abs(vectors).max(axis: 1).expandedDims(1), .leastNormalMagnitude)
    let scaled = (vectors / sizes).asType(factor.dtype)
    return try choleskySolve(factor, scaled.transposed()).transposed().asType(.float64) * sizes
  }

  func bounds(_ residuals: Tensor, solved: Tensor) -> [Double] { rowProducts(residuals, residuals).map { $0 / shift } }
}
