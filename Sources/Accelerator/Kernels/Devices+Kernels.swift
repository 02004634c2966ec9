import CovarianceEngine

extension Device: ExecutorProvider {
  package func executor(
    _ goal: CovarianceGoal, batch: KernelOptions.Extent, host: any CovarianceExecutor
  ) throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?) {
    try DeviceGroup([self]).executor(goal, batch: batch, host: host)
  }
}

extension DeviceGroup: ExecutorProvider {
  package func executor(
    _ goal: CovarianceGoal, batch: KernelOptions.Extent, host: any CovarianceExecutor
  ) throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?) {
    do throws(Obstacle) {
      if batch == .all { throw Obstacle("covariances between the inputs of each data set") }
      return (try DeviceExecutor(goal, devices, host: host, blockSize: blockSize), nil)
    } catch {
      return (ReferenceDeviceExecutor(goal, batch: batch, devices, host: host), error)
    }
  }
}
