import Tensors

/// Gradients of networks without positions: products by BLAS, and rows of tiles through the program and back while they are in
/// cache.
///
/// Every entry of a tile is computed as any other, and sums over tiles are taken in the order of the tiles, so that the numbers
/// do not depend on the number of threads.
struct GradientRows<Scalar: GradientScalar>: @unchecked Sendable {
  private let problem: GradientProblem<Scalar>
  private let setCount: Int
  private let rows: DataSetNumbers
  private let columns: DataSetNumbers

  /// Rows of a strip, columns of a tile, and rows of a tile.
  private static var stripRows: Int { 16 }
  private static var tileColumns: Int { 128 }
  private static var tileRows: Int { 64 }
  /// Inputs that meet themselves side by side.
  private static var selfLanes: Int { 512 }

  /// What the inputs of a data set have by themselves.
  private struct DataSetNumbers {
    /// Inputs, rounded up to a multiple of 16.
    let stride: Int
    /// Per set.
    let numbers: Scratch<Scalar>
    let cotangents: Scratch<Scalar>
    /// Per input of the program, the covariances of inputs with themselves and their cotangents.
    let covariances: Scratch<Scalar>
    let covarianceCotangents: Scratch<Scalar>

    init(count: Int, sets: Int, inputs: Int) {
      stride = (count + 15) / 16 * 16
      numbers = Scratch(sets * stride)
      cotangents = Scratch(sets * stride)
      covariances = Scratch(inputs * stride)
      covarianceCotangents = Scratch(inputs * stride)
      numbers.pointer.update(repeating: 1, count: sets * stride)
      cotangents.pointer.update(repeating: 0, count: sets * stride)
      covariances.pointer.update(repeating: 1, count: inputs * stride)
      covarianceCotangents.pointer.update(repeating: 0, count: inputs * stride)
    }
  }

  init(_ problem: GradientProblem<Scalar>) {
    self.problem = problem
    setCount = problem.plan.graph.numberSets.count
    rows = DataSetNumbers(count: problem.n1, sets: setCount, inputs: problem.inputs.count)
    columns =
      problem.isSymmetric
      ? rows : DataSetNumbers(count: problem.n2, sets: setCount, inputs: problem.inputs.count)
  }

  /// The gradients in x1 and x2 of every input of the program.
  ///
  /// - Throws: `NetworkError.interrupted`.
  func run() throws(NetworkError) -> [(x1: Tensor, x2: Tensor?)] {
    for dataSet in problem.dataSets {
      let numbers = numbers(of: dataSet)
      for input in problem.inputs.indices { makeVariances(problem.x(input, dataSet), numbers, input) }
      makeNumbers(dataSet)
    }
    let cotangents = problem.inputs.indices.map { products($0) }
    runTiles(cotangents.map(\.pointer))
    try NetworkError.checkInterruption()
    for dataSet in problem.dataSets { runItself(dataSet) }
    return problem.inputs.indices.map { gradient($0, cotangents[$0].tensor) }
  }

  private func numbers(of dataSet: DataSet) -> DataSetNumbers { dataSet == .first ? rows : columns }

  private func makeVariances(_ x: Tensor, _ numbers: DataSetNumbers, _ input: Int) {
    let channels = x.shape[1]
    nonisolated(unsafe) let source = x.unsafePointer(to: Scalar.self)
    nonisolated(unsafe) let target = numbers.covariances.pointer + input * numbers.stride
    Threads.forEachRange(x.shape[0], grain: 1 + 65536 / channels) { rows in
      for row in rows {
        target[row] = Scalar(Scalar.sumOfSquares(channels, source + row * channels) / Double(channels))
      }
    }
  }

