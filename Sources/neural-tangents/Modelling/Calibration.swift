import Foundation
import NeuralTangents
import Tensors

/// What makes a network's predictions those of the data at hand, judged on training rows that the prediction of them did not
/// use: the level of noise, and for numbers how they are transformed, the scale of variances and the shape of errors, for
/// classes how outputs become probabilities.
///
/// The variance of a new measurement of output c is s_c (v + n): v the closed-form variance, n the noise that the
/// regularizer stands for, in units of the NNGP. Means do not depend on s_c.
struct Calibration: Sendable {
  /// What belongs to a number to predict.
  struct Number: Sendable {
    /// The place of the transform among the candidates.
    let choice: Int
    let tails: Tails
  }

  enum Kind: Sendable {
    case numbers([Number])
    case classes(ClassScores)
  }

  let regularizer: DiagonalRegularizer
  /// n.
  let noise: Double
  let kind: Kind
  /// For each left-out row the logarithm of the density of its targets, in their own units, or of the probability of its
  /// class.
  let logDensities: [Double]

  /// The mean over rows: nats, and higher is better.
  var score: Double { logDensities.reduce(0, +) / Double(max(1, logDensities.count)) }

  /// The levels of noise to choose from, relative to the kernel's mean diagonal: powers of ten, and then those between the
  /// best one and its neighbours.
  private static let coarse = [-6.0, -5, -4, -3, -2, -1, 0, 1]

  /// The best level of noise for training to the end.
  ///
  /// - Throws: when no level is enough to solve with the kernel.
  init(_ leftOut: LeftOut, _ targets: Targets, _ recipe: Recipe) throws {
    if case .fixed(let fixed) = recipe.regularizer {
      self = try Calibration(leftOut, targets, recipe, fixed)
      return
    }
    var best: (exponent: Double, calibration: Calibration)?
    var failure: (any Error)?
    func attempt(_ exponent: Double) {
      do {
        let found = try Calibration(
          leftOut, targets, recipe, .relative(pow(10, exponent)), start: best?.calibration)
        if found.score.isFinite, found.score > best?.calibration.score ?? -.infinity { best = (exponent, found) }
      } catch {
        // Too little noise for equal rows; another level will do.
        failure = error
      }
    }
    for exponent in Self.coarse { attempt(exponent) }
    guard let (middle, _) = best else {
      throw failure ?? CommandError.badData("no level of noise predicts the training rows; check the targets")
    }
    for exponent in [middle - 0.5, middle + 0.5] where (-6.0...1).contains(exponent) { attempt(exponent) }
    self = best!.calibration
  }

  private init(
    _ leftOut: LeftOut, _ targets: Targets, _ recipe: Recipe, _ regularizer: DiagonalRegularizer,
    start: Calibration? = nil
  ) throws {
    let residuals = try leftOut.residuals(of: targets.outputs, regularizer)
    self.init(
      residuals, targets, recipe, regularizer: regularizer, noise: leftOut.noise(of: regularizer), start: start)
  }

  /// - Parameters:
  ///   - residuals: of all ways to transform all numbers.
  ///   - start: a calibration like it, to be faster.
  init(
    _ residuals: LeftOut.Residuals, _ targets: Targets, _ recipe: Recipe, regularizer: DiagonalRegularizer,
    noise: Double, start: Calibration? = nil
  ) {
    (self.regularizer, self.noise) = (regularizer, noise)
    switch targets {
    case .classes(let labels, let outputs):
      let truth = outputs.transposed().scalars(as: Double.self)
      let count = labels.count
      let means = residuals.errors.enumerated().map { output, errors in
        errors.enumerated().map { truth[output * count + $0] - $1 }
      }
      var first: ClassScores?
      if case .classes(let scores) = start?.kind { first = scores }
      let scores = ClassScores(means: means, labels: labels, start: first)
      kind = .classes(scores)
      logDensities = scores.logDensities
    case .numbers(let columns):
      var numbers: [Number] = []
      var sums = [Double](repeating: 0, count: residuals.variances.count)
      var offset = 0
      for candidates in columns {
        var best: (score: Double, number: Number, densities: [Double])?
        for (choice, column) in candidates.enumerated() {
          let tails = Tails(errors: residuals.errors[offset + choice], variances: residuals.variances, recipe.tails)
          let densities = zip(tails.logDensities, column.logDerivatives).map { $0 + $1 }
          let score = densities.reduce(0, +)
          // Targets stay as they are unless rows say otherwise.
          if score > (best.map { $0.number.choice == 0 ? $0.score + Selection.threshold : $0.score } ?? -.infinity) {
            best = (score, Number(choice: choice, tails: tails), densities)
          }
        }
        offset += candidates.count
        guard let best else {
          numbers.append(
            Number(choice: 0, tails: Tails(errors: [], variances: [], .normal)))
          sums = sums.map { _ in -.infinity }
          continue
        }
        numbers.append(best.number)
        sums = zip(sums, best.densities).map { $0 + $1 }
      }
      kind = .numbers(numbers)
      logDensities = sums
    }
  }

  /// The place of each number's transform among the candidates; none for classes.
  var choices: [Int] {
    if case .numbers(let numbers) = kind { numbers.map(\.choice) } else { [] }
  }
}
