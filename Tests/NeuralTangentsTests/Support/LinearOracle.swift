import NeuralTangents
import Tensors
import Testing

/// The exact kernel of a network that is linear in each of its parameter tensors, which are independent standard normal:
/// the sum of the products of outputs with one unit weight in every tensor, over all choices of these weights.
///
/// E[y y′] = Σ E[(w_i v_j …)²] f_ij… f′_ij…, because products of different weights have zero mean. It does not depend on
/// the channels of hidden layers, and uses nothing but forward passes.
///
/// - Parameter axes: where the outputs have the batch and the channels.
/// - Returns: shape (N1, N2, positions, positions), positions flattened.
func kernelByUnitWeights(
  _ network: Serial, _ x1: Tensor, _ x2: Tensor? = nil, axes: DataAxes = DataAxes(), maskConstant: Double? = nil
) throws -> Tensor {
  let drawn = try network.initialize(RandomKey(seed: 0), inputShape: x1.shape, dtype: .float64)
  let counts = drawn.tensors.map(\.count)
  var total: Tensor?
  for choice in 0..<counts.reduce(1, *) {
    var (rest, index) = (choice, 0)
    let parameters = drawn.mapTensors { tensor in
      var values = [Double](repeating: 0, count: tensor.count)
      values[rest % counts[index]] = 1
      rest /= counts[index]
      index += 1
      return Tensor(values, shape: tensor.shape)
    }
    func output(_ x: Tensor) throws -> Tensor {
      let y = try network(parameters, x, maskConstant: maskConstant)
      let (batch, channel) = ((axes.batch + y.rank) % y.rank, (axes.channel + y.rank) % y.rank)
      let positions = (0..<y.rank).filter { $0 != batch && $0 != channel }
      return y.transposed([batch] + positions + [channel]).reshaped([y.shape[batch], -1, y.shape[channel]])
    }
    let (y1, y2) = (try output(x1), try output(x2 ?? x1))
    let term = einsum("npc,mqc->nmpq", y1, y2) / Double(y1.shape[2])
    total = total.map { $0 + term } ?? term
  }
  return try #require(total)
}

extension Tensor {
  /// A covariance (N1, N2, P…, P…) with its positions flattened.
  var flatPositions: Tensor {
    let count = (rank - 2) / 2
    return reshaped([shape[0], shape[1], shape[2..<2 + count].reduce(1, *), shape[(2 + count)...].reduce(1, *)])
  }

  var largestMagnitude: Double { Swift.max(abs(self).max().asType(.float64).scalar(as: Double.self), 1e-12) }
}
