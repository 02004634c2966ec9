import Tensors

/// A random function of parameters and images with one or two outputs, whose weights are used in all ways that networks use them: by
/// convolutions with groups, strides and dilations, several times, transposed, in parts, as tables, in attention and normalization.
struct RandomFunction {
  typealias Step = (_ parameters: [Tensor], _ h: Tensor, _ x: Tensor) -> Tensor

  private(set) var parameters: [Tensor] = []
  private(set) var steps: [Step] = []
  private(set) var names: [String] = []
  /// Whether outputs of an input depend on the others.
  private(set) var mixesInputs = false
  private var generator: SplitMix
  private var shape: [Int]
  let inputShape: [Int]
  private var secondOutput: Int?

  init(seed: Int) {
    generator = SplitMix(state: UInt64(seed) &* 7919 &+ 17)
    inputShape = [Int.random(in: 2...4, using: &generator), Int.random(in: 2...4, using: &generator), 2]
    shape = inputShape
    if chance(0.25) { embed() }
    for _ in 0..<integer(2...6) { add() }
    if chance(0.3) { secondOutput = steps.count }
    if chance(0.6) {
      step("pool") { _, h, _ in h.mean(axes: [1, 2]).reshaped([h.shape[0], 1, 1, h.shape[3]]) }
      shape = [1, 1, shape[2]]
    }
    dense(to: integer(1...3))
  }

  /// One output of rank 2, and where there is a second one it has positions.
  func callAsFunction(_ parameters: [Tensor], _ x: Tensor) -> [Tensor] {
    var h = x
    var outputs: [Tensor] = []
    for (index, step) in steps.enumerated() {
      h = step(parameters, h, x)
      if index + 1 == secondOutput { outputs.append(h) }
    }
    return [h.reshaped([h.shape[0], -1])] + outputs
  }

  private mutating func add() {
    switch integer(0...11) {
    case 0, 1: convolution()
    case 2: dense(to: integer(2...4))
    case 3: bias()
    case 4: normalization()
    case 5: attention()
    case 6: residual()
    case 7: local()
    case 8: tied()
    case 9: parts()
    case 10: scale()
    default: mixture()
    }
    switch integer(0...3) {
    case 0: step("tanh") { _, h, _ in tanh(h) }
    case 1: step("erf") { _, h, _ in erf(h) }
    case 2: step("sin") { _, h, _ in sin(h) }
    default: break
    }
  }

  // MARK: - Uses of weights

  /// A table whose rows the inputs choose.
  private mutating func embed() {
    let channels = integer(2...4)
    let table = parameter([5, channels])
    step("embedding") { p, _, x in
      let ids = minimum((abs(x.sliced(axis: 3, 0..<1)) * 3.0).asType(.int32), 4)
      return p[table].taking(ids.reshaped(Array(ids.shape.dropLast())), axis: 0)
    }
    shape[2] = channels
  }

  private mutating func convolution() {
    let channels = shape[2]
    let groups = choose((1...channels).filter { channels % $0 == 0 })
    let out = groups * integer(1...2)
    let window = [integer(1...min(2, shape[0])), integer(1...min(2, shape[1]))]
    let geometry = ConvolutionGeometry(
      inputSize: [shape[0], shape[1]], window: window, strides: [integer(1...2), 1], paddingLow: [integer(0...1), 0],
      paddingHigh: [0, integer(0...1)], windowDilation: [1, window[1] < shape[1] && chance(0.3) ? 2 : 1], groups: groups
    )
    guard geometry.outputSize.allSatisfy({ $0 > 0 }) else { return }
    let w = parameter(window + [channels / groups, out], shared: true)
    let std = 1 / Double(window.product * channels / groups).squareRoot()
    step("convolution with \(groups) groups") { p, h, _ in Tensors.convolution(h, p[w], geometry) * std }
    shape = geometry.outputSize + [out]
  }

  private mutating func dense(to channels: Int) {
    let w = parameter([shape[2], channels], shared: true)
    let std = 1 / Double(shape[2]).squareRoot()
    step("dense") { p, h, _ in matmul(h, p[w]) * std }
    shape[2] = channels
  }

  private mutating func bias() {
    let b = parameter([shape[2]], shared: true)
    step("bias") { p, h, _ in h + 0.3 * p[b] }
  }

  private mutating func scale() {
    let s = parameter([1])
    step("scale") { p, h, _ in h / (2.0 + p[s] * p[s]) }
  }

  private mutating func normalization() {
    let (gain, shift) = (parameter([shape[2]]), parameter([shape[2]]))
    step("normalization") { p, h, _ in
      let centred = h - h.mean(axes: [3]).expandedDims(3)
      let variance = (centred * centred).mean(axes: [3]).expandedDims(3)
      return centred / sqrt(variance + 0.1) * p[gain] + p[shift]
    }
  }

  private mutating func attention() {
    let c = shape[2]
    let (q, k, v) = (parameter([c, 3]), parameter([c, 3], shared: true), parameter([c, c], shared: true))
    step("attention") { p, h, _ in
      let flat = h.reshaped([h.shape[0], h.shape[1] * h.shape[2], h.shape[3]])
      let scores = einsum("nqc,nkc->nqk", matmul(flat, p[q]), matmul(flat, p[k])) * 0.3
      let weights = exp(scores - scores.max(axes: [2]).expandedDims(2))
      let mixed = einsum("nqk,nkc->nqc", weights / weights.sum(axes: [2]).expandedDims(2), matmul(flat, p[v]))
      return mixed.reshaped(h.shape)
    }
  }

  private mutating func residual() {
    let w = parameter([shape[2], shape[2]], shared: true)
    step("residual") { p, h, _ in h + tanh(matmul(h, p[w])) * 0.5 }
  }

  /// Weights of every position's own.
  private mutating func local() {
    let out = integer(1...3)
    let w = parameter([shape[0], shape[1], shape[2], out])
    step("local") { p, h, _ in einsum("nhwi,hwio->nhwo", h, p[w]) * 0.5 }
    shape[2] = out
  }

  /// A weight and its transpose.
  private mutating func tied() {
    let w = parameter([shape[2], 3], shared: true)
    step("tied") { p, h, _ in matmul(tanh(matmul(h, p[w])), p[w].transposed([1, 0])) * 0.5 }
  }

  /// Two parts of one weight.
  private mutating func parts() {
    let w = parameter([shape[2], 4])
    step("parts") { p, h, _ in
      matmul(h, p[w][0..., 0..<2]) * tanh(matmul(h, p[w][0..., 2..<4]))
    }
    shape[2] = 2
  }

  private mutating func mixture() {
    guard chance(0.3) else { return }
    mixesInputs = true
    step("mean over inputs") { _, h, _ in h - h.mean(axes: [0]) * 0.5 }
  }

  // MARK: - Chances

  /// The number of a parameter of this shape, a known one if it may be shared.
  private mutating func parameter(_ shape: [Int], shared: Bool = false) -> Int {
    if shared, chance(0.5), let known = parameters.firstIndex(where: { $0.shape == shape }) { return known }
    parameters.append(
      RandomKey(seed: UInt64(parameters.count) &+ generator.next() % 1000).normal(shape, dtype: .float64))
    return parameters.count - 1
  }

  private mutating func step(_ name: String, _ step: @escaping Step) {
    names.append(name)
    steps.append(step)
  }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < probability }
  mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  mutating func choose<Element>(_ elements: [Element]) -> Element { elements[integer(0...elements.count - 1)] }
}
