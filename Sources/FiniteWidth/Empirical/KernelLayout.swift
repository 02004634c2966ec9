import CovarianceEngine
import Tensors

/// The axes of the outputs for two data sets and of their kernel.
///
/// A kernel is computed with the axes (g, e, p, f, q): g counts the entries along diagonal axes, e and f the inputs of the two
/// data sets where they are mapped one by one, p and q what is left of the outputs of one of them; a trace runs over k.
struct KernelLayout: Sendable, Hashable {
  /// What becomes of the axis that counts inputs.
  enum Role: Sendable, Hashable { case pairs, diagonal, trace }

  let shape1: [Int]
  let shape2: [Int]
  let mean: TraceMean
  /// The axis that counts inputs where they are mapped.
  let example: Int?
  /// The axes but for that of the inputs.
  let trace: [Int]
  let diagonal: [Int]
  let pairs: [Int]
  let role: Role?

  /// - Parameters: the shapes of all outputs for both data sets.
  init(_ shape1: [Int], _ shape2: [Int], _ axes: OutputAxes, example: Int?) throws(NetworkError) {
    let rank = shape1.count
    func resolved(_ list: [Int], _ name: String) throws(NetworkError) -> [Int] {
      let found = list.map { $0 < 0 ? $0 + rank : $0 }
      guard found.allSatisfy((0..<max(1, rank)).contains), rank > 0 || found.isEmpty, Set(found).count == found.count
      else {
        throw NetworkError(
          path: [.name("axes"), .name(name)], expected: "different axes of outputs of shape \(shape1)", found: "\(list)"
        )
      }
      return found.sorted()
    }
    let trace = try resolved(axes.trace, "trace")
    let diagonal = try resolved(axes.diagonal, "diagonal")
    if let both = trace.first(where: diagonal.contains) {
      throw NetworkError(
        path: [.name("axes")], expected: "an axis that is a trace axis or a diagonal one", found: "axis \(both) as both"
      )
    }
    guard shape2.count == rank else {
      throw NetworkError(expected: "outputs of as many axes for both data sets", found: "\(shape1) and \(shape2)")
    }
    if let axis = (trace + diagonal).first(where: { shape1[$0] != shape2[$0] }) {
      throw NetworkError(
        expected: "outputs of equal sizes along trace and diagonal axes", found: "\(shape1) and \(shape2), axis \(axis)"
      )
    }
    if case .outputs(let range) = axes.mean {
      let count = trace.map { shape1[$0] }.product
      guard range.lowerBound >= 0, range.upperBound <= count, !range.isEmpty,
        example.map({ !trace.contains($0) }) ?? true
      else {
        throw NetworkError(
          path: [.name("axes"), .name("mean")], expected: "some of the \(count) outputs along trace axes \(trace)",
          found: "\(range)")
      }
    }
    (self.shape1, self.shape2, self.example, mean) = (shape1, shape2, example, axes.mean)
    self.trace = trace.filter { $0 != example }
    self.diagonal = diagonal.filter { $0 != example }
    pairs = (0..<rank).filter { !trace.contains($0) && !diagonal.contains($0) && $0 != example }
    role = example.map { trace.contains($0) ? .trace : diagonal.contains($0) ? .diagonal : .pairs }
  }

  private func size(_ axes: [Int], _ shape: [Int]) -> Int { axes.map { shape[$0] }.product }

  var g: Int { size(diagonal, shape1) }
  var p: Int { size(pairs, shape1) }
  var q: Int { size(pairs, shape2) }
  /// Inputs that are mapped; 1 where none are.
  var e: Int { example.map { shape1[$0] } ?? 1 }
  var f: Int { example.map { shape2[$0] } ?? 1 }
  /// Rows of derivatives along the trace axes.
  var k: Int {
    switch mean {
    case .exact: size(trace, shape1)
    case .sumOfOutputs: 1
    case .outputs(let range): range.count
    }
  }

  /// What a sum over the trace is divided by.
  var divisor: Double {
    let entries = mean == .sumOfOutputs ? 1 : max(1, k)
    return Double(entries * (role == .trace ? max(1, e) : 1))
  }

