import NeuralTangents
import Tensors

/// Prints how the tangent kernel of a residual network for 32×32 images is computed for ever more outputs: what is cheapest
/// changes from weight to weight.
func printEmpiricalPlans() throws {
  let x = uniformData(seed: 1, shape: [2, 32, 32, 3], dtype: .float32)
  for outputs in [10, 100, 1000] {
    let network = Serial {
      Conv(64, window: [3, 3], padding: .same)
      for (channels, stride) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
        EmpiricalWork.block(channels, stride: stride, isProjected: channels > 64)
        EmpiricalWork.block(channels, stride: 1)
      }
      Relu()
      GlobalAvgPool()
      Dense(outputs)
    }
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: x.shape, dtype: .float32)
    let f = { (p: Parameters, x: Tensor) in try network(p, x) }
    for (name, trace) in [("traced", [-1]), ("full", [])] {
      let kernels = EmpiricalKernelFunction(
        of: f, options: EmpiricalOptions(axes: OutputAxes(trace: trace), inputs: .each(), memory: 1 << 30))
      let plan = try kernels.plan(at: parameters, x)[0]
      print("\(outputs) outputs, \(name)")
      print(plan)
      for (implementation, seconds) in plan.estimates.sorted(by: { $0.value < $1.value }) {
        print("  estimated: \(implementation) \((seconds * 1000).rounded() / 1000) s")
      }
    }
  }
}
