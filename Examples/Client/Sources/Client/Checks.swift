// What layers of one's own must hold.

import NeuralTangents

struct Failure: Error, CustomStringConvertible {
  let description: String
}

func require(_ condition: Bool, _ text: @autoclosure () -> String) throws {
  if !condition { throw Failure(description: text()) }
}

/// The largest difference, relative to the largest entry of the second.
func error(_ a: Tensor, _ b: Tensor) -> Double {
  (abs(a - b).max() / abs(b).max()).asType(.float64).scalar(as: Double.self)
}

/// Trains by gradient descent with momentum and prints the loss.
@discardableResult
func train(_ network: some Layer, _ x: Tensor, _ y: Tensor, rate: Double = 0.5) throws -> (
  before: Double, after: Double
) {
  let loss = { (parameters: Parameters, x: Tensor, y: Tensor) in halfMeanSquaredError(try network(parameters, x), y) }
  let rule = GradientDescent(learningRate: rate, momentum: 0.9)
  let step = compile { (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
    rule.step(state, gradient: try gradient(of: loss)(state.parameters, x, y))
  }
  var state = rule.start(try network.initialize(RandomKey(seed: 1), inputShape: x.shape, dtype: x.dtype))
  func value() throws -> Double { try loss(state.parameters, x, y).asType(.float64).scalar(as: Double.self) }
  let before = try value()
  for _ in 0..<100 { state = try step(state, x, y) }
  let after = try value()
  print("loss \(before), after 100 steps \(after)")
  return (before, after)
}

/// Holds a network against its own limit: fast and reference executor agree, the infinite kernels are those of a wide finite
/// network, derivatives are those of differences, files give the network back, and training lowers the loss.
func check(_ name: String, _ x: Tensor, tolerance: Double, _ make: () -> Serial) throws {
  let network = make()
  print("\(name): \(try NetworkFile(network).json())")
  let kernel = try network.kernel(x)
  let reference = try network.kernel(x, options: KernelOptions(executor: .reference))
  try require(error(kernel.nngp, reference.nngp) < 1e-12, "executors disagree: \(error(kernel.nngp, reference.nngp))")
  guard let ntk = kernel.ntk, let referenceNTK = reference.ntk else { throw Failure(description: "no NTK") }
  try require(error(ntk, referenceNTK) < 1e-12, "executors disagree about the NTK")

  let parameters = try network.initialize(RandomKey(seed: 3), inputShape: x.shape, dtype: .float64)
  let finite = try empiricalKernel(
    of: network, at: parameters, x, options: EmpiricalKernelOptions(tangentChannels: 4))
  print("  finite against infinite: NNGP \(error(finite.nngp, kernel.nngp)), NTK \(error(finite.ntk ?? ntk, ntk))")
  try require(error(finite.nngp, kernel.nngp) < tolerance, "the finite network has another NNGP")
  try require(error(finite.ntk ?? ntk, ntk) < 2 * tolerance, "the finite network has another NTK")

  let trace = { (x: Tensor) in try network.kernel(x, options: KernelOptions(executor: .reference)).nngp.sum() }
  let slope = try gradient(of: trace)(x)
  let direction = RandomKey(seed: 9).normal(x.shape, dtype: .float64)
  let difference = (try trace(x + 1e-5 * direction) - (try trace(x - 1e-5 * direction))) / 2e-5
  let along = (slope * direction).sum()
  try require(error(along, difference) < 1e-6, "the derivative of the kernel is \(along), not \(difference)")

  let again = try NetworkFile(json: try NetworkFile(network).json()).network
  try require(error(try again.kernel(x).nngp, kernel.nngp) == 0, "the file gives another network")

  let small = try NetworkFile(
    json: try NetworkFile(network).json().replacing("4096", with: "64").replacing("1024", with: "64"))
  let y = RandomKey(seed: 4).normal(try small.network.outputShape(forInput: x.shape), dtype: .float64)
  let loss = try trainAny(small.network, x, y)
  try require(loss.after < loss.before, "training does not lower the loss")
}

private func trainAny(_ network: any Layer, _ x: Tensor, _ y: Tensor) throws -> (before: Double, after: Double) {
  try train(network, x, y, rate: 0.1)
}

extension String {
  fileprivate func replacing(_ text: String, with other: String) -> String {
    var result = ""
    var rest = self[...]
    while let range = rest.firstRange(of: text) {
      result += rest[..<range.lowerBound] + other
      rest = rest[range.upperBound...]
    }
    return result + rest
  }
}
