import Tensors

/// One thread's scratch memory, and the work on a tile: product, rows through the plan, result.
final class RowInterpreter<Scalar: LoopScalar> {
  private typealias Executor = RowRun<Scalar>

  private let executor: RowRun<Scalar>
  private let results: [RowResult<Scalar>]
  /// A tile of K and a tile of Θ for every input of the program, then for every output that is not in an input's place.
  private let tiles: Scratch<Scalar>
  /// Where the tiles of every output are, counted in pairs of tiles.
  private let outputPlaces: [Int]
  /// A row of K and of Θ for every register.
  private let rows: Scratch<Scalar>
  /// Where the current row of every register is: in `tiles` for inputs, in `rows` for the others.
  private var k: [UnsafeMutablePointer<Scalar>]
  private var theta: [UnsafeMutablePointer<Scalar>]

  init(_ executor: RowRun<Scalar>, _ results: [RowResult<Scalar>]) {
    self.executor = executor
    self.results = results
    let (plan, size) = (executor.plan, Executor.tileSize)
    var places = plan.inputCount
    outputPlaces = plan.outputs.map { output in
      if output.register < plan.inputCount { return output.register }
      defer { places += 1 }
      return places
    }
    tiles = Scratch(2 * places * size * size)
    let rows = Scratch<Scalar>(2 * plan.registerCount * size)
    self.rows = rows
    k = (0..<plan.registerCount).map { rows.pointer + 2 * $0 * size }
    theta = (0..<plan.registerCount).map { rows.pointer + (2 * $0 + 1) * size }
  }

  func compute(_ tile: Tile) throws(NetworkError) {
    for input in executor.inputs.indices { load(input, tile) }
    for i in 0..<tile.rowCount {
      // On and above the diagonal only, but from a multiple of the vector length.
      let offset = tile.isOnDiagonal ? i / 16 * 16 : 0
      let count = tile.columnCount - offset
      try computeRow(tile.row + i, tile.column + offset, count, at: i * Executor.tileSize + offset)
      keepOutputs(count, at: i * Executor.tileSize + offset)
    }
    for output in results.indices { try store(output, tile) }
  }

  private func kTile(_ place: Int) -> UnsafeMutablePointer<Scalar> {
    tiles.pointer + 2 * place * Executor.tileSize * Executor.tileSize
  }

  private func thetaTile(_ place: Int) -> UnsafeMutablePointer<Scalar> {
    kTile(place) + Executor.tileSize * Executor.tileSize
  }

  // MARK: - Input

  /// Fills the tile of one input of the program.
  private func load(_ input: Int, _ tile: Tile) {
    switch executor.inputs[input] {
    case .data(let data):
      let (x1, x2) = (data.x1, data.x2)
      let channels = x1.shape[1]
      let a = x1.unsafePointer(to: Scalar.self) + tile.row * channels
      let b = (x2 ?? x1).unsafePointer(to: Scalar.self) + tile.column * channels
      let (target, scale) = (kTile(input), 1 / Scalar(channels))
      if tile.isOnDiagonal {
        Scalar.multiplyBySelf(tile.rowCount, channels, alpha: scale, a, target, ldc: Executor.tileSize)
        mirrorBlocks(of: target, tile.rowCount)
      } else {
        Scalar.multiplyTransposed(
          tile.rowCount, tile.columnCount, channels, alpha: scale, a, b, target, ldc: Executor.tileSize)
      }
      correct(input, tile, a, b, channels)
    case .kernel(let kernel):
      copyBlock(of: kernel.nngp, to: kTile(input), tile)
      if executor.tangent != .absent, let ntk = kernel.ntk { copyBlock(of: ntk, to: thetaTile(input), tile) }
    }
  }

  /// Completes the blocks of 16 on the diagonal of a tile, because rows start at a multiple of 16.
  private func mirrorBlocks(of matrix: UnsafeMutablePointer<Scalar>, _ count: Int) {
    for i in 0..<count {
      for j in i / 16 * 16..<i { matrix[i * Executor.tileSize + j] = matrix[j * Executor.tileSize + i] }
    }
  }