  /// The shape of (g, e, p, f, q), where a shared axis of inputs counts as e.
  var flatShape: [Int] {
    switch role {
    case .pairs: [g, e, p, f, q]
    case .diagonal: [g, e, p, 1, q]
    case .trace, nil: [g, 1, p, 1, q]
    }
  }

  /// Shape of the outputs of one input.
  func exampleShape(_ shape: [Int]) -> [Int] {
    var result = shape
    if let example { result[example] = 1 }
    return result
  }

  /// Where, among the outputs of one input in row-major order, the entry for (g, k, p) lies; the k of the whole trace.
  func elements(_ shape: [Int]) -> [Int] {
    let one = exampleShape(shape)
    let order = diagonal + trace + pairs + (example.map { [$0] } ?? [])
    var strides = [Int](repeating: 1, count: one.count)
    for axis in one.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * one[axis + 1] }
    var result = [0]
    for axis in order {
      result = result.flatMap { base in (0..<one[axis]).map { base + $0 * strides[axis] } }
    }
    return result
  }

  /// The cotangents for some rows: shape (g · k · p, outputs of one input…), the latter written as `outputs`.
  func basis(_ shape: [Int], k rangeK: Range<Int>, p rangeP: Range<Int>, dtype: DType, like outputs: [Int]) -> Tensor {
    let one = exampleShape(shape)
    let elements = elements(shape)
    let (whole, places) = (size(trace, shape), size(pairs, shape))
    let count = one.product
    var values = [Double](repeating: 0, count: g * rangeK.count * rangeP.count * count)
    var row = 0
    for g in 0..<g {
      for k in rangeK {
        for p in rangeP {
          switch mean {
          case .sumOfOutputs:
            for j in 0..<whole {
              values[row * count + elements[(g * whole + j) * places + p]] = 1 / Double(whole).squareRoot()
            }
          case .exact: values[row * count + elements[(g * whole + k) * places + p]] = 1
          case .outputs(let range):
            values[row * count + elements[(g * whole + range.lowerBound + k) * places + p]] = 1
          }
          row += 1
        }
      }
    }
    return Tensor(values, shape: [g * rangeK.count * rangeP.count] + outputs).asType(dtype)
  }

  /// From axes (g, e, p, f, q) those of the kernel, in the order of the outputs', those of both data sets side by side.
  func interleaved(_ kernel: Tensor) -> Tensor {
    var shape = diagonal.map { shape1[$0] }
    var place: [Int: [Int]] = [:]
    for (index, axis) in diagonal.enumerated() { place[axis] = [index] }
    func add(_ axes: [Int], _ sizes: [Int]) {
      for (axis, size) in zip(axes, sizes) {
        place[axis, default: []].append(shape.count)
        shape.append(size)
      }
    }
    let inputs = example.map { [$0] } ?? []
    if role == .pairs || role == .diagonal { add(inputs, [e]) }
    add(pairs, pairs.map { shape1[$0] })
    if role == .pairs { add(inputs, [f]) }
    add(pairs, pairs.map { shape2[$0] })
    return kernel.reshaped(shape).transposed(shape1.indices.flatMap { place[$0] ?? [] })
  }

  /// (g, k, e, p) of outputs, for their products.
  func arranged(_ outputs: Tensor, _ shape: [Int]) -> Tensor {
    let inputs = example.map { [$0] } ?? []
    return outputs.transposed(diagonal + trace + inputs + pairs)
      .reshaped([g, size(trace, shape), example.map { shape[$0] } ?? 1, size(pairs, shape)])
  }

  /// The covariance of outputs, with axes (g, e, p, f, q): a mean over all trace axes.
  func covariance(_ first: Tensor, _ second: Tensor) -> Tensor {
    let (a, b) = (arranged(first, shape1), arranged(second, shape2))
    let divisor = Double(max(1, size(trace, shape1)) * (role == .trace ? max(1, e) : 1))
    let equation =
      switch role {
      case .pairs: "gkep,gkfq->gepfq"
      case .diagonal: "gkep,gkeq->gepq"
      case .trace, nil: "gkep,gkeq->gpq"
      }
    return einsum(equation, a, b).reshaped(flatShape) / divisor
  }
}
