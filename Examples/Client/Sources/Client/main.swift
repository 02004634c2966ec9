// In a package of one's own: the kernels of an infinitely wide network between two small data sets, a finite network of the
// same architecture trained by gradient descent, and a layer, an activation and a covariance operation of one's own, each
// of which trains, has a kernel, is differentiable, and reads and writes network files.

import NeuralTangents

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
try train(network, x1, target)

LayerRegistry.register(SparseDense.self)
LayerRegistry.register(Cube.self)
LayerRegistry.register(Blend.self)

let wide = 4096
try check("a layer with weights", keys[0].normal([3, 6], dtype: .float64), tolerance: 0.15) {
  Serial {
    SparseDense(wide, density: 0.5, weightStd: 1.2)
    Erf()
    SparseDense(wide, density: 0.5, weightStd: 0.9)
  }
}
try check("an activation with its dual", 0.5 * keys[0].normal([3, 6], dtype: .float64), tolerance: 0.3) {
  Serial {
    Dense(wide)
    Cube()
    Dense(wide)
  }
}
try check("a covariance operation", keys[0].normal([3, 5, 2], dtype: .float64), tolerance: 0.15) {
  Serial {
    Conv(1024, window: [3], padding: .same)
    Relu()
    Blend()
    Conv(1024, window: [2], padding: .same)
    Erf()
    Blend()
    GlobalAvgPool()
    Dense(wide)
  }
}
