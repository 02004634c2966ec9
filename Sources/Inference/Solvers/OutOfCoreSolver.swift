import CovarianceEngine
import DurableFiles
import Platform
import Synchronization
import Tensors

/// M̃ = L Lᵀ by a left-looking Cholesky factorisation whose block columns, the panels, are files: only one of them is in memory.
///
/// Panel k holds the rows of Lᵀ that belong to its columns, from its own diagonal on, shape (width, N − k · width). For every k the
/// panels before are read in pieces and subtracted, its own block is factored and the rest solved with that: N³/(6 · width)
/// numbers are read in all and N²/2 written. A panel is written under another name, synced and renamed, so that a run that was
/// killed goes on with the first panel that is not there.
///
/// *Source:* Golub and Van Loan, Matrix Computations, 4th edition 2013, section 4.2.5.
final class OutOfCoreSolver: Solver {
  private let kernel: RegularizedKernel
  private let options: SolverOptions
  private let folder: PanelFolder
  private let width: Int
  private let count: Int
  private let matrix: GramOperator
  private let logDeterminantOfFactor = Lazily<Double>()

  /// Rows of a panel that are read at a time.
  private static let pieceRows = 128
  /// Columns that one thread works on at a time.
  private static let chunk = 1024

  init(_ kernel: RegularizedKernel, _ options: SolverOptions) throws(PredictionError) {
    self.kernel = kernel
    self.options = try options.checked()
    matrix = GramOperator(try kernel.tiles)
    count = kernel.count
    folder = try PanelFolder(options.folder, options.files)
    // That of the panels which are there, whatever memory there is now.
    let file = DurableFile(path: "\(folder.path)/width", fingerprint: UInt64(count), files: options.files)
    let known = try file.read([1]).map { Int($0.scalars(as: Double.self)[0]) }
    // A panel, what it is read from, and parts of it at the same time.
    let affordable = Int(Double(AvailableMemory.bytes) / 6 / (8 * Double(max(1, count))))
    width = min(count, options.panelWidth ?? known ?? max(128, min(4096, affordable)))
    if known != width { try file.write(Tensor([Double(width)])) }
  }

  var name: String { "Cholesky factorisation in panels of \(width) columns in \(folder.path)" }

  private var panelCount: Int { (count + width - 1) / width }
  private func columns(_ panel: Int) -> Range<Int> { panel * width..<min(count, (panel + 1) * width) }
  /// Numbers in a row of a panel.
  private func length(_ panel: Int) -> Int { count - panel * width }

  private func file(_ panel: Int, _ fingerprint: UInt64) -> DurableFile {
    DurableFile(
      path: "\(folder.path)/panel-\(panel)", fingerprint: DurableFile.mixed(fingerprint, UInt64(panel)),
      files: options.files)
  }

  /// Of the matrix, as far as its diagonal and its first row tell, and of how it is cut.
  private func fingerprint() throws(PredictionError) -> UInt64 {
    let (diagonal, first) = try reading(kernel.argument) {
      (try matrix.diagonal(), try matrix.rows([0]))
    }
    return [UInt64(count), UInt64(width), kernel.shift.bitPattern, DurableFile.checksum(first)]
      .reduce(DurableFile.checksum(diagonal), DurableFile.mixed)
  }

  /// Factors what is not factored yet; calls `body` with the files of all panels.
  private func withPanels<Result>(_ body: ([DurableFile]) throws(PredictionError) -> Result) throws(PredictionError)
    -> Result
  {
    try body(panels { () throws(PredictionError) in try factored() })
  }

  private let panels = Lazily<[DurableFile]>()

  private func factored() throws(PredictionError) -> [DurableFile] {
    let fingerprint = try fingerprint()
    let files = (0..<panelCount).map { file($0, fingerprint) }
    // Panels are of different sizes, so that none can use the memory of another.
    var done = 0
    while done < files.count {
      ResidentMemory.releaseFreed()
      guard try files[done].holds(columns(done).count * length(done), verifies: true) else { break }
      done += 1
    }
    for panel in done..<files.count {
      ResidentMemory.releaseFreed()
      options.progress?("factoring panel \(panel + 1) of \(files.count)", Double(panel) / Double(files.count))
      try files[panel].write(try factor(panel, files))
    }
    return files
  }

