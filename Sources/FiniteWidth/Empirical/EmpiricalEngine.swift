import CovarianceEngine
import Tensors

/// Computes the tangent kernel between two traced functions, which are one but for the shapes of their inputs.
///
/// Blocks of inputs and rows of derivatives become panels (`PanelProgram`), pairs of panels become tiles
/// (`PieceContraction`), and tiles are put together; of a symmetric kernel only those on and above the diagonal are computed.
struct EmpiricalEngine: Sendable {
  /// A data set: the values of the parameters, of the inputs and of what the function captures.
  struct Values: Sendable {
    let parameters: [Tensor]
    /// Where inputs are mapped, with their axis in front of that of a single input, of size 1.
    let inputs: [Tensor]
  }

  let first: TangentProgram
  let second: TangentProgram
  let isSame: Bool
  let layout: KernelLayout
  let outputs: (Int, Int)
  /// Which tensors of the inputs are mapped; nil where nothing is.
  let mapped: [Bool]?
  let implementation: EmpiricalImplementation
  let choice: TileChoice
  let vectorProducts: VectorProducts
  let estimates: [EmpiricalImplementation: Double]
  private let firstPieces: [JacobianPiece]
  private let programs = Guarded<[PanelKey: PanelProgram]>([:])
  private let bases = Guarded<[BasisKey: Tensor]>([:])

  private let programsOfTiles = Guarded<[TileKey: PreparedProgram]>([:])

  private struct TileKey: Hashable {
    let types: [TensorType]
    let sizes: [FactorAxis: Int]
    let isSame: Bool
  }

  private struct PanelKey: Hashable {
    let isFirst: Bool
    let inputs: Int
    let k: Int
    let p: Int
  }

  private struct BasisKey: Hashable {
    let isFirst: Bool
    let k: Range<Int>
    let p: Range<Int>
  }

  /// - Parameters:
  ///   - isSame: whether both data sets are one, parameters included.
  ///   - isWhole: whether all is computed at once: where tensors are traced.
  ///   - budget: bytes that blocks may take.
  ///   - wholeTensors: whether derivatives in all tensors of the parameters are kept whole and in their order.
  init(
    _ first: TangentProgram, _ second: TangentProgram, isSame: Bool, outputs: (Int, Int), _ layout: KernelLayout,
    mapped: [Bool]?, implementation: EmpiricalImplementation, isWhole: Bool, budget: Double, wholeTensors: Bool = false
  ) throws(TensorError) {
    (self.first, self.second, self.isSame, self.layout) = (first, second, isSame, layout)
    (self.outputs, self.mapped) = (outputs, mapped)
    let (pieces1, pieces2) = Self.alignedPieces(first, second, outputs, wholeTensors: wholeTensors)
    firstPieces = pieces1
    secondPieces = pieces2
    func chooser(onlyDerivatives: Bool) -> TileChooser {
      TileChooser(
        first: first, second: second, firstPieces: pieces1, secondPieces: pieces2, outputs: outputs, layout: layout,
        isSame: isSame, onlyDerivatives: onlyDerivatives, budget: budget)
    }
    let chosen = chooser(onlyDerivatives: implementation == .jacobianContraction)
    choice = isWhole ? try chosen.whole() : try chosen.best()
    vectorProducts = VectorProducts(first, second, outputs: outputs, layout, budget: budget)
    var estimates: [EmpiricalImplementation: Double] = [.tangentVectorProducts: vectorProducts.seconds]
    estimates[implementation == .jacobianContraction ? .jacobianContraction : .structuredDerivatives] = choice.seconds
    if implementation == .automatic {
      self.implementation =
        vectorProducts.seconds < choice.seconds && layout.mean == .exact && !isWhole
        ? .tangentVectorProducts : .structuredDerivatives
    } else {
      self.implementation = implementation
    }
    self.estimates = estimates
  }

  private let secondPieces: [JacobianPiece]

