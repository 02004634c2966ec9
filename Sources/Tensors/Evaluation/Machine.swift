import CLinearAlgebra
import CVectorKernels

/// What the inner loops and BLAS run on and why, for people to read.
package enum Machine {
  /// The instruction set of the inner loops.
  package static var instructionSet: String { name(nt_selected_instruction_set()) }

  /// The best instruction set that this processor has.
  package static var bestInstructionSet: String { name(nt_best_instruction_set()) }

  /// What is wrong with the environment variable `NEURAL_TANGENTS_ISA`, one line; nil when nothing is.
  ///
  /// The library itself warns on standard error, once, and uses the best instruction set.
  package static var instructionSetMistake: String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text -> String? in
      guard let start = text.baseAddress else { return nil }
      return nt_instruction_set_mistake(start, text.count) > 0 ? String(cString: start) : nil
    }
  }

  /// The library of linear algebra, the kind of processor whose inner loops it runs, and why those.
  package static var linearAlgebra: String {
    guard nt_blas_is_there() != 0 else { return "OpenBLAS was not found (Debian: apt-get install libopenblas0)" }
    let library = String(cString: nt_blas_description()).split(separator: " ").prefix(2).joined(separator: " ")
    let core = nt_get_blas_core()
    let name = String(cString: core.name)
    guard !name.isEmpty else { return library }
    let reason =
      switch core.origin {
      case nt_core_asked: ", as OPENBLAS_CORETYPE asks"
      case nt_core_corrected: "; by itself it would have taken this processor for \(String(cString: core.first_name))"
      case nt_core_refused: "; this processor cannot run \(String(cString: core.first_name)), as OPENBLAS_CORETYPE asks"
      case nt_core_shared: ", less than this processor, because it was loaded before; products do without it"
      case nt_core_unchangeable: ", less than this processor; products do without it"
      default: ""
      }
    return "\(library) with the loops for \(name)\(reason)"
  }

  private static func name(_ set: nt_instruction_set) -> String { String(cString: nt_instruction_set_name(set)) }
}
