import Foundation
import NeuralTangents
import Tensors

/// One scale for the inputs of each column, fitted by marginal likelihood and kept if other rows agree.
///
/// *Source:* Neal, Bayesian Learning for Neural Networks (1996), automatic relevance determination; Rasmussen and Williams
/// 2006, section 5.1.
struct ColumnScales {
  /// Nil when rows that were not fitted to are not predicted better.
  let scales: [Double]?
  let note: String

  /// An iteration takes time that grows with the cube of the rows.
  private static let rowLimit = 400
  private static let maximumIterations = 40

  init(
    _ recipe: Recipe, _ trial: Selection.Trial, _ encoder: any RowEncoder, _ targets: Targets, network: any Layer,
    columnCount: Int
  ) throws {
    trial.progress.begin("fitting scales of \(columnCount) columns")
    let order = trial.key.split()[1].permutation(trial.rows.rowCount).prefix(Self.rowLimit)
    let inputs = try encoder.inputs(of: trial.rows)
    let chosen = targets.selecting(rows: trial.places)
    func fitted(_ rows: [Int]) throws -> [Double] {
      var options = EvidenceFitOptions(
        kernel: recipe.method == .nngp ? .nngp : .ntk, isTied: true, maximumIterations: Self.maximumIterations,
        priorWidth: 1.5)
      options.inputGroups = encoder.columnOfInput
      // As they are: which transform is best is chosen later.
      let y = chosen.selecting(rows: rows).choosing(Self.usual(chosen)).outputs
      let fit = try NeuralTangents.fit(network, inputs.taking(rows, axis: 0), y, options: options)
      let size = (fit.inputScales.reduce(0) { $0 + $1 * $1 } / Double(columnCount)).squareRoot()
      return fit.inputScales.map { $0 / size }
    }
    func score(_ rows: [Int], _ scales: [Double]?) throws -> Double {
      let encoder = scales.map { encoder.multiplied(by: $0) } ?? encoder
      let x = try encoder.inputs(of: trial.rows.selecting(rows: rows))
      return try trial.judged(network, x, chosen.selecting(rows: rows)).calibration.score * Double(rows.count)
    }
    do {
      let halves = [0, 1].map { half in order.enumerated().filter { $0.offset % 2 == half }.map(\.element).sorted() }
      var gain = 0.0
      for (own, other) in [(halves[0], halves[1]), (halves[1], halves[0])] {
        gain += try score(other, fitted(own)) - score(other, nil)
      }
      guard gain > Selection.threshold else {
        scales = nil
        note = "column scales: none, fitted ones predict other rows no better"
        return
      }
      let all = try fitted(order.sorted())
      scales = all
      note =
        "column scales: fitted, from \(significant(all.min() ?? 0)) to \(significant(all.max() ?? 0)), "
        + "\(format(gain / Double(order.count), 3)) nats a row better than without for other rows"
    } catch {
      scales = nil
      note = "column scales: none, since they cannot be fitted (\(error))"
    }
  }

  private static func usual(_ targets: Targets) -> [Int] {
    if case .numbers(let columns) = targets { columns.map { _ in 0 } } else { [] }
  }
}
