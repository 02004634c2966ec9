import CovarianceEngine
import Platform
import Synchronization
import Tensors

/// Computes blocks of kernels on devices: pages of all displacements that stay there from the inputs to the outputs.
///
/// A request is cut into blocks of one size, which all devices take from one queue. Every block is the same program, so that
/// entries do not depend on tiles and devices; the last ones are filled up.
struct DeviceExecutor: CovarianceExecutor {
  private let goal: CovarianceGoal
  private let devices: [Device]
  private let source: InputNumbersSource
  private let host: any CovarianceExecutor
  private let masked: Set<Int>
  let grid: Int

  var name: String { "device \(devices.map(\.name).joined(separator: ","))" }
  var largestBlock: Int? { nil }
  var flopsPerPair: Double { goal.flopsPerPair }
  var piecesAtOnce: Int { devices.count }

  /// - Parameters:
  ///   - blockSize: rows and columns of a block; nil for what memory allows.
  ///   - tileSize: what blocks must divide; nil for nothing.
  /// - Throws: where a step is not made of what pages can do.
  init(_ goal: CovarianceGoal, _ devices: [Device], host: any CovarianceExecutor, blockSize: Int?, tileSize: Int? = nil)
    throws(Obstacle)
  {
    (self.goal, self.devices, self.host) = (goal, devices, host)
    let program = goal.program
    var masked: Set<Int> = []
    if goal.inputs.contains(where: \.hasMask) {
      // Whether a value has a mask does not depend on what is masked.
      let masks = ValueMasks(
        program, inputs: program.positions.prefix(program.inputCount).map { .zeros([1] + $0, dtype: .bool) })
      masked = Set((0..<program.valueCount).filter { masks[$0] != nil })
    }
    self.masked = masked
    let size = blockSize ?? Self.blockSize(goal, devices)
    grid = tileSize.map { Self.divisor(of: $0, atMost: size) } ?? size
    // Finds out now whether there is anything that pages cannot do.
    _ = try KernelModule(goal, rows: 2, columns: 2, isSymmetric: true, masked: masked)
    var values: [Int] = []
    for step in program.steps where goal.demand.isNeeded(step.result) {
      for need in try KernelNeeds.of(step, masked: masked, dtype: goal.dtype) {
        switch need {
        case .variance(let value), .root(let value), .factor(let value, _, _):
          if !values.contains(value) { values.append(value) }
        case .mask, .visible: break
        }
      }
    }
    do {
      source = try InputNumbersSource(goal, values: values)
    } catch {
      throw Obstacle(error.description)
    }
  }

  private static func divisor(of size: Int, atMost limit: Int) -> Int {
    (1...min(limit, size)).last { size.isMultiple(of: $0) } ?? 1
  }

  /// As many pairs as keep a card busy: K and Θ, in and out, are some tens of megabytes a pair of images that are pooled.
  private static func blockSize(_ goal: CovarianceGoal, _ devices: [Device]) -> Int {
    let bytesPerPair = 4 * goal.kernelCount * Double(goal.dtype.byteCount) * goal.mostEntries
    let memory = devices.map { $0.memory.map { Double($0) / 4 } ?? 0x1p28 }.min() ?? 0x1p28
    let side = (min(memory, 0x1p31) / bytesPerPair).squareRoot()
    let limit = max(1, min(goal.mostEntries == 1 ? 512 : 64, Int(side)))
    // A power of two divides the tiles of most stores.
    return 1 << (Int.bitWidth - 1 - limit.leadingZeroBitCount)
  }

  /// On the host the results, what blocks take from it, and a few blocks on their way.
  func memory(rows: Int, columns: Int, threads: Int) -> Double {
    let block = Double(grid * grid) * goal.kernelCount * goal.mostEntries * Double(goal.dtype.byteCount)
    return host.memory(rows: rows, columns: 1, threads: threads) + 2 * Double(devices.count) * min(block, 0x1p28)
  }

  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    guard case .data(let data) = request.inputs[0] else {
      throw NetworkError(expected: "data for the kernel on a device", found: "a kernel")
    }
    let kept = (request.state?.kept as? DeviceState) ?? DeviceState()
    request.state?.kept = kept
    let isSymmetric = data.x2 == nil
    let first = try kept.numbers(.first, request.rows) { () throws(NetworkError) in
      try source.numbers(data.x1, mask: data.mask1)
    }
    let second =
      isSymmetric
      ? first
      : try kept.numbers(.second, request.columns) { () throws(NetworkError) in
        try source.numbers(data.x2 ?? data.x1, mask: data.mask2)
      }
    let run = DeviceRun(
      goal, kept, devices: devices, grid: grid, masked: masked, first: first, second: second, isSymmetric: isSymmetric)
    return try kept.remainder.completed(run.results(wanted: request.selfCovariances), of: request, by: host)
  }
}

/// What is kept from tile to tile of one Gram matrix.
final class DeviceState: @unchecked Sendable {
  private struct Key: Hashable {
    let dataSet: DataSet
    let range: Range<Int>
  }

  /// Bytes of numbers of single inputs that are kept at most.
  private static let mostBytes = 2 << 30

  // Tiles come one after another; devices share the modules.
  private var numbers: [Key: InputNumbers] = [:]
  private var byteCount = 0
  private let lock = Lock()
  private var modules: [ModuleKey: (module: KernelModule, text: HLOModule)] = [:]
  private var programs: [ProgramKey: DeviceModule] = [:]
  let remainder = HostRemainder()

  struct ModuleKey: Hashable {
    let rows: Int
    let columns: Int
    let isSymmetric: Bool
  }

  private struct ProgramKey: Hashable {
    let module: ModuleKey
    let device: ObjectIdentifier
  }

  /// A module on a device. Devices compile at the same time.
  func program(_ key: ModuleKey, _ text: HLOModule, on device: Device) throws(DeviceError) -> DeviceModule {
    let key = ProgramKey(module: key, device: ObjectIdentifier(device))
    if let known = lock.withLock({ programs[key] }) { return known }
    let program = try DeviceModule(text, on: device)
    lock.withLock { programs[key] = program }
    return program
  }

  func numbers(
    _ dataSet: DataSet, _ range: Range<Int>, _ make: () throws(NetworkError) -> InputNumbers
  ) throws(NetworkError) -> InputNumbers {
    let key = Key(dataSet: dataSet, range: range)
    if let known = numbers[key] { return known }
    let made = try make()
    byteCount += made.variances.values.reduce(made.data.byteCount) { $0 + $1.byteCount }
    if byteCount > Self.mostBytes {
      numbers = [:]
      byteCount = 0
    }
    numbers[key] = made
    return made
  }

  func module(
    _ key: ModuleKey, _ make: () throws(Obstacle) -> KernelModule
  ) throws(Obstacle) -> (module: KernelModule, text: HLOModule) {
    try lock.withLock { () throws(Obstacle) in
      if let known = modules[key] { return known }
      let module = try make()
      let result = (module, HLOModule(module.staged))
      modules[key] = result
      return result
    }
  }
}