  /// The covariances of an input of the program, shape (N1, N2), exact for equal and opposite inputs; a matrix of one's own.
  private func products(_ input: Int) -> (tensor: Tensor, pointer: UnsafeMutablePointer<Scalar>) {
    let (data, n2) = (problem.inputs[input], problem.n2)
    if let known = problem.products { return copy(of: known) }
    let (x2, channels) = (data.x2 ?? data.x1, data.x1.shape[1])
    let matrix = matmul(data.x1, x2.transposed())
    defer { withExtendedLifetime(matrix) {} }
    nonisolated(unsafe) let product = matrix.unsafePointer(to: Scalar.self)
    let check = CollinearityCheck<Scalar>(channels: channels)
    nonisolated(unsafe) let (a, b) = (data.x1.unsafePointer(to: Scalar.self), x2.unsafePointer(to: Scalar.self))
    nonisolated(unsafe) let q11 = rows.covariances.pointer + input * rows.stride
    nonisolated(unsafe) let q22 = columns.covariances.pointer + input * columns.stride
    let roots = Scratch<Scalar>(columns.stride)
    for column in 0..<columns.stride { roots.pointer[column] = q22[column].squareRoot() }
    var pointer: UnsafeMutablePointer<Scalar>?
    let tensor = Tensor(shape: [problem.n1, n2], of: Scalar.self) { buffer in
      guard let start = buffer.baseAddress else { return }
      pointer = start
      nonisolated(unsafe) let target = start
      Threads.forEachRange(problem.n1, grain: 1 + 32768 / n2) { rows in
        for row in rows {
          let line = target + row * n2
          let root = q11[row].squareRoot()
          for column in 0..<n2 { line[column] = product[row * n2 + column] / Scalar(channels) }
          func next(_ start: Int) -> Int {
            Scalar.findAtLeast(n2, from: start, line, factor: check.threshold * root, scale: roots.pointer)
          }
          var column = next(0)
          while column < n2 {
            line[column] = check.corrected(
              line[column], q11[row], q22[column], root, roots.pointer[column], a + row * channels,
              b + column * channels, channels: channels)
            column = next(column + 1)
          }
        }
      }
    }
    guard let pointer else { preconditionFailure("a matrix without memory") }
    return (tensor, pointer)
  }

  /// A matrix of one's own with the same elements.
  private func copy(of matrix: Tensor) -> (tensor: Tensor, pointer: UnsafeMutablePointer<Scalar>) {
    defer { withExtendedLifetime(matrix) {} }
    let source = matrix.unsafePointer(to: Scalar.self)
    var pointer: UnsafeMutablePointer<Scalar>?
    let tensor = Tensor(shape: matrix.shape, of: Scalar.self) { buffer in
      buffer.baseAddress?.update(from: source, count: buffer.count)
      pointer = buffer.baseAddress
    }
    guard let pointer else { preconditionFailure("a matrix without memory") }
    return (tensor, pointer)
  }

  // MARK: - Inputs with themselves

  private func makeNumbers(_ dataSet: DataSet) {
    let (count, numbers) = (problem.count(dataSet), numbers(of: dataSet))
    let size = Self.selfLanes
    let interruption = Interruption.current
    Threads.forEachWorker((count + size - 1) / size) { next in
      let interpreter = problem.plan.interpreter(.numbers, lanes: size, as: Scalar.self, interruption)
      while let chunk = next() {
        prepare(interpreter, numbers, chunk * size, count)
        interpreter.makeNumbers()
      }
    }
  }

  private func runItself(_ dataSet: DataSet) {
    let (count, numbers) = (problem.count(dataSet), numbers(of: dataSet))
    let (size, purpose) = (Self.selfLanes, problem.selfPurpose(dataSet))
    let given = dataSet == .first ? problem.self1 : problem.self2
    let interruption = Interruption.current
    Threads.forEachWorker((count + size - 1) / size) { next in
      let interpreter = problem.plan.interpreter(purpose, lanes: size, as: Scalar.self, interruption)
      let scratch = Scratch<Scalar>(2 * size)
      while let chunk = next() {
        let start = chunk * size
        prepare(interpreter, numbers, start, count)
        func lanes(_ tensor: Tensor?, _ place: Int) -> UnsafePointer<Scalar>? {
          guard let source = tensor.pointer(to: Scalar.self) else { return nil }
          let target = scratch.pointer + place * size
          target.update(repeating: 0, count: size)
          target.update(from: source + start, count: min(size, count - start))
          return UnsafePointer(target)
        }
        interpreter.run(cotangents: lanes(given.k, 0), theta: lanes(given.theta, 1))
      }
    }
  }

  private func prepare(
    _ interpreter: GradientInterpreter<Scalar>, _ numbers: DataSetNumbers, _ start: Int, _ count: Int
  ) {
    interpreter.lanes = (min(Self.selfLanes, count - start) + 15) / 16 * 16
    interpreter.inputs = problem.inputs.indices.map { input in
      .covariances(
        numbers.covariances.pointer + input * numbers.stride + start,
        cotangents: numbers.covarianceCotangents.pointer + input * numbers.stride + start)
    }
    interpreter.numbers1 = (0..<setCount).map { numbers.numbers.pointer + $0 * numbers.stride + start }
    interpreter.cotangents1 = (0..<setCount).map { numbers.cotangents.pointer + $0 * numbers.stride + start }
    (interpreter.numbers2, interpreter.cotangents2) = (interpreter.numbers1, interpreter.cotangents1)
  }

  // MARK: - Tiles

