import NeuralTangents
import Tensors

/// Parameters in the peer's order: those of a repeated layer are stacked.
func peerLeaves(_ layer: any Layer, _ parameters: Parameters) -> [Tensor] {
  guard case .list(let children) = parameters else { return parameters.tensors }
  switch layer {
  case let serial as Serial: return zip(serial.layers, children).flatMap { peerLeaves($0, $1) }
  case let parallel as Parallel: return zip(parallel.layers, children).flatMap { peerLeaves($0, $1) }
  case let repeated as Repeat:
    let each = children.map { peerLeaves(repeated.layer, $0) }
    return (each.first ?? []).indices.map { leaf in stack(each.map { $0[leaf] }, axis: 0) }
  default: return parameters.tensors
  }
}
