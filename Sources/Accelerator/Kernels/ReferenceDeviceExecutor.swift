import CovarianceEngine
import Tensors

/// The reference executor's tensor operations as one program on a device: for layers that pages cannot do.
struct ReferenceDeviceExecutor: CovarianceExecutor {
  private let goal: CovarianceGoal
  private let batch: KernelOptions.Extent
  private let devices: [Device]
  private let host: any CovarianceExecutor

  init(_ goal: CovarianceGoal, batch: KernelOptions.Extent, _ devices: [Device], host: any CovarianceExecutor) {
    (self.goal, self.batch, self.devices, self.host) = (goal, batch, devices, host)
  }

  var name: String { "reference on device \(devices.map(\.name).joined(separator: ","))" }
  var grid: Int { ReferenceRun.size(goal) }
  var largestBlock: Int? { ReferenceRun.isWhole(goal, batch: batch, isTraced: false) ? nil : grid }
  var flopsPerPair: Double { goal.flopsPerPair }

  func memory(rows: Int, columns: Int, threads: Int) -> Double {
    host.memory(rows: rows, columns: columns, threads: threads)
  }

  func run(_ request: BlockRequest) throws(NetworkError) -> [CovarianceBlock] {
    let run = ReferenceRun(goal, request, batch: batch, isTraced: false)
    let states = try run.states(of: request.inputs)
    let isSymmetric = request.inputs.allSatisfy(\.isSymmetric)
    let kept = (request.state?.kept as? Kept) ?? Kept()
    request.state?.kept = kept
    let graphs = request.patterns.map { [$0.first] + ($0.second.map { [$0] } ?? []) }
    let results: [CovarianceState]
    do {
      let function =
        kept.functions[isSymmetric]
        ?? compile(
          { (states: [CovarianceState], patterns: [Tensor]?) in
            try LeftOutIntegrals.tracing {
              try run.evaluate(
                states, isSymmetric: isSymmetric, patterns.map { GraphPatterns($0[0], $0.count > 1 ? $0[1] : nil) })
            }
          }, device: devices[kept.next(of: devices.count)])
      kept.functions[isSymmetric] = function
      results = try function(states, graphs)
    } catch let error as NetworkError {
      throw error
    } catch {
      throw NetworkError(path: [.name("device")], expected: "a kernel", found: "\(error)")
    }
    return try kept.remainder.completed(run.finished(results, isSymmetric: isSymmetric), of: request, by: host)
  }

  /// What is kept from block to block.
  private final class Kept {
    let remainder = HostRemainder()
    var functions: [Bool: DeviceFunction<[CovarianceState], [Tensor]?, [CovarianceState]>] = [:]
    private var device = 0

    func next(of count: Int) -> Int {
      device = (device + 1) % count
      return device
    }
  }
}
