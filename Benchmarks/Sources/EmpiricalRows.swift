import NeuralTangents
import Tensors

extension Row {
  /// Tangent kernels of finite networks, and products with them, against the fastest implementation of the peer.
  static let empiricalKernels: [Row] = {
    var rows: [Row] = []
    for (operation, name, count, target) in [
      ("mlp", "784 -> 3 x (Dense 1024 + relu) -> 10", 64, (1.5, 2.0)),
      ("conv", "3 x (Conv 64 + relu) + pool, 16x16x3", 16, (2.0, 2.0)),
      ("resnet", "4 residual blocks + pool, 16x16x3", 8, (2.0, 2.0)),
      ("attention", "4-head attention + pool, 32x32", 8, (3.0, 3.0)),
    ] {
      for trace in [true, false] {
        var row = Row(
          name: "empirical NTK, \(name), N=\(count), \(trace ? "traced" : "full")", kind: .empirical,
          operation: operation, repeats: 7, target: trace ? target.0 : target.1)
        (row.rows, row.trace) = (count, trace)
        rows.append(row)
      }
      var product = Row(
        name: "NTK times a vector, \(name), N=\(count)", kind: .empirical, operation: operation, repeats: 15,
        target: 0.67)
      (product.rows, product.product) = (count, true)
      rows.append(product)
    }
    var large = Row(
      name: "empirical NTK, 784 -> 3 x (Dense 1024 + relu) -> 10, N=1024", kind: .memory, operation: "mlp", target: 64)
    large.rows = 1024
    return rows + [large]
  }()
}

/// The tangent kernel of a finite network, prepared once.
struct EmpiricalWork {
  private let work: () throws -> [Tensor]

  init(_ row: Row) throws {
    let operation = row.operation ?? "mlp"
    let network = Self.network(operation)
    let shape = [row.rows ?? 64] + Self.shape(operation)
    var seed: UInt64 = 9
    let parameters = try network.initialize(RandomKey(seed: 0), inputShape: shape).map { tensor in
      seed += 1
      return uniformData(seed: seed, shape: tensor.shape, dtype: .float32)
    }
    let x = uniformData(seed: 1, shape: shape, dtype: .float32)
    let f = { (p: Parameters, x: Tensor) in try network(p, x) }
    if row.product == true {
      let v = uniformData(seed: 2, shape: [shape[0], 10], dtype: .float32)
      let product = compile { (p: Parameters, x: Tensor, v: Tensor) in
        let (_, pullback) = try vjp({ (p: Parameters) in try f(p, x) }, at: p)
        return try jvp({ (p: Parameters) in try f(p, x) }, at: p, along: pullback(v)).tangent
      }
      work = { [try product(parameters, x, v)] }
      return
    }
    let axes = OutputAxes(trace: row.trace == false ? [] : [-1])
    let memory = row.kind == .memory ? 64_000_000 : 256 << 20
    let kernels = EmpiricalKernelFunction(of: f, options: EmpiricalOptions(axes: axes, memory: memory))
    work = { [try kernels.ntk(at: parameters, x)] }
  }

  func callAsFunction() throws -> [Tensor] { try work() }

  private static func shape(_ operation: String) -> [Int] {
    switch operation {
    case "mlp": [784]
    case "attention": [32, 32]
    default: [16, 16, 3]
    }
  }

  private static func network(_ operation: String) -> Serial {
    switch operation {
    case "mlp":
      Serial {
        for _ in 0..<3 {
          Dense(1024)
          Relu()
        }
        Dense(10)
      }
    case "conv":
      Serial {
        for _ in 0..<3 {
          Conv(64, window: [3, 3], padding: .same)
          Relu()
        }
        GlobalAvgPool()
        Dense(10)
      }
    case "attention":
      Serial {
        Dense(64)
        GlobalSelfAttention(outputChannels: 64, keyChannels: 16, valueChannels: 16, heads: 4)
        Relu()
        GlobalAvgPool()
        Dense(10)
      }
    default:
      Serial {
        Conv(32, window: [3, 3], padding: .same)
        block(32, stride: 1)
        block(32, stride: 1)
        block(64, stride: 2)
        block(64, stride: 1)
        Relu()
        GlobalAvgPool()
        Dense(10)
      }
    }
  }

  /// Two convolutions beside a shortcut, which is a convolution where the shape changes.
  static func block(_ channels: Int, stride: Int, isProjected: Bool = false) -> Serial {
    Serial {
      FanOut(2)
      Parallel {
        Serial {
          Relu()
          Conv(channels, window: [3, 3], strides: [stride, stride], padding: .same)
          Relu()
          Conv(channels, window: [3, 3], padding: .same)
        }
        if stride == 1 && !isProjected {
          Identity()
        } else {
          Conv(channels, window: [1, 1], strides: [stride, stride], padding: .same)
        }
      }
      FanInSum()
    }
  }
}
