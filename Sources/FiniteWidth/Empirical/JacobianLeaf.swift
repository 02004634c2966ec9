import Tensors

/// What the derivatives in one tensor of parameters are made of: pieces that lie in different places of it, so that inner products
/// of derivatives are sums over the pieces.
struct JacobianLeaf: Sendable {
  let pieces: [JacobianPiece]
}

/// The derivatives in a part of a tensor of parameters.
struct JacobianPiece: Sendable {
  /// Which tensor of the parameters' tree.
  let parameter: Int
  /// The value of the transposed program that is the derivative.
  let value: Int
  /// Contractions whose sum it is; nil where it is no such sum.
  let factors: JacobianFactors?
  /// First and last places of the part in the tensor; empty for the whole.
  let place: [Int]
}

/// A derivative as Σ over o of known[d, o, i] · cotangent[d, o, t], with axes [d, i, t] in some order.
///
/// In the terms of the weight that it belongs to: d counts blocks (groups of channels, places that have weights of their own), i what the
/// weight reads, t what it writes, and o the places where it is used.
struct JacobianFactors: Sendable {
  /// The uses of the weight, whose places are counted one after another.
  let uses: [Use]
  let d: Int
  let o: Int
  let i: Int
  let t: Int
  let isLookup: Bool
  /// Equal for derivatives whose axes mean the same places of the weight.
  let signature: Signature

  struct Use: Sendable {
    let source: Source
    let scales: [Scale]
  }

  /// A scalar value of the program that a derivative is multiplied with or divided by; nil for −1.
  struct Scale: Sendable {
    let value: Int?
    let divides: Bool
  }

  enum Source: Sendable {
    /// A product of tensors, of which the first or the second depends on the cotangents.
    case product(DotDimensions, known: Int, cotangent: Int, cotangentIsFirst: Bool)
    /// The derivative of a convolution in its filter.
    case filter(ConvolutionGeometry, input: Int, output: Int, cotangentIsInput: Bool)
    /// Rows of cotangents added into the places that integers say.
    case lookup(positions: Int, cotangent: Int, axis: Int)
  }

  struct Signature: Sendable, Hashable {
    let path: [Primitive]
    let sizes: [Int]
    let order: [Int]
    let window: [Int]
  }
}

/// Finds what derivatives are made of in a program that is linear in its last input, the cotangent.
struct JacobianAnalysis {
  private let program: Program
  private let definitions: [Program.Equation?]
  /// Which values depend on the cotangent.
  private let depends: [Bool]

  init(_ program: Program, cotangent: Int) {
    self.program = program
    definitions = program.definitions
    var depends = [Bool](repeating: false, count: program.types.count)
    depends[cotangent] = true
    for equation in program.equations where equation.inputs.contains(where: { depends[$0] }) {
      for output in equation.outputs { depends[output] = true }
    }
    self.depends = depends
  }

  /// A contraction on the way to a derivative: what is applied to its result, outermost last, and its factors.
  private struct Term {
    var path: [Primitive] = []
    var scales: [JacobianFactors.Scale] = []
    /// Where the parts lie that were put into zeros: the value inside and the first and last places.
    var region: (value: Int, starts: [Int], ends: [Int])?
    var source: JacobianFactors.Source?
  }

  func leaf(_ output: Int, parameter: Int) -> JacobianLeaf {
    guard depends[output] else { return JacobianLeaf(pieces: []) }
    let terms = self.terms(output, Term())
    let regions = terms.compactMap(\.region)
    guard !regions.isEmpty else {
      return JacobianLeaf(pieces: [
        JacobianPiece(parameter: parameter, value: output, factors: factors(terms), place: [])
      ])
    }
    // Parts of the tensor that do not touch are pieces of their own.
    let parts = Dictionary(grouping: terms) { $0.region?.value ?? output }
    let places = Dictionary(regions.map { ($0.value, $0) }) { first, _ in first }
    guard regions.count == terms.count, areApart(places.keys.sorted().compactMap { places[$0] }) else {
      return JacobianLeaf(pieces: [JacobianPiece(parameter: parameter, value: output, factors: nil, place: [])])
    }
    return JacobianLeaf(
      pieces: parts.keys.sorted().map { value in
        JacobianPiece(
          parameter: parameter, value: value, factors: factors(parts[value] ?? []),
          place: places[value].map { $0.starts + $0.ends } ?? [])
      })
  }

