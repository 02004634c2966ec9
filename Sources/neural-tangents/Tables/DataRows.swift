import DataFiles
import Tensors

/// Rows of a table, and their inputs where these are an array and not columns.
struct DataRows: Sendable {
  var table: Table
  /// Shape (N, …); nil where columns of the table are the inputs.
  var array: Tensor?

  init(_ table: Table, array: Tensor? = nil) {
    (self.table, self.array) = (table, array)
  }

  var rowCount: Int { table.rowCount }

  func selecting(rows: [Int]) -> DataRows {
    DataRows(table.selecting(rows: rows), array: array?.taking(rows, axis: 0))
  }
}

/// Turns rows into inputs of a network, in the way that rows to learn from decide.
protocol RowEncoder: Sendable {
  var target: TargetEncoder { get }
  /// Numbers per input.
  var width: Int { get }
  /// Sentences about what is not used and what is filled in.
  var notes: [String] { get }
  /// Per number of an input the column that it is of, from 0; nil where inputs have positions.
  var columnOfInput: [Int]? { get }

  /// Shape (N, …), float64.
  func inputs(of rows: DataRows) throws -> Tensor
  /// Sentences about rows to predict.
  func notes(on rows: DataRows) -> [String]
  /// The same, with the inputs of every column multiplied by a number.
  func multiplied(by scales: [Double]) -> any RowEncoder
}

/// How encoders of rows are made: everything but the rows.
protocol Encoding: Sendable {
  /// The ways to scale inputs that are to be tried; at least one, the usual one first.
  var scalings: [InputScaling] { get }

  /// - Parameters:
  ///   - rows: to learn from.
  ///   - classes: those of the target, where the rows may lack some.
  func encoder(_ rows: DataRows, classes: [String]?, scaling: InputScaling) throws -> any RowEncoder
}

/// What becomes of numbers before they are inputs.
enum InputScaling: String, Sendable, CaseIterable {
  /// Mean 0 and standard deviation 1 over the rows to learn from.
  case standardize
  /// Their ranks among the rows to learn from, standardised.
  case rank
  /// One factor for all, so that pixels keep their contrasts.
  case none
}
