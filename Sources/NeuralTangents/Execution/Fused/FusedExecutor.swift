import Foundation
import Synchronization
import Tensors

/// Runs a fused plan over tiles of the Gram matrix on all cores.
///
/// A tile of x1·x2ᵀ comes from BLAS; then every row of it runs through the whole plan while it is in the L1 cache. Tiles
/// lie on a fixed grid, so the numbers depend neither on the thread count nor on who computes which tile. When both data
/// sets are one, only tiles on and above the diagonal are computed, and the diagonal comes from the self-covariances.
struct FusedExecutor<Scalar: FusedScalar>: Sendable {
  private let plan: FusedPlan
  private let inputs: [CovarianceInput]
  private let withNTK: Bool
  private let isSymmetric: Bool
  private let n1: Int
  private let n2: Int
  private let self1: SelfCovariances<Scalar>
  private let self2: SelfCovariances<Scalar>
  /// Those of the outputs, in float64: they are the largest entries of a kernel, and rounding them in every layer would
  /// be its largest error.
  private let exact1: SelfCovariances<Double>
  private let exact2: SelfCovariances<Double>
  private let progress: (@Sendable (KernelProgress) -> Void)?

  /// Rows and columns of a tile: 512 KiB of K, so that it stays in a second-level cache while its rows are worked on,
  /// and large enough for BLAS to reach its full speed.
  private static var tileRows: Int { 256 }
  private static var tileColumns: Int { 2048 / MemoryLayout<Scalar>.size }
  private static var tileElements: Int { tileRows * tileColumns }
  /// Rows of a tile on the diagonal that are multiplied at once, from their first column on or above the diagonal.
  private static var diagonalRows: Int { 64 }

  init(
    _ plan: FusedPlan, _ inputs: [CovarianceInput], withNTK: Bool, progress: (@Sendable (KernelProgress) -> Void)?
  ) throws(NetworkError) {
    self.plan = plan
    self.inputs = inputs
    self.withNTK = withNTK
    self.progress = progress
    let isSymmetric = inputs.allSatisfy(\.isSymmetric)
    self.isSymmetric = isSymmetric
    (n1, n2) = inputs[0].counts
    (self1, self2) = try Self.selfCovariances(plan, inputs, isSymmetric: isSymmetric)
    (exact1, exact2) = try FusedExecutor<Double>.selfCovariances(
      plan, inputs.map { $0.converted(to: .float64) }, isSymmetric: isSymmetric)
  }

  private static func selfCovariances(
    _ plan: FusedPlan, _ inputs: [CovarianceInput], isSymmetric: Bool
  ) throws(NetworkError) -> (SelfCovariances<Scalar>, SelfCovariances<Scalar>) {
    let (n1, n2) = inputs[0].counts
    let first = try SelfCovariances<Scalar>(
      plan, count: n1, variances: inputs.map { $0.variances(ofSecond: false, as: Scalar.self) },
      thetas: inputs.map { isSymmetric ? $0.selfThetas : nil })
    guard !isSymmetric else { return (first, first) }
    let second = try SelfCovariances<Scalar>(
      plan, count: n2, variances: inputs.map { $0.variances(ofSecond: true, as: Scalar.self) },
      thetas: inputs.map { _ in nil })
    return (first, second)
  }

