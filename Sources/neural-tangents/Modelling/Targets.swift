import NeuralTangents
import Tensors

/// What rows have to learn, as outputs of a network, with what is still to be chosen about it.
enum Targets: Sendable {
  /// Per number to predict, the ways to transform it.
  case numbers([[TargetColumn]])
  /// The class of each row, and outputs of shape (N, classes).
  case classes([Int], outputs: Tensor)

  /// The targets of rows to learn from.
  init(_ encoder: TargetEncoder, of rows: DataRows, transform: TargetColumn.TransformChoice) throws {
    if encoder.classes != nil {
      self = .classes(try encoder.classIndices(of: rows.table), outputs: try encoder.outputs(of: rows.table))
      return
    }
    let values = try encoder.values(of: rows.table)
    let scalars = values.transposed().scalars(as: Double.self)
    let count = rows.rowCount
    self = .numbers(
      try encoder.names.enumerated().map { index, name in
        try TargetColumn.candidates(Array(scalars[index * count..<(index + 1) * count]), transform, name: name)
      })
  }

  func selecting(rows: [Int]) -> Targets {
    switch self {
    case .numbers(let columns): .numbers(columns.map { $0.map { $0.selecting(rows: rows) } })
    case .classes(let labels, let outputs): .classes(rows.map { labels[$0] }, outputs: outputs.taking(rows, axis: 0))
    }
  }

  /// Of the ways to transform each number that of this position only.
  func choosing(_ positions: [Int]) -> Targets {
    guard case .numbers(let columns) = self else { return self }
    return .numbers(zip(columns, positions).map { [$0[$1]] })
  }

  /// All ways to transform all numbers, or all classes: shape (N, columns), float64.
  var outputs: Tensor {
    switch self {
    case .numbers(let columns):
      let all = columns.flatMap { $0 }
      return Tensor(all.flatMap(\.outputs), shape: [all.count, all[0].outputs.count]).transposed()
    case .classes(_, let outputs): return outputs
    }
  }

  var count: Int { outputs.shape[0] }
}
