/// How `dotGeneral` pairs the axes of its operands: the attributes of that primitive.
///
/// Axis `aContracting[i]` is summed against `bContracting[i]`; `aBatch[i]` and `bBatch[i]` run together and come first
/// in the result. The remaining axes of `a`, then of `b`, follow in their order.
public struct DotDimensions: Hashable, Sendable {
  public var aContracting: [Int]
  public var bContracting: [Int]
  public var aBatch: [Int]
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

/// An operand of a product seen as one matrix per batch entry, in the memory it already has.
private struct MatrixView: Equatable {
  var rows: Int
  var columns: Int
  var rowStride: Int
  var columnStride: Int
  /// Size and stride of each batch axis.
  var batch: [Axis]

  struct Axis: Equatable {
    var size: Int
    var stride: Int
  }

  var transposed: MatrixView {
    MatrixView(rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride, batch: batch)
  }

  /// What BLAS calls the leading dimension when it reads the matrix by rows, or nil when it cannot.
  var rowMajorLeadingDimension: Int? {
    guard columns <= 1 || columnStride == 1 else { return nil }
    if rows <= 1 { return max(1, columns) }
    return rowStride >= max(1, columns) ? rowStride : nil
  }

  /// The form BLAS can read, by rows if possible.
  var layout: (transposed: Bool, leadingDimension: Int)? {
    if let leading = rowMajorLeadingDimension { return (false, leading) }
    if let leading = transposed.rowMajorLeadingDimension { return (true, leading) }
    return nil
  }

  func offset(ofBatch index: Int) -> Int {
    var remaining = index
    var offset = 0
    for axis in batch.reversed() {
      offset += remaining % axis.size * axis.stride
      remaining /= axis.size
    }
    return offset
  }
}

/// Evaluates `dotGeneral` with BLAS, reading the operands where they lie whenever their axes collapse to a matrix, and
/// copying them into that form otherwise.
///
/// Integers and Booleans are contracted as `int32`, wrapping around on overflow.
func evaluateDotGeneral(_ a: Tensor, _ b: Tensor, _ dimensions: DotDimensions) -> Tensor {
  let shape = dimensions.outputShape(a.shape, b.shape)
  var dtype = a.dtype.promoted(with: b.dtype)
  if dtype == .bool { dtype = .int32 }
  let plan = ContractionPlan(a.asType(dtype), b.asType(dtype), dimensions)
  var result = Tensor(uninitialized: shape, dtype: dtype)
  switch dtype {
  case .float32: plan.runWithBLAS(&result, Float.self)
  case .float64: plan.runWithBLAS(&result, Double.self)
  case .int32, .bool: plan.runWithLoops(&result)
  }
  return result
}

private struct ContractionPlan {
  let a: Tensor
  let b: Tensor
  /// Rows are the free axes, columns the contracted ones.
  let aView: MatrixView
  /// Rows are the contracted axes, columns the free ones.
  let bView: MatrixView
  let batchCount: Int

  var m: Int { aView.rows }
  var n: Int { bView.columns }
  var k: Int { aView.columns }
  var multiplications: Int { m * n * k }

  init(_ a: Tensor, _ b: Tensor, _ dimensions: DotDimensions) {
    // The order in which products are summed is free, so take one in which neither operand needs a copy, if there is.
    let given = Array(dimensions.aContracting.indices)
    let orders = [
      given.sorted { dimensions.aContracting[$0] < dimensions.aContracting[$1] },
      given.sorted { dimensions.bContracting[$0] < dimensions.bContracting[$1] },
    ]
    let aFree = dimensions.freeAxesOfA(rank: a.rank)
    let bFree = dimensions.freeAxesOfB(rank: b.rank)
    let options = orders.map { order in
      (
        a: Self.view(of: a, dimensions.aBatch, aFree, order.map { dimensions.aContracting[$0] }),
        b: Self.view(of: b, dimensions.bBatch, bFree, order.map { dimensions.bContracting[$0] })?.transposed
      )
    }
    let best =
      options.firstIndex { $0.a != nil && $0.b != nil } ?? options.firstIndex { $0.a != nil || $0.b != nil } ?? 0
    let order = orders[best]
    (self.a, aView) = Self.viewOrCopy(
      options[best].a, a, dimensions.aBatch, aFree, order.map { dimensions.aContracting[$0] })
    let transposedB = options[best].b?.transposed
    let (b, bView) = Self.viewOrCopy(
      transposedB, b, dimensions.bBatch, bFree, order.map { dimensions.bContracting[$0] })
    self.b = b
    self.bView = bView.transposed
    batchCount = dimensions.aBatch.map { a.shape[$0] }.product
  }

  private static func view(of tensor: Tensor, _ batch: [Int], _ rows: [Int], _ columns: [Int]) -> MatrixView? {
    let strides = tensor.shape.rowMajorStrides
    guard let row = collapse(rows, tensor.shape, strides), let column = collapse(columns, tensor.shape, strides) else {
      return nil
    }
    let view = MatrixView(
      rows: row.size, columns: column.size, rowStride: row.stride, columnStride: column.stride,
      batch: batch.map { MatrixView.Axis(size: tensor.shape[$0], stride: strides[$0]) })
    return view.layout == nil ? nil : view
  }