  private func factor(_ panel: Int, _ files: [DurableFile]) throws(PredictionError) -> Tensor {
    let own = columns(panel)
    let length = length(panel)
    // Rows of the matrix from the diagonal on.
    var result = Tensor.zeros([own.count, length], dtype: .float64)
    for first in stride(from: 0, to: own.count, by: Self.pieceRows) {
      let piece = first..<min(own.count, first + Self.pieceRows)
      let rows = try reading(kernel.argument) { try matrix.rows(piece.map { own.lowerBound + $0 }) }
      rows.withUnsafeBuffer(of: Double.self) { rows in
        result.withUnsafeMutableBuffer(of: Double.self) { target in
          for row in piece {
            let source = (row - piece.lowerBound) * count + own.lowerBound
            for k in 0..<length { target[row * length + k] = rows[source + k] }
            target[row * length + row] += kernel.shift
          }
        }
      }
    }
    for earlier in 0..<panel {
      let rows = columns(earlier).count
      for first in stride(from: 0, to: rows, by: Self.pieceRows) {
        let piece = try files[earlier].rows(
          first..<min(rows, first + Self.pieceRows), columns: own.lowerBound - earlier * width..<self.length(earlier),
          of: self.length(earlier))
        Self.subtract(&result, piece)
      }
    }
    let block = result.sliced(axis: 1, 0..<own.count)
    guard firstNonFinite(block) == nil else { throw .notFinite(argument: kernel.argument, index: [own.lowerBound]) }
    let lower: Tensor
    do throws(TensorError) {
      lower = try cholesky(block)
    } catch {
      guard case .notPositiveDefinite(let pivot, _) = error else {
        throw .linearAlgebra(argument: kernel.argument, error)
      }
      throw kernel.notPositiveDefinite(pivot: own.lowerBound + pivot)
    }
    Self.solveLower(lower, &result)
    // What is below the diagonal of Lᵀ is rounding.
    result.withUnsafeMutableBuffer(of: Double.self) { elements in
      for row in 0..<own.count { for k in 0..<row { elements[row * length + k] = 0 } }
    }
    return result
  }

  /// c −= (first columns of b)ᵀ b, as many columns as c has rows.
  private static func subtract(_ c: inout Tensor, _ b: Tensor) {
    let (m, n, k) = (c.shape[0], c.shape[1], b.shape[0])
    nonisolated(unsafe) let source = b.unsafePointer(to: Double.self)
    c.withUnsafeMutableBuffer(of: Double.self) { buffer in
      nonisolated(unsafe) let target = buffer
      Threads.forEach((n + chunk - 1) / chunk) { index in
        guard let target = target.baseAddress else { return }
        let first = index * chunk
        TileProducts.subtract(
          transposeA: true, m: m, n: min(chunk, n - first), k: k, source, lda: n, source + first, ldb: n,
          target + first, ldc: n)
      }
    }
    withExtendedLifetime(b) {}
  }

  /// L⁻¹ b in place.
  private static func solveLower(_ lower: Tensor, _ b: inout Tensor) {
    let (size, columns) = (b.shape[0], b.shape[1])
    nonisolated(unsafe) let factor = lower.unsafePointer(to: Double.self)
    b.withUnsafeMutableBuffer(of: Double.self) { buffer in
      nonisolated(unsafe) let target = buffer
      Threads.forEach((columns + chunk - 1) / chunk) { index in
        guard let target = target.baseAddress else { return }
        let first = index * chunk
        TileProducts.solveLower(
          n: size, columns: min(chunk, columns - first), factor, lda: size, target + first, ldb: columns)
      }
    }
    withExtendedLifetime(lower) {}
  }

  // MARK: - Solving

  /// The upper triangle Lᵀ of a panel's own columns.
  private func diagonalBlock(_ panel: Int, _ file: DurableFile) throws(PredictionError) -> Tensor {
    let size = columns(panel).count
    return try file.rows(0..<size, columns: 0..<size, of: length(panel))
  }

