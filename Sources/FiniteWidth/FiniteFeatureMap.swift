import CovarianceEngine
import Networks
import Tensors

extension Layer {
  /// Features of any network: the outputs of random finite networks of its own widths, and their derivatives along a random direction
  /// of their parameters.
  ///
  /// Products of these features have the kernels of finite networks for expectation, which `monteCarloKernel` estimates too; they
  /// differ from the infinite network's by the order of 1/width. For attention, aggregation, dropout and layers of your own, which
  /// `featureMap` has no rule for.
  ///
  /// - Parameters:
  ///   - inputShape: that of an input, without the batch axis.
  ///   - samples: networks; every one gives as many features as the network has output channels.
  ///   - key: of all random numbers; networks are drawn as `monteCarloKernel` draws them only in distribution.
  ///   - kernels: which kernels are wanted.
  ///   - dtype: of the parameters.
  /// - Throws: `NetworkError` where the network does not fit the inputs or has several outputs.
  public func finiteFeatureMap(
    inputShape: [Int], samples: Int, key: RandomKey, kernels: KernelSet = .all, dtype: DType = .float32
  ) throws(NetworkError) -> FeatureMap {
    guard samples > 0, samples <= 1 << 24 else {
      throw NetworkError(path: [.name("samples")], expected: "from 1 to \(1 << 24) networks", found: "\(samples)")
    }
    let outputs = try covarianceValues(forInput: inputShape).outputs
    guard outputs.count == 1 else {
      throw NetworkError(expected: "a network with one output", found: "\(outputs.count) outputs")
    }
    let output = outputs[0]
    let batchAxis = try (dataAxes ?? DataAxes()).resolved(rank: inputShape.count + 1).batch
    var shape = inputShape
    shape.insert(1, at: min(batchAxis, shape.count))
    let networks = try key.split(into: samples).map { (key: RandomKey) throws(NetworkError) in
      let keys = key.split()
      let parameters = try initialize(keys[0], inputShape: shape, dtype: dtype)
      var number: UInt32 = 0
      let direction = parameters.map { tensor in
        number += 1
        return keys[1].folding(in: number).normal(tensor.shape, dtype: tensor.dtype)
      }
      return (parameters: parameters, direction: direction)
    }
    /// Shape (N, P…, channels).
    @Sendable func arranged(_ x: Tensor) -> Tensor {
      let (batch, channels) = (output.axes.batch, output.axes.channel)
      let positions = (0..<x.rank).filter { $0 != batch && $0 != channels }
      let scale = 1 / (Double(samples) * Double(x.shape[channels])).squareRoot()
      return x.transposed([batch] + positions + [channels]) * scale
    }
    return FeatureMap(description: "features of \(samples) finite networks") { (x, maskConstant) throws(NetworkError) in
      var (values, tangents): ([Tensor], [Tensor]) = ([], [])
      for (parameters, direction) in networks {
        guard kernels.contains(.ntk) else {
          values.append(arranged(try self(parameters, x, maskConstant: maskConstant)))
          continue
        }
        do {
          let passed = try jvp(
            { (p: Parameters) in try self(p, x, maskConstant: maskConstant) }, at: parameters, along: direction)
          values.append(arranged(passed.value))
          tangents.append(arranged(passed.tangent))
        } catch let error as NetworkError {
          throw error
        } catch {
          throw NetworkError(expected: "a network with derivatives", found: "\(error)")
        }
      }
      func joined(_ parts: [Tensor]) -> Tensor {
        parts.count == 1 ? parts[0] : concatenate(parts, axis: parts[0].rank - 1)
      }
      return Features(
        nngp: kernels.contains(.nngp) ? joined(values) : nil, ntk: kernels.contains(.ntk) ? joined(tangents) : nil)
    }
  }
}