  /// Puts the cotangents of the inputs' products in the place of the products, and adds up those of numbers.
  private func runTiles(_ products: [UnsafeMutablePointer<Scalar>]) {
    let (n1, n2) = (problem.n1, problem.n2)
    let (rowTiles, columnTiles) = (
      (n1 + Self.tileRows - 1) / Self.tileRows, (n2 + Self.tileColumns - 1) / Self.tileColumns
    )
    // What a tile adds to the numbers of its rows, by column of tiles, and to those of its columns.
    let ofRows = Scratch<Scalar>(columnTiles * setCount * rows.stride)
    let ofColumns = Scratch<Scalar>(rowTiles * setCount * columns.stride)
    ofRows.pointer.update(repeating: 0, count: columnTiles * setCount * rows.stride)
    ofColumns.pointer.update(repeating: 0, count: rowTiles * setCount * columns.stride)
    nonisolated(unsafe) let products = products
    let interruption = Interruption.current
    Threads.forEachWorker(rowTiles * columnTiles) { next in
      let strip = GradientStrip(
        problem, products, lanes: Self.stripRows * Self.tileColumns, numbers1: rows.numbers.pointer, rows.stride,
        numbers2: columns.numbers.pointer, columns.stride, interruption)
      while interruption?.isRequested != true, let index = next() {
        let (rowTile, columnTile) = (index / columnTiles, index % columnTiles)
        let columnRange = columnTile * Self.tileColumns..<min(n2, (columnTile + 1) * Self.tileColumns)
        for row in stride(from: rowTile * Self.tileRows, to: min(n1, (rowTile + 1) * Self.tileRows), by: Self.stripRows)
        {
          let rowRange = row..<min(row + Self.stripRows, n1, (rowTile + 1) * Self.tileRows)
          strip.run(
            rowRange, columnRange, cotangents1: ofRows.pointer + columnTile * setCount * rows.stride,
            cotangents2: ofColumns.pointer + rowTile * setCount * columns.stride)
        }
      }
    }
    add(ofRows, columnTiles, to: rows)
    add(ofColumns, rowTiles, to: columns)
  }

  private func add(_ parts: Scratch<Scalar>, _ count: Int, to numbers: DataSetNumbers) {
    let size = setCount * numbers.stride
    for part in 0..<count {
      Scalar.combine(size, 1, parts.pointer + part * size, 1, to: numbers.cotangents.pointer)
    }
  }

  // MARK: - Gradients of inputs

  private func gradient(_ input: Int, _ cotangents: Tensor) -> (x1: Tensor, x2: Tensor?) {
    let data = problem.inputs[input]
    guard let x2 = data.x2 else {
      return (sum(input, .first, data.x1, matmul(cotangents + cotangents.transposed(), data.x1)), nil)
    }
    return (
      problem.unwanted.contains(.first)
        ? .zeros(data.x1.shape, dtype: data.x1.dtype) : sum(input, .first, data.x1, matmul(cotangents, x2)),
      problem.unwanted.contains(.second)
        ? .zeros(x2.shape, dtype: x2.dtype) : sum(input, .second, x2, matmul(cotangents.transposed(), data.x1))
    )
  }

  /// What other inputs give with what an input gives by its covariance with itself, x·x over the number of channels.
  private func sum(_ input: Int, _ dataSet: DataSet, _ x: Tensor, _ others: Tensor) -> Tensor {
    let (numbers, channels) = (numbers(of: dataSet), x.shape[1])
    defer { withExtendedLifetime(others) {} }
    nonisolated(unsafe) let own = numbers.covarianceCotangents.pointer + input * numbers.stride
    let scale = 1 / Scalar(channels)
    nonisolated(unsafe) let (source, x) = (others.unsafePointer(to: Scalar.self), x.unsafePointer(to: Scalar.self))
    return Tensor(shape: others.shape, of: Scalar.self) { buffer in
      nonisolated(unsafe) let target = buffer
      Threads.forEachRange(problem.count(dataSet), grain: 1 + 16384 / channels) { rows in
        for row in rows {
          let weight = 2 * own[row]
          for place in row * channels..<(row + 1) * channels {
            target[place] = (source[place] + weight * x[place]) * scale
          }
        }
      }
    }
  }
}

