/// Einstein summation: `einsum("ij,jk->ik", a, b)` is the matrix product.
///
/// Each operand's axes are named by letters; an axis named in several places runs through them together, and axes
/// absent from the result are summed over. A letter twice in one operand takes its diagonal (`"ii"` is the trace).
/// `...` stands for any number of leading axes, which broadcast. Without `->` the result has the ellipsis, then the
/// letters that occur exactly once, in alphabetical order.
///
/// Products of more than two operands are taken pairwise, the cheapest pair first.
///
/// - Precondition: `equation` is well formed, names every axis of every operand, and sizes of equal letters agree.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor {
  einsum(equation, operands)
}

/// `einsum` over an array of operands.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
  let parsed = EinsumEquation(equation, ranks: operands.map(\.rank))
  var terms = zip(operands, parsed.inputs).map { EinsumTerm(tensor: $0, labels: $1).withDiagonals() }
  checkSizes(terms, equation)
  for index in terms.indices { terms[index] = terms[index].withoutBroadcastAxes(others: terms) }
  while terms.count > 1 {
    let (i, j) = cheapestPair(terms)
    let kept = Set(parsed.output).union(terms.indices.filter { $0 != i && $0 != j }.flatMap { terms[$0].labels })
    let product = multiply(terms[i], terms[j], keeping: kept, order: parsed.output)
    terms.remove(at: j)
    terms[i] = product
  }
  let last = terms[0].summed(keeping: Set(parsed.output))
  return last.arranged(as: parsed.output).tensor
}

/// An axis name: a letter's code, or a negative number for the axes of an ellipsis, counted from its last one.
private typealias AxisLabel = Int

private struct EinsumEquation {
  var inputs: [[AxisLabel]]
  var output: [AxisLabel]

  init(_ equation: String, ranks: [Int]) {
    let text = equation.filter { $0 != " " }
    let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    precondition(sides.count == 1 || sides[1].hasPrefix(">"), "einsum: \"\(equation)\" has a - that is no arrow ->")
    let inputTexts = sides[0].split(separator: ",", omittingEmptySubsequences: false)
    precondition(
      inputTexts.count == ranks.count,
      "einsum: \"\(equation)\" names \(inputTexts.count) operands, found \(ranks.count)")
    inputs = zip(inputTexts, ranks).map { Self.labels($0, rank: $1, equation) }
    let ellipsisRank = inputs.joined().filter { $0 < 0 }.map(-).max() ?? 0
    if sides.count > 1 {
      let result = sides[1].dropFirst()
      let letters = result.filter { $0 != "." }.count
      output = Self.labels(result, rank: result.contains(".") ? letters + ellipsisRank : letters, equation)
      precondition(Set(output).count == output.count, "einsum: \"\(equation)\" names an axis of the result twice")
      let known = Set(inputs.joined())
      precondition(
        output.allSatisfy(known.contains), "einsum: \"\(equation)\" names an axis of the result that no operand has")
    } else {
      var occurrences: [AxisLabel: Int] = [:]
      for label in inputs.joined() where label > 0 { occurrences[label, default: 0] += 1 }
      output = (0..<ellipsisRank).map { $0 - ellipsisRank } + occurrences.filter { $0.value == 1 }.keys.sorted()
    }
  }

  private static func labels(_ text: Substring, rank: Int, _ equation: String) -> [AxisLabel] {
    let parts = text.split(separator: "...", maxSplits: 2, omittingEmptySubsequences: false)
    let letters = parts.map { $0.unicodeScalars.map { Int($0.value) } }
    precondition(
      parts.count <= 2 && parts.joined().allSatisfy { $0.isASCII && $0.isLetter },
      "einsum: expected letters, commas, \"...\" and \"->\", found \"\(equation)\"")
    let named = letters.joined().count
    precondition(
      parts.count == 2 ? named <= rank : named == rank,
      "einsum: \"\(text)\" in \"\(equation)\" does not name the axes of an operand of rank \(rank)")
    guard parts.count == 2 else { return letters[0] }
    let ellipsisRank = rank - named
    return letters[0] + (0..<ellipsisRank).map { $0 - ellipsisRank } + letters[1]
  }
}

private struct EinsumTerm {
  var tensor: Tensor
  var labels: [AxisLabel]

  func size(of label: AxisLabel) -> Int { tensor.shape[labels.firstIndex(of: label) ?? 0] }

  /// Each letter once: repeated ones become the diagonal.
  func withDiagonals() -> EinsumTerm {
    var result = self
    while let (first, second) = result.repeatedAxes {
      precondition(
        result.tensor.shape[first] == result.tensor.shape[second],
        "einsum: a repeated axis has sizes \(result.tensor.shape[first]) and \(result.tensor.shape[second])")
      let others = result.labels.indices.filter { $0 != first && $0 != second }
      result = EinsumTerm(
        tensor: result.tensor.diagonal(first, second), labels: others.map { result.labels[$0] } + [result.labels[first]]
      )
    }
    return result
  }

  private var repeatedAxes: (Int, Int)? {
    for second in labels.indices {
      if let first = labels[..<second].firstIndex(of: labels[second]) { return (first, second) }
    }
    return nil
  }

