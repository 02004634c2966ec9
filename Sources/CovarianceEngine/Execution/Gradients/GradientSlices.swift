import Tensors

/// Gradients of networks with positions: pairs of inputs in lanes go through the program slice by slice and back.
///
/// Groups of pairs are computed in waves, whose size has nothing to do with the number of threads; what they give is added up in
/// their order, so that the numbers do not depend on the number of threads.
struct GradientSlices<Scalar: GradientScalar>: @unchecked Sendable {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let problem: GradientProblem<Scalar>
  /// Where the numbers of every set start among those of an input, and how many there are.
  private let numberOffsets: [Int]
  /// Where the activations of every input of the program start, and how many there are.
  private let activationOffsets: [Int]
  private let first: DataSetNumbers
  private let second: DataSetNumbers
  /// Where the pairs of every row start, for one data set.
  private let rowStarts: [Int]
  private let pairCount: Int

  private static var lanes: Int { 16 }
  /// What the groups of a wave give, at most.
  private static var waveBytes: Int { 1 << 26 }

  private var numberCount: Int { numberOffsets[numberOffsets.count - 1] }
  private var activationCount: Int { activationOffsets[activationOffsets.count - 1] }

  /// What the inputs of a data set have by themselves, one input after another.
  private struct DataSetNumbers {
    let numbers: Scratch<Scalar>
    let cotangents: Scratch<Scalar>
    /// Gradients in the activations.
    let gradients: Scratch<Scalar>

    init(count: Int, numbers numberCount: Int, activations: Int) {
      numbers = Scratch(count * numberCount)
      cotangents = Scratch(count * numberCount)
      gradients = Scratch(count * activations)
      cotangents.pointer.update(repeating: 0, count: count * numberCount)
      gradients.pointer.update(repeating: 0, count: count * activations)
    }
  }

