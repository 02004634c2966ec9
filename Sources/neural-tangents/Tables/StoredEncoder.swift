import NeuralTangents
import Tensors

/// Takes inputs as a store has them, as its kernel was computed of them.
struct StoredEncoder: RowEncoder {
  let target: TargetEncoder
  /// Of one input.
  let shape: [Int]

  var width: Int { shape.reduce(1, *) }
  var notes: [String] { [] }
  var columnOfInput: [Int]? { nil }

  func inputs(of rows: DataRows) throws -> Tensor {
    guard let array = rows.array else { preconditionFailure("rows without an array") }
    guard array.count == rows.rowCount * width else {
      throw CommandError.badData(
        "\(rows.table.path): expected inputs of shape \(ArrayEncoder.text(shape)) as in the store, found "
          + ArrayEncoder.text(Array(array.shape[1...])))
    }
    return array.reshaped([rows.rowCount] + shape).asType(.float64)
  }

  func notes(on rows: DataRows) -> [String] { [] }

  func multiplied(by scales: [Double]) -> any RowEncoder { self }
}

/// Encoders of inputs that a store has.
struct StoredEncoding: Encoding {
  let targets: [String]
  let task: TargetEncoder.Task

  var scalings: [InputScaling] { [.none] }

  func encoder(_ rows: DataRows, classes: [String]?, scaling: InputScaling) throws -> any RowEncoder {
    guard let array = rows.array else { preconditionFailure("rows without an array") }
    return StoredEncoder(
      target: try TargetEncoder(rows.table, names: targets, task: task, classes: classes),
      shape: Array(array.shape[1...]))
  }
}
