import Platform

/// An operand of a product seen as one matrix per batch entry, in the memory it already has.
struct MatrixView: Equatable {
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
  var layout: Layout? {
    if let leading = rowMajorLeadingDimension { return Layout(isTransposed: false, leadingDimension: leading) }
    if let leading = transposed.rowMajorLeadingDimension {
      return Layout(isTransposed: true, leadingDimension: leading)
    }
    return nil
  }

  struct Layout {
    var isTransposed: Bool
    var leadingDimension: Int
  }

  func offset(ofBatch index: Int) -> Int {
    var remaining = index
    var offset = 0
    for axis in batch.reversed() where remaining > 0 {
      let (quotient, position) = remaining.quotientAndRemainder(dividingBy: axis.size)
      offset += position * axis.stride
      remaining = quotient
    }
    return offset
  }

  /// Batch axes that are stepped through by a constant are one.
  mutating func mergeBatch() {
    var merged: [Axis] = []
    for axis in batch where axis.size != 1 {
      if let last = merged.last, last.stride == axis.size * axis.stride {
        merged[merged.count - 1] = Axis(size: last.size * axis.size, stride: axis.stride)
      } else {
        merged.append(axis)
      }
    }
    batch = merged
  }
}

/// How two operands of known layout are contracted.
final class ContractionPlan: Sendable {
  let dtype: DType
  /// Rows are the free axes, columns the contracted ones.
  let aView: MatrixView
  /// Rows are the contracted axes, columns the free ones.
  let bView: MatrixView
  private let batchCount: Int
  /// Brings an operand that BLAS cannot read into a form that it can.
  private let aCopy: OperandCopy?
  private let bCopy: OperandCopy?
  let aLayout: MatrixView.Layout
  let bLayout: MatrixView.Layout

  private struct OperandCopy: Sendable {
    let copy: StridedCopy
    let byteCount: Int
  }

  var m: Int { aView.rows }
  var n: Int { bView.columns }
  var k: Int { aView.columns }
  var multiplications: Int { m * n * k }

  /// - Parameters: shapes of the operands and where their elements are, in elements along each axis.
  init(
    _ dtype: DType, _ aShape: [Int], _ aStrides: [Int], _ bShape: [Int], _ bStrides: [Int], _ dimensions: DotDimensions
  ) {
    self.dtype = dtype
    // The order in which products are summed is free, so take one in which neither operand needs a copy, if there is.
    let given = Array(dimensions.aContracting.indices)
    let orders = [
      given.sorted { dimensions.aContracting[$0] < dimensions.aContracting[$1] },
      given.sorted { dimensions.bContracting[$0] < dimensions.bContracting[$1] },
    ]
    let aFree = dimensions.freeAxesOfA(rank: aShape.count)
    let bFree = dimensions.freeAxesOfB(rank: bShape.count)
    let options = orders.map { order in
      (
        a: Self.view(aShape, aStrides, dimensions.aBatch, aFree, order.map { dimensions.aContracting[$0] }),
        b: Self.view(bShape, bStrides, dimensions.bBatch, bFree, order.map { dimensions.bContracting[$0] })
      )
    }
    let best =
      options.firstIndex { $0.a != nil && $0.b != nil } ?? options.firstIndex { $0.a != nil || $0.b != nil } ?? 0
    let order = orders[best]
    let a = Self.viewOrCopy(
      options[best].a, dtype, aShape, aStrides, dimensions.aBatch, aFree, order.map { dimensions.aContracting[$0] })
    let b = Self.viewOrCopy(
      options[best].b, dtype, bShape, bStrides, dimensions.bBatch, bFree, order.map { dimensions.bContracting[$0] })
    (aCopy, bCopy) = (a.copy, b.copy)
    var (aView, bView) = (a.view, b.view.transposed)
    var batchCount = dimensions.aBatch.map { aShape[$0] }.product
    aView.mergeBatch()
    bView.mergeBatch()
    // One matrix for the whole batch: the other's entries are rows of one product.
    if bView.batch.allSatisfy({ $0.stride == 0 }), batchCount > 1, aView.batch.count == 1,
      aView.rows == 1 || aView.batch[0].stride == aView.rows * aView.rowStride
    {
      if aView.rows == 1 { aView.rowStride = aView.batch[0].stride }
      aView.rows *= batchCount
      (aView.batch, bView.batch, batchCount) = ([], [], 1)
    }
    (self.aView, self.bView, self.batchCount) = (aView, bView, batchCount)
    aLayout = aView.layout ?? MatrixView.Layout(isTransposed: false, leadingDimension: 0)
    bLayout = bView.layout ?? MatrixView.Layout(isTransposed: false, leadingDimension: 0)
  }

