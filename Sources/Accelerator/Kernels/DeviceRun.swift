import CovarianceEngine
import Platform
import Synchronization
import Tensors

/// One request on devices: a thread for each of them takes blocks from one queue.
final class DeviceRun: @unchecked Sendable {
  private struct Block {
    let rows: Range<Int>
    let columns: Range<Int>
    var isOnDiagonal: Bool { rows == columns }
  }

  private let goal: CovarianceGoal
  private let state: DeviceState
  private let devices: [Device]
  private let grid: Int
  private let masked: Set<Int>
  private let first: InputNumbers
  private let second: InputNumbers
  private let isSymmetric: Bool
  private let blocks: [Block]
  // The lock guards what comes after it.
  private let lock = Lock()
  private var next = 0
  private var failure: NetworkError?
  private var results: [CovarianceBlock] = []
  private var running = 0

  init(
    _ goal: CovarianceGoal, _ state: DeviceState, devices: [Device], grid: Int, masked: Set<Int>, first: InputNumbers,
    second: InputNumbers, isSymmetric: Bool
  ) {
    (self.goal, self.state, self.devices, self.grid) = (goal, state, devices, grid)
    (self.masked, self.first, self.second, self.isSymmetric) = (masked, first, second, isSymmetric)
    let (n1, n2) = (first.data.shape[0], second.data.shape[0])
    func ranges(_ count: Int) -> [Range<Int>] {
      stride(from: 0, to: count, by: grid).map { $0..<min($0 + grid, count) }
    }
    blocks = ranges(n1).flatMap { rows in
      ranges(n2).filter { !isSymmetric || $0.lowerBound >= rows.lowerBound }.map { Block(rows: rows, columns: $0) }
    }
  }

  /// The covariances of all outputs.
  func results(wanted: SelfCovarianceSet) throws(NetworkError) -> [CovarianceBlock] {
    results = goal.outputs.indices.map { empty($0) }
    running = min(devices.count, blocks.count)
    for device in devices.prefix(running) {
      let begins = DetachedThread.run { [self] in work(on: device) }
      if !begins { finish(with: .noThread) }
    }
    lock.withLock { while running > 0 { lock.wait() } }
    if let failure { throw failure }
    return goal.outputs.indices.map { output in
      var result = results[output]
      if isSymmetric || wanted.contains(.first) { result.k11 = first.outputs[output] }
      if !isSymmetric && wanted.contains(.second) { result.k22 = second.outputs[output] }
      result.mask1 = first.outputMasks[output]
      result.mask2 = second.outputMasks[output]
      if isSymmetric {
        // An input with itself is what it is by itself.
        let (k, own) = (result.k12, first.outputs[output].expandedDims(1))
        let count = k.shape[0]
        let isSame = Tensor.eye(count, dtype: .bool).reshaped([count, count] + k.shape.dropFirst(2).map { _ in 1 })
        result.k12 = select(isSame, own, k)
      }
      return result
    }
  }

  private func empty(_ output: Int) -> CovarianceBlock {
    let positions = goal.program.positions[goal.outputs[output]]
    let isFull = goal.wantsAllPositions && !positions.isEmpty
    let shape = [first.data.shape[0], second.data.shape[0]] + positions + (isFull ? positions : [])
    return CovarianceBlock(
      k12: .zeros(shape, dtype: goal.dtype), theta: goal.tangent == .absent ? nil : .zeros(shape, dtype: goal.dtype),
      layout: CovarianceLayout(positions: positions, isDiagonal: !isFull, hasFullBatch: false))
  }

  // MARK: - Threads

  private func work(on device: Device) {
    while true {
      let block: Block? = lock.withLock {
        guard failure == nil, next < blocks.count else { return nil }
        next += 1
        return blocks[next - 1]
      }
      guard let block else { return finish(with: nil) }
      do throws(NetworkError) {
        try compute(block, on: device)
      } catch {
        return finish(with: error)
      }
    }
  }

  private func finish(with error: NetworkError?) {
    lock.withLock {
      if failure == nil { failure = error }
      running -= 1
      lock.signal()
    }
  }

  // MARK: - A block

  private func compute(_ block: Block, on device: Device) throws(NetworkError) {
    do {
      try compute(block, rows: grid, on: device)
    } catch let error as DeviceError {
      guard case .memory = error, grid > 1, !block.isOnDiagonal || !isSymmetric else { throw Self.networkError(error) }
      // Half of the pairs at a time, once.
      let half = (grid + 1) / 2
      do {
        for start in stride(from: block.rows.lowerBound, to: block.rows.upperBound, by: half) {
          let rows = start..<min(start + half, block.rows.upperBound)
          try compute(Block(rows: rows, columns: block.columns), rows: half, on: device)
        }
      } catch let error as DeviceError {
        throw Self.networkError(error)
      } catch let error as NetworkError {
        throw error
      } catch {
        preconditionFailure("an error of neither kind: \(error)")
      }
    } catch let error as NetworkError {
      throw error
    } catch {
      preconditionFailure("an error of neither kind: \(error)")
    }
  }

