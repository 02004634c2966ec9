import Tensors

extension Device: ProgramRunner {
  /// Calls `body`, in which all prepared programs run on this device: what functions that `compile` made compute, and what
  /// the library prepares itself, such as empirical kernels and gradient steps.
  ///
  /// Single operations on tensors outside of such programs stay on the host.
  public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
    try ProgramRunners.$current.withValue(self, operation: body)
  }

  package func prepare(_ program: Program) throws(TensorError) -> any RunnableProgram {
    try withTensorErrors { Runnable(program: try DeviceProgram(program, on: self)) }
  }

  private struct Runnable: RunnableProgram {
    let program: DeviceProgram

    func run(_ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
      try withTensorErrors { try program(inputs) }
    }
  }
}

/// What `body` gives; errors of devices become those of tensors.
private func withTensorErrors<Result>(_ body: () throws -> Result) throws(TensorError) -> Result {
  do {
    return try body()
  } catch let error as TensorError {
    throw error
  } catch let error as DeviceError {
    throw error.asTensorError
  } catch {
    preconditionFailure("an error of neither kind: \(error)")
  }
}

extension ProgramRunners {
  /// Calls `body`, in which programs run by the native evaluator.
  static func onHost<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    do {
      return try $current.withValue(nil) { try body() }
    } catch let error as Failure {
      throw error
    } catch {
      preconditionFailure("an error of another kind: \(error)")
    }
  }
}
