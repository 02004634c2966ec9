import TestSupport
@testable import Tensors

/// Makes random programs of many primitives, valid by construction and with values of moderate size.
struct ProgramGenerator {
  struct Result {
    let program: Program
    /// Independent inputs of the program's types.
    let samples: [[Tensor]]
    /// Whether derivatives by differences make sense: no gradient was stopped.
    let isSmooth: Bool
  }

  private var numbers: TestNumbers
  private var builder = ProgramBuilder()
  /// The values at the first sample.
  private var values: [Tensor] = []
  private var isSmooth = true
  private var read: Set<Int> = []
  /// Values that only the equation after them reads; they are replaced so that no other can.
  private var hidden: Set<Int> = []
  private var equationCount = 0
  private let depth: Int

  init(seed: UInt64, depth: Int = 0) {
    // The numbers of neighbouring seeds are the same but for the first.
    numbers = TestNumbers(seed: seed &* 0xD1B5_4A32_D192_ED03)
    self.depth = depth
  }

  /// A program of about `length` equations.
  mutating func generate(length: Int) -> Result {
    var types = (0...numbers.below(3)).map { _ in TensorType(shape: shape(), dtype: .float64) }
    if numbers.below(2) == 0 { types.append(TensorType(shape: [1 + numbers.below(3)], dtype: .int32)) }
    if numbers.below(2) == 0 { types.append(TensorType(shape: shape(), dtype: .bool)) }
    return generate(types, length: length)
  }

  private mutating func generate(_ types: [TensorType], length: Int) -> Result {
    let samples = (0..<3).map { _ in
      types.map { type in
        switch type.dtype {
        case .int32: numbers.integers(type.shape, -1, 3)
        case .bool: numbers.bools(type.shape)
        default: numbers.real(type.shape)
        }
      }
    }
    for (type, value) in zip(types, samples[0]) {
      _ = builder.input(type)
      values.append(value)
    }
    var attempts = 0
    while equationCount < length && attempts < 20 * length {
      attempts += 1
      step()
    }
    // All values that nothing reads, so that no equation is for nothing, and some others.
    var outputs = values.indices.filter { $0 >= types.count && !read.contains($0) && !hidden.contains($0) }
    for _ in 0..<2 {
      let output = numbers.below(values.count)
      if !hidden.contains(output) { outputs.append(output) }
    }
    return Result(program: builder.finish(outputs: outputs), samples: samples, isSmooth: isSmooth)
  }

  // MARK: Building blocks

  private mutating func shape() -> [Int] {
    let rank = [0, 1, 1, 2, 2, 3][numbers.below(6)]
    return (0..<rank).map { _ in numbers.below(40) == 0 ? 0 : 1 + numbers.below(3) }
  }

  private mutating func constant(_ tensor: Tensor) -> Int {
    values.append(tensor)
    return builder.constant(tensor)
  }

  /// Appends an equation unless its value is not finite; bounded ones follow where it is large.
  @discardableResult
  private mutating func emit(_ primitive: Primitive, _ inputs: [Int]) -> Int? {
    let operands = inputs.map { values[$0] }
    guard let results = try? applyAll(primitive, operands) else { return nil }
    guard results.allSatisfy({ $0.count <= 200 && (!$0.dtype.isFloatingPoint || isFinite($0).all().scalar()) }) else {
      return nil
    }
    let outputs = builder.equation(primitive, inputs)
    read.formUnion(inputs)
    values += results
    equationCount += 1
    let result = results[0]
    let isLarge = result.count > 0 && abs(result.asType(.float64)).max().scalar(as: Double.self) > 6
    if result.dtype == .float64, isLarge { return emit(.unary(.tanh), [outputs.lowerBound]) }
    return outputs.lowerBound
  }

  /// A value of the given element type, the later ones more often; optionally with enough axes.
  private mutating func pick(_ dtype: DType = .float64, where isGood: (Tensor) -> Bool = { _ in true }) -> Int? {
    let good = values.indices.filter { values[$0].dtype == dtype && isGood(values[$0]) }
    guard !good.isEmpty else { return nil }
    return good[max(numbers.below(good.count), numbers.below(good.count))]
  }

