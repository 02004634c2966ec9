import CVectorKernels

/// Products of matrices by the kernels of convolutions, which hold a block of the result in registers: on processors with
/// wide vectors they are an eighth faster than OpenBLAS, and small products take no detour through its threads.
///
/// A panel of columns of the second matrix is packed by the thread that needs it, once for all rows of the first.
struct PanelProduct<Scalar: LinearAlgebraScalar>: Sendable {
  /// A matrix in memory: strides in elements, of which one is 1.
  struct Matrix: Sendable {
    var rowStride: Int
    var columnStride: Int
  }

  /// Summed over at a time, so that a packed panel stays in the second cache.
  private static var longestPart: Int { 1024 }
  /// Rows of one task where there are many more.
  private static var chunkRows: Int { 768 }

  private let m: Int
  private let n: Int
  private let k: Int
  private let alpha: Scalar
  private let b: Matrix
  private let outStride: Int
  private let rowStride: Int
  private let panels: [Panel]
  private let rowsPerChunk: Int
  private let starts: [Int]
  private let entries: [Int]
  private let targets: [Int]

  private struct Panel {
    var column: Int
    var columns: Int
    var vectors: Int
    var width: Int
  }

  /// Whether products of these sizes are better done here than by BLAS.
  ///
  /// - Parameter a: the first matrix, whose rows must be contiguous.
  static func isBetter(m: Int, n: Int, k: Int, _ a: Matrix) -> Bool {
    #if arch(x86_64)
      return a.columnStride == 1 && nt_selected_instruction_set() != nt_baseline && m >= 6 && n >= 16 && k >= 16
    #else
      return false
    #endif
  }

  /// The product of a (m, k) and b (k, n), times `alpha`.
  ///
  /// - Parameter outStride: between the rows of the result, n unless given.
  init(m: Int, n: Int, k: Int, alpha: Scalar = 1, a: Matrix, b: Matrix, outStride: Int? = nil) {
    (self.m, self.n, self.k, self.alpha, self.b) = (m, n, k, alpha, b)
    self.outStride = outStride ?? n
    rowStride = a.rowStride
    let tile = nt_get_convolution_tile(Scalar.dtype.kernelType)
    var panels: [Panel] = []
    var column = 0
    while column < n {
      let needed = (n - column + tile.lanes - 1) / tile.lanes
      let vectors = needed >= tile.vectors ? tile.vectors : needed >= 2 ? 2 : 1
      let width = vectors * tile.lanes
      panels.append(Panel(column: column, columns: min(width, n - column), vectors: vectors, width: width))
      column += width
    }
    self.panels = panels
    // Every chunk packs the panel again, so chunks are long; whole blocks, so that a short one is only the last.
    let wanted = m <= 2 * Self.chunkRows ? m : Self.chunkRows
    rowsPerChunk = (wanted + tile.rows - 1) / tile.rows * tile.rows
    let rows = min(m, rowsPerChunk)
    let blocks = (rows + tile.rows - 1) / tile.rows
    var entries: [Int] = []
    for block in 0..<blocks {
      entries.append(0)
      for row in 0..<tile.rows { entries.append((block * tile.rows + row) * a.rowStride) }
    }
    starts = (0...blocks).map { $0 * (1 + tile.rows) }
    let stride = self.outStride
    targets = (0..<rows).map { $0 * stride }
    self.entries = entries
  }

  private var chunks: Int { (m + rowsPerChunk - 1) / rowsPerChunk }
  /// Independent parts of one product.
  var taskCount: Int { panels.count * chunks }

  /// Elements of scratch memory that a thread needs.
  var scratchCount: Int { min(k, Self.longestPart) * (panels.map(\.width).max() ?? 0) }

  /// Computes part `task` of the product of the matrices at `a` and `b` into the one at `out`.
  func run(
    _ task: Int, _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>,
    scratch: UnsafeMutablePointer<Scalar>
  ) {
    let (panelIndex, chunk) = task.quotientAndRemainder(dividingBy: chunks)
    let panel = panels[panelIndex]
    let firstRow = chunk * rowsPerChunk
    let type = Scalar.dtype.kernelType
    for first in stride(from: 0, to: k, by: Self.longestPart) {
      let length = min(Self.longestPart, k - first)
      pack(panel, b + first * self.b.rowStride, length, scratch)
      starts.withUnsafeBufferPointer { starts in
        entries.withUnsafeBufferPointer { entries in
          targets.withUnsafeBufferPointer { targets in
            var table = nt_convolution_table(
              pixels: min(rowsPerChunk, m - firstRow), starts: starts.baseAddress, entries: entries.baseAddress,
              targets: targets.baseAddress)
            let part = nt_convolution_part(
              first_tap: 0, last_tap: 1, first_channel: 0, last_channel: length, adds: first > 0 ? 1 : 0)
            let source = a + firstRow * rowStride + first
            nt_convolve(
              type, &table, part, source, source, scratch, length, panel.vectors,
              out + firstRow * outStride + panel.column,
              panel.columns)
          }
        }
      }
    }
  }

  private func pack(_ panel: Panel, _ b: UnsafePointer<Scalar>, _ length: Int, _ to: UnsafeMutablePointer<Scalar>) {
    if panel.columns < panel.width {
      UnsafeMutableRawPointer(to).initializeMemory(
        as: UInt8.self, repeating: 0, count: length * panel.width * MemoryLayout<Scalar>.stride)
    }
    nt_copy(
      Scalar.dtype.kernelType, to, panel.width, 1, b + panel.column * self.b.columnStride, self.b.rowStride,
      self.b.columnStride, length, panel.columns)
    guard alpha != 1 else { return }
    for index in 0..<length * panel.width { to[index] *= alpha }
  }
}