  /// The pieces of all parameters for both functions, one for one: where they do not fit, the derivatives of the whole tensor.
  private static func alignedPieces(
    _ first: TangentProgram, _ second: TangentProgram, _ outputs: (Int, Int), wholeTensors: Bool
  ) -> ([JacobianPiece], [JacobianPiece]) {
    var result: ([JacobianPiece], [JacobianPiece]) = ([], [])
    for leaf in first.active.indices {
      let (a, b) = (first.leaves[outputs.0][leaf].pieces, second.leaves[outputs.1][leaf].pieces)
      // A parameter that one of the outputs does not depend on contributes nothing.
      if !wholeTensors && (a.isEmpty || b.isEmpty) { continue }
      let fits = zip(a, b).allSatisfy { $0.factors?.signature == $1.factors?.signature && $0.place == $1.place }
      if a.count == b.count, fits, !wholeTensors {
        result.0 += a
        result.1 += b
      } else {
        func whole(_ program: Program) -> JacobianPiece {
          JacobianPiece(parameter: first.active[leaf], value: program.outputs[leaf], factors: nil, place: [])
        }
        result.0.append(whole(first.transposed[outputs.0]))
        result.1.append(whole(second.transposed[outputs.1]))
      }
    }
    return result
  }

  /// The kernel, with axes (g, e, p, f, q), a mean over the trace.
  ///
  /// - Throws: `CancellationError` when the task is cancelled between two tiles, and what factorisations throw.
  func callAsFunction(_ a: Values, _ b: Values, progress: (@Sendable (GramProgress) -> Void)?) throws -> Tensor {
    if implementation == .tangentVectorProducts {
      return try vectorProducts(a, b, mapped: mapped, progress: progress) / layout.divisor
    }
    var grid = TileGrid(layout, choice, isSame: isSame, progress: progress)
    if grid.isSingle {
      let panel = try self.panel(true, a, grid.whole.0)
      let other = isSame ? panel : try self.panel(false, b, grid.whole.1)
      let tile = try contracted(panel, other, grid.whole.0, grid.whole.1, isSame: isSame)
      grid.report()
      return tile.asType(first.outputType(outputs.0).dtype) / layout.divisor
    }
    var assembly = TileAssembly(layout, dtype: first.outputType(outputs.0).dtype)
    for rows in grid.rows {
      let panel = try self.panel(true, a, rows)
      for columns in grid.columns(of: rows) {
        try Task.checkCancellation()
        try Interruption.check()
        let isDiagonal = isSame && rows == columns
        let other = isDiagonal ? panel : try self.panel(isSame, b, columns)
        let tile = try contracted(panel, other, rows, columns, isSame: isDiagonal)
        assembly.add(tile, rows, columns, isMirrored: grid.isMirrored(rows) && !isDiagonal)
        grid.report()
      }
    }
    return assembly.kernel / layout.divisor
  }

  /// Σ over rows of the products of derivatives in any two parameters, JᵀJ in float64: where there are fewer parameters than rows it
  /// has the kernel's eigenvalues but for zeros.
  func gramOfParameters(_ values: Values) throws -> Tensor {
    let size = firstPieces.map(\.parameter).reduce(0) { $0 + first.primal.inputTypes[$1].count }
    var total = Tensor.zeros([size, size], dtype: .float64)
    for block in TileGrid(layout, choice, isSame: true, progress: nil).rows {
      try Task.checkCancellation()
      try Interruption.check()
      let count = layout.g * block.inputs.count * block.outputs.count * block.pairs.count
      let rows = try panel(true, values, block).pieces.map { piece in
        let wanted = [layout.g, block.inputs.count, block.pairs.count, block.outputs.count, piece[0].size(.w)]
        return piece[0].spread(over: [.g, .e, .p, .k, .w]).broadcast(to: wanted).reshaped([count, wanted[4]])
      }
      let j = concatenate(rows, axis: 1).asType(.float64)
      total = total + einsum("ra,rb->ab", j, j)
    }
    return total
  }