  /// Whether the operands are read where they lie.
  var readsInPlace: (a: Bool, b: Bool) { (aCopy == nil, bCopy == nil) }

  private static func view(
    _ shape: [Int], _ strides: [Int], _ batch: [Int], _ rows: [Int], _ columns: [Int]
  ) -> MatrixView? {
    guard let row = collapse(rows, shape, strides), let column = collapse(columns, shape, strides) else { return nil }
    let view = MatrixView(
      rows: row.size, columns: column.size, rowStride: row.stride, columnStride: column.stride,
      batch: batch.map { MatrixView.Axis(size: shape[$0], stride: strides[$0]) })
    return view.layout == nil ? nil : view
  }

  private static func viewOrCopy(
    _ view: MatrixView?, _ dtype: DType, _ shape: [Int], _ strides: [Int], _ batch: [Int], _ rows: [Int],
    _ columns: [Int]
  ) -> (view: MatrixView, copy: OperandCopy?) {
    if let view { return (view, nil) }
    let axes = batch + rows + columns
    let sizes = axes.map { shape[$0] }
    let (height, width) = (rows.map { shape[$0] }.product, columns.map { shape[$0] }.product)
    let view = MatrixView(
      rows: height, columns: width, rowStride: width, columnStride: 1,
      batch: [MatrixView.Axis(size: batch.map { shape[$0] }.product, stride: height * width)])
    let copy = StridedCopy(dtype, shape: sizes, source: axes.map { strides[$0] }, target: sizes.rowMajorStrides)
    return (view, OperandCopy(copy: copy, byteCount: sizes.product * dtype.byteCount))
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
  /// Up to this many multiplications OpenBLAS never takes a second thread, so that its number of threads does not
  /// matter. (Matrices times vectors from 9216 on, matrices times matrices from 262144 on.)
  private var singleThreadedProduct: Int { m > 1 && n > 1 ? 1 << 17 : 1 << 13 }
  /// Work that is worth handing to another thread.
  private static let grain = 1 << 16
  /// From here on one product is worth sharing between threads.
  private static let threadedProduct = 1 << 22
  /// From here on a product is faster as a `PanelProduct`.
  private static let panelProduct = 1 << 22
  /// Writes the whole result, which is contiguous.
  func run(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ out: UnsafeMutableRawPointer) {
    if batchCount * m * n == 0 { return }
    if k == 0 {
      memset(out, 0, batchCount * m * n * dtype.byteCount)
      return
    }
    let aCopied = aCopy.map { Self.copied($0, a) }
    let bCopied = bCopy.map { Self.copied($0, b) }
    let (a, b) = (aCopied.map { UnsafeRawPointer($0.bytes) } ?? a, bCopied.map { UnsafeRawPointer($0.bytes) } ?? b)
    switch dtype {
    case .float32: runWithBLAS(a, b, out, Float.self)
    case .float64: runWithBLAS(a, b, out, Double.self)
    case .int32, .bool: runWithLoops(a, b, out)
    }
    withExtendedLifetime((aCopied, bCopied)) {}
  }

  private static func copied(_ operand: OperandCopy, _ source: UnsafeRawPointer) -> TensorStorage {
    let storage = TensorStorage(byteCount: operand.byteCount)
    operand.copy(from: source, to: storage.bytes)
    return storage
  }

  private func runWithBLAS<Scalar: LinearAlgebraScalar>(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ type: Scalar.Type
  ) {
    nonisolated(unsafe) let pointers = (
      a.assumingMemoryBound(to: type), b.assumingMemoryBound(to: type), out.assumingMemoryBound(to: type)
    )
    if multiplications >= Self.panelProduct, Self.usesPanels(aView, bView) {
      // A Gram matrix takes half the multiplications.
      if !(pointers.0 == pointers.1 && aView == bView.transposed) { return runWithPanels(pointers) }
    }
    let multiply = { @Sendable [self] (index: Int) in
      product(
        pointers.0 + aView.offset(ofBatch: index), pointers.1 + bView.offset(ofBatch: index),
        pointers.2 + index * m * n)
    }
    if batchCount * multiplications <= Self.grain || batchCount == 1 && multiplications < Self.threadedProduct {
      for index in 0..<batchCount { multiply(index) }
    } else if batchCount == 1 || (multiplications >= Self.tileMultiplications && batchCount < 4 * Threads.count) {
      for index in 0..<batchCount {
        let (a, b) = (pointers.0 + aView.offset(ofBatch: index), pointers.1 + bView.offset(ofBatch: index))
        if m == 1 || n == 1 {
          tiledVectorProduct(a, b, pointers.2 + index * m * n)
        } else if a == b && aView == bView.transposed {
          tiledGramMatrix(a, pointers.2 + index * m * n)
        } else {
          tiledProduct(a, b, pointers.2 + index * m * n)
        }
      }
    } else {
      Threads.forEachRange(batchCount, grain: max(1, Self.grain / multiplications)) { range in
        for index in range { multiply(index) }
      }
    }
  }

  private static func usesPanels(_ a: MatrixView, _ b: MatrixView) -> Bool {
    let strides = PanelProduct<Float>.Matrix(rowStride: a.rowStride, columnStride: a.columnStride)
    return PanelProduct<Float>.isBetter(m: a.rows, n: b.columns, k: a.columns, strides)
      && (b.rowStride == 1 || b.columnStride == 1)
  }

  private func runWithPanels<Scalar: LinearAlgebraScalar>(
    _ pointers: (UnsafePointer<Scalar>, UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>)
  ) {
    let product = PanelProduct<Scalar>(
      m: m, n: n, k: k, a: .init(rowStride: aView.rowStride, columnStride: aView.columnStride),
      b: .init(rowStride: bView.rowStride, columnStride: bView.columnStride))
    nonisolated(unsafe) let pointers = pointers
    // Whole products where there are many: their first matrix then stays in the cache of one processor.
    let pieces = batchCount >= 16 ? 1 : product.taskCount
    Threads.forEachWorker(batchCount * pieces) { [self] next in
      let scratch = TensorStorage(byteCount: max(1 << 18, product.scratchCount * MemoryLayout<Scalar>.stride))
      let panel = scratch.bytes.bindMemory(to: Scalar.self, capacity: product.scratchCount)
      while let index = next() {
        let (entry, piece) = index.quotientAndRemainder(dividingBy: pieces)
        for task in pieces == 1 ? 0..<product.taskCount : piece..<piece + 1 {
          product.run(
            task, pointers.0 + aView.offset(ofBatch: entry), pointers.1 + bView.offset(ofBatch: entry),
            pointers.2 + entry * m * n, scratch: panel)
        }
      }
      withExtendedLifetime(scratch) {}
    }
  }

  private func product<Scalar: LinearAlgebraScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>
  ) {
    guard multiplications > Self.fewMultiplications else {
      return productWithLoops(a, b, out, zero: 0) { $0 + $1 * $2 }
    }
    let isGram = m > 1 && n > 1 && a == b && aView == bView.transposed
    func call() { productWithBLAS(a, b, out, isGram: isGram) }
    if multiplications <= singleThreadedProduct && !isGram {
      call()
    } else {
      Threads.withSingleThreadedBLAS(call)
    }
    if isGram { mirrorLowerTriangle(out, size: m) }
  }

