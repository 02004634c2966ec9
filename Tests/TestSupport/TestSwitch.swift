import Foundation

/// What the environment turns on for tests, by `NAME=1`.
package enum TestSwitch: String {
  /// Thousands of random cases instead of some.
  case fuzz = "FUZZ"
  /// Faults in every call of a store, ten thousand and more, instead of a sample.
  case faults = "FAULTS"
  /// All networks of the grids instead of some.
  case grids = "GRIDS"
  /// Nothing else runs in this process, so that its memory can be measured.
  case memory = "MEMORY"
  /// Tests print the largest errors that they see.
  case printErrors = "NEURAL_TANGENTS_PRINT_ERRORS"

  /// Whether it is on. Any value but 1, 0 and none ends the process: tests that were left out by a slip of the pen would
  /// look as if they had passed.
  package var isOn: Bool {
    switch ProcessInfo.processInfo.environment[rawValue] {
    case nil, "", "0": false
    case "1": true
    case .some(let value): fatalError("\(rawValue): expected 1 or 0, found \"\(value)\"")
    }
  }
}
