import CLinearAlgebra
import Synchronization

/// A stack of matrices over the leading axes of a tensor, as the evaluators of linear algebra see their arguments.
struct MatrixStack {
  let batchShape: [Int]
  let rows: Int
  let columns: Int

  /// - Precondition: `tensor` has at least two axes and floating-point elements.
  init(_ tensor: Tensor, for operation: String) {
    precondition(
      tensor.rank >= 2, "\(operation): expected a matrix or a stack of matrices, found shape \(tensor.shape)")
    precondition(
      tensor.dtype.isFloatingPoint, "\(operation): expected float32 or float64 elements, found \(tensor.dtype)")
    batchShape = Array(tensor.shape.dropLast(2))
    rows = tensor.shape[tensor.rank - 2]
    columns = tensor.shape[tensor.rank - 1]
  }

  /// - Precondition: the matrices are square.
  init(square tensor: Tensor, for operation: String) {
    self.init(tensor, for: operation)
    precondition(rows == columns, "\(operation): expected square matrices, found shape \(tensor.shape)")
  }

  var count: Int { batchShape.product }
  var elementsPerMatrix: Int { rows * columns }

  /// The index along the batch axes of matrix number `index`.
  func batchIndex(_ index: Int) -> [Int] {
    zip(batchShape, batchShape.rowMajorStrides).map { index / $1 % $0 }
  }

  /// Calls `body`, which calls LAPACK, for every matrix and returns what it returned: side by side on one thread each
  /// when there are many small ones, else one after the other with all threads of LAPACK.
  func forEach(_ body: @Sendable (Int) -> Int) -> [Int] {
    if isDoneInTurn { return Threads.withThreadedBLAS { (0..<count).map(body) } }
    return forEachSideBySide { index in Threads.withSingleThreadedBLAS { body(index) } }
  }

  // More threads would do nothing for the small ones but change the order in which they round.
  private var isDoneInTurn: Bool { count < 2 * Threads.count && elementsPerMatrix > 1 << 12 }

  private func forEachSideBySide(_ body: @Sendable (Int) -> Int) -> [Int] {
    var results = [Int](repeating: 0, count: count)
    results.withUnsafeMutableBufferPointer { results in
      nonisolated(unsafe) let results = results
      Threads.forEach(count) { results[$0] = body($0) }
    }
    return results
  }

  /// Turns LAPACK's info into an error, for routines that fail only by not converging.
  func checkConvergence(_ codes: [Int], of routine: String) throws(TensorError) {
    guard let code = codes.first(where: { $0 != 0 }) else { return }
    if code == nt_no_workspace {
      throw .shapeMismatch(
        context: routine, expected: "a matrix whose workspace fits in memory and in LAPACK's 32-bit sizes",
        found: "\(rows)x\(columns)")
    }
    throw .notConverged(routine: routine, code: code)
  }

  /// Throws if any entry (with `lowerOnly`, any on or below the diagonal) is NaN or infinite.
  func requireFinite<Scalar: LinearAlgebraScalar>(
    _ elements: UnsafePointer<Scalar>, lowerOnly: Bool, for operation: String
  ) throws(TensorError) {
    nonisolated(unsafe) let elements = elements
    let find = { @Sendable (index: Int) in
      for row in 0..<rows {
        let start = elements + index * elementsPerMatrix + row * columns
        if Scalar.containsNonFinite(start, count: lowerOnly ? row + 1 : columns) { return row + 1 }
      }
      return 0
    }
    let badRows = isDoneInTurn ? (0..<count).map(find) : forEachSideBySide(find)
    guard let index = badRows.firstIndex(where: { $0 != 0 }) else { return }
    let row = badRows[index] - 1
    let start = elements + index * elementsPerMatrix + row * columns
    let column = (0..<columns).first { !start[$0].isFinite } ?? 0
    throw .notFinite(context: operation, index: batchIndex(index) + [row, column])
  }
}

/// A pointer to a tensor's elements that parallel bodies may use; valid while `body` runs.
func withElements<Scalar: TensorScalar, Result>(
  of tensor: Tensor, as type: Scalar.Type, _ body: (UnsafePointer<Scalar>) throws(TensorError) -> Result
) throws(TensorError) -> Result {
  try tensor.withUnsafeBuffer(of: type) { (buffer) throws(TensorError) in
    guard let base = buffer.baseAddress else { preconditionFailure("a tensor without storage") }
    return try body(base)
  }
}

func withMutableElements<Scalar: TensorScalar, Result>(
  of tensor: inout Tensor, as type: Scalar.Type, _ body: (UnsafeMutablePointer<Scalar>) throws(TensorError) -> Result
) throws(TensorError) -> Result {
  try tensor.withUnsafeMutableBuffer(of: type) { (buffer) throws(TensorError) in
    guard let base = buffer.baseAddress else { preconditionFailure("a tensor without storage") }
    return try body(base)
  }
}

/// The position of the first NaN or infinity in a tensor of floating-point numbers; nil when all are finite.
package func firstNonFinite(_ tensor: Tensor) -> [Int]? {
  func find<Scalar: LinearAlgebraScalar>(_ type: Scalar.Type) -> [Int]? {
    tensor.withUnsafeBuffer(of: type) { elements in
      guard let base = elements.baseAddress, !elements.isEmpty else { return nil }
      nonisolated(unsafe) let start = base
      let block = 1 << 16
      let blocks = (elements.count + block - 1) / block
      let firstBad = Mutex(blocks)
      Threads.forEachRange(blocks, grain: 4) { range in
        for index in range {
          let count = min(block, tensor.count - index * block)
          guard Scalar.containsNonFinite(start + index * block, count: count) else { continue }
          firstBad.withLock { $0 = min($0, index) }
          break
        }
      }
      let first = firstBad.withLock { $0 }
      guard first < blocks,
        let offset = (first * block..<elements.count).first(where: { !elements[$0].isFinite })
      else { return nil }
      return zip(tensor.shape, tensor.shape.rowMajorStrides).map { offset / $1 % $0 }
    }
  }
  return switch tensor.dtype {
  case .float32: find(Float.self)
  case .float64: find(Double.self)
  case .int32, .bool: nil
  }
}
