import Synchronization

/// A program called as one primitive, kept whole so that it can be differentiated in a way of its own.
public final class Subprogram: Sendable, Hashable {
  /// How its derivative is taken.
  enum Derivative: Sendable {
    /// From its equations, which run again for the derivative instead of keeping what they computed.
    case recomputed
    /// By a program of the inputs, then their tangents, which gives the tangents of the outputs.
    case custom(Program)
  }

  /// What printed programs call it.
  public let name: String
  /// What it computes.
  public let program: Program
  let derivative: Derivative
  private let prepared = Mutex<Executable?>(nil)

  init(_ name: String, _ program: Program, _ derivative: Derivative) {
    (self.name, self.program, self.derivative) = (name, program, derivative)
  }

  /// The program ready to run.
  var executable: Executable {
    prepared.withLock { prepared in
      if let prepared { return prepared }
      let result = Executable(program)
      prepared = result
      return result
    }
  }

  public static func == (a: Subprogram, b: Subprogram) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
