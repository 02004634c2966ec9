import CovarianceEngine

extension Device: ExecutorProvider {
  package func executor(
    _ goal: CovarianceGoal, _ options: KernelOptions, host: any CovarianceExecutor
  ) throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?) {
    try DeviceGroup([self]).executor(goal, options, host: host)
  }

  package func aligned(to tileSize: Int) -> any KernelDevice { DeviceGroup([self]).aligned(to: tileSize) }
}

extension DeviceGroup: ExecutorProvider {
  package func executor(
    _ goal: CovarianceGoal, _ options: KernelOptions, host: any CovarianceExecutor
  ) throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?) {
    do throws(Obstacle) {
      if options.executor == .reference { throw Obstacle("asked for") }
      if options.batch == .all { throw Obstacle("covariances between the inputs of each data set") }
      return (try DeviceExecutor(goal, devices, host: host, blockSize: blockSize, tileSize: tileSize), nil)
    } catch {
      if options.executor == .fused {
        throw NetworkError(
          path: [.name("device \(name)")], expected: "a network whose pages a device computes", found: error.description
        )
      }
      return (ReferenceDeviceExecutor(goal, batch: options.batch, devices, host: host), error)
    }
  }

  package func aligned(to tileSize: Int) -> any KernelDevice {
    var result = self
    result.tileSize = tileSize
    return result
  }
}
