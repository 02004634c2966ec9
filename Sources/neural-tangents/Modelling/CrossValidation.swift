import DataFiles
import NeuralTangents
import Tensors

/// Every row of a table predicted by a model that was fitted to the other folds, encoding included.
struct CrossValidation {
  let recipe: Recipe
  let folds: Int
  /// The column whose equal values keep rows in one fold.
  let group: String?
  /// How a table is encoded, given the rows to learn from and the classes of all rows.
  let encode: (Table, [String]?) throws -> FeatureEncoder
  /// What becomes of the recipe given the rows to learn from.
  var prepare: (Recipe, FeatureEncoder, Table) throws -> Recipe = { recipe, _, _ in recipe }

  init(
    recipe: Recipe, folds: Int, group: String? = nil, encode: @escaping (Table, [String]?) throws -> FeatureEncoder
  ) {
    (self.recipe, self.folds, self.group, self.encode) = (recipe, folds, group, encode)
  }

  /// - Parameter encoder: that of the whole table, for its classes.
  /// - Returns: predictions in the order of the rows.
  func run(
    _ table: Table, encoder: FeatureEncoder, key: RandomKey, progress: ProgressReporter
  ) throws -> TablePrediction {
    let keys = key.split()
    let classes = encoder.target.classes == nil ? nil : try encoder.target.classIndices(of: table)
    // Without groups of their own, rows with equal inputs are one: each would give the others away.
    let equal = EqualRows.groups(of: try encoder.features(of: table))
    let isRepeated = (equal.max() ?? 0) + 1 < table.rowCount && Set(equal).count >= folds
    let splits = Split.folds(
      folds, count: table.rowCount, classes: classes,
      groups: try group.map { try groups($0, table) } ?? (isRepeated ? equal : nil), key: keys[0])
    var predictions: [TablePrediction] = []
    for (fold, split) in splits.enumerated() {
      progress.prefix = "fold \(fold + 1) of \(splits.count), "
      let train = table.selecting(rows: split.train)
      let foldEncoder = try encode(train, encoder.target.classes)
      let recipe = try prepare(recipe, foldEncoder, train)
      let model = try TableModel(recipe, encoder: foldEncoder, table: train, key: keys[1], progress: progress)
      predictions.append(try model.predict(table.selecting(rows: split.test), progress: progress))
    }
    progress.prefix = ""
    return .merged(predictions, places: splits.map(\.test))
  }

  /// A number for each row, the same for rows with the same value in the column.
  private func groups(_ name: String, _ table: Table) throws -> [Int] {
    let column = try table.column(name)
    var known: [String: Int] = [:]
    let groups = (0..<table.rowCount).map { row in
      let text = column.text(row)
      if known[text] == nil { known[text] = known.count }
      return known[text]!
    }
    guard known.count > 1 else {
      throw CommandError.badData(
        "\(table.path): expected at least two values in the column \"\(name)\" of --group, found one")
    }
    return groups
  }
}
