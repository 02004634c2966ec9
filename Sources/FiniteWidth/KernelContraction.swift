import CovarianceEngine
import Networks
import Tensors

/// Sums over channels and parameters that make kernels of outputs and Jacobians.
struct KernelContraction: Sendable {
  let positions: KernelOptions.Extent

  /// The covariance between the first and the last of one or two data sets' outputs, and of each with itself.
  func covariances(_ outputs: [Tensor]) -> [Tensor] {
    [covariance(outputs[0], outputs[outputs.count - 1])] + outputs.map(selfCovariance)
  }

  /// Shape (N1, N2, positions…, positions′…) of outputs (N, positions…, channels).
  private func covariance(_ f: Tensor, _ g: Tensor) -> Tensor {
    let equation = positions == .all ? "npc,mqc->nmpq" : "npc,mpc->nmp"
    return arranged(einsum(equation, flat(f), flat(g)), f, g) / Double(f.shape[f.rank - 1])
  }

  private func selfCovariance(_ f: Tensor) -> Tensor {
    let places = Self.positions(of: f)
    let equation = positions == .all ? "npc,nqc->npq" : "npc,npc->np"
    let sum = einsum(equation, flat(f), flat(f))
    return sum.reshaped([f.shape[0]] + places + (positions == .all ? places : [])) / Double(f.shape[f.rank - 1])
  }

  func tangentKernel(_ first: Tangents, _ second: Tangents) -> Tensor {
    let (f, g) = (first.outputs, second.outputs)
    let terms = zip(first.jacobian.leaves, second.jacobian.leaves).map { arranged(term($0, $1, first, second), f, g) }
    guard let start = terms.first else { return Tensor.zeros(covariance(f, g).shape, dtype: f.dtype) }
    return terms.dropFirst().reduce(start, +) / Double(first.jacobian.channels)
  }

  /// One parameter's part, shape (N1, N2, positions, positions′) flattened in any way.
  private func term(
    _ leaf: JacobianProgram.Leaf, _ other: JacobianProgram.Leaf, _ first: Tangents, _ second: Tangents
  ) -> Tensor {
    let isAll = positions == .all
    switch (leaf, other) {
    case (.product(let left, let right), .product(let left2, let right2)):
      let (a, b) = (first.left(left), second.left(left2))
      let (u, v) = (first.right(right), second.right(right2))
      guard Self.isCheapFactored(a, b, u, v) else { fallthrough }
      let activations = einsum("eti,fsi->etfs", a, b)
      let cotangents = einsum(isAll ? "ebpctj,fdqcsj->ebptfdqs" : "ebpctj,fdpcsj->pebtfds", u, v)
      return einsum(isAll ? "etfs,ebptfdqs->ebfdpq" : "etfs,pebtfds->ebfdp", activations, cotangents)
    default:
      let (j, k) = (explicit(leaf, first), explicit(other, second))
      return einsum(isAll ? "npd,mqd->nmpq" : "npd,mpd->nmp", j, k)
    }
  }

  /// Shape (inputs, positions, channels · parameters).
  private func explicit(_ leaf: JacobianProgram.Leaf, _ tangents: Tangents) -> Tensor {
    switch leaf {
    case .explicit(let value): return tangents.explicit(value)
    case .product(let left, let right):
      return tangents.flattened(einsum("eti,ebpctj->ebpcij", tangents.left(left), tangents.right(right)))
    }
  }

  /// Whether inner products of the factors cost less than Jacobians and their inner products.
  ///
  /// - Parameters:
  ///   - a, b: shape (batches, t, i).
  ///   - u, v: shape (batches, inputs of a batch, positions, channels, t, j).
  private static func isCheapFactored(_ a: Tensor, _ b: Tensor, _ u: Tensor, _ v: Tensor) -> Bool {
    let (t, i, j) = (a.shape[1], a.shape[2], u.shape[5])
    let (rows, columns) = (Array(u.shape[..<3]).product, Array(v.shape[..<3]).product)
    let channels = u.shape[3]
    let factored = a.shape[0] * b.shape[0] * t * t * i + rows * columns * t * t * (channels * j + 1)
    // Memory is worth some ten additions an element.
    let explicit = channels * i * j * ((rows + columns) * (t + 10) + rows * columns)
    return factored < explicit
  }

  private func flat(_ f: Tensor) -> Tensor { f.reshaped([f.shape[0], -1, f.shape[f.rank - 1]]) }

  private func arranged(_ kernel: Tensor, _ f: Tensor, _ g: Tensor) -> Tensor {
    let second = positions == .all ? Self.positions(of: g) : []
    return kernel.reshaped([f.shape[0], g.shape[0]] + Self.positions(of: f) + second)
  }

  private static func positions(of f: Tensor) -> [Int] { Array(f.shape.dropFirst().dropLast()) }
}
