import Tensors

/// The order in which a few tensors with named axes are contracted, two at a time, that takes least time.
///
/// All orders are tried: four tensors have 18. Multiplications and memory are counted; a product of matrices is as fast as
/// the processor multiplies, one of a vector as fast as memory is read.
struct ContractionOrder: Sendable {
  /// The operands with their axes and sizes.
  typealias Operand = [FactorAxis]

  /// Places, in the list of what is left, of the two that are multiplied; the product goes to the end.
  let steps: [(first: Int, second: Int)]
  let estimate: ContractionEstimate

  /// - Parameters:
  ///   - operands: their axes.
  ///   - output: the axes of the result.
  ///   - sizes: of the axes.
  ///   - byteCount: of a number.
  init(_ operands: [Operand], output: [FactorAxis], sizes: [FactorAxis: Int], byteCount: Int) {
    var search = Search(output: Set(output), sizes: sizes, byteCount: Double(byteCount))
    search.extend(operands, [], ContractionEstimate())
    (steps, estimate) = search.best ?? ([], ContractionEstimate())
  }

  private struct Search {
    let output: Set<FactorAxis>
    let sizes: [FactorAxis: Int]
    let byteCount: Double
    var best: (steps: [(first: Int, second: Int)], estimate: ContractionEstimate)?

    func count(_ axes: some Sequence<FactorAxis>) -> Double { axes.reduce(1) { $0 * Double(sizes[$1] ?? 1) } }

    mutating func extend(_ operands: [Operand], _ steps: [(first: Int, second: Int)], _ sofar: ContractionEstimate) {
      if let best, best.estimate.seconds <= sofar.seconds { return }
      if operands.count < 2 {
        best = (steps, sofar)
        return
      }
      for second in operands.indices {
        for first in 0..<second {
          let rest = operands.indices.filter { $0 != first && $0 != second }.map { operands[$0] }
          let needed = rest.reduce(output) { $0.union($1) }
          let (a, b) = (Set(operands[first]), Set(operands[second]))
          let kept = a.union(b).intersection(needed)
          let shared = a.intersection(b)
          let summed = shared.subtracting(kept)
          var step = ContractionEstimate()
          // Axes of one operand that nobody needs are summed before.
          let (m, n) = (
            a.subtracting(shared).intersection(kept), b.subtracting(shared).intersection(kept)
          )
          step.flops = 2 * count(shared) * count(m) * count(n)
          let bytes = byteCount * (count(a) + count(b) + count(kept))
          step.bytes = byteCount * count(kept)
          step.seconds =
            step.flops / (summed.isEmpty || count(m) == 1 || count(n) == 1 ? MachineRate.simple : MachineRate.products)
            + bytes / MachineRate.memory
          extend(rest + [Array(kept).sorted { $0.rawValue < $1.rawValue }], steps + [(first, second)], sofar + step)
        }
      }
    }
  }
}

/// What contractions take.
struct ContractionEstimate: Sendable, Hashable {
  /// Operations on numbers; a multiplication with an addition counts two.
  var flops = 0.0
  /// Bytes of what is made on the way.
  var bytes = 0.0
  /// By the rates of `MachineRate`: good for comparisons.
  var seconds = 0.0

  static func + (a: ContractionEstimate, b: ContractionEstimate) -> ContractionEstimate {
    ContractionEstimate(flops: a.flops + b.flops, bytes: a.bytes + b.bytes, seconds: a.seconds + b.seconds)
  }
}

/// How fast a core and a half of today are: what is compared by them differs by far more than machines do.
enum MachineRate {
  /// Operations of products of matrices a second.
  static let products = 1e11
  /// Operations of products without a sum over many, a second.
  static let simple = 5e9
  /// Bytes a second.
  static let memory = 1e10
  /// Seconds that running a program takes beside its work.
  static let call = 2e-4
}

extension FactorTensor {
  /// The product summed over the axes that are not `kept`, with its axes in the order of `FactorAxis` where that costs nothing.
  func multiplied(_ other: FactorTensor, keeping kept: Set<FactorAxis>) -> FactorTensor {
    let (a, b) = (summed(keeping: kept.union(other.axes)), other.summed(keeping: kept.union(axes)))
    let shared = a.axes.filter(b.axes.contains)
    let contracting = shared.filter { !kept.contains($0) }
    let batch = shared.filter(kept.contains)
    if contracting.isEmpty {
      let all = FactorAxis.allCases.filter { a.axes.contains($0) || b.axes.contains($0) }
      return FactorTensor(a.spread(over: all) * b.spread(over: all), all)
    }
    func places(_ list: [FactorAxis], _ axes: [FactorAxis]) -> [Int] { list.map { axes.firstIndex(of: $0) ?? 0 } }
    let free = a.axes.filter { !shared.contains($0) } + b.axes.filter { !shared.contains($0) }
    let product = dotGeneral(
      a.tensor, b.tensor, contracting: (places(contracting, a.axes), places(contracting, b.axes)),
      batch: (places(batch, a.axes), places(batch, b.axes)))
    return FactorTensor(product, batch + free)
  }

  func summed(keeping kept: Set<FactorAxis>) -> FactorTensor {
    let gone = axes.indices.filter { !kept.contains(axes[$0]) }
    return gone.isEmpty ? self : FactorTensor(tensor.sum(axes: gone), axes.filter(kept.contains))
  }

  /// The axes in the order of `all`, with size 1 for those it lacks.
  func spread(over all: [FactorAxis]) -> Tensor {
    let order = all.filter(axes.contains)
    let arranged = order == axes ? tensor : tensor.transposed(order.map { axes.firstIndex(of: $0) ?? 0 })
    return arranged.reshaped(all.map(size))
  }
}