  /// L⁻¹ of each row of `vectors`.
  private func forward(_ vectors: Tensor, _ files: [DurableFile]) throws(PredictionError) -> Tensor {
    var rest = vectors.asType(.float64)
    var parts: [Tensor] = []
    for panel in files.indices {
      let size = columns(panel).count
      let upper = try diagonalBlock(panel, files[panel])
      let own = try onBehalf(of: kernel.argument) { () throws(TensorError) in
        try triangularSolve(upper, rest.sliced(axis: 1, 0..<size), lower: false, side: .right)
      }
      parts.append(own)
      guard length(panel) > size else { break }
      rest = rest.sliced(axis: 1, size..<length(panel))
      for first in stride(from: 0, to: size, by: Self.pieceRows) {
        let piece = first..<min(size, first + Self.pieceRows)
        let rows = try files[panel].rows(piece, columns: size..<length(panel), of: length(panel))
        rest = rest - matmul(own.sliced(axis: 1, piece), rows)
      }
    }
    return concatenate(parts, axis: 1)
  }

  /// L⁻ᵀ of each row of `vectors`.
  private func backward(_ vectors: Tensor, _ files: [DurableFile]) throws(PredictionError) -> Tensor {
    var solved: Tensor?
    for panel in files.indices.reversed() {
      let size = columns(panel).count
      var own = vectors.sliced(axis: 1, columns(panel))
      if let solved {
        var products: [Tensor] = []
        for first in stride(from: 0, to: size, by: Self.pieceRows) {
          let rows = try files[panel].rows(
            first..<min(size, first + Self.pieceRows), columns: size..<length(panel), of: length(panel))
          products.append(dotGeneral(solved, rows, contracting: ([1], [1])))
        }
        own = own - concatenate(products, axis: 1)
      }
      let upper = try diagonalBlock(panel, files[panel])
      own = try onBehalf(of: kernel.argument) { () throws(TensorError) in
        try triangularSolve(upper, own, lower: false, transpose: true, side: .right)
      }
      solved = solved.map { concatenate([own, $0], axis: 1) } ?? own
    }
    return solved ?? vectors
  }

  func solve(_ b: Tensor) throws(PredictionError) -> Tensor {
    try withPanels { (files) throws(PredictionError) in
      try backward(try forward(b.transposed(), files), files).transposed()
    }
  }

  /// x L⁻ᵀ.
  func whitened(_ x: Tensor) throws(PredictionError) -> Tensor {
    try withPanels { (files) throws(PredictionError) in try forward(x, files) }
  }

  func logDeterminant() throws(PredictionError) -> Double {
    try logDeterminantOfFactor { () throws(PredictionError) in
      try withPanels { (files) throws(PredictionError) in
        var sum = 0.0
        for panel in files.indices {
          sum += 2 * log(try diagonalBlock(panel, files[panel]).diagonal()).sum().scalar(as: Double.self)
        }
        return sum
      }
    }
  }

  func inverseDiagonal() throws(PredictionError) -> Tensor {
    throw .unavailable(
      quantity: "leave-one-out predictions", solver: name, instead: "SolverChoice.factorized")
  }

  func eigenbasis() throws(PredictionError) -> Eigenbasis {
    throw .unavailable(
      quantity: "predictions at finite times", solver: name, instead: "SolverChoice.spectral or .factorized")
  }
}

/// A folder for panels: one that the user names and keeps, or one that goes away with the solver.
private final class PanelFolder: Sendable {
  let path: String
  private let isTemporary: Bool

  init(_ named: String?, _ files: any FileSystem) throws(PredictionError) {
    isTemporary = named == nil
    if let named {
      path = named
      do throws(FileFailure) { try files.makeDirectories(named) } catch {
        throw .storage(argument: named, reason: "the folder cannot be made: \(error.reason)")
      }
      DurableFile.sweep(named, ["panel-", "width."], files)
      return
    }
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/neural-tangents-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw .storage(argument: parent, reason: "no temporary folder can be made: \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    guard isTemporary else { return }
    unlink("\(path)/width")
    var panel = 0
    while unlink("\(path)/panel-\(panel)") == 0 { panel += 1 }
    rmdir(path)
  }
}
