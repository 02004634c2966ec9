/// What computes kernels in place of the processors of this machine: see `KernelOptions.device`.
public protocol KernelDevice: Sendable {
  /// For messages: `cuda:0`.
  var name: String { get }
}