  /// Gives equal and opposite inputs their exact covariance, see `CollinearityCheck`.
  private func correct(
    _ input: Int, _ tile: Tile, _ x1: UnsafePointer<Scalar>, _ x2: UnsafePointer<Scalar>, _ channels: Int
  ) {
    let check = CollinearityCheck<Scalar>(channels: channels)
    let variances = executor.self2.inputVariances(input) + tile.column
    let roots = executor.self2.inputRoots(input) + tile.column
    for i in 0..<tile.rowCount {
      let line = kTile(input) + i * Executor.tileSize
      let q11 = executor.self1.inputVariances(input)[tile.row + i]
      let root11 = executor.self1.inputRoots(input)[tile.row + i]
      let bound = check.threshold * root11
      // The diagonal itself comes from the self-covariances; as equal inputs it costs a series no integral.
      if tile.isOnDiagonal { line[i] = q11 }
      var j = Scalar.findAtLeast(
        tile.columnCount, from: tile.isOnDiagonal ? i + 1 : 0, line, factor: bound, scale: roots)
      while j < tile.columnCount {
        line[j] = check.corrected(
          line[j], q11, variances[j], root11, roots[j], x1 + i * channels, x2 + j * channels, channels: channels)
        j = Scalar.findAtLeast(tile.columnCount, from: j + 1, line, factor: bound, scale: roots)
      }
    }
  }

  private func copyBlock(of matrix: Tensor, to target: UnsafeMutablePointer<Scalar>, _ tile: Tile) {
    let source = matrix.unsafePointer(to: Scalar.self) + tile.row * matrix.shape[1] + tile.column
    for i in 0..<tile.rowCount {
      (target + i * Executor.tileSize).update(from: source + i * matrix.shape[1], count: tile.columnCount)
    }
  }

  // MARK: - Rows

  /// Runs the plan on the entries of row `i` from `column` on; `place` is where they start in the tiles.
  private func computeRow(_ i: Int, _ column: Int, _ count: Int, at place: Int) throws(NetworkError) {
    let (self1, self2) = (executor.self1, executor.self2)
    let padded = (count + 15) / 16 * 16
    for input in executor.inputs.indices {
      k[input] = kTile(input) + place
      theta[input] = thetaTile(input) + place
      for j in count..<padded { (k[input][j], theta[input][j]) = (1, 1) }
    }
    for instruction in executor.plan.instructions {
      switch instruction {
      case .copy(let from, let to, let tangent):
        k[to].update(from: k[from], count: padded)
        if tangent == .given { theta[to].update(from: theta[from], count: padded) }
      case .affine(let register, let rule, let tangent):
        Scalar.affine(
          rule, padded, tangent, k[register], theta[register])
      case .dual(let register, let routine, let factor, let tangent):
        let thetaRow = tangent == .given ? theta[register] : nil
        switch routine {
        case .vector(let dual):
          Scalar.dualRow(
            dual, padded, row: self1.factors(factor) + i, rowStride: self1.stride,
            column: self2.factors(factor) + column, stride: self2.stride, k[register], thetaRow)
        case .tensor(let index):
          let activation = executor.plan.activations[index]
          let q12 = Tensor(copying: k[register], shape: [1, count])
          let q11 = Tensor(copying: self1.factors(factor) + i, shape: [1, 1])
          let q22 = Tensor(copying: self2.factors(factor) + column, shape: [1, count])
          if let thetaRow { try thetaRow.multiply(by: activation.derivativeDual(q12, q11, q22), count: count) }
          try k[register].update(from: activation.dual(q12, q11, q22), count: count)
        }
      case .normalize(let register, _, _, let factor, let tangent):
        Scalar.scaleRow(
          padded, row: self1.factors(factor)[i], column: self2.factors(factor) + column, k[register],
          tangent == .given ? theta[register] : nil)
      case .dropout:
        break  // Changes the covariance of an input with itself only, which the self-covariances give.
      case .combine(let into, let from, let combination, let intoTangent, let fromTangent):
        Scalar.combine(
          combination, padded, intoTangent, k[into], max(intoTangent, fromTangent) == .given ? theta[into] : nil,
          k[from], fromTangent == .given ? UnsafePointer(theta[from]) : nil)
      }
    }
  }

