import CovarianceEngine
import Tensors

/// The input unchanged: the short cut of a residual block.
public struct Identity: SingleInputLayer {
  public static let nodeName = "identity"

  public init() {}

  public func outputShape(_ input: [Int]) -> [Int] { input }

  public func apply(_ parameters: Parameters, _ input: Tensor, _ context: ApplyContext) -> Tensor { input }

  public func append(to program: inout CovarianceProgram, _ input: CovarianceValue) -> CovarianceValue { input }

  public init(from arguments: inout LayerArguments) {}

  public func write(to arguments: inout LayerArguments) {}
}