  private static func viewOrCopy(
    _ view: MatrixView?, _ tensor: Tensor, _ batch: [Int], _ rows: [Int], _ columns: [Int]
  ) -> (Tensor, MatrixView) {
    if let view { return (tensor, view) }
    let copy = tensor.transposed(batch + rows + columns)
    let sizes = (rows.map { tensor.shape[$0] }.product, columns.map { tensor.shape[$0] }.product)
    let view = MatrixView(
      rows: sizes.0, columns: sizes.1, rowStride: sizes.1, columnStride: 1,
      batch: [MatrixView.Axis(size: batch.map { tensor.shape[$0] }.product, stride: sizes.0 * sizes.1)])
    return (copy, view)
  }

  /// The axes as one, if stepping through them in this order is stepping through memory by a constant.
  private static func collapse(_ axes: [Int], _ shape: [Int], _ strides: [Int]) -> MatrixView.Axis? {
    var result = MatrixView.Axis(size: 1, stride: 1)
    for axis in axes where shape[axis] != 1 {
      guard result.size == 1 || result.stride == shape[axis] * strides[axis] else { return nil }
      result = MatrixView.Axis(size: result.size * shape[axis], stride: strides[axis])
    }
    return result
  }
}

extension ContractionPlan {
  /// Below this many multiplications a product is cheaper in plain loops than a call of BLAS.
  private static let fewMultiplications = 64
  /// Work that is worth handing to another thread.
  private static let grain = 1 << 16
  /// From here on one product keeps all threads of BLAS busy.
  private static let threadedProduct = 1 << 22

  func runWithBLAS<Scalar: LinearAlgebraScalar>(_ result: inout Tensor, _ type: Scalar.Type) {
    guard result.count > 0 else { return }
    let batchCount = batchCount
    result.withUnsafeMutableBuffer(of: type) { out in
      a.withUnsafeBuffer(of: type) { a in
        b.withUnsafeBuffer(of: type) { b in
          guard k > 0, let a = a.baseAddress, let b = b.baseAddress, let out = out.baseAddress else {
            out.update(repeating: 0)
            return
          }
          nonisolated(unsafe) let pointers = (a, b, out)
          let multiply = { @Sendable (index: Int) in
            product(
              pointers.0 + aView.offset(ofBatch: index), pointers.1 + bView.offset(ofBatch: index),
              pointers.2 + index * m * n)
          }
          if batchCount * multiplications <= Self.grain {
            for index in 0..<batchCount { multiply(index) }
          } else if batchCount == 1
            || (multiplications >= Self.threadedProduct && batchCount < 4 * Threads.count)
          {
            Threads.withThreadedBLAS { for index in 0..<batchCount { multiply(index) } }
          } else {
            Threads.forEachRange(batchCount, grain: max(1, Self.grain / multiplications)) { range in
              for index in range { multiply(index) }
            }
          }
        }
      }
    }
  }

  private func product<Scalar: LinearAlgebraScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>
  ) {
    guard multiplications > Self.fewMultiplications, let aLayout = aView.layout, let bLayout = bView.layout else {
      return productWithLoops(a, b, out, zero: 0) { $0 + $1 * $2 }
    }
    if n == 1 || m == 1 {
      // Some versions of gemv multiply what is there by beta = 0, which keeps a NaN.
      out.update(repeating: 0, count: m * n)
    }
    if n == 1 {
      Scalar.gemv(
        columnMajor: aLayout.transposed, transpose: false, m: m, n: k, a: a, lda: aLayout.leadingDimension, x: b,
        incx: bView.rowStride, y: out, incy: 1)
    } else if m == 1 {
      Scalar.gemv(
        columnMajor: bLayout.transposed, transpose: true, m: k, n: n, a: b, lda: bLayout.leadingDimension, x: a,
        incx: aView.columnStride, y: out, incy: 1)
    } else if a == b, aView == bView.transposed {
      // A Gram matrix: half the multiplications, and exactly symmetric.
      Scalar.syrk(columnMajor: aLayout.transposed, n: m, k: k, a: a, lda: aLayout.leadingDimension, c: out)
      mirrorLowerTriangle(out, size: m)
    } else {
      Scalar.gemm(
        transposeA: aLayout.transposed, transposeB: bLayout.transposed, m: m, n: n, k: k, a: a,
        lda: aLayout.leadingDimension, b: b, ldb: bLayout.leadingDimension, beta: 0, c: out, ldc: n)
    }
  }

  func runWithLoops(_ result: inout Tensor) {
    guard result.count > 0 else { return }
    result.withUnsafeMutableBuffer(of: Int32.self) { out in
      a.withUnsafeBuffer(of: Int32.self) { a in
        b.withUnsafeBuffer(of: Int32.self) { b in
          guard k > 0, let a = a.baseAddress, let b = b.baseAddress, let out = out.baseAddress else {
            out.update(repeating: 0)
            return
          }
          nonisolated(unsafe) let pointers = (a, b, out)
          Threads.forEachRange(batchCount, grain: max(1, Self.grain / max(1, multiplications))) { range in
            for index in range {
              productWithLoops(
                pointers.0 + aView.offset(ofBatch: index), pointers.1 + bView.offset(ofBatch: index),
                pointers.2 + index * m * n, zero: 0
              ) { $0 &+ $1 &* $2 }
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private func productWithLoops<Scalar: TensorScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, zero: Scalar,
    _ multiplyAdd: (_ sum: Scalar, _ x: Scalar, _ y: Scalar) -> Scalar
  ) {
    for i in 0..<m {
      let row = out + i * n
      row.update(repeating: zero, count: n)
      for l in 0..<k {
        let x = a[i * aView.rowStride + l * aView.columnStride]
        for j in 0..<n {
          row[j] = multiplyAdd(row[j], x, b[l * bView.rowStride + j * bView.columnStride])
        }
      }
    }
  }
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
