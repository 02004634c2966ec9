import Foundation
import NeuralTangents
import Tensors

/// What is chosen by leaving rows out: the scaling of inputs, scales of columns, how targets are transformed, and networks
/// with their weights.
///
/// What is to be chosen is tried in that order, each with what was chosen before, on some hundred rows. A choice other than
/// the usual one has to be worth `threshold` nats in all, as much as one more constant should be.
struct Selection {
  struct Member {
    let network: any Layer
    let weight: Double
    /// Where all rows took part in choosing.
    let calibration: Calibration?
  }

  let encoder: any RowEncoder
  /// All rows, with one way to transform each number.
  let targets: Targets
  let members: [Member]
  /// A sentence about each choice.
  let notes: [String]

  /// In nats, over all rows.
  static let threshold = 2.0
  /// Choosing takes time that grows with the cube of the rows.
  private static let rowLimit = 600
  /// Networks with a smaller weight are left out.
  private static let leastWeight = 0.05
  /// From here on a mixture takes too long.
  private static let mixtureLimit = 5000
  private static let largestMixture = 4

  /// - Throws: `CommandError` or `TensorError` for rows that cannot be encoded, `NetworkError` for a network that does not take
  ///   them.
  init(
    _ recipe: Recipe, encoding: any Encoding, rows: DataRows, classes: [String]?, key: RandomKey,
    progress: ProgressReporter
  ) throws {
    let trial = Trial(recipe, encoding, rows, classes, key, progress)
    var encoder = try trial.encoder(encoding.scalings[0])
    let targets = try Targets(encoder.target, of: rows, transform: recipe.targetTransform)
    let candidates = recipe.network.map { [NetworkCandidate(name: "", network: $0)] } ?? NetworkCandidate.all
    let first = recipe.network ?? NetworkCandidate.first.network
    let columnCount = (encoder.columnOfInput?.max() ?? -1) + 1
    let triesScales = recipe.fitsColumnScales && columnCount > 1 && rows.rowCount >= 20 && columnCount <= 200
    let isChosen = {
      if case .numbers(let columns) = targets { return columns.contains { $0.count > 1 } }
      return false
    }()
    guard encoding.scalings.count > 1 || candidates.count > 1 || triesScales || isChosen else {
      (self.encoder, self.targets, notes) = (encoder, targets, [])
      members = [Member(network: first, weight: 1, calibration: nil)]
      return
    }
    var notes: [String] = []
    progress.begin("choosing on \(trial.rows.rowCount) training rows")
    let chosenTargets = targets.selecting(rows: trial.places)

    var best = try? trial.judged(first, encoder, chosenTargets)
    if encoding.scalings.count > 1 {
      var (chosen, usual) = (encoding.scalings[0], best?.calibration.score)
      for scaling in encoding.scalings.dropFirst() {
        let other = try trial.encoder(scaling)
        guard let found = try? trial.judged(first, other, chosenTargets) else { continue }
        let needed = chosen == encoding.scalings[0] ? Self.threshold / Double(trial.rows.rowCount) : 0
        if found.calibration.score > (best?.calibration.score ?? -.infinity) + needed {
          (best, encoder, chosen) = (found, other, scaling)
        }
      }
      usual = usual ?? best?.calibration.score
      notes.append("inputs: \(chosen.sentence)" + Self.gain(best?.calibration.score, usual))
    }
    if triesScales {
      let scales = try ColumnScales(recipe, trial, encoder, targets, network: first, columnCount: columnCount)
      if let found = scales.scales {
        let scaled = encoder.multiplied(by: found)
        if let judged = try? trial.judged(first, scaled, chosenTargets) { (encoder, best) = (scaled, judged) }
      }
      notes.append(scales.note)
    }

    let x = try encoder.inputs(of: trial.rows)
    // One decomposition of each kernel serves all ways to transform targets.
    var found: [(candidate: NetworkCandidate, leftOut: LeftOut, calibration: Calibration)] = []
    for candidate in candidates {
      let known = candidates.count == 1 ? best : nil
      if let judged = known ?? (try? trial.judged(candidate.network, x, chosenTargets)) {
        found.append((candidate, judged.leftOut, judged.calibration))
      }
    }
    guard let alone = found.max(by: { $0.calibration.score < $1.calibration.score }) else {
      // Whatever is wrong is said when the model is made.
      (self.encoder, self.targets, self.notes) = (encoder, targets, notes)
      members = [Member(network: first, weight: 1, calibration: nil)]
      return
    }
    // One transform for all: that of the best network.
    let choices = alone.calibration.choices
    self.targets = targets.choosing(choices)
    let isNarrowed = isChosen && candidates.count > 1
    if isNarrowed {
      let narrowed = chosenTargets.choosing(choices)
      found = found.compactMap { member in
        (try? Calibration(member.leftOut, narrowed, recipe)).map { (member.candidate, member.leftOut, $0) }
      }
    }
    if case .numbers(let columns) = targets, recipe.targetTransform == .auto {
      notes += Self.describe(
        columns, choices, encoder.target.names, alone.calibration,
        usual: try? Calibration(alone.leftOut, chosenTargets.choosing(choices.map { _ in 0 }), recipe))
    }
    var members = [(index: 0, weight: 1.0)]
    if found.count > 1 {
      let limit = rows.rowCount > Self.mixtureLimit ? 1 : Self.largestMixture
      members = Self.mixture(found.map(\.calibration.logDensities), largest: limit)
      let names = members.map { "\(found[$0.index].candidate.name) (\(format(100 * $0.weight, 0)) %)" }
      let mixed = Self.score(members, found.map(\.calibration.logDensities))
      notes.append(
        "networks: " + names.joined(separator: ", ")
          + (members.count > 1 ? Self.gain(mixed, alone.calibration.score, over: "the best alone") : ""))
    }
    // With all rows in it a calibration need not be repeated; its choices are among all ways to transform.
    let isWhole = trial.rows.rowCount == rows.rowCount && (isNarrowed || !isChosen)
    self.members = members.map {
      Member(
        network: found[$0.index].candidate.network, weight: $0.weight,
        calibration: isWhole ? found[$0.index].calibration : nil)
    }
    (self.encoder, self.notes) = (encoder, notes)
  }