  /// A tile, with axes (g, e, p, f, q) in float64: sums over parameters lose digits in float32.
  private func contracted(
    _ panel: JacobianPanel, _ other: JacobianPanel, _ rows: PanelBlock, _ columns: PanelBlock, isSame: Bool
  ) throws -> Tensor {
    let axes = PanelAxes(
      layout, e: rows.inputs.count, f: columns.inputs.count, k: rows.outputs.count, p: rows.pairs.count,
      q: columns.pairs.count)
    let factors = isSame ? [panel] : [panel, other]
    let inputs = factors.flatMap { $0.pieces.flatMap { $0.map(\.tensor) } }
    let key = TileKey(types: inputs.map(\.type), sizes: axes.sizes, isSame: isSame)
    let program = try programsOfTiles.withLock { programs throws(TensorError) in
      if let known = programs[key] { return known }
      let new = PreparedProgram(try contraction(factors, inputs.map(\.type), axes).depthFirst())
      programs[key] = new
      return new
    }
    return try program(inputs)[0]
  }

  private func contraction(
    _ panels: [JacobianPanel], _ types: [TensorType], _ axes: PanelAxes
  ) throws(TensorError) -> Program {
    try Program.build(types) { values throws(TensorError) in
      var next = values.makeIterator()
      let sides = panels.map { panel in
        panel.pieces.map { piece in piece.map { factor in FactorTensor(next.next() ?? factor.tensor, factor.axes) } }
      }
      var total = Tensor.zeros(axes.shape, dtype: .float64)
      for (index, contraction) in choice.contractions.enumerated() {
        let part = contraction(sides[0][index], sides[sides.count - 1][index], axes, isSame: sides.count == 1)
        total = index == 0 ? part.asType(.float64).broadcast(to: axes.shape) : total + part.asType(.float64)
      }
      return [total]
    }
  }

  private func panel(_ isFirst: Bool, _ values: Values, _ block: PanelBlock) throws -> JacobianPanel {
    let tangents = isFirst ? first : second
    let output = isFirst ? outputs.0 : outputs.1
    let pieces = isFirst ? firstPieces : secondPieces
    let key = PanelKey(
      isFirst: isFirst, inputs: block.inputs.count, k: block.outputs.count, p: block.pairs.count)
    let program = try programs.withLock { programs throws(TensorError) in
      if let known = programs[key] { return known }
      let new = try PanelProgram(
        tangents, output: output, pieces, forms: choice.contractions.map(\.form),
        inputs: mapped == nil ? nil : block.inputs.count, mapped: mapped ?? [],
        rows: (layout.g, block.outputs.count, block.pairs.count))
      programs[key] = new
      return new
    }
    let basisKey = BasisKey(isFirst: isFirst, k: block.outputs, p: block.pairs)
    let basis = bases.withLock { bases in
      if let known = bases[basisKey] { return known }
      let type = tangents.outputType(output)
      let new = layout.basis(
        isFirst ? layout.shape1 : layout.shape2, k: block.outputs, p: block.pairs, dtype: type.dtype, like: type.shape)
      bases[basisKey] = new
      return new
    }
    let inputs = zip(values.inputs, mapped ?? values.inputs.map { _ in false }).map { tensor, isMapped in
      isMapped && block.inputs.count != tensor.shape[0] ? tensor.sliced(axis: 0, block.inputs) : tensor
    }
    return try program(values.parameters, inputs, tangents.captured, basis: basis)
  }
}

extension EmpiricalEngine {
  /// What is computed, for people.
  var plan: EmpiricalPlan {
    let isByProducts = implementation == .tangentVectorProducts
    var leaves: [EmpiricalPlan.Leaf] = []
    if !isByProducts {
      for (index, contraction) in choice.contractions.enumerated() {
        let parameter = firstPieces[index].parameter
        leaves.append(
          EmpiricalPlan.Leaf(
            parameter: parameter, shape: first.primal.inputTypes[parameter].shape, contraction: contraction.words,
            flops: contraction.order.estimate.flops * Double(choice.tileCount), bytes: contraction.order.estimate.bytes)
        )
      }
    }
    return EmpiricalPlan(
      implementation: implementation, estimates: estimates, leaves: leaves,
      tileInputs: isByProducts ? (layout.e, vectorProducts.block.inputs) : choice.inputs,
      tileCount: isByProducts ? vectorProducts.blockCount : choice.tileCount,
      tileOutputs: isByProducts ? vectorProducts.block.k : choice.outputs,
      bytes: isByProducts ? vectorProducts.bytes : choice.bytes)
  }
}