  private func productWithBLAS<Scalar: LinearAlgebraScalar>(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, isGram: Bool
  ) {
    if n == 1 || m == 1 {
      vectorProduct(a, b, out, 0..<m * n)
    } else if isGram {
      // A Gram matrix: half the multiplications, and exactly symmetric when it is mirrored.
      Scalar.multiplyBySelf(
        upper: false, columnMajor: aLayout.isTransposed, n: m, k: k, a: a, lda: aLayout.leadingDimension, c: out, ldc: m
      )
    } else {
      Scalar.multiply(
        transposeA: aLayout.isTransposed, transposeB: bLayout.isTransposed, m: m, n: n, k: k, a: a,
        lda: aLayout.leadingDimension, b: b, ldb: bLayout.leadingDimension, c: out, ldc: n)
    }
  }

  private func runWithLoops(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ out: UnsafeMutableRawPointer) {
    nonisolated(unsafe) let pointers = (
      a.assumingMemoryBound(to: Int32.self), b.assumingMemoryBound(to: Int32.self),
      out.assumingMemoryBound(to: Int32.self)
    )
    Threads.forEachRange(batchCount, grain: max(1, Self.grain / max(1, multiplications))) { range in
      for index in range {
        productWithLoops(
          pointers.0 + aView.offset(ofBatch: index), pointers.1 + bView.offset(ofBatch: index),
          pointers.2 + index * m * n, zero: 0
        ) { $0 &+ $1 &* $2 }
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
