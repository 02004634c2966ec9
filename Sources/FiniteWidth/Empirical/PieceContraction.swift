import Tensors

/// How one piece of the parameters contributes to a tangent kernel: the form of its derivatives and the order of their
/// contraction.
struct PieceContraction: Sendable {
  let form: JacobianForm
  let isLookup: Bool
  let order: ContractionOrder
  /// Whether the derivatives of both data sets are multiplied out before anything else.
  let isByDerivatives: Bool

  /// What is multiplied, in the order of the operands of `order`.
  private static func operands(_ form: JacobianForm, _ isLookup: Bool, _ axes: PanelAxes) -> [ContractionOrder.Operand]
  {
    let (rows1, rows2) = ([FactorAxis.g, .e, .p, .k], [FactorAxis.g, axes.second, .q, .k])
    switch (form, isLookup) {
    case (.factors, true): return [[.e, axes.second, .o, .u], rows1 + [.o, .t], rows2 + [.u, .t]]
    case (.factors, false):
      return [[.e, .d, .o, .i], rows1 + [.d, .o, .t], [axes.second, .d, .u, .i], rows2 + [.d, .u, .t]]
    default: return [rows1 + [.w], rows2 + [.w]]
    }
  }

  /// - Parameters:
  ///   - piece: of the first data set.
  ///   - other: of the second.
  ///   - count: elements of the piece.
  init(
    _ form: JacobianForm, _ piece: JacobianPiece, _ other: JacobianPiece, count: Int, _ axes: PanelAxes, byteCount: Int
  ) {
    self.form = form
    isLookup = form == .factors && piece.factors?.isLookup ?? false
    var sizes = axes.sizes
    sizes[.w] = count
    if let factors = piece.factors, let second = other.factors {
      (sizes[.d], sizes[.i], sizes[.t]) = (factors.d, factors.i, factors.t)
      (sizes[.o], sizes[.u]) = (factors.o, second.o)
    }
    let operands = Self.operands(form, isLookup, axes).map { $0.filter { sizes[$0] ?? 1 > 1 } }
    order = ContractionOrder(operands, output: axes.output, sizes: sizes, byteCount: byteCount)
    // The first two products are those of the known factor and the cotangents of one data set each.
    var groups = operands.indices.map { Set([$0]) }
    var made: [Set<Int>] = []
    for step in order.steps {
      let merged = groups[step.first].union(groups[step.second])
      groups = groups.indices.filter { $0 != step.first && $0 != step.second }.map { groups[$0] } + [merged]
      made.append(merged)
    }
    isByDerivatives = operands.count == 4 && made.contains([0, 1]) && made.contains([2, 3])
  }

  /// The contribution, with axes (g, e, p, f, q).
  func callAsFunction(_ first: [FactorTensor], _ second: [FactorTensor], _ axes: PanelAxes, isSame: Bool) -> Tensor {
    let others = second.map { $0.ofSecond(sharesInputs: axes.sharesInputs) }
    let output = Set(axes.output)
    var result: FactorTensor
    if isByDerivatives {
      let inner: Set<FactorAxis> = [.g, .e, .p, .k, .d, .i, .t]
      let derivative = first[0].multiplied(first[1], keeping: inner)
      let other =
        isSame
        ? derivative.ofSecond(sharesInputs: axes.sharesInputs)
        : others[0].multiplied(others[1], keeping: [.g, axes.second, .q, .k, .d, .i, .t])
      result = derivative.multiplied(other, keeping: output)
    } else {
      var left = form == .factors ? [] : [first[0], others[0]]
      if form == .factors {
        left = isLookup ? [Self.matches(first[0], others[0], first[1]), first[1], others[1]] : first + others
      }
      for step in order.steps {
        let rest = left.indices.filter { $0 != step.first && $0 != step.second }.map { left[$0] }
        let needed = rest.reduce(output) { $0.union($1.axes) }
        left = rest + [left[step.first].multiplied(left[step.second], keeping: needed)]
      }
      result = left[0]
    }
    result = result.summed(keeping: output)
    // Derivatives that are the same for all inputs, in a trace over inputs.
    let ofInputs = (first + others).contains { $0.axes.contains(.e) }
    let scale = axes.sumsInputs && !ofInputs ? Double(axes.sizes[.e] ?? 1) : 1
    let spread = result.spread(over: [.g, .e, .p, .f, .q])
    return scale == 1 ? spread : spread * scale
  }

  /// Where positions are equal, as numbers of the type of `like`.
  private static func matches(_ a: FactorTensor, _ b: FactorTensor, _ like: FactorTensor) -> FactorTensor {
    let all = FactorAxis.allCases.filter { a.axes.contains($0) || b.axes.contains($0) }
    return FactorTensor((a.spread(over: all) .== b.spread(over: all)).asType(like.tensor.dtype), all)
  }
}

/// The axes of a tile's contraction and their sizes.
struct PanelAxes: Sendable {
  let role: KernelLayout.Role?
  /// Of e, f, g, k, p, q.
  let sizes: [FactorAxis: Int]

  init(_ layout: KernelLayout, e: Int, f: Int, k: Int, p: Int, q: Int) {
    role = layout.role
    sizes = [.e: e, .f: role == .pairs ? f : 1, .g: layout.g, .k: k, .p: p, .q: q]
  }

  /// Whether inputs are the same axis for both data sets.
  var sharesInputs: Bool { role == .diagonal || role == .trace }
  var sumsInputs: Bool { role == .trace }
  /// The axis of the second data set's inputs.
  var second: FactorAxis { sharesInputs ? .e : .f }
  var output: [FactorAxis] { [.g, .e, .p, .f, .q].filter { $0 != .e || !sumsInputs } }
  var shape: [Int] { [FactorAxis.g, .e, .p, .f, .q].map { $0 == .e && sumsInputs ? 1 : sizes[$0] ?? 1 } }
}
