// The kernels of an infinitely wide network between two small data sets, in a package of one's own.

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
