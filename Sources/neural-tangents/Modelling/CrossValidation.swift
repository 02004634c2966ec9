import DataFiles
import NeuralTangents
import Tensors

/// Every row of a table predicted by a model that was fitted to the other folds, encoding included.
struct CrossValidation {
  let recipe: Recipe
  let folds: Int
  /// How a table is encoded, given the rows to learn from.
  let encode: (Table) throws -> FeatureEncoder
  /// What becomes of the recipe given the rows to learn from.
  var prepare: (Recipe, FeatureEncoder, Table) throws -> Recipe = { recipe, _, _ in recipe }

  init(recipe: Recipe, folds: Int, encode: @escaping (Table) throws -> FeatureEncoder) {
    (self.recipe, self.folds, self.encode) = (recipe, folds, encode)
  }

  /// - Parameter encoder: that of the whole table, for its classes.
  /// - Returns: predictions in the order of the rows.
  func run(
    _ table: Table, encoder: FeatureEncoder, key: RandomKey, progress: ProgressReporter
  ) throws -> TablePrediction {
    let keys = key.split()
    let classes = encoder.target.classes == nil ? nil : try encoder.target.classIndices(of: table)
    let splits = Split.folds(folds, count: table.rowCount, classes: classes, key: keys[0])
    var predictions: [TablePrediction] = []
    for (fold, split) in splits.enumerated() {
      progress.prefix = "fold \(fold + 1) of \(folds), "
      let train = table.selecting(rows: split.train)
      let foldEncoder = try encode(train)
      guard foldEncoder.target.classes == encoder.target.classes else {
        throw CommandError.badData(
          "\(table.path): a class has fewer rows than it takes to learn from it in every fold; use fewer --folds")
      }
      let recipe = try prepare(recipe, foldEncoder, train)
      let model = try TableModel(recipe, encoder: foldEncoder, table: train, key: keys[1], progress: progress)
      predictions.append(try model.predict(table.selecting(rows: split.test), progress: progress))
    }
    progress.prefix = ""
    return .merged(predictions, places: splits.map(\.test))
  }
}
