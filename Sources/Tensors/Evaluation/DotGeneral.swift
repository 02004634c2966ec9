/// How `dotGeneral` pairs the axes of its operands: the attributes of that primitive.
///
/// Axis `aContracting[i]` is summed against `bContracting[i]`; `aBatch[i]` and `bBatch[i]` run together and come first
/// in the result. The remaining axes of `a`, then of `b`, follow in their order.
public struct DotDimensions: Hashable, Sendable {
  /// Axes of `a` that are summed over.
  public var aContracting: [Int]
  /// Axes of `b` that are summed over, each with that of `a` at the same place.
  public var bContracting: [Int]
  /// Axes of `a` that run together with axes of `b`.
  public var aBatch: [Int]
  /// Axes of `b` that run together with those of `a` at the same place.
  public var bBatch: [Int]

  public init(contracting: ([Int], [Int]), batch: ([Int], [Int]) = ([], [])) {
    (aContracting, bContracting) = contracting
    (aBatch, bBatch) = batch
  }

  /// Axes of `a`, of rank `rank`, that the result keeps after the batch axes.
  public func freeAxesOfA(rank: Int) -> [Int] {
    (0..<rank).filter { !aContracting.contains($0) && !aBatch.contains($0) }
  }

  /// Axes of `b`, of rank `rank`, that the result keeps last.
  public func freeAxesOfB(rank: Int) -> [Int] {
    (0..<rank).filter { !bContracting.contains($0) && !bBatch.contains($0) }
  }

  /// The shape of the result.
  ///
  /// - Precondition: axes exist, are used once, and paired axes have the same size.
  public func outputShape(_ a: [Int], _ b: [Int]) -> [Int] {
    checkAxes(aContracting + aBatch, of: a)
    checkAxes(bContracting + bBatch, of: b)
    precondition(
      aContracting.count == bContracting.count && aBatch.count == bBatch.count,
      "dotGeneral: unpaired axes: contracting \(aContracting) with \(bContracting), batch \(aBatch) with \(bBatch)"
    )
    for (i, j) in zip(aContracting + aBatch, bContracting + bBatch) {
      precondition(a[i] == b[j], "dotGeneral: axis \(i) of \(a) and axis \(j) of \(b) differ in size")
    }
    return aBatch.map { a[$0] } + freeAxesOfA(rank: a.count).map { a[$0] } + freeAxesOfB(rank: b.count).map { b[$0] }
  }

  private func checkAxes(_ axes: [Int], of shape: [Int]) {
    precondition(
      axes.allSatisfy(shape.indices.contains) && Set(axes).count == axes.count,
      "dotGeneral: axes \(axes) do not name different axes of shape \(shape)")
  }
}

/// Evaluates `dotGeneral` with BLAS, reading the operands where they lie whenever their axes collapse to a matrix, and
/// copying them into that form otherwise.
///
/// Integers and Booleans are contracted as `int32`, wrapping around on overflow.
func evaluateDotGeneral(_ a: Tensor, _ b: Tensor, _ dimensions: DotDimensions) -> Tensor {
  var dtype = a.dtype.promoted(with: b.dtype)
  if dtype == .bool { dtype = .int32 }
  let (a, b) = (a.asType(dtype), b.asType(dtype))
  let plan = ContractionPlan(
    dtype, a.shape, a.shape.rowMajorStrides, b.shape, b.shape.rowMajorStrides, dimensions)
  let result = Tensor(uninitialized: dimensions.outputShape(a.shape, b.shape), dtype: dtype)
  plan.run(a.bytes, b.bytes, result.bytes)
  withExtendedLifetime((a, b)) {}
  return result
}

/// Copies the lower triangle of a row-major matrix onto its upper one, block by block so that both sides stay in cache.
func mirrorLowerTriangle<Scalar: TensorScalar>(_ matrix: UnsafeMutablePointer<Scalar>, size: Int) {
  let block = 32
  nonisolated(unsafe) let matrix = matrix
  Threads.forEachRange((size + block - 1) / block, grain: 4) { blocks in
    for i in stride(from: blocks.lowerBound * block, to: min(size, blocks.upperBound * block), by: block) {
      for j in stride(from: 0, through: i, by: block) {
        for row in i..<min(size, i + block) {
          for column in j..<min(row, j + block) { matrix[column * size + row] = matrix[row * size + column] }
        }
      }
    }
  }
}
