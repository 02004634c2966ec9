import Tensors

/// One or two data sets for a finite network, checked and of one floating-point type.
struct FiniteData: Sendable {
  let x1: Tensor
  /// nil where both data sets are one.
  let x2: Tensor?
  /// Whether a second data set was given, equal or not.
  let hasSecond: Bool
  private let batchAxis: Int

  init(_ x1: Tensor, _ x2: Tensor?, network: any Layer) throws(NetworkError) {
    let axes = try FiniteData.checked(x1, name: "x1", axes: network.dataAxes ?? DataAxes())
    if let x2 {
      _ = try FiniteData.checked(x2, name: "x2", axes: network.dataAxes ?? DataAxes())
      var shape = x1.shape
      shape[axes.batch] = x2.rank == x1.rank ? x2.shape[axes.batch] : shape[axes.batch]
      guard x2.shape == shape else {
        throw NetworkError(
          path: [.name("x2")], expected: "inputs of the shape of those of x1, \(x1.shape) in all", found: "\(x2.shape)")
      }
    }
    var dtype = x1.dtype.promoted(with: x2?.dtype ?? x1.dtype)
    if !dtype.isFloatingPoint { dtype = .float64 }
    let (first, second) = (x1.asType(dtype), x2?.asType(dtype))
    self.x1 = first
    self.x2 = second.flatMap { FiniteData.areSame(first, $0) ? nil : $0 }
    hasSecond = x2 != nil
    batchAxis = axes.batch
  }

  /// The inputs one by one, as batches of one: shape (inputs, …, 1, …).
  func examples(of x: Tensor) -> Tensor {
    var shape = x.shape
    shape[batchAxis] = 1
    return x.movedAxis(from: batchAxis, to: 0).reshaped([x.shape[batchAxis]] + shape)
  }

  /// The first input, as a batch of one.
  var example: Tensor {
    let first = examples(of: x1)[0..<1]
    return first.reshaped(Array(first.shape.dropFirst()))
  }

  /// The data sets that differ.
  var all: [Tensor] { [x1] + (x2.map { [$0] } ?? []) }

  func count(of x: Tensor) -> Int { x.shape[batchAxis] }

  /// The same numbers up to 1e-12, as infinite networks tell data sets apart.
  private static func areSame(_ x1: Tensor, _ x2: Tensor) -> Bool {
    guard x1.shape == x2.shape else { return false }
    return abs(x1.asType(.float64) - x2.asType(.float64)).max().scalar(as: Double.self) < 1e-12
  }

  /// The axes of `x` counted from the front.
  private static func checked(_ x: Tensor, name: String, axes: DataAxes) throws(NetworkError) -> DataAxes {
    guard x.rank >= 2 else {
      throw NetworkError(
        path: [.name(name)], expected: "inputs with a batch and a channel axis", found: "shape \(x.shape)")
    }
    guard x.count > 0 else {
      throw NetworkError(path: [.name(name)], expected: "at least one input and one channel", found: "shape \(x.shape)")
    }
    if x.dtype.isFloatingPoint {
      do {
        try x.requireFinite(context: name)
      } catch {
        throw NetworkError(path: [.name(name)], expected: "finite numbers", found: error.firstNonFinite)
      }
    }
    return try axes.resolved(rank: x.rank)
  }
}

/// A finite network whose outputs are arranged as (batch, positions…, channels).
struct FiniteForward: Sendable {
  let network: any Layer
  let axes: DataAxes

  /// The outputs of `count` inputs.
  func callAsFunction(_ parameters: Parameters, _ x: Tensor, count: Int, key: RandomKey?) throws -> Tensor {
    let y = try network(parameters, x, key: key)
    let axes = try axes.resolved(rank: y.rank)
    guard y.shape[axes.batch] == count else {
      throw NetworkError(
        path: [.name("batchAxis")], expected: "the axis of the outputs that counts \(count) inputs",
        found: "axis \(axes.batch) of shape \(y.shape)")
    }
    let positions = y.shape.indices.filter { $0 != axes.batch && $0 != axes.channel }
    return y.transposed([axes.batch] + positions + [axes.channel])
  }

  /// Whether the outputs of every input of `x` are those it has alone and without random numbers.
  ///
  /// Not so where a layer normalises over the batch or draws numbers for each input of it: then only the outputs of the
  /// whole data set mean anything. It is found by trying, because no layer has to say it.
  func takesInputsOneByOne(_ parameters: Parameters, _ data: FiniteData, key: RandomKey?) throws -> Bool {
    let x = data.x1
    let together = try self(parameters, x, count: data.count(of: x), key: key)
    let one = vmap { (x: Tensor) in try self(parameters, x, count: 1, key: nil) }
    guard let alone = try? one(data.examples(of: x)) else { return false }
    let difference = abs(alone.reshaped(together.shape) - together).max().asType(.float64).scalar(as: Double.self)
    let largest = abs(together).max().asType(.float64).scalar(as: Double.self)
    return difference <= (x.dtype == .float32 ? 1e-4 : 1e-10) * largest
  }
}
