import DataFiles
import NeuralTangents
import Tensors

/// Every row of a table predicted by a model that was fitted to the other folds, encoding and choices included.
struct CrossValidation {
  let recipe: Recipe
  let folds: Int
  /// The column whose equal values keep rows in one fold.
  var group: String?
  let encoding: any Encoding
  /// What becomes of the recipe given the rows to learn from.
  var prepare: (Recipe, any RowEncoder, DataRows) throws -> Recipe = { recipe, _, _ in recipe }

  init(recipe: Recipe, folds: Int, group: String? = nil, encoding: any Encoding) {
    (self.recipe, self.folds, self.group, self.encoding) = (recipe, folds, group, encoding)
  }

  /// - Parameter encoder: that of all rows, for its classes.
  /// - Returns: predictions in the order of the rows.
  func run(
    _ rows: DataRows, encoder: any RowEncoder, key: RandomKey, progress: ProgressReporter
  ) throws -> TablePrediction {
    let keys = key.split()
    let classes = encoder.target.classes == nil ? nil : try encoder.target.classIndices(of: rows.table)
    // Without groups of their own, rows with equal inputs are one: each would give the others away.
    let equal = EqualRows.groups(of: try encoder.inputs(of: rows))
    let isRepeated = (equal.max() ?? 0) + 1 < rows.rowCount && Set(equal).count >= folds
    let splits = Split.folds(
      folds, count: rows.rowCount, classes: classes,
      groups: try group.map { try groups($0, rows.table) } ?? (isRepeated ? equal : nil), key: keys[0])
    var predictions: [TablePrediction] = []
    for (fold, split) in splits.enumerated() {
      progress.prefix = "fold \(fold + 1) of \(splits.count), "
      let train = rows.selecting(rows: split.train)
      let foldEncoder = try encoding.encoder(train, classes: encoder.target.classes, scaling: encoding.scalings[0])
      let recipe = try prepare(recipe, foldEncoder, train)
      let model = try TableModel(
        recipe, encoding: encoding, rows: train, classes: encoder.target.classes, key: keys[1], progress: progress)
      predictions.append(try model.predict(rows.selecting(rows: split.test), progress: progress))
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
