import CovarianceEngine
import Tensors

extension EmpiricalKernelFunction {
  /// All eigenvalues of the tangent kernel between all outputs of all inputs, ascending, in float64: as many as there are outputs.
  ///
  /// With fewer parameters than outputs they are those of the derivatives' products the other way round, JᵀJ, and zeros. Of the
  /// options, `inputs` and `memory` count.
  ///
  /// - Parameters:
  ///   - parameters: where.
  ///   - x: inputs.
  /// - Throws: `CancellationError` when the task is cancelled, what `f` throws and what the decomposition does.
  public func eigenvalues(at parameters: Parameters, _ x: Input) throws -> Tensor {
    var options = options
    options.axes = OutputAxes(trace: [])
    options.implementation = .automatic
    options.progress = nil
    let kernels = EmpiricalKernelFunction(of: f, options: options)
    let data = EmpiricalData(parameters, x, nil as Input?, nil as Parameters?)
    let traced = try kernels.traced(data)
    let shapes = traced.template.leaves.indices.map { traced.shapes(($0, $0), data).0 }
    let (rows, columns) = (
      shapes.map(\.product).reduce(0, +),
      traced.first.active.reduce(0) { $0 + traced.first.primal.inputTypes[$1].count }
    )
    guard columns < rows, columns > 0 else {
      return try eigenvaluesSymmetric(kernels.matrix(parameters, x, shapes))
    }
    var total = Tensor.zeros([columns, columns], dtype: .float64)
    for output in shapes.indices {
      let layout = try KernelLayout(shapes[output], shapes[output], options.axes, example: traced.mapping?.outputs)
      let engine = try EmpiricalEngine(
        traced.first, traced.first, isSame: true, outputs: (output, output), layout,
        mapped: traced.mapping?.inputs.map { $0 != nil }, implementation: .jacobianContraction, isWhole: false,
        budget: Double(options.memory), wholeTensors: true)
      total = total + (try engine.gramOfParameters(traced.values(parameters, x)))
    }
    return concatenate([.zeros([rows - columns], dtype: .float64), try eigenvaluesSymmetric(total)])
  }

  /// The kernel between all outputs of all inputs as one matrix, in float64.
  private func matrix(_ parameters: Parameters, _ x: Input, _ shapes: [[Int]]) throws -> Tensor {
    let blocks = try ntkBetweenOutputs(at: parameters, x)
    let rows = shapes.indices.map { a in
      concatenate(
        shapes.indices.map { b in
          // Axes of both outputs lie side by side as long as both have some.
          var (first, second, next) = ([Int](), [Int](), 0)
          for axis in 0..<max(shapes[a].count, shapes[b].count) {
            if axis < shapes[a].count { first.append(next); next += 1 }
            if axis < shapes[b].count { second.append(next); next += 1 }
          }
          return blocks[a][b].transposed(first + second).reshaped([shapes[a].product, shapes[b].product])
        }, axis: 1)
    }
    return concatenate(rows).asType(.float64)
  }
}