  private mutating func axis(_ value: Int) -> Int { numbers.below(values[value].rank) }

  private func shape(_ value: Int) -> [Int] { values[value].shape }

  private func broadcasts(_ a: [Int], _ b: [Int]) -> Bool {
    zip(a.reversed(), b.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
  }

  private mutating func partner(_ value: Int, _ dtype: DType = .float64) -> Int {
    let own = shape(value)
    return pick(dtype) { [self] in broadcasts(own, $0.shape) }
      ?? constant(dtype == .bool ? numbers.bools([]) : dtype == .int32 ? numbers.integers([], -2, 2) : numbers.real([]))
  }

  /// A value squeezed into an interval.
  private mutating func inside(_ value: Int, _ low: Double, _ high: Double) -> Int? {
    guard let bounded = emit(.unary(.tanh), [value]) else { return nil }
    let (scale, middle) = (constant(Tensor((high - low) / 2)), constant(Tensor((high + low) / 2)))
    return emit(.multiplyAdd, [bounded, scale, middle])
  }

  /// A tensor of any shape that depends on a value: a constant times its sum, moved.
  private mutating func dependent(on value: Int, shape: [Int]) -> Int? {
    guard let sum = emit(.reduce(.sum, axes: Array(values[value].shape.indices)), [value]),
      let bounded = emit(.unary(.sin), [sum])
    else { return nil }
    let (scale, offset) = (constant(numbers.real(shape, -1, 1)), constant(numbers.real(shape, -1, 1)))
    return emit(.multiplyAdd, [scale, bounded, offset])
  }

  /// int32 positions along an axis of `size`: limited where they come from elsewhere.
  private mutating func positions(_ places: [Int], below size: Int) -> Int? {
    guard let source = pick(.int32, where: { $0.shape == places }), numbers.below(3) > 0 else {
      return size > 0 || places.product == 0 ? constant(numbers.positions(places, along: max(1, size))) : nil
    }
    guard size > 0 else { return nil }
    let (low, high) = (constant(Tensor(Int32(0))), constant(Tensor(Int32(size - 1))))
    return emit(.binary(.maximum), [source, low]).flatMap { emit(.binary(.minimum), [$0, high]) }
  }

  /// Square matrices with a dominant diagonal that depend on a matrix.
  private mutating func dominant(_ value: Int, spread: Double) -> Int? {
    // Not so large that the diagonal would be squeezed, and eigenvalues come close.
    guard values[value].shape[0] <= 3 else { return nil }
    guard
      let product = emit(
        .dotGeneral(DotDimensions(contracting: ([1], [1]))), [value, value]), let small = emit(.unary(.tanh), [product])
    else { return nil }
    let size = values[value].shape[0]
    let diagonal = Tensor(
      (0..<size * size).map { $0 % (size + 1) == 0 ? 2 + spread * Double($0 / (size + 1)) : 0 }, shape: [size, size])
    let (scale, offset) = (constant(Tensor(0.2)), constant(diagonal))
    return emit(.multiplyAdd, [small, scale, offset])
  }

  // MARK: Steps

  private mutating func step() {
    switch numbers.below(24) {
    case 0, 1, 2: unary()
    case 3, 4, 5: binary()
    case 6: comparison()
    case 7: layout()
    case 8: region()
    case 9: joining()
    case 10, 11: reduction()
    case 12: ordering()
    case 13: gathering()
    case 14: gatheringAlong()
    case 15: block()
    case 16, 17: contraction()
    case 18: convolution()
    case 19: window()
    case 20: factorization()
    case 21: system()
    case 22: call()
    default: conversion()
    }
  }

  private mutating func unary() {
    guard let x = pick() else { return }
    let function = UnaryFunction.allCases[numbers.below(UnaryFunction.allCases.count)]
    switch function {
    case .not:
      if let mask = pick(.bool) { emit(.unary(.not), [mask]) }
    case .sqrt, .rsqrt, .log, .reciprocal, .cbrt:
      if let y = inside(x, 0.5, 2) { emit(.unary(function), [y]) }
    case .acosh:
      if let y = inside(x, 1.5, 3) { emit(.unary(function), [y]) }
    case .tan, .asin, .acos, .atanh, .erfInverse, .log1p:
      if let y = inside(x, -0.7, 0.7) { emit(.unary(function), [y]) }
    default: emit(.unary(function), [x])
    }
  }

  private mutating func binary() {
    guard let x = pick() else { return }
    let y = partner(x)
    let function = BinaryFunction.allCases[numbers.below(BinaryFunction.allCases.count)]
    switch function {
    case .and, .or, .xor:
      if let mask = pick(.bool) { emit(.binary(function), [mask, partner(mask, .bool)]) }
    case .divide:
      if let y = inside(y, 0.5, 2) { emit(.binary(function), [x, y]) }
    case .power:
      if let base = inside(x, 0.5, 2) { emit(.binary(function), [base, y]) }
    case .atan2:
      if let y = inside(y, 0.5, 2) { emit(.binary(function), [x, y]) }
    default:
      if numbers.below(5) == 0, let whole = pick(.int32) {
        emit(.binary(function), [whole, partner(whole, .int32)])
      } else {
        emit(.binary(function), numbers.below(2) == 0 ? [x, y] : [y, x])
      }
    }
  }

  private mutating func comparison() {
    guard let x = pick() else { return }
    let y = partner(x)
    let z = shape(x).count > shape(y).count ? partner(x) : partner(y)
    switch numbers.below(3) {
    case 0: emit(.compare(Comparison.allCases[numbers.below(6)]), [x, y])
    case 1:
      if broadcasts(shape(x), shape(z)), broadcasts(shape(y), shape(z)) { emit(.multiplyAdd, [x, y, z]) }
    default:
      let mask = partner(x, .bool)
      if broadcasts(shape(mask), shape(y)) { emit(.select, [mask, x, y]) }
    }
  }

  private mutating func conversion() {
    switch numbers.below(6) {
    case 0:
      if let mask = pick(.bool) { emit(.convert([.int32, .float64][numbers.below(2)]), [mask]) }
    case 1, 2:
      if let whole = pick(.int32) { emit(.convert([.bool, .float64][numbers.below(2)]), [whole]) }
    case 3:
      if let x = pick() { emit(.convert([.bool, .int32][numbers.below(2)]), [x]) }
    case 4:
      let size = shape()
      if !size.isEmpty {
        emit(.iota(shape: size, dtype: [.int32, .float64][numbers.below(2)], axis: numbers.below(size.count)), [])
      }
    default:
      if let x = pick(), numbers.below(4) == 0, emit(.stopGradient, [x]) != nil { isSmooth = false }
    }
  }

  private mutating func layout() {
    guard let x = pick([.float64, .float64, .float64, .int32, .bool][numbers.below(5)]) else { return }
    let shape = shape(x)
    var order = Array(shape.indices)
    for index in order.indices.dropLast() { order.swapAt(index, index + numbers.below(order.count - index)) }
    switch numbers.below(4) {
    case 0: emit(.transpose(order), [x])
    case 1: emit(.reverse(order.filter { _ in numbers.below(2) == 0 }), [x])
    case 2:
      let target = numbers.below(2) == 0 ? order.map { shape[$0] } : [shape.product]
      emit(.reshape(target), [x])
    default:
      let leading = numbers.below(2) == 0 ? [1 + numbers.below(3)] : []
      emit(.broadcast(leading + shape.map { $0 == 1 ? 1 + numbers.below(3) : $0 }), [x])
    }
  }

  private mutating func region() {
    guard let x = pick() else { return }
    let shape = shape(x)
    if numbers.below(3) == 0 {
      let interior = shape.map { _ in numbers.below(3) / 2 }
      let (low, high) = (shape.map { _ in numbers.below(4) - 1 }, shape.map { _ in numbers.below(4) - 1 })
      for index in shape.indices where shape[index] + low[index] + high[index] < 0 { return }
      let filling = pick { $0.rank == 0 } ?? constant(Tensor(0.5))
      emit(.pad(low: low, high: high, interior: interior), [x, filling])
      return
    }
    let starts = shape.map { numbers.below($0 + 1) }
    let limits = zip(shape, starts).map { $1 + numbers.below($0 - $1 + 1) }
    let strides = shape.map { _ in 1 + numbers.below(2) }
    let region = shape.indices.map { (limits[$0] - starts[$0] + strides[$0] - 1) / strides[$0] }
    if let values = pick(where: { $0.shape == region }), numbers.below(2) == 0 {
      emit(.assign(starts: starts, limits: limits, strides: strides), [x, values])
    } else {
      emit(.slice(starts: starts, limits: limits, strides: strides), [x])
    }
  }

  private mutating func joining() {
    guard let x = pick(where: { $0.rank > 0 }) else { return }
    let (own, axis) = (shape(x), axis(x))
    let others = (0..<numbers.below(3)).compactMap { _ in
      pick { $0.rank == own.count && $0.shape.removing(axes: [axis]) == own.removing(axes: [axis]) }
    }
    emit(.concatenate(axis: axis), [x] + others)
  }

  private mutating func reduction() {
    guard let x = pick(where: { $0.rank > 0 }) else { return }
    let axes = shape(x).indices.filter { _ in numbers.below(2) == 0 }
    switch numbers.below(6) {
    case 0: emit(.cumulativeSum(axis: axis(x)), [x])
    case 1:
      let axis = axis(x)
      if shape(x)[axis] > 0 { emit(.argReduce(numbers.below(2) == 0 ? .min : .max, axis: axis), [x]) }
    default: emit(.reduce(Reduction.allCases[numbers.below(4)], axes: axes), [x])
    }
  }

  private mutating func ordering() {
    guard let x = pick(where: { $0.rank > 0 }) else { return }
    emit(numbers.below(2) == 0 ? .sort(axis: axis(x)) : .argSort(axis: axis(x)), [x])
  }

  private mutating func gathering() {
    guard let x = pick(where: { $0.rank > 0 }) else { return }
    let axis = axis(x)
    let size = shape(x)[axis]
    if numbers.below(2) == 0 {
      let places = pick(.int32).map { shape($0) } ?? [2]
      if let positions = positions(places, below: size) { emit(.take(axis: axis), [x, positions]) }
    } else if let positions = positions([size], below: 3) {
      emit(.scatterAdd(axis: axis, size: 3), [x, positions])
    }
  }

  private mutating func gatheringAlong() {
    guard let x = pick(where: { $0.rank > 0 }) else { return }
    let axis = axis(x)
    let size = shape(x)[axis]
    if numbers.below(2) == 0 {
      if let positions = positions(shape(x), below: size) { emit(.takeAlong(axis: axis), [x, positions]) }
    } else if let positions = positions(shape(x), below: 2) {
      emit(.scatterAddAlong(axis: axis, size: 2), [x, positions])
    }
  }

  private mutating func block() {
    guard let x = pick() else { return }
    let shape = shape(x)
    let starts = pick(.int32) { $0.shape == [shape.count] } ?? constant(numbers.integers([shape.count], -1, 3))
    let sizes = shape.map { numbers.below($0 + 1) }
    if let update = pick(where: { $0.shape == sizes }), numbers.below(2) == 0 {
      emit(.dynamicUpdateSlice, [x, update, starts])
    } else {
      emit(.dynamicSlice(sizes: sizes), [x, starts])
    }
  }

  private mutating func contraction() {
    guard let a = pick(), let b = pick() else { return }
    // Axes of equal size are paired at random, some as batch axes.
    var (contracting, batch) = (([Int](), [Int]()), ([Int](), [Int]()))
    var free = Array(shape(b).indices)
    for axis in shape(a).indices where numbers.below(3) > 0 {
      let matches = free.filter { shape(b)[$0] == shape(a)[axis] }
      guard !matches.isEmpty else { continue }
      let other = matches[numbers.below(matches.count)]
      free.removeAll { $0 == other }
      if numbers.below(2) == 0 {
        contracting.0.append(axis)
        contracting.1.append(other)
      } else {
        batch.0.append(axis)
        batch.1.append(other)
      }
    }
    emit(.dotGeneral(DotDimensions(contracting: contracting, batch: batch)), [a, b])
  }

  private mutating func convolution() {
    guard let x = pick(where: { (2...3).contains($0.rank) && $0.count > 0 }) else { return }
    let shape = shape(x)
    let sizes = Array(shape[1..<shape.count - 1])
    let window = sizes.map { _ in 1 + numbers.below(2) }
    let role = ConvolutionRole.allCases[numbers.below(3)]
    let channels = shape[shape.count - 1]
    if role == .input {
      // Here x is what comes out: the input is larger by the window.
      let geometry = ConvolutionGeometry(inputSize: zip(sizes, window).map { $0 + $1 - 1 }, window: window)
      if let filter = dependent(on: x, shape: window + [2, channels]) {
        emit(.convolution(geometry, role), [x, filter])
      }
      return
    }
    let groups = channels == 2 ? 1 + numbers.below(2) : 1
    let geometry = ConvolutionGeometry(
      inputSize: sizes, window: window, strides: sizes.map { _ in 1 + numbers.below(2) },
      paddingLow: sizes.map { _ in numbers.below(2) }, paddingHigh: sizes.map { _ in numbers.below(3) - 1 },
      inputDilation: sizes.map { _ in 1 + numbers.below(2) }, windowDilation: sizes.map { _ in 1 + numbers.below(2) },
      groups: groups)
    let other = role == .output ? window + [channels / groups, 2] : [shape[0]] + geometry.outputSize + [2]
    if let second = dependent(on: x, shape: other) { emit(.convolution(geometry, role), [x, second]) }
  }

  private mutating func window() {
    guard let x = pick() else { return }
    let axes = shape(x)
    emit(
      .windowSum(
        WindowGeometry(
          window: axes.map { _ in 1 + numbers.below(2) }, strides: axes.map { _ in 1 + numbers.below(2) },
          paddingLow: axes.map { _ in numbers.below(3) - 1 }, paddingHigh: axes.map { _ in numbers.below(3) - 1 },
          windowDilation: axes.map { _ in 1 + numbers.below(2) })), [x])
  }

  private mutating func factorization() {
    guard let x = pick(where: { $0.rank == 2 && $0.count > 0 }) else { return }
    switch numbers.below(3) {
    case 0:
      if let matrix = dominant(x, spread: 0) { emit(.cholesky, [matrix]) }
    case 1:
      if let matrix = dominant(x, spread: 1.5) { emit(.eigh(vectors: false), [matrix]) }
    default:
      // The sign of a vector is arbitrary; that of its squares is not. Later steps must not read the vectors.
      guard let matrix = dominant(x, spread: 1.5) else { return }
      let vectors = values.count + 1
      guard emit(.eigh(vectors: true), [matrix]) != nil else { return }
      emit(.unary(.square), [vectors])
      hidden.insert(vectors)
      values[vectors] = Tensor.zeros([], dtype: .float32)
    }
  }

  private mutating func system() {
    guard let x = pick(where: { $0.rank == 2 && $0.count > 0 }), let matrix = dominant(x, spread: 0) else { return }
    let size = shape(matrix)[0]
    let options = PrimitiveTable.triangularOptions[numbers.below(16)]
    let isGeneral = numbers.below(3) == 0
    let isLeft = isGeneral || options.side == .left
    let sides = pick { $0.rank == 2 && $0.shape[isLeft ? 0 : 1] == size }
    guard let b = sides ?? dependent(on: x, shape: isLeft ? [size, 2] : [2, size]) else { return }
    emit(isGeneral ? .solve : .triangularSolve(options), [matrix, b])
  }

  private mutating func call() {
    guard depth == 0, let x = pick(), let y = pick() else { return }
    let types = [values[x].type, values[y].type]
    var inner = ProgramGenerator(seed: numbers.bits(), depth: 1)
    let result = inner.generate(types, length: 1 + numbers.below(5))
    if !result.isSmooth { isSmooth = false }
    // The derivative of one's own is the true one.
    if numbers.below(2) == 0, let rule = try? result.program.tangentProgram(active: [true, true]) {
      emit(.call(Subprogram("custom", result.program, .custom(rule))), [x, y])
    } else {
      emit(.call(Subprogram("checkpoint", result.program, .recomputed)), [x, y])
    }
  }
}
