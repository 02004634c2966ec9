import CovarianceEngine
import Networks
import Tensors

/// A kernel of inputs with themselves that is computed anew whenever it is read: nothing is stored.
///
/// For fully connected networks an entry takes some nanoseconds, about as long as reading it from a disk; for others a store is
/// better.
public struct ComputedMatrix: RowSource {
  private let job: GramJob
  private let rowJob: @Sendable (_ indices: [Int]) throws -> GramJob
  private let kernel: KernelSet

  /// - Parameters:
  ///   - network: a network with one input and one output, without positions in it.
  ///   - x: inputs as `Layer.kernel` takes them.
  ///   - kernel: the NNGP or the NTK.
  ///   - options: how kernels are computed; the precision is that of the elements.
  /// - Throws: `NetworkError` when the network does not fit the inputs.
  /// - Precondition: `kernel` is one kernel.
  public init(
    _ network: any Layer, _ x: Tensor, kernel: KernelSet = .nngp, options: KernelOptions = KernelOptions()
  ) throws(NetworkError) {
    precondition(kernel == .nngp || kernel == .ntk, "expected one kernel")
    var options = options
    options.tileSize = options.tileSize ?? 1024
    options.progress = nil
    self.kernel = kernel
    let (chosen, computed) = (options, kernel == .ntk ? KernelSet.all : .nngp)
    job = try GramJob(network, x, kernels: computed, options: options)
    rowJob = { indices in
      try GramJob(network, x.taking(indices, axis: 0), x, kernels: computed, options: chosen)
    }
  }

  public var count: Int { job.rowCount }
  public var tileSize: Int { job.tileSize }
  public var dtype: DType { job.dtype }

  public func tile(row: Int, column: Int) throws -> Tensor {
    let tile = try job.tile(rows: range(ofTile: row), columns: range(ofTile: column))
    return kernel == .nngp ? tile.nngp : tile.ntk ?? tile.nngp
  }

  func rows(_ indices: [Int]) throws -> Tensor {
    let result = try rowJob(indices).run()
    return (kernel == .nngp ? result.nngp : result.ntk ?? result.nngp).asType(.float64)
  }
}
