/// A function applied to every entry along an axis of its inputs, all at once.
///
/// ```swift
/// let perExample = vmap(gradient(of: loss), inAxes: [nil, 0, 0])   // the same parameters, one example at a time
/// ```
///
/// - Parameters:
///   - inAxes: per argument the axis of all its tensors that is mapped; nil is for an argument that is the same for all
///     entries. Left out, it is axis 0 of every argument. Negative axes count from the end.
///   - outAxis: where the outputs have the mapped axis.
///   - f: a function of single entries.
/// - Returns: a function of inputs with that axis. It throws what `f` and factorisations in it throw.
/// - Precondition: there is one axis per argument, at least one of them not nil, and the mapped axes have one size.
public func vmap<each Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (repeat each Input) throws -> Output, inAxes: [Int?]? = nil, outAxis: Int = 0
) -> (repeat each Input) throws -> Output {
  { (inputs: repeat each Input) in try vmapped(f, inAxes, outAxis, repeat each inputs) }
}

func vmapped<each Input: TensorTree, Output: TensorTree>(
  _ f: (repeat each Input) throws -> Output, _ inAxes: [Int?]?, _ outAxis: Int, _ inputs: repeat each Input
) throws -> Output {
  var tensors: [Tensor] = []
  var mapped: [Bool] = []
  var argument = 0
  for input in repeat each inputs {
    let axis: Int? =
      inAxes.map { axes in
        precondition(argument < axes.count, "vmap: \(axes.count) axes for more arguments")
        return axes[argument]
      } ?? 0
    argument += 1
    let leaves = input.leaves
    tensors += axis.map { axis in leaves.map { $0.movedAxis(from: axis, to: 0) } } ?? leaves
    mapped += leaves.map { _ in axis != nil }
  }
  let sizes = Set(zip(tensors, mapped).filter(\.1).map { $0.0.shape[0] })
  precondition(
    inAxes.map { $0.count == argument } ?? true && sizes.count == 1,
    "vmap: expected one axis per argument and one size of all mapped axes, found axes \(inAxes ?? []) for "
      + "\(argument) arguments and sizes \(sizes.sorted())")
  let size = sizes.first ?? 0
  let entries = zip(tensors, mapped).map { tensor, isMapped in
    isMapped ? TensorType(shape: Array(tensor.shape.dropFirst()), dtype: tensor.dtype) : tensor.type
  }
  let traced = try TracedFunction(f, entries, structure: repeat each inputs)
  let program = try traced.program.vmapProgram(mapped + traced.captured.map { _ in false }, size)
  let outputs = try program(tensors + traced.captured)
  return traced.output(outputs.map { $0.movedAxis(from: 0, to: outAxis) })
}
