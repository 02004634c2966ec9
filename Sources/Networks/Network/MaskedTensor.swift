import CovarianceEngine
import Tensors

/// Activations of a finite network, some of which may be missing.
///
/// One convention holds for finite and infinite networks: what is masked is zero after every layer, and does not count
/// where a layer takes a mean over positions.
public struct MaskedTensor: Sendable {
  /// Zero where masked.
  public private(set) var values: Tensor
  /// True where masked; of the rank of `values`, sizes equal or 1; nil when nothing is masked.
  public private(set) var mask: Tensor?

  public init(_ values: Tensor, mask: Tensor? = nil) {
    self.values = mask.map { select($0, 0, values) } ?? values
    self.mask = mask
  }

  /// Masks where `values` equal `constant`, or are NaN if it is NaN; nil masks nothing.
  public init(_ values: Tensor, maskConstant: Double?) {
    self.init(values, mask: maskConstant.map { MaskedTensor.mask(of: values, constant: $0) })
  }

  static func mask(of values: Tensor, constant: Double) -> Tensor {
    constant.isNaN ? isNaN(values) : values .== constant
  }

  /// The shape of the values.
  public var shape: [Int] { values.shape }
}

extension MaskedTensor: TensorTree {
  public func mapTensors<Failure: Error>(_ transform: (Tensor) throws(Failure) -> Tensor) throws(Failure)
    -> MaskedTensor
  {
    var result = self
    result.values = try transform(values)
    result.mask = try mask.map(transform)
    return result
  }

  public var structure: [String] { [mask == nil ? "plain" : "masked"] }
}
