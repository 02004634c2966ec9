import CovarianceEngine

/// What flows between layers: one value, or a list of branches, each of which may branch again.
///
/// `FanOut` makes several of one, `Parallel` works on them branch by branch, `FanInSum` and its like make one of several.
public indirect enum Branches<Leaf> {
  case single(Leaf)
  case several([Branches<Leaf>])

  /// The same structure with every leaf replaced by what `transform` makes of it.
  public func map<Result, Failure: Error>(_ transform: (Leaf) throws(Failure) -> Result) throws(Failure)
    -> Branches<Result>
  {
    switch self {
    case .single(let leaf): return .single(try transform(leaf))
    case .several(let branches):
      var results: [Branches<Result>] = []
      for branch in branches { results.append(try branch.map(transform)) }
      return .several(results)
    }
  }

  /// All leaves, depth first.
  public var leaves: [Leaf] {
    switch self {
    case .single(let leaf): [leaf]
    case .several(let branches): branches.flatMap(\.leaves)
    }
  }

  /// The same structure with other leaves, as many as there are.
  package func replacingLeaves<Other>(_ leaves: [Other]) -> Branches<Other> {
    var next = leaves.makeIterator()
    return map { _ in
      guard let leaf = next.next() else { preconditionFailure("fewer leaves than \(summary)") }
      return leaf
    }
  }

  /// `1 input`, `a list of 3 inputs`: for error messages.
  var summary: String {
    switch self {
    case .single: "one input"
    case .several(let branches): "a list of \(branches.count) inputs"
    }
  }
}

extension Branches: Sendable where Leaf: Sendable {}
extension Branches: Equatable where Leaf: Equatable {}

extension Branches {
  /// Pairs the leaves of two trees of the same structure; nil when the structures differ.
  func zipped<Other>(with other: Branches<Other>) -> Branches<(Leaf, Other)>? {
    switch (self, other) {
    case (.single(let a), .single(let b)): return .single((a, b))
    case (.several(let a), .several(let b)):
      guard a.count == b.count else { return nil }
      var pairs: [Branches<(Leaf, Other)>] = []
      for (x, y) in zip(a, b) {
        guard let pair = x.zipped(with: y) else { return nil }
        pairs.append(pair)
      }
      return .several(pairs)
    default: return nil
    }
  }
}