  /// Puts the rows of outputs that are not in an input's place into their tiles.
  private func keepOutputs(_ count: Int, at place: Int) {
    for (output, tile) in zip(executor.plan.outputs, outputPlaces) where output.register >= executor.plan.inputCount {
      (kTile(tile) + place).update(from: k[output.register], count: count)
      if output.tangent == .given { (thetaTile(tile) + place).update(from: theta[output.register], count: count) }
    }
  }

  // MARK: - Output

  /// Copies the tiles of an output to the result, and to below the diagonal of a symmetric one.
  private func store(_ output: Int, _ tile: Tile) throws(NetworkError) {
    let (result, place) = (results[output], outputPlaces[output])
    try store(kTile(place), to: result.k, tile, name: "nngp")
    if let exact = executor.exact1 { setDiagonal(of: result.k, to: exact.outputVariances(output), tile) }
    guard let target = result.thetaPointer else { return }
    if executor.plan.outputs[output].tangent == .given {
      try store(thetaTile(place), to: target, tile, name: "ntk")
      if let exact = executor.exact1 { setDiagonal(of: target, to: exact.outputThetas(output), tile) }
    } else {
      clear(target, tile)
    }
  }

  private func store(
    _ source: UnsafeMutablePointer<Scalar>, to matrix: UnsafeMutablePointer<Scalar>, _ tile: Tile, name: String
  ) throws(NetworkError) {
    let (size, stride) = (Executor.tileSize, executor.n2)
    // On the diagonal, blocks of 16 columns hold entries from the block's first row on.
    let step = tile.isOnDiagonal ? 16 : tile.rowCount
    for first in Swift.stride(from: 0, to: tile.rowCount, by: step) {
      let (rowCount, skipped) = (min(step, tile.rowCount - first), tile.isOnDiagonal ? first : 0)
      let block = source + first * size + skipped
      let columnCount = tile.columnCount - skipped
      let (row, column) = (tile.row + first, tile.column + skipped)
      guard
        Scalar.storeBlock(
          rows: rowCount, columns: columnCount, block, stride: size, to: matrix + row * stride + column, stride: stride)
      else { throw notFinite(block, rowCount, columnCount, row, column, name) }
      guard executor.isSymmetric else { continue }
      if tile.isOnDiagonal { mirror(matrix, row, rowCount) }
      let done = tile.isOnDiagonal ? rowCount : 0
      Scalar.transpose(
        rows: rowCount, columns: columnCount - done, block + done, stride: size,
        to: matrix + (column + done) * stride + row, stride: stride)
    }
  }

  /// Makes the block on the diagonal that starts at `first` symmetric.
  private func mirror(_ matrix: UnsafeMutablePointer<Scalar>, _ first: Int, _ count: Int) {
    for i in first..<first + count {
      for j in first..<i { matrix[i * executor.n2 + j] = matrix[j * executor.n2 + i] }
    }
  }

  private func setDiagonal(of matrix: UnsafeMutablePointer<Scalar>, to values: UnsafePointer<Double>, _ tile: Tile) {
    guard tile.isOnDiagonal else { return }
    for i in tile.row..<tile.row + tile.rowCount { matrix[i * executor.n2 + i] = Scalar(values[i]) }
  }

  private func clear(_ matrix: UnsafeMutablePointer<Scalar>, _ tile: Tile) {
    for i in tile.row..<tile.row + tile.rowCount {
      (matrix + i * executor.n2 + tile.column).update(repeating: 0, count: tile.columnCount)
    }
    guard executor.isSymmetric else { return }
    for j in tile.column..<tile.column + tile.columnCount {
      (matrix + j * executor.n2 + tile.row).update(repeating: 0, count: tile.rowCount)
    }
  }

  private func notFinite(
    _ block: UnsafePointer<Scalar>, _ rowCount: Int, _ columnCount: Int, _ row: Int, _ column: Int, _ name: String
  ) -> NetworkError {
    let origin = executor.origin
    for i in 0..<rowCount {
      for j in 0..<columnCount where !block[i * Executor.tileSize + j].isFinite {
        return .notFinite(
          kernel: name, at: [origin.row + row + i, origin.column + column + j], block[i * Executor.tileSize + j])
      }
    }
    return .notFinite(kernel: name, at: [origin.row + row, origin.column + column])
  }
}