  func run() throws(NetworkError) -> [KernelComputation.Output] {
    let results = plan.outputs.map { _ in Result(n1: n1, n2: n2, withNTK: withNTK) }
    let tiles = tileOrigins()
    let done = Atomic<Int>(0)
    let failure = Mutex<NetworkError?>(nil)
    Threads.forEachWorker(tiles.count) { next in
      let worker = Worker(self, results)
      while let index = next() {
        if failure.withLock({ $0 != nil }) { break }
        do throws(NetworkError) {
          try worker.compute(row: tiles[index].row, column: tiles[index].column)
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
        let count = done.add(1, ordering: .relaxed).newValue
        progress?(KernelProgress(tilesDone: count, tileCount: tiles.count))
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return results.enumerated().map { index, result in
      KernelComputation.Output(
        k12: result.k12, theta: result.theta,
        k11: Tensor(copying: exact1.outputVariances(index), shape: [n1]).asType(Scalar.dtype),
        k22: isSymmetric ? nil : Tensor(copying: exact2.outputVariances(index), shape: [n2]).asType(Scalar.dtype))
    }
  }

  /// The tiles to compute, those on the diagonal, which are less work, last: so threads finish together.
  private func tileOrigins() -> [(row: Int, column: Int)] {
    let tiles = stride(from: 0, to: n1, by: Self.tileRows).flatMap { row in
      stride(from: isSymmetric ? row : 0, to: n2, by: Self.tileColumns).map { (row: row, column: $0) }
    }
    guard isSymmetric else { return tiles }
    return tiles.filter { $0.row != $0.column } + tiles.filter { $0.row == $0.column }
  }

  /// The matrices of one output. Threads write to disjoint tiles of them.
  private final class Result: @unchecked Sendable {
    let k12: Tensor
    let theta: Tensor?
    let k: UnsafeMutablePointer<Scalar>
    let thetaPointer: UnsafeMutablePointer<Scalar>?

    init(n1: Int, n2: Int, withNTK: Bool) {
      var (k12, k) = Result.matrix(n1, n2)
      self.k12 = k12
      self.k = k
      guard withNTK else {
        theta = nil
        thetaPointer = nil
        return
      }
      (k12, k) = Result.matrix(n1, n2)
      theta = k12
      thetaPointer = k
    }

    private static func matrix(_ n1: Int, _ n2: Int) -> (Tensor, UnsafeMutablePointer<Scalar>) {
      var pointer: UnsafeMutablePointer<Scalar>?
      let tensor = Tensor(shape: [n1, n2], of: Scalar.self) { pointer = $0.baseAddress }
      return (tensor, pointer!)
    }
  }

  /// One thread's scratch memory and the work on a tile.
  private final class Worker {
    private let executor: FusedExecutor
    private let results: [Result]
    /// One tile of K and of Θ per input of the program.
    private let inputTiles: Scratch<Scalar>
    /// A row of K and of Θ per register.
    private let rows: Scratch<Scalar>
    /// Where the current row of each register is: in `inputTiles` for inputs, in `rows` for the others.
    private var k: [UnsafeMutablePointer<Scalar>]
    private var theta: [UnsafeMutablePointer<Scalar>]

    init(_ executor: FusedExecutor, _ results: [Result]) {
      self.executor = executor
      self.results = results
      let (plan, size) = (executor.plan, FusedExecutor.tileColumns)
      inputTiles = Scratch(2 * plan.inputCount * FusedExecutor.tileElements)
      let rows = Scratch<Scalar>(2 * plan.registerCount * size)
      self.rows = rows
      k = (0..<plan.registerCount).map { rows.pointer + 2 * $0 * size }
      theta = (0..<plan.registerCount).map { rows.pointer + (2 * $0 + 1) * size }
    }

    func compute(row: Int, column: Int) throws(NetworkError) {
      let rowCount = min(FusedExecutor.tileRows, executor.n1 - row)
      let columnCount = min(FusedExecutor.tileColumns, executor.n2 - column)
      for input in executor.inputs.indices { load(input, row, column, rowCount, columnCount) }
      for i in row..<row + rowCount {
        // Above the diagonal only, but from a multiple of the vector length.
        let offset = executor.isSymmetric && i > column ? (i - column) / 16 * 16 : 0
        let count = columnCount - offset
        try computeRow(i, column + offset, count, at: (i - row) * FusedExecutor.tileColumns + offset)
        try store(i, column + offset, count)
      }
      if executor.isSymmetric { mirror(row, column, rowCount, columnCount) }
    }

    /// Fills the tile of one input of the program.
    private func load(_ input: Int, _ row: Int, _ column: Int, _ rowCount: Int, _ columnCount: Int) {
      let tile = inputTiles.pointer + 2 * input * FusedExecutor.tileElements
      switch executor.inputs[input] {
      case .data(let x1, let x2):
        let channels = x1.shape[1]
        let a = x1.unsafePointer(to: Scalar.self) + row * channels
        let b = (x2 ?? x1).unsafePointer(to: Scalar.self) + column * channels
        let step = executor.isSymmetric && row == column ? FusedExecutor.diagonalRows : rowCount
        for first in stride(from: 0, to: rowCount, by: step) {
          let skipped = executor.isSymmetric && row == column ? first : 0
          Scalar.multiplyTransposed(
            min(step, rowCount - first), columnCount - skipped, channels, alpha: 1 / Scalar(channels),
            a + first * channels, b + skipped * channels, tile + first * FusedExecutor.tileColumns + skipped,
            ldc: FusedExecutor.tileColumns)
        }
        correct(input, tile, row, column, rowCount, columnCount, a, b, channels)
      case .kernel(let kernel):
        copyBlock(of: kernel.nngp, to: tile, row, column, rowCount, columnCount)
        if executor.withNTK, let ntk = kernel.ntk {
          copyBlock(of: ntk, to: tile + FusedExecutor.tileElements, row, column, rowCount, columnCount)
        }
      }
    }

    private func correct(
      _ input: Int, _ tile: UnsafeMutablePointer<Scalar>, _ row: Int, _ column: Int, _ rowCount: Int,
      _ columnCount: Int, _ x1: UnsafePointer<Scalar>, _ x2: UnsafePointer<Scalar>, _ channels: Int
    ) {
      let (self1, self2) = (executor.self1, executor.self2)
      let check = CollinearityCheck<Scalar>(channels: channels)
      let (variances, roots) = (self2.inputVariances(input) + column, self2.inputRoots(input) + column)
      for i in 0..<rowCount {
        let line = tile + i * FusedExecutor.tileColumns
        let (q11, root11) = (self1.inputVariances(input)[row + i], self1.inputRoots(input)[row + i])
        let bound = check.threshold * root11
        let start = executor.isSymmetric && row == column ? i + 1 : 0
        var j = Scalar.findAtLeast(columnCount, from: start, line, factor: bound, scale: roots)
        while j < columnCount {
          line[j] = check.corrected(
            line[j], q11, variances[j], root11, roots[j], x1 + i * channels, x2 + j * channels, channels: channels)
          j = Scalar.findAtLeast(columnCount, from: j + 1, line, factor: bound, scale: roots)
        }
      }
    }

    private func copyBlock(
      of matrix: Tensor, to tile: UnsafeMutablePointer<Scalar>, _ row: Int, _ column: Int, _ rowCount: Int,
      _ columnCount: Int
    ) {
      let stride = matrix.shape[1]
      let source = matrix.unsafePointer(to: Scalar.self)
      for i in 0..<rowCount {
        (tile + i * FusedExecutor.tileColumns).update(from: source + (row + i) * stride + column, count: columnCount)
      }
    }

    /// Runs the plan on one row; `place` is where it starts in the input tiles.
    private func computeRow(_ i: Int, _ column: Int, _ count: Int, at place: Int) throws(NetworkError) {
      let (self1, self2) = (executor.self1, executor.self2)
      let padded = (count + 15) / 16 * 16
      for input in executor.inputs.indices {
        k[input] = inputTiles.pointer + 2 * input * FusedExecutor.tileElements + place
        theta[input] = k[input] + FusedExecutor.tileElements
        for j in count..<padded { (k[input][j], theta[input][j]) = (1, 1) }
      }
      for instruction in executor.plan.instructions {
        switch instruction {
        case .copy(let from, let to, let hasTheta):
          k[to].update(from: k[from], count: padded)
          if hasTheta { theta[to].update(from: theta[from], count: padded) }
        case .affine(let register, let rule, let thetaIsZero):
          Scalar.affine(
            rule, padded, thetaIsZero: thetaIsZero, k[register], executor.withNTK ? theta[register] : nil)
        case .dual(let register, let routine, let factor, let hasTheta):
          switch routine {
          case .vector(let dual):
            Scalar.dualRow(
              dual, padded, row: self1.factors(factor) + i, rowStride: self1.stride,
              column: self2.factors(factor) + column, stride: self2.stride, k[register],
              hasTheta ? theta[register] : nil)
          case .tensor(let index):
            let activation = executor.plan.activations[index]
            let q12 = Tensor(copying: k[register], shape: [1, count])
            let q11 = Tensor(copying: self1.factors(factor) + i, shape: [1, 1])
            let q22 = Tensor(copying: self2.factors(factor) + column, shape: [1, count])
            if hasTheta {
              try theta[register].multiply(by: activation.derivativeDual(q12, q11, q22), count: count)
            }
            try k[register].update(from: activation.dual(q12, q11, q22), count: count)
          }
        case .normalize(let register, _, _, let factor, let hasTheta):
          Scalar.scaleRow(
            padded, row: self1.factors(factor)[i], column: self2.factors(factor) + column, k[register],
            hasTheta ? theta[register] : nil)
        case .dropout:
          break  // Changes the covariance of an input with itself only, which the self-covariances give.
        case .combine(let into, let from, let combination, let intoHasTheta, let fromHasTheta):
          Scalar.combine(
            combination, padded, thetaIsZero: !intoHasTheta, k[into],
            intoHasTheta || fromHasTheta ? theta[into] : nil, k[from],
            fromHasTheta ? UnsafePointer(theta[from]) : nil)
        }
      }
    }

    /// Copies the outputs of row `i` to the results, checked.
    private func store(_ i: Int, _ column: Int, _ count: Int) throws(NetworkError) {
      for (index, (result, output)) in zip(results, executor.plan.outputs).enumerated() {
        let place = i * executor.n2 + column
        try store(k[output.register], to: result.k + place, count, name: "nngp", i, column)
        if let target = result.thetaPointer {
          if output.hasTheta {
            try store(theta[output.register], to: target + place, count, name: "ntk", i, column)
          } else {
            (target + place).update(repeating: 0, count: count)
          }
        }
        if executor.isSymmetric, (column..<column + count).contains(i) {
          let diagonal = i * executor.n2 + i
          result.k[diagonal] = Scalar(executor.exact1.outputVariances(index)[i])
          result.thetaPointer?[diagonal] = Scalar(executor.exact1.outputThetas(index)[i])
        }
      }
    }

    private func store(
      _ source: UnsafeMutablePointer<Scalar>, to target: UnsafeMutablePointer<Scalar>, _ count: Int, name: String,
      _ i: Int, _ column: Int
    ) throws(NetworkError) {
      if Scalar.copyIfFinite(count, source, to: target) { return }
      let j = (0..<count).first { !source[$0].isFinite } ?? 0
      throw .notFinite(kernel: name, place: "\(source[j]) at [\(i), \(column + j)]")
    }

    /// Copies what was computed above the diagonal to below it.
    private func mirror(_ row: Int, _ column: Int, _ rowCount: Int, _ columnCount: Int) {
      let stride = executor.n2
      for result in results {
        for matrix in [result.k, result.thetaPointer].compactMap({ $0 }) {
          let start = row == column ? rowCount : 0
          if row == column {
            for i in row..<row + rowCount {
              for j in row..<i { matrix[i * stride + j] = matrix[j * stride + i] }
            }
          }
          Scalar.transpose(
            rows: rowCount, columns: columnCount - start, matrix + row * stride + column + start, stride: stride,
            to: matrix + (column + start) * stride + row, stride: stride)
        }
      }
    }
  }
}

extension CovarianceInput {
  /// Variances of the inputs of one of the data sets, shape (N).
  func variances<Scalar: FusedScalar>(ofSecond: Bool, as type: Scalar.Type) -> Tensor {
    switch self {
    case .data(let x1, let x2):
      let x = ofSecond ? x2 ?? x1 : x1
      let channels = x.shape[1]
      nonisolated(unsafe) let source = x.unsafePointer(to: Scalar.self)
      return Tensor(shape: [x.shape[0]], of: Scalar.self) { variances in
        nonisolated(unsafe) let target = variances
        Threads.forEachRange(variances.count, grain: 1 + 65536 / channels) { rows in
          for row in rows {
            target[row] = Scalar(Scalar.sumOfSquares(channels, source + row * channels) / Double(channels))
          }
        }
      }
    case .kernel(let kernel): return ofSecond ? kernel.cov2 ?? kernel.cov1 : kernel.cov1
    }
  }

  /// Θ of every input with itself, shape (N); nil when there is none yet.
  var selfThetas: Tensor? {
    guard case .kernel(let kernel) = self else { return nil }
    return kernel.ntk?.diagonal()
  }
}
