// Within this module these stand in for Swift's own functions, which print their message in debug builds only: whoever
// misuses a tensor in an optimised program is told what was expected and what was found, too.

/// Ends the program with `message` unless `condition` holds.
@inline(__always)
func precondition(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String = String(), file: StaticString = #file,
  line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}

/// Ends the program with `message`.
func preconditionFailure(
  _ message: @autoclosure () -> String = String(), file: StaticString = #file, line: UInt = #line
) -> Never {
  fatalError(message(), file: file, line: line)
}
