import CovarianceEngine
import Networks
import Tensors

/// Sums over channels that make covariances of outputs.
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

  private func flat(_ f: Tensor) -> Tensor { f.reshaped([f.shape[0], -1, f.shape[f.rank - 1]]) }

  private func arranged(_ kernel: Tensor, _ f: Tensor, _ g: Tensor) -> Tensor {
    let second = positions == .all ? Self.positions(of: g) : []
    return kernel.reshaped([f.shape[0], g.shape[0]] + Self.positions(of: f) + second)
  }

  private static func positions(of f: Tensor) -> [Int] { Array(f.shape.dropFirst().dropLast()) }
}
