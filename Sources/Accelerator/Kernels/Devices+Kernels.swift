import CovarianceEngine

extension Device: ExecutorProvider {
  package func executor(
    _ goal: CovarianceGoal, batch: KernelOptions.Extent, host: any CovarianceExecutor
  ) throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?) {
    try DeviceGroup([self]).executor(goal, batch: batch, host: host)
  }

  package func aligned(to tileSize: Int) -> any KernelDevice { DeviceGroup([self]).aligned(to: tileSize) }
}

extension DeviceGroup: ExecutorProvider {
  package func executor(
    _ goal: CovarianceGoal, batch: KernelOptions.Extent, host: any CovarianceExecutor
  ) throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?) {
    do throws(Obstacle) {
      if batch == .all { throw Obstacle("covariances between the inputs of each data set") }
      return (try DeviceExecutor(goal, devices, host: host, blockSize: blockSize, tileSize: tileSize), nil)
    } catch {
      return (ReferenceDeviceExecutor(goal, batch: batch, devices, host: host), error)
    }
  }

  package func aligned(to tileSize: Int) -> any KernelDevice {
    var result = self
    result.tileSize = tileSize
    return result
  }
}
