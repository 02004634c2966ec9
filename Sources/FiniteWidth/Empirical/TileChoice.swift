import Tensors

/// The blocks that a tangent kernel is computed in and the contraction of every piece of the parameters in them.
struct TileChoice: Sendable {
  /// Inputs of a block of the first and of the second data set.
  let inputs: (Int, Int)
  /// Rows of derivatives along the pairs' axes in a block, of both.
  let pairs: (Int, Int)
  /// Rows along the trace axes in a block.
  let outputs: Int
  let contractions: [PieceContraction]
  /// Blocks of the first data set times those of the second that are computed, and how many rows along the trace.
  let tileCount: Int
  /// Estimated for the whole kernel.
  let seconds: Double
  /// Estimated beyond inputs and results.
  let bytes: Double
}

/// Chooses blocks and contractions by counted operations and memory.
struct TileChooser {
  let first: TangentProgram
  let second: TangentProgram
  let firstPieces: [JacobianPiece]
  let secondPieces: [JacobianPiece]
  let outputs: (Int, Int)
  let layout: KernelLayout
  let isSame: Bool
  /// Whether only derivatives themselves are contracted.
  let onlyDerivatives: Bool
  /// Bytes that blocks may take.
  let budget: Double

  private var byteCount: Int { first.outputType(outputs.0).dtype.byteCount }

  /// The whole at once: what functions that are traced take.
  func whole() throws(TensorError) -> TileChoice {
    let (one, other) = (try PanelCost(self, isFirst: true), try PanelCost(self, isFirst: false))
    return choice((layout.e, layout.f), (layout.p, layout.q), layout.k, one, other)
  }

  /// What is estimated to be fastest within the memory.
  func best() throws(TensorError) -> TileChoice {
    let (one, other) = (try PanelCost(self, isFirst: true), try PanelCost(self, isFirst: false))
    let all = choice((layout.e, layout.f), (layout.p, layout.q), layout.k, one, other)
    if all.bytes <= budget { return all }
    var best: TileChoice?
    var smallest = all
    let shares = layout.role != .pairs
    for outputs in Self.halves(layout.k) {
      for rows in Self.halves(layout.e) {
        for columns in shares ? [rows] : Self.halves(layout.f) where shares || !isSame || columns <= rows {
          // Rows of one input are cut only where nothing else is left to cut.
          let cut = rows == 1 && columns == 1 || layout.example == nil
          for part in cut ? Self.halves(max(layout.p, layout.q)) : [max(layout.p, layout.q)] {
            let found = choice((rows, columns), (min(part, layout.p), min(part, layout.q)), outputs, one, other)
            if found.bytes < smallest.bytes { smallest = found }
            if found.bytes <= budget, best.map({ found.seconds < $0.seconds }) ?? true { best = found }
          }
        }
      }
    }
    return best ?? smallest
  }

  /// A size, about half of it, and so on to 1.
  private static func halves(_ size: Int) -> [Int] {
    var result = [max(1, size)]
    while let last = result.last, last > 1 { result.append((last + 1) / 2) }
    return result
  }

  private func choice(
    _ inputs: (Int, Int), _ pairs: (Int, Int), _ k: Int, _ one: PanelCost, _ other: PanelCost
  ) -> TileChoice {
    func blocks(_ size: Int, _ block: Int) -> Int { (max(1, size) + block - 1) / max(1, block) }
    let rowBlocks = blocks(layout.e, inputs.0) * blocks(layout.p, pairs.0)
    let columnBlocks = blocks(layout.f, inputs.1) * blocks(layout.q, pairs.1)
    let traces = blocks(layout.k, k)
    let isAlone = rowBlocks == 1 && columnBlocks == 1
    // Of a symmetric kernel about half of the tiles; where inputs are shared only those with themselves.
    let shared = layout.role == .diagonal || layout.role == .trace
    let tiles =
      shared
      ? blocks(layout.e, inputs.0) * blocks(layout.p, pairs.0) * blocks(layout.q, pairs.1)
      : isSame ? max(rowBlocks, (rowBlocks * columnBlocks + columnBlocks) / 2) : rowBlocks * columnBlocks
    let columnRuns = isAlone && isSame ? 0 : tiles
    let axes = PanelAxes(
      layout, e: min(inputs.0, layout.e), f: min(inputs.1, layout.f), k: min(k, layout.k), p: min(pairs.0, layout.p),
      q: min(pairs.1, layout.q))
    var total = 0.0
    var largest = 0.0
    var contractions: [PieceContraction] = []
    let rows = (layout.g * axes.k * axes.p, layout.g * axes.k * axes.q)
    for index in firstPieces.indices {
      let (piece, partner) = (firstPieces[index], secondPieces[index])
      let count = one.counts[index]
      func made(_ form: JacobianForm) -> PieceContraction {
        PieceContraction(form, piece, partner, count: count, axes, byteCount: byteCount)
      }
      let derivative = made(piece.factors == nil || onlyDerivatives ? .derivative : .contracted)
      var chosen = derivative
      var seconds = Double(tiles) * derivative.order.estimate.seconds
      if let factors = piece.factors, !onlyDerivatives {
        // Derivatives are made once per block, in the program of the block, and stay.
        let made1 = one.derivative(factors, inputs: axes.e, rows: rows.0)
        let made2 = other.derivative(factors, inputs: axes.f, rows: rows.1)
        seconds += Double(rowBlocks) * made1 + Double(columnRuns) * made2
        let direct = made(.factors)
        let directSeconds = Double(tiles) * direct.order.estimate.seconds
        if directSeconds <= seconds || isAlone && direct.isByDerivatives { (chosen, seconds) = (direct, directSeconds) }
      }
      total += seconds
      largest = max(largest, chosen.order.estimate.bytes)
      contractions.append(chosen)
    }
    let forms = contractions.map(\.form)
    total += Double(tiles + rowBlocks + columnRuns) * MachineRate.call
    total += Double(rowBlocks) * one.seconds(inputs: axes.e, rows: rows.0)
    total += Double(columnRuns) * other.seconds(inputs: axes.f, rows: rows.1)
    let tileBytes = Double(axes.shape.product) * 16
    var bytes = one.bytes(forms, inputs: axes.e, rows: rows.0) + largest + tileBytes
    if !(isAlone && isSame) { bytes += other.bytes(forms, inputs: axes.f, rows: rows.1) }
    return TileChoice(
      inputs: (axes.e, axes.sharesInputs ? axes.e : axes.f), pairs: (axes.p, axes.q), outputs: axes.k,
      contractions: contractions, tileCount: tiles * traces, seconds: total * Double(traces), bytes: bytes)
  }
}

