import CovarianceEngine
import Tensors

/// Several copies of the input, for `Parallel` to work on.
public struct FanOut: Layer {
  public static let nodeName = "fanOut"

  /// The number of copies.
  public let count: Int

  public init(_ count: Int) {
    self.count = count
  }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> {
    try copies(input)
  }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    .none
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  { try copies(input) }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  { try copies(input) }

  private func copies<Leaf>(_ input: Branches<Leaf>) throws(NetworkError) -> Branches<Leaf> {
    try requireSize("count", count, atMost: largestLayerCount)
    return .several(Array(repeating: input, count: count))
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    count = try arguments.integer("count", atLeast: 1, atMost: largestLayerCount)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("count", count)
  }
}