  private func areApart(_ regions: [(value: Int, starts: [Int], ends: [Int])]) -> Bool {
    for second in regions.indices {
      for first in 0..<second {
        let (a, b) = (regions[first], regions[second])
        let isApart = a.starts.indices.contains { a.ends[$0] <= b.starts[$0] || b.ends[$0] <= a.starts[$0] }
        if !isApart { return false }
      }
    }
    return true
  }

  private func shape(_ value: Int) -> [Int] { program.types[value].shape }

  /// Whether every element of a value is zero for certain.
  private func isZero(_ value: Int) -> Bool {
    if let equation = definitions[value] {
      switch equation.primitive {
      case .broadcast, .reshape, .transpose: return isZero(equation.inputs[0])
      default: return false
      }
    }
    let constant = value - program.inputCount
    guard program.constants.indices.contains(constant), program.constants[constant].count == 1 else { return false }
    return program.constants[constant].asType(.float64).scalar(as: Double.self) == 0
  }

  private func terms(_ value: Int, _ outer: Term) -> [Term] {
    let end = [outer]
    guard let equation = definitions[value] else { return end }
    let inputs = equation.inputs
    func inner(_ input: Int, _ change: (inout Term) -> Void = { _ in }) -> [Term] {
      var term = outer
      change(&term)
      return terms(input, term)
    }
    switch equation.primitive {
    case .reshape, .transpose: return inner(inputs[0]) { $0.path.insert(equation.primitive, at: 0) }
    case .unary(.negate): return inner(inputs[0]) { $0.scales.append(.init(value: nil, divides: false)) }
    case .binary(.add) where depends[inputs[0]] && depends[inputs[1]]:
      guard shape(inputs[0]) == shape(value), shape(inputs[1]) == shape(value) else { return end }
      return inner(inputs[0]) + inner(inputs[1])
    case .binary(.subtract) where depends[inputs[0]] && depends[inputs[1]]:
      guard shape(inputs[0]) == shape(value), shape(inputs[1]) == shape(value) else { return end }
      return inner(inputs[0]) + inner(inputs[1]) { $0.scales.append(.init(value: nil, divides: false)) }
    case .binary(.multiply):
      let dependent = depends[inputs[0]] ? 0 : 1
      let scale = inputs[1 - dependent]
      guard shape(scale).product == 1, shape(inputs[dependent]) == shape(value) else { return end }
      return inner(inputs[dependent]) { $0.scales.append(.init(value: scale, divides: false)) }
    case .binary(.divide) where shape(inputs[1]).product == 1 && shape(inputs[0]) == shape(value):
      return inner(inputs[0]) { $0.scales.append(.init(value: inputs[1], divides: true)) }
    case .assign(let starts, let limits, let strides) where outer.path.isEmpty && isZero(inputs[0]):
      guard outer.region == nil, outer.scales.isEmpty, depends[inputs[1]], strides.allSatisfy({ $0 == 1 }) else {
        return end
      }
      return inner(inputs[1]) { $0.region = (inputs[1], starts, limits) }
    case .pad(let low, let high, let interior) where outer.path.isEmpty && isZero(inputs[1]):
      guard outer.region == nil, outer.scales.isEmpty, (low + high).allSatisfy({ $0 >= 0 }),
        interior.allSatisfy({ $0 == 0 })
      else { return end }
      let ends = zip(shape(value), high).map { $0 - $1 }
      return inner(inputs[0]) { $0.region = (inputs[0], low, ends) }
    case .concatenate(let axis) where outer.path.isEmpty && outer.region == nil && outer.scales.isEmpty:
      var start = 0
      return inputs.flatMap { input in
        var (starts, ends) = (shape(value).map { _ in 0 }, shape(value))
        (starts[axis], ends[axis]) = (start, start + shape(input)[axis])
        start = ends[axis]
        return depends[input] ? inner(input) { $0.region = (input, starts, ends) } : []
      }
    case .dotGeneral(let dimensions) where depends[inputs[0]] != depends[inputs[1]]:
      let isFirst = depends[inputs[0]]
      return [
        ending(
          outer,
          .product(
            dimensions, known: inputs[isFirst ? 1 : 0], cotangent: inputs[isFirst ? 0 : 1], cotangentIsFirst: isFirst))
      ]
    case .convolution(let geometry, .filter) where depends[inputs[0]] != depends[inputs[1]]:
      return [
        ending(outer, .filter(geometry, input: inputs[0], output: inputs[1], cotangentIsInput: depends[inputs[0]]))
      ]
    case .scatterAdd(let axis, _) where depends[inputs[0]] && !depends[inputs[1]]:
      return [ending(outer, .lookup(positions: inputs[1], cotangent: inputs[0], axis: axis))]
    default: return end
    }
  }

