import Tensors

/// Tensor programs one after another, some of them repeated: what one module of a device does.
///
/// Values are numbered: the inputs, then the results of the stages in their order.
struct StagedProgram {
  struct Stage {
    var program: Program
    /// The values that the program reads.
    var inputs: [Int]
    /// nil for a program that runs once.
    var loop: Loop?
  }

  /// A program that runs several times, on what it made the last time.
  struct Loop {
    var count: Int
    /// The first inputs of the program, which its outputs take the place of.
    var carried: Int
    /// The next ones: the value has a leading axis of `count`, and the program gets the part of its turn. What comes after
    /// them is the same in every turn.
    var stacked: Int
  }

  var inputTypes: [TensorType] = []
  /// Inputs that are the number 0 whenever the program runs.
  var zeros: Set<Int> = []
  var stages: [Stage] = []
  var outputs: [Int] = []

  /// Types of all values.
  var types: [TensorType] { inputTypes + stages.flatMap(\.program.outputTypes) }
  var outputTypes: [TensorType] { outputs.map { types[$0] } }

  /// The program's results without any device, by the native evaluator.
  func run(_ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
    var values = inputs
    for stage in stages {
      let arguments = stage.inputs.map { values[$0] }
      guard let loop = stage.loop else {
        values += try stage.program(arguments)
        continue
      }
      var carried = Array(arguments.prefix(loop.carried))
      let fixed = Array(arguments.dropFirst(loop.carried + loop.stacked))
      for turn in 0..<loop.count {
        let parts = arguments[loop.carried..<loop.carried + loop.stacked].map { $0[turn] }
        carried = try stage.program(carried + parts + fixed)
      }
      values += carried
    }
    return outputs.map { values[$0] }
  }
}
