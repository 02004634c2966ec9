import Tensors

/// Which rows of a table to learn from and which to test on.
struct Split: Sendable {
  var train: [Int]
  var test: [Int]

  /// A random part of `count` rows for training, the rest for testing.
  static func random(count: Int, trainCount: Int, key: RandomKey) -> Split {
    let order = key.permutation(count)
    return Split(train: Array(order[..<trainCount]), test: Array(order[trainCount...]))
  }

  /// Random folds of nearly equal size: every row is tested once and trained on otherwise.
  ///
  /// - Parameter classes: the class of each row, if each fold should have nearly its share of each class.
  static func folds(_ folds: Int, count: Int, classes: [Int]? = nil, key: RandomKey) -> [Split] {
    var order = key.permutation(count)
    if let classes {
      // Dealing out class by class gives each fold its share; a stable order within a class keeps it random.
      order = order.enumerated().sorted { (classes[$0.element], $0.offset) < (classes[$1.element], $1.offset) }
        .map(\.element)
    }
    return (0..<folds).map { fold in
      let parts = Dictionary(grouping: order.indices) { $0 % folds == fold }
      return Split(
        train: parts[false, default: []].map { order[$0] }.sorted(),
        test: parts[true, default: []].map { order[$0] }.sorted())
    }
  }
}
