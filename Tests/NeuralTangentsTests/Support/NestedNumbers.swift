import Tensors

/// Numbers nested to any depth, as fixtures have them.
enum NestedNumbers: Decodable {
  case number(Double)
  case list([NestedNumbers])

  init(from decoder: any Decoder) throws {
    if let number = try? decoder.singleValueContainer().decode(Double.self) {
      self = .number(number)
    } else {
      self = .list(try decoder.singleValueContainer().decode([NestedNumbers].self))
    }
  }

  var shape: [Int] {
    if case .list(let list) = self { [list.count] + (list.first?.shape ?? []) } else { [] }
  }
  var numbers: [Double] {
    switch self {
    case .number(let number): [number]
    case .list(let list): list.flatMap(\.numbers)
    }
  }
  var tensor: Tensor { Tensor(numbers, shape: shape) }
}
