import Tensors

/// An axis of what kernels are contracted from: see `KernelLayout` and `JacobianFactors`.
///
/// Places and blocks of both data sets are the same axis, or two of the same kind.
enum FactorAxis: Int, Sendable, Hashable, CaseIterable {
  /// Rows of derivatives along diagonal axes.
  case g
  /// Inputs of the first data set and rows of each; the same of the second.
  case e, p, f, q
  /// Rows along trace axes.
  case k
  /// Blocks of a weight, places where it is used for the first and for the second data set, what it reads, what it writes.
  case d, o, u, i, t
  /// Elements of a weight.
  case w
}

/// A tensor whose axes have names; those of size 1 are left out.
struct FactorTensor: Sendable {
  let tensor: Tensor
  let axes: [FactorAxis]

  init(_ tensor: Tensor, _ axes: [FactorAxis]) {
    let kept = axes.indices.filter { tensor.shape[$0] != 1 }
    self.axes = kept.map { axes[$0] }
    self.tensor = kept.count == axes.count ? tensor : tensor.reshaped(kept.map { tensor.shape[$0] })
  }

  func size(_ axis: FactorAxis) -> Int { axes.firstIndex(of: axis).map { tensor.shape[$0] } ?? 1 }

  /// As one of the second data set.
  func ofSecond(sharesInputs: Bool) -> FactorTensor {
    FactorTensor(
      tensor,
      axes.map {
        switch $0 {
        case .e: sharesInputs ? .e : .f
        case .p: .q
        case .o: .u
        default: $0
        }
      })
  }

  /// Some of the inputs.
  func inputs(_ range: Range<Int>) -> FactorTensor {
    guard let axis = axes.firstIndex(of: .e), range.count != tensor.shape[axis] else { return self }
    return FactorTensor(tensor.sliced(axis: axis, range), axes)
  }
}

/// How the derivatives in a piece of the parameters are kept.
enum JacobianForm: Sendable, Hashable {
  /// As the program has them.
  case derivative
  /// Multiplied out from their factors.
  case contracted
  /// Factors.
  case factors
}

/// What the kernel of some rows of derivatives of some inputs is contracted from.
struct JacobianPanel: Sendable {
  /// Per piece of the parameters the derivative, or the known factor and the one of cotangents.
  let pieces: [[FactorTensor]]
}

/// The program of a panel: a number of inputs, mapped one by one or all together, and a number of rows of derivatives.
struct PanelProgram: Sendable {
  private let program: PreparedProgram
  private let axes: [[[FactorAxis]]]
  private let rows: (g: Int, k: Int, p: Int)
  private let inputCount: Int?

  /// - Parameters:
  ///   - tangents: the function for one input, if inputs are mapped, and for all otherwise.
  ///   - output: whose derivatives.
  ///   - forms: per piece.
  ///   - inputs: how many inputs are mapped; nil for none. Each has a leading axis.
  ///   - mapped: which tensors of the inputs are.
  ///   - rows: how many rows of each kind.
  init(
    _ tangents: TangentProgram, output: Int, _ pieces: [JacobianPiece], forms: [JacobianForm], inputs: Int?,
    mapped: [Bool],
    rows: (g: Int, k: Int, p: Int)
  ) throws(TensorError) {
    self.rows = rows
    inputCount = inputs
    let rowCount = rows.g * rows.k * rows.p
    // Canonical axes, then rows, then inputs: each step gives a new first axis to what depends on it.
    let transposed = tangents.transposed[output]
    let canonical = try Self.canonical(transposed, pieces, forms)
    let residuals = tangents.residualTypes.count
    let dependent = pieces.indices.flatMap { forms[$0] == .factors ? [false, true] : [true] }
    let byRows = try canonical.vmapProgramOfMapped(
      [Bool](repeating: false, count: residuals) + [true], rowCount)
    let primal: (program: Program, mapped: [Bool])
    if let inputs {
      let isMapped =
        (0..<tangents.parameterCount).map { _ in false } + mapped + tangents.captured.map { _ in false }
      primal = try tangents.primal.vmapProgramOfMapped(isMapped, inputs)
    } else {
      primal = (tangents.primal, tangents.primal.outputs.map { _ in false })
    }
    let residualMapped = Array(primal.mapped[tangents.outputCount...])
    let whole: (program: Program, mapped: [Bool]) =
      inputs == nil
      ? (byRows.program, byRows.mapped.map { _ in false })
      : try byRows.program.vmapProgramOfMapped(residualMapped + [false], inputs ?? 1)
    let type = tangents.outputType(output)
    let basis = TensorType(shape: [rowCount] + type.shape, dtype: type.dtype)
    let program = try Program.build(primal.program.inputTypes + [basis]) { values throws(TensorError) in
      let results = try primal.program(Array(values.dropLast()))
      let found = try whole.program(Array(results[tangents.outputCount...]) + [values[values.count - 1]])
      return found.indices.map { index in
        // A value of cotangents that are the same for all rows is repeated; the axis of rows is behind that of inputs.
        guard dependent[index], !byRows.mapped[index] else { return found[index] }
        let axis = whole.mapped[index] ? 1 : 0
        var shape = found[index].shape
        shape.insert(1, at: axis)
        var target = shape
        target[axis] = rowCount
        return found[index].reshaped(shape).broadcast(to: target)
      }
    }
    self.program = PreparedProgram(program.depthFirst())
    var index = 0
    var axes: [[[FactorAxis]]] = []
    for form in forms {
      func next(_ inner: [FactorAxis]) -> [FactorAxis] {
        defer { index += 1 }
        return (whole.mapped[index] ? [.e] : []) + (dependent[index] ? [.g, .k, .p] : []) + inner
      }
      axes.append(form == .factors ? [next([.d, .o, .i]), next([.d, .o, .t])] : [next([.w])])
    }
    self.axes = axes
  }

