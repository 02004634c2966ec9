/// What runs whole programs in place of the native evaluator: a device.
package protocol ProgramRunner: AnyObject, Sendable {
  /// The program made ready to run many times, from any thread.
  ///
  /// - Throws: `TensorError.device` where the runner cannot.
  func prepare(_ program: Program) throws(TensorError) -> any RunnableProgram
}

/// A program that a runner has made ready.
package protocol RunnableProgram: Sendable {
  /// The program's outputs.
  ///
  /// - Throws: `TensorError.device`, and what a factorisation among the equations throws.
  func run(_ inputs: [Tensor]) throws(TensorError) -> [Tensor]
}

/// Which runner takes the programs of a task.
package enum ProgramRunners {
  /// That of this task; nil for the native evaluator.
  @TaskLocal package static var current: (any ProgramRunner)?
}