/// One thread's memory for some rows of a tile.
private final class GradientStrip<Scalar: GradientScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let problem: GradientProblem<Scalar>
  private let interpreter: GradientInterpreter<Scalar>
  private let products: [Pointer]
  private let numbers1: Pointer
  private let numbers2: Pointer
  private let stride1: Int
  private let stride2: Int
  private let setCount: Int
  private let mostLanes: Int
  private let memory: Scratch<Scalar>
  private let sums: Scratch<Scalar>

  init(
    _ problem: GradientProblem<Scalar>, _ products: [Pointer], lanes: Int, numbers1: Pointer, _ stride1: Int,
    numbers2: Pointer, _ stride2: Int, _ interruption: Interruption?
  ) {
    (self.problem, self.products, mostLanes) = (problem, products, lanes)
    (self.numbers1, self.stride1, self.numbers2, self.stride2) = (numbers1, stride1, numbers2, stride2)
    setCount = problem.plan.graph.numberSets.count
    interpreter = problem.plan.interpreter(.cross, lanes: lanes, as: Scalar.self, interruption)
    memory = Scratch((2 + 2 * products.count + 4 * setCount) * lanes)
    sums = Scratch(16)
  }

  /// The sum of `n` numbers, a multiple of 16.
  private func sum(_ n: Int, _ x: Pointer) -> Scalar {
    sums.pointer.update(repeating: 0, count: 16)
    Scalar.addSum(n / 16, lanes: 16, scale: 1, x, to: sums.pointer)
    return (0..<16).reduce(0) { $0 + sums.pointer[$1] }
  }

  private func lanes(_ place: Int) -> Pointer { memory.pointer + place * mostLanes }

  /// The rows `rows` at the columns `columns`; where both data sets are one, only what is above the diagonal.
  func run(_ rows: Range<Int>, _ columns: Range<Int>, cotangents1: Pointer, cotangents2: Pointer) {
    let (n2, inputCount) = (problem.n2, products.count)
    let isSymmetric = problem.isSymmetric
    if isSymmetric && columns.upperBound <= rows.lowerBound + 1 {
      for row in rows {
        for product in products { (product + row * n2 + columns.lowerBound).update(repeating: 0, count: columns.count) }
      }
      return
    }
    let width = (columns.count + 15) / 16 * 16
    (interpreter.lanes, interpreter.rowLanes) = (width * rows.count, width)
    for (input, product) in products.enumerated() {
      let (k, gk) = (lanes(2 + 2 * input), lanes(3 + 2 * input))
      gk.update(repeating: 0, count: interpreter.lanes)
      for (index, row) in rows.enumerated() {
        (k + index * width).update(from: product + row * n2 + columns.lowerBound, count: columns.count)
        for column in columns.count..<width { k[index * width + column] = 1 }
      }
    }
    interpreter.inputs = (0..<inputCount).map { .covariances(lanes(2 + 2 * $0), cotangents: lanes(3 + 2 * $0)) }
    let first = 2 + 2 * inputCount
    interpreter.numbers1 = (0..<setCount).map { lanes(first + 4 * $0) }
    interpreter.numbers2 = (0..<setCount).map { lanes(first + 4 * $0 + 1) }
    interpreter.cotangents1 = (0..<setCount).map { lanes(first + 4 * $0 + 2) }
    interpreter.cotangents2 = (0..<setCount).map { lanes(first + 4 * $0 + 3) }
    for set in 0..<setCount {
      for (index, row) in rows.enumerated() {
        (interpreter.numbers1[set] + index * width).update(repeating: numbers1[set * stride1 + row], count: width)
        (interpreter.numbers2[set] + index * width).update(
          from: numbers2 + set * stride2 + columns.lowerBound, count: width)
      }
      interpreter.cotangents1[set].update(repeating: 0, count: interpreter.lanes)
      interpreter.cotangents2[set].update(repeating: 0, count: interpreter.lanes)
    }
    interpreter.run(
      cotangents: cotangents(problem.k, rows, columns, width, at: 0),
      theta: cotangents(problem.theta, rows, columns, width, at: 1))
    for (input, product) in products.enumerated() {
      let gk = lanes(3 + 2 * input)
      for (index, row) in rows.enumerated() {
        (product + row * n2 + columns.lowerBound).update(from: gk + index * width, count: columns.count)
      }
    }
    for set in 0..<setCount {
      let target = cotangents2 + set * stride2 + columns.lowerBound
      for (index, row) in rows.enumerated() {
        cotangents1[set * stride1 + row] += sum(width, interpreter.cotangents1[set] + index * width)
        Scalar.combine(width, 1, interpreter.cotangents2[set] + index * width, 1, to: target)
      }
    }
  }

  /// A block of a matrix of cotangents in lanes, zero where there are none.
  private func cotangents(
    _ matrix: Tensor?, _ rows: Range<Int>, _ columns: Range<Int>, _ width: Int, at place: Int
  ) -> UnsafePointer<Scalar>? {
    guard let source = matrix.pointer(to: Scalar.self) else { return nil }
    let target = lanes(place)
    for (index, row) in rows.enumerated() {
      let line = target + index * width
      line.update(from: source + row * problem.n2 + columns.lowerBound, count: columns.count)
      for column in columns.count..<width { line[column] = 0 }
      guard problem.isSymmetric else { continue }
      for column in columns.lowerBound..<max(columns.lowerBound, min(columns.upperBound, row + 1)) {
        line[column - columns.lowerBound] = 0
      }
    }
    return UnsafePointer(target)
  }
}