  private static func networkError(_ error: DeviceError) -> NetworkError {
    if case .memory(let device, let needed, _) = error {
      return NetworkError(
        path: [.name("device \(device)")],
        expected: "a block that fits into the device's memory (reduce the inputs' positions, or use float32)",
        found: "out of device memory: \(needed) needed", kind: .memory)
    }
    return NetworkError(path: [.name("device")], expected: "a kernel", found: "\(error)")
  }

  /// - Parameter rows: of the module; the block may have fewer.
  private func compute(_ block: Block, rows: Int, on device: Device) throws {
    let isDiagonal = isSymmetric && block.isOnDiagonal
    let key = DeviceState.ModuleKey(rows: rows, columns: grid, isSymmetric: isDiagonal)
    let (module, text): (KernelModule, HLOModule)
    do throws(Obstacle) {
      (module, text) = try state.module(key) { () throws(Obstacle) in
        try KernelModule(goal, rows: rows, columns: grid, isSymmetric: isDiagonal, masked: masked)
      }
    } catch {
      throw NetworkError(expected: "a kernel that a device computes", found: error.description)
    }
    let program = try state.program(key, text, on: device)
    let rowNumbers = first.part(block.rows, paddedTo: rows)
    let columnNumbers = second.part(block.columns, paddedTo: grid)
    var arguments: [DeviceTensor] = []
    for input in module.inputs {
      arguments.append(try DeviceTensor(Self.tensor(input, rowNumbers, columnNumbers), on: device))
    }
    guard let made = try program.run(arguments) else { preconditionFailure("a kernel without factorisations failed") }
    var tensors = try made.map { try $0.download() }[...]
    for (output, value) in module.outputs.enumerated() {
      guard let k = tensors.popFirst() else { preconditionFailure("a module with too few results") }
      let theta = value.theta.matrix == nil ? nil : tensors.popFirst()
      insert(k, theta, block, output)
    }
  }

  static func tensor(_ input: KernelInput, _ first: InputNumbers, _ second: InputNumbers) -> Tensor {
    func numbers(_ dataSet: DataSet) -> InputNumbers { dataSet == .first ? first : second }
    switch input {
    case .data(let dataSet): return numbers(dataSet).data
    case .zero: return Tensor(Int32(0))
    case .columnIndex: preconditionFailure("made on the device")
    case .perInput(let need, let dataSet): return numbers(dataSet).tensor(need)
    case .stacked(let turns):
      let rows = turns.map { turn in concatenate(turn.map { tensor($0, first, second).reshaped([-1]) }, axis: 0) }
      return concatenate(rows.map { $0.expandedDims(0) }, axis: 0)
    }
  }

  private func insert(_ k: Tensor, _ theta: Tensor?, _ block: Block, _ output: Int) {
    let (n1, n2) = (block.rows.count, block.columns.count)
    let isMirrored = isSymmetric && !block.isOnDiagonal
    func part(_ x: Tensor) -> Tensor { x[0..<n1, 0..<n2] }
    lock.withLock {
      let rank = results[output].layout.isDiagonal ? 0 : results[output].layout.positions.count
      func mirrored(_ x: Tensor) -> Tensor {
        let rest = Array(2..<x.rank)
        return x.transposed([1, 0] + (rank == 0 ? rest : Array(rest.dropFirst(rank) + rest.prefix(rank))))
      }
      /// Of a block on the diagonal, what is below it is what is above.
      func symmetric(_ x: Tensor) -> Tensor {
        guard isSymmetric && block.isOnDiagonal else { return x }
        let order = Tensor.arange(n1)
        let isBelow = (order.expandedDims(1) .> order.expandedDims(0)).reshaped([n1, n1] + (2..<x.rank).map { _ in 1 })
        return select(isBelow, mirrored(x), x)
      }
      let k = symmetric(part(k))
      results[output].k12[block.rows, block.columns] = k
      if isMirrored { results[output].k12[block.columns, block.rows] = mirrored(k) }
      if let theta = theta.map({ symmetric(part($0)) }) {
        results[output].theta?[block.rows, block.columns] = theta
        if isMirrored { results[output].theta?[block.columns, block.rows] = mirrored(theta) }
      }
    }
  }
}