  func callAsFunction(_ parameters: [Tensor], _ inputs: [Tensor], _ captured: [Tensor], basis: Tensor)
    throws(TensorError)
    -> JacobianPanel
  {
    var values = try program(parameters + inputs + captured + [basis])[...]
    let pieces = axes.map { axes in
      axes.map { axes in
        let value = values.removeFirst()
        // Rows are one axis of the program.
        guard axes.contains(.g) else { return FactorTensor(value, axes) }
        let hasInputs = axes[0] == .e
        let shape = value.shape
        let inner = shape[(hasInputs ? 2 : 1)...]
        return FactorTensor(
          value.reshaped((hasInputs ? [shape[0]] : []) + [rows.g, rows.k, rows.p] + inner), axes)
      }
    }
    return JacobianPanel(pieces: pieces)
  }

  // MARK: - Factors with their axes in order

  /// Of the same inputs as `program`; gives per piece the derivative as one axis, or factors with axes [d, o, i] and
  /// [d, o, t].
  private static func canonical(
    _ program: Program, _ pieces: [JacobianPiece], _ forms: [JacobianForm]
  ) throws(TensorError) -> Program {
    var needed: [Int] = []
    for (piece, form) in zip(pieces, forms) {
      guard form != .derivative, let factors = piece.factors else {
        needed.append(piece.value)
        continue
      }
      for use in factors.uses { needed += use.values }
      if form == .contracted, factors.isLookup { needed.append(piece.value) }
    }
    let values = program.returning(needed)
    return try Program.build(program.inputTypes) { inputs throws(TensorError) in
      var found: [Int: Tensor] = [:]
      for (value, tensor) in zip(needed, try values(inputs)) { found[value] = tensor }
      func tensor(_ value: Int) -> Tensor {
        guard let tensor = found[value] else { preconditionFailure("value \(value) was not asked for") }
        return tensor
      }
      return zip(pieces, forms).flatMap { piece, form -> [Tensor] in
        guard form != .derivative, let factors = piece.factors else { return [tensor(piece.value).reshaped([-1])] }
        let pairs = factors.uses.map { $0.factors(tensor) }
        func joined(_ parts: [Tensor]) -> Tensor { parts.count == 1 ? parts[0] : concatenate(parts, axis: 1) }
        let (known, cotangents) = (joined(pairs.map(\.known)), joined(pairs.map(\.cotangent)))
        if form == .factors { return [known, cotangents] }
        // A lookup adds rows into places, which its program does well.
        return [
          factors.isLookup
            ? tensor(piece.value).reshaped([-1]) : einsum("doi,dot->dit", known, cotangents).reshaped([-1])
        ]
      }
    }
  }
}