  init(_ problem: GradientProblem<Scalar>) {
    self.problem = problem
    numberOffsets = problem.plan.graph.numberOffsets
    activationOffsets = problem.inputs.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.x1.count / $1.x1.shape[0]) }
    let (numbers, activations) = (
      numberOffsets[numberOffsets.count - 1], activationOffsets[activationOffsets.count - 1]
    )
    first = DataSetNumbers(count: problem.n1, numbers: numbers, activations: activations)
    second =
      problem.isSymmetric ? first : DataSetNumbers(count: problem.n2, numbers: numbers, activations: activations)
    let n = problem.n1
    rowStarts = problem.isSymmetric ? (0..<n).map { $0 * (n - 1) - $0 * ($0 - 1) / 2 } : []
    pairCount = problem.isSymmetric ? n * (n - 1) / 2 : n * problem.n2
  }

  /// The gradients in x1 and x2 of every input of the program.
  ///
  /// - Throws: where slices take more memory than there is, and `NetworkError.interrupted`.
  func run() throws(NetworkError) -> [(x1: Tensor, x2: Tensor?)] {
    try requireMemory()
    for dataSet in problem.dataSets { makeNumbers(dataSet) }
    if problem.k != nil || problem.theta != nil { try runPairs() }
    for dataSet in problem.dataSets { runItself(dataSet) }
    try NetworkError.checkInterruption()
    return problem.inputs.indices.map { input in
      (gradient(input, .first), problem.isSymmetric ? nil : gradient(input, .second))
    }
  }

  /// What is kept between two pools for all threads, of pairs and of inputs with themselves.
  private func requireMemory() throws(NetworkError) {
    let sizes = ([GradientSchedule.Purpose.cross] + problem.dataSets.map { problem.selfPurpose($0) }).map { purpose in
      GradientInterpreter<Scalar>.size(problem.plan.schedule(purpose), lanes: Self.lanes)
    }
    let needed = Double((sizes.max() ?? 0) * MemoryLayout<Scalar>.stride * Threads.count)
    if AvailableMemory.covers(needed) { return }
    ResidentMemory.releaseFreed()
    guard needed > Double(AvailableMemory.bytes) else { return }
    throw NetworkError(
      expected: "a gradient that fits into memory (smaller inputs, fewer threads, or pools later in the network)",
      found: "\((needed / 1e8).rounded() / 10) GB for slices between pools", kind: .memory)
  }

  private func numbers(of dataSet: DataSet) -> DataSetNumbers { dataSet == .first ? first : second }

  private func gradient(_ input: Int, _ dataSet: DataSet) -> Tensor {
    let (x, source) = (problem.x(input, dataSet), numbers(of: dataSet).gradients.pointer)
    let (start, count) = (activationOffsets[input], activationOffsets[input + 1] - activationOffsets[input])
    return Tensor(shape: x.shape, of: Scalar.self) { buffer in
      guard let target = buffer.baseAddress else { return }
      for index in 0..<x.shape[0] {
        (target + index * count).update(from: source + index * activationCount + start, count: count)
      }
    }
  }

  // MARK: - Lanes

  /// Puts the numbers of inputs side by side; `indices` has one input per lane.
  private func gather(
    _ source: UnsafePointer<Scalar>, _ stride: Int, _ count: Int, _ indices: [Int], to target: Pointer
  ) {
    for (lane, index) in indices.enumerated() {
      let row = source + index * stride
      for element in 0..<count { target[element * Self.lanes + lane] = row[element] }
    }
  }

  private func gatherActivations(_ dataSet: DataSet, _ indices: [Int], to target: Pointer) {
    for input in problem.inputs.indices {
      let count = activationOffsets[input + 1] - activationOffsets[input]
      gather(
        problem.x(input, dataSet).unsafePointer(to: Scalar.self), count, count, indices,
        to: target + activationOffsets[input] * Self.lanes)
    }
  }

  private func pointers(_ start: Pointer) -> [Pointer] { numberOffsets.dropLast().map { start + $0 * Self.lanes } }

  private func inputs(_ x1: Pointer, _ x2: Pointer, _ gx1: Pointer, _ gx2: Pointer) -> [GradientInput<Scalar>] {
    problem.inputs.indices.map { input in
      let (start, x) = (activationOffsets[input] * Self.lanes, problem.inputs[input].x1)
      return .positions(
        x1: x1 + start, x2: x2 + start, gx1: gx1 + start, gx2: gx2 + start, channels: x.shape[x.rank - 1])
    }
  }

  // MARK: - Inputs with themselves

  /// Calls `body` for groups of inputs with lanes of their activations, their numbers, and the cotangents of both.
  private func forEachGroup(
    _ dataSet: DataSet, _ purpose: GradientSchedule.Purpose,
    _ body:
      @Sendable (
        _ interpreter: GradientInterpreter<Scalar>, _ indices: [Int], _ isLane: Range<Int>, _ numbers: Pointer,
        _ cotangents: Pointer, _ gradients: Pointer
      ) -> Void
  ) {
    let (count, lanes) = (problem.count(dataSet), Self.lanes)
    let interruption = Interruption.current
    Threads.forEachWorker((count + lanes - 1) / lanes) { next in
      let interpreter = problem.plan.interpreter(purpose, lanes: lanes, as: Scalar.self, interruption)
      let memory = Scratch<Scalar>(2 * (activationCount + numberCount) * lanes)
      let x = memory.pointer
      let gradients = x + activationCount * lanes
      let numbers = gradients + activationCount * lanes
      let cotangents = numbers + numberCount * lanes
      interpreter.inputs = inputs(x, x, gradients, gradients)
      (interpreter.numbers1, interpreter.numbers2) = (pointers(numbers), pointers(numbers))
      (interpreter.cotangents1, interpreter.cotangents2) = (pointers(cotangents), pointers(cotangents))
      while interruption?.isRequested != true, let group = next() {
        let used = group * lanes..<min(count, (group + 1) * lanes)
        let indices = (0..<lanes).map { min(used.lowerBound + $0, count - 1) }
        gatherActivations(dataSet, indices, to: x)
        body(interpreter, indices, used, numbers, cotangents, gradients)
      }
    }
  }

  private func makeNumbers(_ dataSet: DataSet) {
    if numberCount == 0 { return }
    let target = numbers(of: dataSet).numbers
    forEachGroup(dataSet, .numbers) { interpreter, _, used, numbers, _, _ in
      interpreter.makeNumbers()
      for (lane, index) in used.enumerated() {
        let row = target.pointer + index * numberCount
        for element in 0..<numberCount { row[element] = numbers[element * Self.lanes + lane] }
      }
    }
  }

  private func runItself(_ dataSet: DataSet) {
    let own = numbers(of: dataSet)
    let given = dataSet == .first ? problem.self1 : problem.self2
    forEachGroup(dataSet, problem.selfPurpose(dataSet)) { interpreter, indices, used, numbers, cotangents, gradients in
      gather(own.numbers.pointer, numberCount, numberCount, indices, to: numbers)
      gather(own.cotangents.pointer, numberCount, numberCount, indices, to: cotangents)
      gradients.update(repeating: 0, count: activationCount * Self.lanes)
      let roots = Scratch<Scalar>(2 * Self.lanes)
      func lanes(_ tensor: Tensor?, _ place: Int) -> UnsafePointer<Scalar>? {
        guard let source = tensor.pointer(to: Scalar.self) else { return nil }
        let target = roots.pointer + place * Self.lanes
        for (lane, index) in indices.enumerated() { target[lane] = lane < used.count ? source[index] : 0 }
        return UnsafePointer(target)
      }
      interpreter.run(cotangents: lanes(given.k, 0), theta: lanes(given.theta, 1))
      for (lane, index) in used.enumerated() {
        let row = own.gradients.pointer + index * activationCount
        for element in 0..<activationCount { row[element] += gradients[element * Self.lanes + lane] }
      }
    }
  }

  // MARK: - Pairs

  private func pair(at index: Int) -> (Int, Int) {
    guard problem.isSymmetric else { return (index / problem.n2, index % problem.n2) }
    var (low, high) = (0, rowStarts.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if rowStarts[middle] <= index { low = middle } else { high = middle - 1 }
    }
    return (low, low + 1 + index - rowStarts[low])
  }

  private struct Group {
    var rows: [Int]
    var columns: [Int]
    /// Lanes that count.
    var used: Int
  }

  private func group(_ index: Int) -> Group {
    let start = index * Self.lanes
    let used = min(Self.lanes, pairCount - start)
    let pairs = (0..<Self.lanes).map { pair(at: start + min($0, used - 1)) }
    return Group(rows: pairs.map(\.0), columns: pairs.map(\.1), used: used)
  }

  private func runPairs() throws(NetworkError) {
    let (lanes, interruption) = (Self.lanes, Interruption.current)
    let size = (activationCount + numberCount) * lanes
    let groupCount = (pairCount + lanes - 1) / lanes
    let most = max(16, min(256, Self.waveBytes / (2 * size * MemoryLayout<Scalar>.stride)))
    let results = Scratch<Scalar>(2 * size * min(most, groupCount))
    for start in stride(from: 0, to: groupCount, by: most) {
      try NetworkError.checkInterruption()
      let groups = (start..<min(groupCount, start + most)).map { group($0) }
      Threads.forEachWorker(groups.count) { next in
        let interpreter = problem.plan.interpreter(.cross, lanes: lanes, as: Scalar.self, interruption)
        let memory = Scratch<Scalar>(2 * size + 2 * lanes)
        let (x1, x2) = (memory.pointer, memory.pointer + activationCount * lanes)
        let numbers1 = memory.pointer + 2 * activationCount * lanes
        let numbers2 = numbers1 + numberCount * lanes
        (interpreter.numbers1, interpreter.numbers2) = (pointers(numbers1), pointers(numbers2))
        while interruption?.isRequested != true, let index = next() {
          let (group, result) = (groups[index], results.pointer + 2 * index * size)
          gatherActivations(.first, group.rows, to: x1)
          gatherActivations(.second, group.columns, to: x2)
          gather(first.numbers.pointer, numberCount, numberCount, group.rows, to: numbers1)
          gather(second.numbers.pointer, numberCount, numberCount, group.columns, to: numbers2)
          result.update(repeating: 0, count: 2 * size)
          interpreter.inputs = inputs(x1, x2, result, result + size)
          interpreter.cotangents1 = pointers(result + activationCount * lanes)
          interpreter.cotangents2 = pointers(result + size + activationCount * lanes)
          func cotangents(_ tensor: Tensor?, _ place: Int) -> UnsafePointer<Scalar>? {
            guard let source = tensor.pointer(to: Scalar.self) else { return nil }
            let target = memory.pointer + 2 * size + place * lanes
            for lane in 0..<lanes {
              target[lane] = lane < group.used ? source[group.rows[lane] * problem.n2 + group.columns[lane]] : 0
            }
            return UnsafePointer(target)
          }
          interpreter.run(cotangents: cotangents(problem.k, 0), theta: cotangents(problem.theta, 1))
        }
      }
      if interruption?.isRequested != true { addUp(groups, results, size) }
    }
  }

  /// Adds what the groups of a wave give to what belongs to their inputs.
  private func addUp(_ groups: [Group], _ results: Scratch<Scalar>, _ size: Int) {
    let (lanes, activations, numbers) = (Self.lanes, activationCount, numberCount)
    Threads.forEachRange(activations + numbers, grain: 32) { range in
      for (index, group) in groups.enumerated() {
        let result = results.pointer + 2 * index * size
        for lane in 0..<group.used {
          let (row, column) = (group.rows[lane], group.columns[lane])
          for element in range.clamped(to: 0..<activations) {
            first.gradients.pointer[row * activations + element] += result[element * lanes + lane]
            second.gradients.pointer[column * activations + element] += result[size + element * lanes + lane]
          }
          for element in range.clamped(to: activations..<activations + numbers) {
            let place = element - activations
            first.cotangents.pointer[row * numbers + place] += result[element * lanes + lane]
            second.cotangents.pointer[column * numbers + place] += result[size + element * lanes + lane]
          }
        }
      }
    }
  }
}