  private static func gain(_ score: Double?, _ usual: Double?, over name: String = "the usual") -> String {
    guard let score, let usual, score > usual else { return "" }
    return ", \(format(score - usual, 3)) nats a row better than \(name) for left-out rows"
  }

  /// How targets are transformed, and what that gains for the network that is best with it.
  private static func describe(
    _ columns: [[TargetColumn]], _ choices: [Int], _ names: [String], _ best: Calibration, usual: Calibration?
  ) -> [String] {
    zip(names, zip(columns, choices)).map { name, found in
      let title = names.count > 1 ? "target \(name)" : "target"
      return "\(title): transform \(found.0[found.1].transform.name)"
        + (found.1 == 0 ? "" : gain(best.score, usual?.score, over: "without"))
    }
  }

  /// Weights that make a mixture predict left-out rows best, by expectation maximisation; small ones are left out.
  ///
  /// *Source:* Yao, Vehtari, Simpson and Gelman, Using stacking to average Bayesian predictive distributions (2018).
  static func mixture(_ logDensities: [[Double]], largest: Int) -> [(index: Int, weight: Double)] {
    var kept = Array(logDensities.indices)
    var weights = fitted(kept.map { logDensities[$0] })
    let order = kept.indices.sorted { weights[$0] > weights[$1] }
    kept = order.prefix(largest).filter { weights[$0] >= leastWeight || $0 == order[0] }
    weights = fitted(kept.map { logDensities[$0] })
    return Array(zip(kept, weights))
  }

  private static func fitted(_ logDensities: [[Double]]) -> [Double] {
    let (count, rows) = (logDensities.count, logDensities[0].count)
    // Relative to the best of each row.
    let densities = (0..<rows).map { row in
      let all = logDensities.map { $0[row] }
      let largest = all.max() ?? 0
      return all.map { exp($0 - largest) }
    }
    var weights = [Double](repeating: 1 / Double(count), count: count)
    for _ in 0..<100 {
      var next = [Double](repeating: 0, count: count)
      for row in densities {
        let sum = zip(weights, row).reduce(0) { $0 + $1.0 * $1.1 }
        for index in next.indices { next[index] += weights[index] * row[index] / sum }
      }
      weights = next.map { $0 / Double(rows) }
    }
    return weights
  }

  private static func score(_ members: [(index: Int, weight: Double)], _ logDensities: [[Double]]) -> Double {
    let rows = logDensities[0].count
    return (0..<rows).reduce(0) { sum, row in
      let logs = members.map { log($0.weight) + logDensities[$0.index][row] }
      let largest = logs.max() ?? 0
      return sum + (largest + log(logs.reduce(0) { $0 + exp($1 - largest) })) / Double(rows)
    }
  }

  /// The rows that choices are made with.
  struct Trial {
    let recipe: Recipe
    private let encoding: any Encoding
    private let all: DataRows
    private let classes: [String]?
    /// Which of all rows.
    let places: [Int]
    let rows: DataRows
    let key: RandomKey
    let progress: ProgressReporter

    init(
      _ recipe: Recipe, _ encoding: any Encoding, _ rows: DataRows, _ classes: [String]?, _ key: RandomKey,
      _ progress: ProgressReporter
    ) {
      (self.recipe, self.encoding, all, self.classes, self.key, self.progress) =
        (recipe, encoding, rows, classes, key, progress)
      let isWhole = rows.rowCount <= Selection.rowLimit
      places =
        isWhole
        ? Array(0..<rows.rowCount) : key.permutation(rows.rowCount).prefix(Selection.rowLimit).sorted()
      self.rows = isWhole ? rows : rows.selecting(rows: places)
    }

    /// Learned from all rows.
    func encoder(_ scaling: InputScaling) throws -> any RowEncoder {
      try encoding.encoder(all, classes: classes, scaling: scaling)
    }

    typealias Judged = (leftOut: LeftOut, calibration: Calibration)

    func judged(_ network: any Layer, _ encoder: any RowEncoder, _ targets: Targets) throws -> Judged {
      try judged(network, encoder.inputs(of: rows), targets)
    }

    func judged(_ network: any Layer, _ x: Tensor, _ targets: Targets) throws -> Judged {
      let leftOut = try LeftOut(
        recipe.kernels(network, x, places: places, progress: progress), method: recipe.method,
        groups: EqualRows.groups(of: x))
      return (leftOut, try Calibration(leftOut, targets, recipe))
    }
  }
}

extension InputScaling {
  fileprivate var sentence: String {
    switch self {
    case .standardize: "standardised"
    case .rank: "ranks"
    case .none: "divided by one number"
    }
  }
}