extension JacobianFactors.Use {
  /// The values that it is made of.
  var values: [Int] {
    let ends =
      switch source {
      case .product(_, let known, let cotangent, _): [known, cotangent]
      case .filter(_, let input, let output, _): [input, output]
      case .lookup(let positions, let cotangent, _): [positions, cotangent]
      }
    return ends + scales.compactMap(\.value)
  }

  /// The factors with axes [d, o, i] and [d, o, t]; of a lookup the positions take the place of the first.
  func factors(_ value: (Int) -> Tensor) -> (known: Tensor, cotangent: Tensor) {
    switch source {
    case .product(let dimensions, let known, let cotangent, let isFirst):
      let (a, b) = (value(known), value(cotangent))
      let batch = isFirst ? (dimensions.bBatch, dimensions.aBatch) : (dimensions.aBatch, dimensions.bBatch)
      let contracting =
        isFirst
        ? (dimensions.bContracting, dimensions.aContracting) : (dimensions.aContracting, dimensions.bContracting)
      return (
        scaled(Self.arranged(a, batch.0, contracting.0), value), Self.arranged(b, batch.1, contracting.1)
      )
    case .filter(let geometry, let input, let output, let isInput):
      let patches = value(input).patches(geometry)
      let y = value(output)
      let channels = y.shape[y.rank - 1]
      let places = y.reshaped([-1, geometry.groups, channels / geometry.groups]).transposed([1, 0, 2])
      return isInput ? (scaled(places, value), patches) : (scaled(patches, value), places)
    case .lookup(let positions, let cotangent, let axis):
      let (ids, t) = (value(positions), value(cotangent))
      let rank = ids.rank
      let order = Array(axis..<axis + rank) + t.shape.indices.filter { !(axis..<axis + rank).contains($0) }
      let rows = t.transposed(order).reshaped([1, ids.count, -1])
      return (ids.reshaped([1, -1, 1]), scaled(rows, value))
    }
  }

  private func scaled(_ factor: Tensor, _ value: (Int) -> Tensor) -> Tensor {
    scales.reduce(factor) { factor, scale in
      guard let number = scale.value.map({ value($0).reshaped([]) }) else { return -factor }
      return scale.divides ? factor / number : factor * number
    }
  }

  private static func arranged(_ tensor: Tensor, _ batch: [Int], _ contracting: [Int]) -> Tensor {
    let free = tensor.shape.indices.filter { !batch.contains($0) && !contracting.contains($0) }
    func size(_ axes: [Int]) -> Int { axes.map { tensor.shape[$0] }.product }
    return tensor.transposed(batch + contracting + free).reshaped([size(batch), size(contracting), size(free)])
  }
}

extension Tensor {
  /// What a filter sees of an input of shape (N, spatial…, C) at each place: shape (groups, N · places, taps · C/groups).
  fileprivate func patches(_ geometry: ConvolutionGeometry) -> Tensor {
    let spatial = geometry.inputSize.indices
    let c = shape[rank - 1]
    var padding = [(low: 0, high: 0)]
    for axis in spatial { padding.append((geometry.paddingLow[axis], geometry.paddingHigh[axis])) }
    let padded = padded(padding + [(low: 0, high: 0)], interior: [0] + geometry.inputDilation.map { $0 - 1 } + [0])
    let sizes = Array(padded.shape[1..<padded.rank - 1])
    // Places of the padded input in row-major order, place by place of the output and tap by tap.
    var places = [0]
    for axis in spatial {
      places = places.flatMap { base in
        (0..<geometry.outputSize[axis]).map { base * sizes[axis] + $0 * geometry.strides[axis] }
      }
    }
    var taps = [0]
    for axis in spatial {
      taps = taps.flatMap { base in
        (0..<geometry.window[axis]).map { base * sizes[axis] + $0 * geometry.windowDilation[axis] }
      }
    }
    let indices = places.flatMap { place in taps.map { Int32(place + $0) } }
    let rows = padded.reshaped([shape[0], sizes.product, c]).taking(Tensor(indices, shape: [indices.count]), axis: 1)
    let groups = geometry.groups
    return rows.reshaped([shape[0] * places.count, taps.count, groups, c / groups]).transposed([2, 0, 1, 3])
      .reshaped([groups, shape[0] * places.count, taps.count * (c / groups)])
  }
}
