/// The linear approximation of a function in its parameters, as a function of new parameters that can be trained in its
/// place: θ, x ↦ f(θ₀, x) + Df(θ₀, x)[θ − θ₀], for the price of a value and a directional derivative.
///
/// ```swift
/// let linear = linearize(network, at: parameters)
/// let y = try linear(trained, x)
/// ```
///
/// Trained by gradient descent it is what a network becomes when it is infinitely wide.
///
/// - Parameters:
///   - f: the parameters come first; of the other arguments it is any function of tensor operations.
///   - parameters: θ₀. Tensors of integers and bools do not move: those of θ₀ are used.
/// - Returns: a function of parameters with the structure, shapes and element types of θ₀, and of the other arguments.
///   It can be differentiated, mapped and compiled (which saves tracing `f` for every call), and throws what `f` and
///   factorisations in it throw.
///
/// *Source:* Lee et al., "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent" (2019),
/// equation 4.
public func linearize<Parameters: TensorTree, each Input: TensorTree, Output: TensorTree>(
  _ f: @escaping (Parameters, repeat each Input) throws -> Output, at parameters: Parameters
) -> (Parameters, repeat each Input) throws -> Output {
  { (moved: Parameters, inputs: repeat each Input) in try linearized(f, parameters, moved, repeat each inputs) }
}

func linearized<Parameters: TensorTree, each Input: TensorTree, Output: TensorTree>(
  _ f: (Parameters, repeat each Input) throws -> Output, _ parameters: Parameters, _ moved: Parameters,
  _ inputs: repeat each Input
) throws -> Output {
  try expanded("linearize", f, parameters, moved, repeat each inputs) { program, active throws(TensorError) in
    let types = program.inputTypes
    return try Program.build(types + zip(types, active).filter(\.1).map(\.0)) { values throws(TensorError) in
      let (outputs, tangents) = try program.jvp(
        Array(values[..<types.count]), Program.spread(values[types.count...], over: active))
      return zip(outputs, tangents).map { output, tangent in tangent.map { output + $0 } ?? output }
    }
  }
}