extension PanelAxes {
  fileprivate var e: Int { sizes[.e] ?? 1 }
  fileprivate var f: Int { sharesInputs ? e : sizes[.f] ?? 1 }
  fileprivate var k: Int { sizes[.k] ?? 1 }
  fileprivate var p: Int { sizes[.p] ?? 1 }
  fileprivate var q: Int { sizes[.q] ?? 1 }
}

/// What the derivatives of a block take, per input and row.
private struct PanelCost {
  /// Elements of every piece.
  let counts: [Int]
  private let pieces: [JacobianPiece]
  private let forward: Double
  private let reverse: Double
  private let residualBytes: Double
  private let byteCount: Double

  init(_ chooser: TileChooser, isFirst: Bool) throws(TensorError) {
    let tangents = isFirst ? chooser.first : chooser.second
    pieces = isFirst ? chooser.firstPieces : chooser.secondPieces
    let program = tangents.transposed[isFirst ? chooser.outputs.0 : chooser.outputs.1]
    byteCount = Double(tangents.primal.outputTypes[0].dtype.byteCount)
    counts = pieces.map { program.types[$0.value].count }
    func seconds(_ cost: Cost) -> Double {
      Double(cost.flops) / MachineRate.products + Double(cost.bytes) / MachineRate.memory
    }
    forward = seconds(tangents.primal.cost)
    // Without the derivatives of weights that have factors.
    let needed = pieces.flatMap { piece in
      piece.factors.flatMap { chooser.onlyDerivatives ? nil : $0.uses.flatMap(\.values) } ?? [piece.value]
    }
    reverse = seconds(program.returning(needed).cost)
    // Residuals that do not depend on the inputs are parameters, which lie there anyway.
    residualBytes = zip(tangents.residualTypes, tangents.residualsOfInputs).reduce(0.0) {
      $0 + ($1.1 ? Double($1.0.byteCount) : 0)
    }
  }

  func seconds(inputs: Int, rows: Int) -> Double { Double(inputs) * (forward + Double(rows) * reverse) }

  /// Of the derivatives in a piece from its factors.
  func derivative(_ factors: JacobianFactors, inputs: Int, rows: Int) -> Double {
    let (made, read) = (
      Double(factors.d * factors.i * factors.t), Double(factors.d * factors.o * (factors.i + factors.t))
    )
    let flops = 2 * made * Double(factors.o) / MachineRate.products
    return Double(inputs * rows) * (flops + (made + read) * byteCount / MachineRate.memory)
  }

  func bytes(_ forms: [JacobianForm], inputs: Int, rows: Int) -> Double {
    var kept = 0.0
    var largest = 0.0
    for index in pieces.indices {
      let size: Double
      if forms[index] == .factors, let factors = pieces[index].factors {
        let cotangents = Double(rows * factors.d * factors.o * factors.t)
        size = Double(factors.d * factors.o * factors.i) + cotangents
        largest = max(largest, cotangents)
      } else {
        size = Double(rows * counts[index])
        largest = max(largest, size)
      }
      kept += size
    }
    // Hidden cotangents come and go beside what is kept.
    return Double(inputs) * ((kept + largest) * byteCount + residualBytes)
  }
}
