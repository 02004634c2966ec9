// In a package of one's own: the kernels of an infinitely wide network between two small data sets, and a finite network
// of the same architecture trained by gradient descent.

import NeuralTangents
import Tensors

let network = Serial {
  Dense(512, weightStd: 1.5, biasStd: 0.05)
  Erf()
  Dense(1)
}

let keys = RandomKey(seed: 0).split()
let x1 = keys[0].normal([4, 8])
let x2 = keys[1].normal([3, 8])

let kernel = try network.kernel(x1, x2)

func show(_ name: String, _ matrix: Tensor) {
  print("\(name), \(matrix.shape[0])x\(matrix.shape[1])")
  let entries = matrix.asType(.float64).scalars(as: Double.self)
  for row in 0..<matrix.shape[0] {
    print(entries[(row * matrix.shape[1])..<((row + 1) * matrix.shape[1])].map { "\($0)" }.joined(separator: "  "))
  }
}

show("NNGP", kernel.nngp)
if let ntk = kernel.ntk { show("NTK", ntk) }

let target = x1.sum(axis: 1, keepDims: true)
let loss = { (parameters: Parameters, x: Tensor, y: Tensor) in
  halfMeanSquaredError(try network(parameters, x), y)
}
let rule = GradientDescent(learningRate: 0.5, momentum: 0.9)
let step = compile { (state: TrainingState<Parameters>, x: Tensor, y: Tensor) in
  rule.step(state, gradient: try gradient(of: loss)(state.parameters, x, y))
}
var state = rule.start(try network.initialize(RandomKey(seed: 1), inputShape: x1.shape))
print("loss before", try loss(state.parameters, x1, target).scalar(as: Float.self))
for _ in 0..<100 { state = try step(state, x1, target) }
print("loss after 100 steps", try loss(state.parameters, x1, target).scalar(as: Float.self))
