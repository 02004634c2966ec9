import Foundation
import NeuralTangents
import Tensors

/// Turns an array's rows into inputs of a network: scaled by what the rows to learn from have, channel by channel, the same
/// at all positions.
struct ArrayEncoder: RowEncoder {
  let target: TargetEncoder
  let notes: [String]
  private let shape: [Int]
  /// Per channel, what is subtracted and what it is divided by.
  private let shifts: Tensor
  private let divisors: Tensor
  /// Added afterwards: a network without biases makes nothing of zeros, so inputs that are all the same are ones.
  private let offset: Double
  /// Per channel, instead of that.
  private let ranks: [NumberScale.Ranks?]

  var width: Int { shape.reduce(1, *) }
  /// Pixels are too many for scales of their own.
  var columnOfInput: [Int]? { nil }

  /// - Parameter shape: of one input.
  /// - Throws: `CommandError` for ranks of inputs with positions.
  init(_ rows: DataRows, target: TargetEncoder, shape: [Int], scaling: InputScaling, notes: [String]) throws {
    guard let array = rows.array else { preconditionFailure("rows without an array") }
    (self.target, self.shape) = (target, shape)
    let channels = shape[shape.count - 1]
    // Shape (rows and positions, channels).
    let flat = array.asType(.float64).reshaped([-1, channels])
    var ranks: [NumberScale.Ranks?] = []
    switch scaling {
    case .standardize:
      shifts = flat.mean(axis: 0)
      let deviations = sqrt(square(flat - shifts).mean(axis: 0)).scalars(as: Double.self)
      divisors = Tensor(deviations.map { $0 > 0 && $0.isFinite ? $0 : 1 })
    case .none:
      shifts = Tensor([Double](repeating: 0, count: channels))
      let size = square(flat).mean().scalar(as: Double.self).squareRoot()
      divisors = Tensor([Double](repeating: size > 0 && size.isFinite ? size : 1, count: channels))
    case .rank:
      guard shape.count == 1 else {
        throw CommandError.usage("--inputs rank: expected inputs without positions, found shape \(Self.text(shape))")
      }
      (shifts, divisors) = (Tensor([0.0]), Tensor([1.0]))
      let columns = flat.transposed().scalars(as: Double.self)
      let count = rows.rowCount
      ranks = (0..<channels).map { NumberScale.Ranks(Array(columns[$0 * count..<($0 + 1) * count])) }
    }
    self.ranks = ranks
    let first = array.asType(.float64)[0..<1].reshaped([-1])
    let differs =
      (array.asType(.float64).reshaped([rows.rowCount, -1]) - first).max().scalar(as: Double.self) != 0
      || (array.asType(.float64).reshaped([rows.rowCount, -1]) - first).min().scalar(as: Double.self) != 0
    let isFlat = square((flat - shifts) / divisors).max().scalar(as: Double.self) == 0
    offset = isFlat && ranks.allSatisfy { $0 == nil } ? 1 : 0
    self.notes = notes + (differs ? [] : ["inputs do not tell rows apart: the same is predicted for all of them"])
  }

  func inputs(of rows: DataRows) throws -> Tensor {
    guard let array = rows.array else { preconditionFailure("rows without an array") }
    guard array.count == rows.rowCount * width else {
      throw CommandError.badData(
        "\(rows.table.path): expected inputs of shape \(Self.text(shape)), found \(Self.text(Array(array.shape[1...])))"
      )
    }
    let channels = shape[shape.count - 1]
    let flat = array.asType(.float64).reshaped([-1, channels])
    let result: Tensor
    if ranks.isEmpty {
      result = (flat - shifts) / divisors + offset
    } else {
      let numbers = flat.scalars(as: Double.self)
      result = Tensor(numbers.indices.map { ranks[$0 % channels]?(numbers[$0]) ?? 0 }, shape: flat.shape)
    }
    return result.reshaped([rows.rowCount] + shape)
  }

  func notes(on rows: DataRows) -> [String] { [] }

  func multiplied(by scales: [Double]) -> any RowEncoder { self }

  static func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "x") }
}

/// Encoders of arrays that are inputs.
struct ArrayEncoding: Encoding {
  private let targets: [String]
  private let task: TargetEncoder.Task
  private let shape: [Int]
  private let note: String?
  let scalings: [InputScaling]

  /// - Parameters:
  ///   - array: the inputs to learn from, shape (N, …).
  ///   - inputShape: what the user says that one input is.
  ///   - network: it decides how images are taken where nobody says it; nil for one that is fully connected.
  /// - Throws: `CommandError` for a shape that inputs have not, `NetworkError` for inputs that the network does not take.
  init(
    targets: [String], task: TargetEncoder.Task, array: Tensor, inputShape: [Int]?, network: (any Layer)?,
    scalings: [InputScaling]?
  ) throws {
    (self.targets, self.task) = (targets, task)
    let given = Array(array.shape[1...])
    let size = given.reduce(1, *)
    var shape = given.isEmpty ? [1] : given
    if let inputShape {
      guard inputShape.reduce(1, *) == size else {
        throw CommandError.usage(
          "--input-shape: expected sizes whose product is \(size), found \(ArrayEncoder.text(inputShape))")
      }
      shape = inputShape
    } else if let network {
      // As it is, with one channel, or without positions: the first that the network takes.
      let candidates = [shape, shape + [1], [size]]
      func accepts(_ shape: [Int]) -> Bool {
        let input = Tensor.zeros([1] + shape, dtype: .float64) + 1
        return (try? network.kernel(input, kernels: .nngp))?.nngp.rank == 2
      }
      shape = candidates.first(where: accepts) ?? shape
    } else {
      shape = [size]
    }
    self.shape = shape
    note =
      shape == given
      ? nil : "inputs of shape \(ArrayEncoder.text(given)) are taken as \(ArrayEncoder.text(shape))"
    // Pixels are alike, and what has positions is scaled in one way only.
    self.scalings = scalings ?? (shape.count > 1 ? [.standardize] : [.none, .standardize])
  }

  func encoder(_ rows: DataRows, classes: [String]?, scaling: InputScaling) throws -> any RowEncoder {
    try ArrayEncoder(
      rows, target: TargetEncoder(rows.table, names: targets, task: task, classes: classes), shape: shape,
      scaling: scaling, notes: note.map { [$0] } ?? [])
  }
}
