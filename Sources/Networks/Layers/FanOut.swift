import CovarianceEngine
import Tensors

/// Several copies of the input, for `Parallel` to work on.
public struct FanOut: Layer {
  public static let nodeName = "fanOut"

  /// The number of copies.
  public let count: Int

  /// - Precondition: `count` is positive.
  public init(_ count: Int) {
    precondition(count > 0, "expected at least one copy, found \(count)")
    self.count = count
  }

  public func outputShape(_ input: Branches<[Int]>) throws(NetworkError) -> Branches<[Int]> { copies(input) }

  public func initialize(_ key: RandomKey, _ input: Branches<[Int]>, dtype: DType) throws(NetworkError) -> Parameters {
    .none
  }

  public func apply(_ parameters: Parameters, _ input: Branches<MaskedTensor>, _ context: ApplyContext)
    throws(NetworkError) -> Branches<MaskedTensor>
  { copies(input) }

  public func append(to program: inout CovarianceProgram, _ input: Branches<CovarianceValue>) throws(NetworkError)
    -> Branches<CovarianceValue>
  { copies(input) }

  private func copies<Leaf>(_ input: Branches<Leaf>) -> Branches<Leaf> {
    .several(Array(repeating: input, count: count))
  }

  public init(from arguments: inout LayerArguments) throws(NetworkError) {
    count = try arguments.integer("count", atLeast: 1, atMost: 4096)
  }

  public func write(to arguments: inout LayerArguments) {
    arguments.set("count", count)
  }
}
