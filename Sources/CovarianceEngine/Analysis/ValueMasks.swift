import Tensors

/// What is masked in the values of a covariance program, for one data set: shape (N, P…), true where masked.
package struct ValueMasks {
  private var masks: [Tensor?]

  package init(_ program: CovarianceProgram, inputs: [Tensor?]) {
    masks = inputs + Array(repeating: nil, count: program.steps.count)
    guard let count = inputs.lazy.compactMap({ $0?.shape[0] }).first else { return }
    for step in program.steps {
      masks[step.result] = step.operation.mask(
        step.operands.map { masks[$0] }, shapes: step.operands.map { [count] + program.positions[$0] })
    }
  }

  package subscript(value: Int) -> Tensor? { masks[value] }
}
