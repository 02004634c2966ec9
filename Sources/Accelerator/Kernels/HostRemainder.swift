import CovarianceEngine
import Tensors

/// What devices leave out: entries of activations without a closed form where their series do not converge, which come as NaN.
/// Blocks that have such entries are computed on the host, which integrates where it has to.
final class HostRemainder {
  /// What the executor of the host keeps from block to block.
  private var state: ExecutorState?

  /// - Parameters:
  ///   - blocks: as a device has them.
  ///   - request: what they answer.
  ///   - host: the executor of the same program on this machine's processors.
  /// - Throws: what the host throws, which says where a number is not finite.
  func completed(
    _ blocks: [CovarianceBlock], of request: BlockRequest, by host: any CovarianceExecutor
  ) throws(NetworkError) -> [CovarianceBlock] {
    let isWhole = blocks.allSatisfy { block in
      [block.k12, block.theta, block.k11].allSatisfy { $0.flatMap(firstNonFinite) == nil }
    }
    if isWhole { return blocks }
    var request = request
    if state == nil, let blockCount = request.state?.blockCount { state = ExecutorState(blockCount: blockCount) }
    request.state = state
    return try host.run(request)
  }
}
