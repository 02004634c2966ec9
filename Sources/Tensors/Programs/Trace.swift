import Synchronization

/// A function being traced: collects what is applied to its tensors.
///
/// Traces nest: a traced function may trace another one inside (a derivative, say). A primitive belongs to the innermost
/// trace of its inputs, and a tensor of an outer trace that it meets there becomes one more input of the inner program,
/// which is how derivatives of one function never mix with those of another.
final class Trace: Sendable {
  private struct State {
    var builder = ProgramBuilder()
    var isFinished = false
    /// Concrete tensors and tensors of outer traces met so far, by the identity of their memory and their shape.
    var known: [Known: Int] = [:]
    /// Keeps the memory alive that `known` identifies.
    var retained: [Tensor] = []
    var captured: [(value: Int, tensor: Tensor)] = []
  }

  private struct Known: Hashable {
    let storage: ObjectIdentifier
    let type: TensorType
  }

  private static let lastLevel = Atomic<Int>(0)

  /// Larger for traces begun later, and so for inner ones.
  private let level: Int
  private let state = Mutex(State())

  init() {
    level = Self.lastLevel.wrappingAdd(1, ordering: .relaxed).newValue
  }

  static func innermost(of tensors: borrowing [Tensor]) -> Trace? {
    var result: Trace?
    for index in tensors.indices {
      guard let trace = tensors[index].storage.traced?.trace else { continue }
      if let current = result, current.level >= trace.level { continue }
      result = trace
    }
    return result
  }

  func input(_ type: TensorType) -> Tensor {
    tensor(state.withLock { $0.builder.input(type) }, type)
  }

  func record(_ primitive: Primitive, _ inputs: [Tensor]) -> [Tensor] {
    let types = primitive.outputTypes(for: inputs.map(\.type))
    let outputs = state.withLock { state in
      precondition(
        !state.isFinished,
        "a traced tensor was used after its function had been traced: return it from the function instead of keeping it"
      )
      let values = inputs.map { value(of: $0, &state) }
      return state.builder.equation(primitive, values, outputTypes: types)
    }
    return zip(outputs, types).map { tensor($0, $1) }
  }

  /// The program of the explicit inputs, followed by the tensors of outer traces that it needs as inputs.
  func finish(_ outputs: [Tensor]) -> (program: Program, captured: [Tensor]) {
    state.withLock { state in
      let values = outputs.map { value(of: $0, &state) }
      state.isFinished = true
      return (state.builder.finish(outputs: values), state.captured.map(\.tensor))
    }
  }

  private func tensor(_ value: Int, _ type: TensorType) -> Tensor {
    Tensor(
      shape: type.shape, dtype: type.dtype, storage: TensorStorage(traced: TracedValue(trace: self, value: value)))
  }

  private func value(of tensor: Tensor, _ state: inout State) -> Int {
    if let traced = tensor.storage.traced, traced.trace === self { return traced.value }
    let key = Known(storage: ObjectIdentifier(tensor.storage), type: tensor.type)
    if let value = state.known[key] { return value }
    let result: Int
    if tensor.isTraced {
      result = state.builder.input(tensor.type)
      state.captured.append((result, tensor))
    } else if tensor.count > 1, let element = tensor.repeatedElement {
      let scalar = state.builder.constant(element)
      result = state.builder.equation(.broadcast(tensor.shape), [scalar]).lowerBound
    } else {
      result = state.builder.constant(tensor)
    }
    state.known[key] = result
    state.retained.append(tensor)
    return result
  }
}

/// A value of a program in the making.
final class TracedValue: Sendable {
  let trace: Trace
  let value: Int

  init(trace: Trace, value: Int) {
    (self.trace, self.value) = (trace, value)
  }
}

extension Tensor {
  /// The element that all elements are equal to, bit for bit, as a scalar; nil when they differ.
  var repeatedElement: Tensor? {
    func element<Word: BitwiseCopyable & Equatable>(_ type: Word.Type) -> Bool {
      let words = UnsafeBufferPointer(start: UnsafePointer(bytes.assumingMemoryBound(to: type)), count: count)
      guard let first = words.first, words.last == first else { return false }
      return words.allSatisfy { $0 == first }
    }
    let isRepeated =
      switch dtype.byteCount {
      case 8: element(UInt64.self)
      case 4: element(UInt32.self)
      default: element(UInt8.self)
      }
    return isRepeated ? reshaped([count]).sliced(axis: 0, 0..<1).reshaped([]) : nil
  }
}

extension Program {
  /// Traces a function of tensors.
  ///
  /// - Returns: the program, whose inputs are those of `body` and then `captured`: tensors of functions being traced
  ///   around this one that `body` uses.
  static func trace(
    _ types: [TensorType], _ body: ([Tensor]) throws -> [Tensor]
  ) rethrows -> (program: Program, captured: [Tensor]) {
    let trace = Trace()
    return trace.finish(try body(types.map(trace.input)))
  }

  /// Traces a function that the package itself made of other programs, which uses nothing but its inputs.
  package static func build(_ types: [TensorType], _ body: ([Tensor]) throws(TensorError) -> [Tensor])
    throws(TensorError)
    -> Program
  {
    let trace = Trace()
    let (program, captured) = trace.finish(try body(types.map(trace.input)))
    precondition(captured.isEmpty, "a program made of programs uses nothing but its inputs")
    return program.simplified()
  }
}
