/// A device that has executors of its own.
package protocol ExecutorProvider: KernelDevice {
  /// The executor of a program on the device, and why, where it is so, parts of the program are not computed in the
  /// device's fastest way.
  ///
  /// - Parameters:
  ///   - options: which executor and which covariances between the inputs of one data set are wanted.
  ///   - host: the executor of the same program on this machine's processors, for what is done once per input.
  /// - Throws: where the options demand the fastest way and the device has none for the program.
  func executor(_ goal: CovarianceGoal, _ options: KernelOptions, host: any CovarianceExecutor)
    throws(NetworkError) -> (executor: any CovarianceExecutor, reason: Obstacle?)
  /// The same device for tiles of a given size, which then are made of whole blocks.
  func aligned(to tileSize: Int) -> any KernelDevice
}