  private func ending(_ term: Term, _ source: JacobianFactors.Source) -> Term {
    var term = term
    term.source = source
    return term
  }

  private func factors(_ terms: [Term]) -> JacobianFactors? {
    var uses: [JacobianFactors.Use] = []
    var all: [Dimensions] = []
    for term in terms {
      guard let source = term.source else { return nil }
      uses.append(JacobianFactors.Use(source: source, scales: term.scales))
      all.append(dimensions(source, term.path))
    }
    guard let first = all.first, all.allSatisfy({ $0.signature == first.signature }) else { return nil }
    let isLookup = if case .lookup = uses[0].source { true } else { false }
    return JacobianFactors(
      uses: uses, d: first.d, o: all.reduce(0) { $0 + $1.o }, i: first.i, t: first.t, isLookup: isLookup,
      signature: first.signature)
  }

  private struct Dimensions {
    let d: Int
    let o: Int
    let i: Int
    let t: Int
    let signature: JacobianFactors.Signature
  }

  private func dimensions(_ source: JacobianFactors.Source, _ path: [Primitive]) -> Dimensions {
    func made(_ d: [Int], _ o: Int, _ i: [Int], _ t: [Int], order: Int, window: [Int] = []) -> Dimensions {
      Dimensions(
        d: d.product, o: o, i: i.product, t: t.product,
        signature: JacobianFactors.Signature(
          path: path, sizes: d + [-1] + i + [-1] + t, order: [order], window: window))
    }
    switch source {
    case .product(let dims, let known, let cotangent, let isFirst):
      let (a, b) = isFirst ? (cotangent, known) : (known, cotangent)
      let freeA = dims.freeAxesOfA(rank: shape(a).count).map { shape(a)[$0] }
      let freeB = dims.freeAxesOfB(rank: shape(b).count).map { shape(b)[$0] }
      return made(
        dims.aBatch.map { shape(a)[$0] }, dims.aContracting.map { shape(a)[$0] }.product, isFirst ? freeB : freeA,
        isFirst ? freeA : freeB, order: isFirst ? 1 : 0)
    case .filter(let geometry, let input, let output, let isInput):
      let (c, out) = ((shape(input).last ?? 1) / geometry.groups, (shape(output).last ?? 1) / geometry.groups)
      let places = shape(output).dropLast().product
      let taps = geometry.window.product * c
      return made(
        [geometry.groups], places, isInput ? [out] : [taps], isInput ? [taps] : [out], order: isInput ? 3 : 2,
        window: geometry.window)
    case .lookup(let positions, let cotangent, let axis):
      let count = shape(positions).product
      let rest = shape(cotangent).product / max(1, count)
      return made([1], count, [1], [rest], order: 4, window: [axis])
    }
  }
}
