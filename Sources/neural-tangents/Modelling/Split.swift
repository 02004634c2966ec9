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
  /// - Parameters:
  ///   - classes: the class of each row, if each fold should have nearly its share of each class.
  ///   - groups: the group of each row, if the rows of a group should be in one fold. Folds without a row are left out.
  static func folds(
    _ folds: Int, count: Int, classes: [Int]? = nil, groups: [Int]? = nil, key: RandomKey
  ) -> [Split] {
    if let groups { return grouped(folds, groups, key: key) }
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

  /// The largest groups first, each to the fold with the fewest rows so far; groups of one size in random order.
  private static func grouped(_ folds: Int, _ groups: [Int], key: RandomKey) -> [Split] {
    let rows = Dictionary(grouping: groups.indices) { groups[$0] }
    let names = rows.keys.sorted()
    let order = key.permutation(names.count).map { rows[names[$0]]! }.enumerated()
      .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element)
    var tests = [[Int]](repeating: [], count: folds)
    for group in order {
      let smallest = tests.indices.min { (tests[$0].count, $0) < (tests[$1].count, $1) }!
      tests[smallest] += group
    }
    return tests.filter { !$0.isEmpty }.map { test in
      let members = Set(test)
      return Split(train: groups.indices.filter { !members.contains($0) }, test: test.sorted())
    }
  }
}
