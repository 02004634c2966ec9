extension Program {
  /// The outputs for every entry along the first axis of the inputs that are `mapped`.
  package func vmap(_ inputs: [Tensor], _ mapped: [Bool]) throws(TensorError) -> (outputs: [Tensor], mapped: [Bool]) {
    var values = inputs + constants
    var isMapped = mapped + constants.map { _ in false }
    values.reserveCapacity(types.count)
    for equation in equations {
      let (results, mapped) = try equation.primitive.vmap(
        equation.inputs.map { values[$0] }, equation.inputs.map { isMapped[$0] })
      values += results
      isMapped += results.map { _ in mapped }
    }
    return (outputs.map { values[$0] }, outputs.map { isMapped[$0] })
  }

  /// The program of inputs with a first axis of `size` where `mapped`, all of whose outputs have such an axis.
  package func vmapProgram(_ mapped: [Bool], _ size: Int) throws(TensorError) -> Program {
    let types = zip(inputTypes, mapped).map { $1 ? TensorType(shape: [size] + $0.shape, dtype: $0.dtype) : $0 }
    return try Program.build(types) { values throws(TensorError) in
      let (outputs, isMapped) = try vmap(values, mapped)
      return zip(outputs, isMapped).map { $1 ? $0 : $0.repeated(size) }
    }
  }
}

extension Program {
  /// `vmapProgram` but for outputs that are the same for all entries, which have no such axis; and which outputs have it.
  package func vmapProgramOfMapped(_ mapped: [Bool], _ size: Int) throws(TensorError) -> (
    program: Program, mapped: [Bool]
  ) {
    let types = zip(inputTypes, mapped).map { $1 ? TensorType(shape: [size] + $0.shape, dtype: $0.dtype) : $0 }
    var isMapped: [Bool] = []
    let program = try Program.build(types) { values throws(TensorError) in
      let (outputs, flags) = try vmap(values, mapped)
      isMapped = flags
      return outputs
    }
    return (program, isMapped)
  }
}

extension Subprogram {
  func vmap(_ mapped: [Bool], _ size: Int) throws(TensorError) -> Subprogram {
    let result = try program.vmapProgram(mapped, size)
    switch derivative {
    case .recomputed: return Subprogram(name, result, .recomputed)
    case .custom(let rule):
      // Tangents belong to inputs; those of inputs that are the same for all are the same for all too.
      return Subprogram(name, result, .custom(try rule.vmapProgram(mapped + mapped, size)))
    }
  }
}