  /// Without ellipsis axes of size 1 that have another size elsewhere: the product broadcasts over them.
  func withoutBroadcastAxes(others: [EinsumTerm]) -> EinsumTerm {
    let kept = labels.indices.filter { axis in
      let label = labels[axis]
      return label > 0 || tensor.shape[axis] != 1
        || !others.contains { $0.labels.contains(label) && $0.size(of: label) != 1 }
    }
    if kept.count == labels.count { return self }
    return EinsumTerm(tensor: tensor.reshaped(kept.map { tensor.shape[$0] }), labels: kept.map { labels[$0] })
  }

  func summed(keeping kept: Set<AxisLabel>) -> EinsumTerm {
    let axes = labels.indices.filter { !kept.contains(labels[$0]) }
    if axes.isEmpty { return self }
    return EinsumTerm(tensor: tensor.sum(axes: axes), labels: labels.filter(kept.contains))
  }

  func arranged(as order: [AxisLabel]) -> EinsumTerm {
    if labels == order { return self }
    return EinsumTerm(tensor: tensor.transposed(order.map { labels.firstIndex(of: $0) ?? 0 }), labels: order)
  }
}

private func checkSizes(_ terms: [EinsumTerm], _ equation: String) {
  var sizes: [AxisLabel: Int] = [:]
  for term in terms {
    for (label, size) in zip(term.labels, term.tensor.shape) {
      guard let known = sizes[label] else {
        sizes[label] = size
        continue
      }
      let name = label > 0 ? Unicode.Scalar(UInt32(label)).map { String($0) } ?? "?" : "..."
      precondition(
        known == size || label < 0 && (known == 1 || size == 1),
        "einsum: axis \(name) of \"\(equation)\" has sizes \(known) and \(size)")
      sizes[label] = max(known, size)
    }
  }
}

/// The pair whose product takes the fewest multiplications, and among equals leaves the smallest result.
private func cheapestPair(_ terms: [EinsumTerm]) -> (Int, Int) {
  guard terms.count > 2 else { return (0, 1) }
  var best = (0, 1)
  var leastCost = (Double.infinity, Double.infinity)
  for j in terms.indices {
    for i in terms.indices where i < j {
      var cost = 1.0
      var resultSize = 1.0
      let shared = Set(terms[i].labels).intersection(terms[j].labels)
      for label in Set(terms[i].labels).union(terms[j].labels) {
        let size = Double(terms[i].labels.contains(label) ? terms[i].size(of: label) : terms[j].size(of: label))
        cost *= size
        let isElsewhere = terms.indices.contains { $0 != i && $0 != j && terms[$0].labels.contains(label) }
        if !shared.contains(label) || isElsewhere { resultSize *= size }
      }
      if (cost, resultSize) < leastCost {
        leastCost = (cost, resultSize)
        best = (i, j)
      }
    }
  }
  return best
}

private func multiply(
  _ first: EinsumTerm, _ second: EinsumTerm, keeping kept: Set<AxisLabel>, order: [AxisLabel]
) -> EinsumTerm {
  // Axes that only one operand has and nobody needs are summed first, where they are cheapest.
  var a = first.summed(keeping: kept.union(second.labels))
  var b = second.summed(keeping: kept.union(first.labels))
  let shared = a.labels.filter(b.labels.contains)
  // The result has the free axes of the left operand first: choose sides so that they need not be moved afterwards.
  func isBefore(_ x: AxisLabel, _ y: AxisLabel) -> Bool {
    guard let x = order.firstIndex(of: x), let y = order.firstIndex(of: y) else { return true }
    return x < y
  }
  let aFree = a.labels.filter { !shared.contains($0) }
  let bFree = b.labels.filter { !shared.contains($0) }
  if let x = aFree.first, let y = bFree.first, !isBefore(x, y) { swap(&a, &b) }
  let batch = shared.filter(kept.contains).sorted { isBefore($0, $1) && $0 != $1 }
  let contracting = shared.filter { !kept.contains($0) }
  let free = (a.labels + b.labels).filter { !shared.contains($0) }
  if contracting.isEmpty {
    // Without a sum the product is elementwise, each operand broadcasting over the other's free axes.
    let labels = batch + free
    return EinsumTerm(tensor: a.spread(over: labels) * b.spread(over: labels), labels: labels)
  }
  func axes(_ labels: [AxisLabel], of term: EinsumTerm) -> [Int] { labels.map { term.labels.firstIndex(of: $0) ?? 0 } }
  let product = dotGeneral(
    a.tensor, b.tensor, contracting: (axes(contracting, of: a), axes(contracting, of: b)),
    batch: (axes(batch, of: a), axes(batch, of: b)))
  return EinsumTerm(tensor: product, labels: batch + free)
}

extension EinsumTerm {
  /// The axes in the order of `all`, with size 1 for those the term lacks.
  fileprivate func spread(over all: [AxisLabel]) -> Tensor {
    let arranged = arranged(as: all.filter(labels.contains))
    return arranged.tensor.reshaped(all.map { labels.contains($0) ? size(of: $0) : 1 })
  }
}
