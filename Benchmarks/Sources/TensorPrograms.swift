import Tensors

/// The work of the rows of kind `program`: functions of tensors, compiled as a user compiles them.
/// `Benchmarks/peer/tensor_programs.py` is the same in JAX.
func tensorProgram(of row: Row) throws -> () throws -> [Tensor] {
  switch row.operation {
  case "mlp": return try perceptron(row, gradient: false)
  case "mlp gradient": return try perceptron(row, gradient: true)
  case "convolution": return convolutionNetwork(gradient: false)
  case "convolution gradient": return convolutionNetwork(gradient: true)
  case "chain": return chain(row.count ?? 10_000_000)
  case "matmul": return batchedProduct(row)
  case "per-example gradient": return perExampleGradient()
  default: preconditionFailure("no tensor program is called \(row.operation ?? "")")
  }
}

extension Row {
  static let tensorPrograms: [Row] = {
    func row(_ name: String, _ operation: String, repeats: Int, _ change: (inout Row) -> Void = { _ in }) -> Row {
      var row = Row(name: name, kind: .program, operation: operation, repeats: repeats, target: 1)
      change(&row)
      return row
    }
    var rows: [Row] = []
    for activation in ["tanh", "relu"] {
      rows.append(row("3 x (Dense(1024) + \(activation)) + Dense, batch 256", "mlp", repeats: 31) {
        $0.activation = activation
      })
      rows.append(row("  its gradient of a mean square in all parameters", "mlp gradient", repeats: 31) {
        $0.activation = activation
      })
    }
    rows.append(row("3 x (3x3 conv, 64 channels, relu) + mean + Dense, batch 32", "convolution", repeats: 15))
    rows.append(row("  its gradient of a mean square in all parameters", "convolution gradient", repeats: 15))
    rows.append(row("chain of 12 elementwise operations, 10^7 elements", "chain", repeats: 15))
    for (batch, size) in [(64, 256), (1024, 32)] {
      rows.append(row("\(batch) products of \(size)x\(size) matrices", "matmul", repeats: 31) {
        ($0.rows, $0.count) = (size, batch)
      })
    }
    rows.append(row("vmap of the gradient of a 64-128-128-10 network, batch 64", "per-example gradient", repeats: 51))
    return rows
  }()
}

/// A weight whose products with entries of about unit size have about unit size.
private func weight(_ seed: UInt64, _ shape: [Int]) -> Tensor {
  let inputs: Int = shape.dropLast().reduce(1, *)
  let scale: Double = (3 / Double(inputs)).squareRoot()
  return uniformData(seed: seed, shape: shape, dtype: .float32) * scale
}

/// Weights and biases of fully connected layers, in turn.
private func denseParameters(_ widths: [Int]) -> [Tensor] {
  var parameters: [Tensor] = []
  for layer in 1..<widths.count {
    let bias = uniformData(seed: UInt64(30 + layer), shape: [widths[layer]], dtype: .float32)
    parameters.append(weight(UInt64(10 + layer), [widths[layer - 1], widths[layer]]))
    parameters.append(bias * 0.1)
  }
  return parameters
}

private func dense(_ parameters: [Tensor], _ x: Tensor, _ activation: (Tensor) -> Tensor) -> Tensor {
  var h = x
  for layer in 0..<parameters.count / 2 {
    h = matmul(h, parameters[2 * layer]) + parameters[2 * layer + 1]
    if layer < parameters.count / 2 - 1 { h = activation(h) }
  }
  return h
}

private func relu(_ x: Tensor) -> Tensor { maximum(x, 0) }

private func perceptron(_ row: Row, gradient isGradient: Bool) throws -> () throws -> [Tensor] {
  let isTanh = row.activation == "tanh"
  let parameters = denseParameters([1024, 1024, 1024, 1024, 10])
  let x = uniformData(seed: 1, shape: [256, 1024], dtype: .float32)
  let y = uniformData(seed: 3, shape: [256, 10], dtype: .float32)
  func f(_ parameters: [Tensor], _ x: Tensor) -> Tensor {
    dense(parameters, x) { isTanh ? tanh($0) : relu($0) }
  }
  if isGradient {
    let compiled = compile(gradient(of: { (w: [Tensor], x: Tensor, y: Tensor) in square(f(w, x) - y).mean() }))
    return { try compiled(parameters, x, y) }
  }
  let compiled = compile(f)
  return { [try compiled(parameters, x)] }
}

private func convolutionNetwork(gradient isGradient: Bool) -> () throws -> [Tensor] {
  let channels = [3, 64, 64, 64]
  var filters: [Tensor] = []
  for layer in 1..<channels.count {
    filters.append(weight(UInt64(10 + layer), [3, 3, channels[layer - 1], channels[layer]]))
  }
  let readout = weight(20, [64, 10])
  let x = uniformData(seed: 1, shape: [32, 32, 32, 3], dtype: .float32)
  let y = uniformData(seed: 3, shape: [32, 10], dtype: .float32)
  let geometry = ConvolutionGeometry(inputSize: [32, 32], window: [3, 3], paddingLow: [1, 1], paddingHigh: [1, 1])
  func f(_ parameters: [Tensor], _ x: Tensor) -> Tensor {
    var h = x
    for filter in parameters.dropLast() { h = relu(convolution(h, filter, geometry)) }
    return matmul(h.mean(axes: [1, 2]), parameters[parameters.count - 1])
  }
  if isGradient {
    let compiled = compile(gradient(of: { (w: [Tensor], x: Tensor, y: Tensor) in square(f(w, x) - y).mean() }))
    return { try compiled(filters + [readout], x, y) }
  }
  let compiled = compile(f)
  return { [try compiled(filters + [readout], x)] }
}

private func chain(_ count: Int) -> () throws -> [Tensor] {
  let (a, b, c) = (
    uniformData(seed: 1, shape: [count], dtype: .float32), uniformData(seed: 4, shape: [count], dtype: .float32),
    uniformData(seed: 5, shape: [count], dtype: .float32)
  )
  let compiled = compile { (a: Tensor, b: Tensor, c: Tensor) -> Tensor in
    let t = (a * b + c) * 0.5
    let u = tanh(t)
    let v = (1 - u * u) * a + u
    let w = maximum(v, b)
    return sqrt(w * w + 1)
  }
  return { [try compiled(a, b, c)] }
}

private func batchedProduct(_ row: Row) -> () throws -> [Tensor] {
  let (batch, size) = (row.count ?? 64, row.rows ?? 256)
  let a = uniformData(seed: 1, shape: [batch, size, size], dtype: .float32)
  let b = uniformData(seed: 4, shape: [batch, size, size], dtype: .float32)
  let compiled = compile { (a: Tensor, b: Tensor) in matmul(a, b) }
  return { [try compiled(a, b)] }
}

private func perExampleGradient() -> () throws -> [Tensor] {
  let parameters = denseParameters([64, 128, 128, 10])
  let x = uniformData(seed: 1, shape: [64, 64], dtype: .float32)
  let y = uniformData(seed: 3, shape: [64, 10], dtype: .float32)
  func loss(_ w: [Tensor], _ x: Tensor, _ y: Tensor) -> Tensor { square(dense(w, x) { tanh($0) } - y).mean() }
  let compiled = compile(vmap(gradient(of: loss), inAxes: [nil, 0, 0]))
  return { try compiled(parameters, x, y) }
}
