import DataFiles
import Tensors

/// What becomes of inputs that are missing.
enum MissingPolicy: String, Sendable, CaseIterable {
  /// The median of the training rows for numbers, a category of its own for texts.
  case fill
  /// Rows to learn from are left out; in rows to predict they are filled.
  case drop
  /// An error that names the first one.
  case error
}

/// The rows of a table to learn from: those whose targets are there, and whose inputs are, where missing ones are not to be
/// filled.
struct TrainingRows: Sendable {
  let rows: DataRows
  /// Rows whose targets are missing, which can be predicted.
  let unlabelled: DataRows?
  /// Sentences about rows that are left out.
  let notes: [String]

  /// - Throws: `TensorError.format` when no row is left.
  init(
    _ source: DataRows, targets: [String], ignored: Set<String>, missing: MissingPolicy
  ) throws(TensorError) {
    var notes: [String] = []
    let all = source.table
    let targetColumns = try targets.map { name throws(TensorError) in try all.column(name) }
    let labels = (0..<all.rowCount).filter { row in targetColumns.allSatisfy { !$0.isMissing(row) } }
    guard !labels.isEmpty else {
      throw .format(
        path: all.path, place: "target \(FeatureEncoder.list(targets))", expected: "at least one row that has it",
        found: "none")
    }
    unlabelled =
      labels.count < all.rowCount
      ? source.selecting(rows: (0..<all.rowCount).filter { row in targetColumns.contains { $0.isMissing(row) } }) : nil
    if let unlabelled { notes.append("not learned from, without a target: \(counted(unlabelled.rowCount, "row"))") }
    var rows = labels
    if missing == .drop {
      let inputs = all.columns.filter { !targets.contains($0.name) && !ignored.contains($0.name) }
      rows = rows.filter { row in inputs.allSatisfy { !$0.isMissing(row) } }
      guard !rows.isEmpty else {
        throw .format(
          path: all.path, place: "line 2", expected: "a row without a missing value (--missing fill takes all rows)",
          found: "none")
      }
      if rows.count < labels.count {
        notes.append("not learned from, with missing values: \(counted(labels.count - rows.count, "row"))")
      }
    }
    self.rows = rows.count == all.rowCount ? source : source.selecting(rows: rows)
    self.notes = notes
  }
}
