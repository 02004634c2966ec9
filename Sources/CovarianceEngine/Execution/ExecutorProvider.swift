/// A device that has executors of its own.
package protocol ExecutorProvider: KernelDevice {
  /// The executor of a program on the device, and why, where it is so, parts of the program are not computed in the
  /// device's fastest way.
  ///
  /// - Parameters:
  ///   - batch: which covariances between the inputs of one data set are wanted.
  ///   - host: the executor of the same program on this machine's processors, for what is done once per input.
  func executor(_ goal: CovarianceGoal, batch: KernelOptions.Extent, host: any CovarianceExecutor)
    throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?)
  /// The same device for tiles of a given size, which then are made of whole blocks.
  func aligned(to tileSize: Int) -> any KernelDevice
}
